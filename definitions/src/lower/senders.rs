//! The presets of `verify` and `challenge`: what an author would write, with the provider's names.

/// Beside them an author writes `secret` and, where there is a timestamp, `tolerance`.
pub const VERIFY: &[(&str, &str)] = &[
    (
        "standard-webhooks",
        "{ hmac: sha256, key: base64, key_prefix: whsec_, header: webhook-signature, separator: ' ', prefix: 'v1,', \
         encoding: base64, id: webhook-id, timestamp: { header: webhook-timestamp }, \
         signed: [id, '.', timestamp, '.', body] }",
    ),
    (
        "svix",
        "{ hmac: sha256, key: base64, key_prefix: whsec_, header: svix-signature, separator: ' ', prefix: 'v1,', \
         encoding: base64, id: svix-id, timestamp: { header: svix-timestamp }, signed: [id, '.', timestamp, '.', body] }",
    ),
    (
        "stripe",
        "{ hmac: sha256, header: stripe-signature, separator: ',', prefix: 'v1=', encoding: hex, \
         timestamp: { header: stripe-signature, prefix: 't=' }, signed: [timestamp, '.', body] }",
    ),
    ("github", "{ hmac: sha256, header: x-hub-signature-256, prefix: 'sha256=', encoding: hex, signed: [body] }"),
    ("meta", "{ hmac: sha256, header: x-hub-signature-256, prefix: 'sha256=', encoding: hex, signed: [body] }"),
    (
        "slack",
        "{ hmac: sha256, header: x-slack-signature, prefix: 'v0=', encoding: hex, \
         timestamp: { header: x-slack-request-timestamp }, signed: ['v0:', timestamp, ':', body] }",
    ),
    (
        "zoom",
        "{ hmac: sha256, header: x-zm-signature, prefix: 'v0=', encoding: hex, \
         timestamp: { header: x-zm-request-timestamp }, signed: ['v0:', timestamp, ':', body] }",
    ),
    ("shopify", "{ hmac: sha256, header: x-shopify-hmac-sha256, encoding: base64, signed: [body] }"),
    (
        "discord",
        "{ ed25519: hex, header: x-signature-ed25519, encoding: hex, \
         timestamp: { header: x-signature-timestamp }, signed: [timestamp, body] }",
    ),
];

/// Beside them an author writes `secret` where the preset needs one.
pub const CHALLENGE: &[(&str, &str)] = &[
    ("slack", "{ method: post, when: { $.body.type: url_verification }, value: $.body.challenge, answer: value }"),
    (
        "zoom",
        "{ method: post, when: { $.body.event: endpoint.url_validation }, value: $.body.payload.plainToken, \
         mac: { hmac: sha256, encoding: hex }, answer: { plainToken: value, encryptedToken: mac } }",
    ),
    (
        "meta",
        "{ method: get, when: { \"$.query['hub.mode']\": subscribe }, token: \"$.query['hub.verify_token']\", \
         value: \"$.query['hub.challenge']\", answer: value }",
    ),
    (
        "twitter",
        "{ method: get, value: $.query.crc_token, mac: { hmac: sha256, encoding: base64, prefix: 'sha256=' }, \
         answer: { response_token: mac } }",
    ),
    ("microsoft-graph", "{ method: post, verified: false, value: $.query.validationToken, answer: value }"),
    ("discord", "{ method: post, when: { $.body.type: 1 }, answer: { type: { literal: 1 } } }"),
    (
        "cloudevents",
        "{ method: options, value: \"$.headers['webhook-request-origin']\", \
         headers: { webhook-allowed-origin: value, webhook-allowed-rate: { literal: '*' } } }",
    ),
];
