//! The providers' own examples, through the definition language; one changed byte, a clock that is
//! wrong, a header that stands twice, and none of it is let in.

use axum::http::{HeaderMap, HeaderName, Method};
use chrono::DateTime;
use holdfast_definitions::{Challenge, Json, StepKind, check as compile};

use super::*;

struct Case {
    webhook: &'static str,
    secret: &'static str,
    url: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    now: i64,
}

/// The settings as a webhook of a definition that has no error.
fn lowered(webhook: &str) -> (Option<Verify>, Option<Challenge>) {
    let webhook = webhook.replace("SECRET", "\"${secrets.S}\"");
    let checked = compile("c.yaml", &format!("cycle: c\nsteps:\n  placed:\n    webhook: {{ {webhook} }}\n"));
    let cycle = checked.cycles.first().unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    let StepKind::Webhook(webhook) = &cycle.steps[0].kind else { panic!("no webhook") };
    (webhook.verify.clone(), webhook.challenge.clone())
}

impl Case {
    fn new(webhook: &'static str, secret: &'static str, headers: &[(&'static str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { webhook, secret, url: "https://example.com/foo", headers, body: body.to_vec(), now: 0 }
    }

    fn at(self, now: i64) -> Self {
        Self { now, ..self }
    }

    fn to(self, url: &'static str) -> Self {
        Self { url, ..self }
    }

    fn run(&self) -> Result<Verified, Reason> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let request = Request { method: &Method::POST, url: self.url, headers: &headers, body: &self.body };
        let verify = lowered(self.webhook).0.unwrap();
        let secrets = |name: &str| (name == "S").then(|| vec![b"another".to_vec(), self.secret.as_bytes().to_vec()]);
        check(&verify, &request, &secrets, DateTime::from_timestamp(self.now, 0).unwrap())
    }
}

const SLACK: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

/// The form fields of Twilio's documentation.
const TWILIO: &[u8] =
    b"Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";

fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "verify: { preset: github, secret: SECRET }",
            "It's a Secret to Everybody",
            &[("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
            b"Hello, World!",
        ),
        Case::new(
            "verify: { preset: slack, secret: SECRET }",
            "8f742231b10e8888abcd99yyyzzz85a5",
            &[
                ("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
                ("x-slack-request-timestamp", "1531420618"),
            ],
            SLACK,
        )
        .at(1_531_420_618),
        Case::new(
            "verify: { preset: standard-webhooks, secret: SECRET }",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            &[
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", "v1,bm90IHRoaXM= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ],
            b"{\"test\": 2432232314}",
        )
        .at(1_614_265_330),
        Case::new(
            "verify: { preset: svix, secret: SECRET }",
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            &[
                ("svix-id", "msg_loFOjxBNrRLzqYUf"),
                ("svix-timestamp", "1731705121"),
                ("svix-signature", "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="),
            ],
            br#"{"event_type":"ping","data":{"success":true}}"#,
        )
        .at(1_731_705_121),
        Case::new(
            "verify: { preset: twilio, secret: SECRET }",
            "12345",
            &[
                ("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
                ("content-type", "application/x-www-form-urlencoded"),
            ],
            TWILIO,
        )
        .to("https://mycompany.com/myapp.php?foo=1&bar=2"),
        // RFC 8032, 7.1, TEST 3: the message is the two bytes af 82.
        Case::new(
            "verify: { ed25519: hex, secret: SECRET, header: x-signature-ed25519, signed: [body] }",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            &[(
                "x-signature-ed25519",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            )],
            &[0xaf, 0x82],
        ),
    ]
}

/// RFC 9421, B.2.5 and B.2.6. Neither covers the body.
fn rfc_9421() -> Vec<Case> {
    let digest = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    let of = |webhook, secret, input, signature| {
        let headers = [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
            ("content-digest", digest),
            ("content-length", "18"),
            ("signature-input", input),
            ("signature", signature),
        ];
        Case::new(webhook, secret, &headers, b"{\"hello\": \"world\"}")
            .at(1_618_884_473)
            .to("https://example.com/foo?param=Value&Pet=dog")
    };
    vec![
        of(
            "verify: { preset: http-signatures, algorithm: hmac-sha256, secret: SECRET, covers: [date, '@authority'] }",
            "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
            "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
            "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
        ),
        of(
            "verify: { preset: http-signatures, algorithm: ed25519, secret: SECRET, covers: ['@method', '@path'] }",
            "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=",
            "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
            "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
        ),
    ]
}

/// Signed here, by the rule of the provider's documentation: it publishes no example with a secret.
fn constructed() -> Vec<Case> {
    let body = br#"{"id":"evt_1"}"#;
    let code = |text: &[u8]| mac(holdfast_definitions::Algorithm::HmacSha256, b"s3cret", text).unwrap();
    let hex = |text: &[u8]| super::crypto::encode(&code(text), holdfast_definitions::Encoding::Hex);
    let base64 = super::crypto::encode(&code(body), holdfast_definitions::Encoding::Base64);
    let zoom = format!("v0={}", hex(br#"v0:1700000000:{"id":"evt_1"}"#));
    let stripe = format!("t=1700000000,v1=00,v1={},v0=11", hex(br#"1700000000.{"id":"evt_1"}"#));
    let meta = format!("sha256={}", hex(body));
    let of = |webhook, headers: &[(&'static str, &str)]| Case::new(webhook, "s3cret", headers, body).at(1_700_000_000);
    vec![
        of("verify: { preset: shopify, secret: SECRET }", &[("x-shopify-hmac-sha256", &base64)]),
        of("verify: { preset: meta, secret: SECRET }", &[("x-hub-signature-256", &meta)]),
        of("verify: { preset: stripe, secret: SECRET }", &[("stripe-signature", &stripe)]),
        of(
            "verify: { preset: zoom, secret: SECRET }",
            &[("x-zm-signature", &zoom), ("x-zm-request-timestamp", "1700000000")],
        ),
    ]
}

fn all() -> Vec<Case> {
    cases().into_iter().chain(constructed()).collect()
}

#[test]
fn verify_takes_every_provider_s_example() {
    for case in all().into_iter().chain(rfc_9421()) {
        let taken = case.run();
        assert_eq!(taken.map(|verified| verified.secrets), Ok(vec![("S".to_owned(), 1)]), "{}", case.webhook);
    }
}

#[test]
fn verify_refuses_one_changed_byte() {
    for mut case in all() {
        for at in 0..case.body.len() {
            case.body[at] ^= 1;
            assert!(case.run().is_err(), "{} at {at}", case.webhook);
            case.body[at] ^= 1;
        }
    }
    for mut case in rfc_9421() {
        case.headers[0].1 = "Tue, 20 Apr 2021 02:07:56 GMT".into();
        assert_eq!(case.run(), Err(Reason::Mismatch));
    }
}

#[test]
fn verify_refuses_a_clock_that_is_too_far_off_either_way() {
    for case in all().into_iter().chain(rfc_9421()).filter(|case| case.now > 0) {
        let timed = case.webhook.contains("http-")
            || case.headers.iter().any(|(_, value)| value.contains(&case.now.to_string()));
        for (by, good) in [(-300, true), (300, true), (-301, !timed), (301, !timed)] {
            let moved = Case { now: case.now + by, headers: case.headers.clone(), body: case.body.clone(), ..case };
            assert_eq!(moved.run().is_ok(), good, "{} by {by}", case.webhook);
        }
    }
}

#[test]
fn verify_refuses_a_header_that_is_missing_or_stands_twice() {
    for case in all() {
        for at in 0..case.headers.len() {
            let mut headers = case.headers.clone();
            headers.push(headers[at].clone());
            let twice = Case { headers: headers.clone(), body: case.body.clone(), ..case };
            assert_eq!(twice.run(), Err(Reason::Repeated(headers[at].0.to_owned())), "{}", case.webhook);
            headers.retain(|(name, _)| *name != case.headers[at].0);
            let without = Case { headers, body: case.body.clone(), ..case };
            assert_eq!(without.run(), Err(Reason::Missing(case.headers[at].0.to_owned())), "{}", case.webhook);
        }
    }
}

#[test]
fn verify_refuses_an_id_with_a_dot() {
    let mut case = cases().into_iter().find(|case| case.webhook.contains("standard")).unwrap();
    case.headers[0].1 = "msg.1614265330".into();
    assert_eq!(case.run(), Err(Reason::IdWithDot));
}

#[test]
fn verify_refuses_a_covered_digest_of_another_body() {
    let mut case = rfc_9421().remove(0);
    case.webhook = "verify: { preset: http-signatures, algorithm: hmac-sha256, secret: SECRET }";
    assert_eq!(case.run(), Err(Reason::NotCovered("@method".into())));
    case.headers[4].1 = "a=(\"@method\" \"@target-uri\" \"content-digest\");created=1618884473".into();
    // The digest of the RFC's example is that of its body: only the signature is wrong.
    assert_eq!(case.run(), Err(Reason::Unreadable("signature".into())));
    case.headers[5].1 = "a=:AAAA:".into();
    assert_eq!(case.run(), Err(Reason::Mismatch));
    case.body[0] ^= 1;
    assert_eq!(case.run(), Err(Reason::Digest));
}

#[test]
fn verify_takes_plain_secrets_and_masks_them() {
    for (webhook, name, value) in [
        ("verify: { preset: header, header: X-Token, secret: SECRET }", "x-token", "s3cret"),
        ("verify: { preset: bearer, secret: SECRET }", "authorization", "Bearer s3cret"),
        ("verify: { preset: basic, user: shop, secret: SECRET }", "authorization", "Basic c2hvcDpzM2NyZXQ="),
        (
            "verify: { any: [{ preset: github, secret: SECRET }, { preset: bearer, secret: SECRET }] }",
            "authorization",
            "bearer s3cret",
        ),
    ] {
        let mut case = Case::new(webhook, "s3cret", &[(name, value)], b"");
        assert_eq!(case.run().unwrap().masked, [name]);
        case.headers[0].1.insert(value.len() - 3, 'x');
        assert!(case.run().is_err(), "{webhook}");
    }
}

#[test]
fn verify_challenges_are_answered() {
    let bearer = "verify: { preset: bearer, secret: SECRET }, challenge:";
    let hit = |text: &str| Json::parse(text.as_bytes()).unwrap();
    let secrets = |_: &str| Some(vec![b"s3cret".to_vec()]);
    for (challenge, asked, needs, contains) in [
        ("{ preset: slack }", r#"{"method":"POST","body":{"type":"url_verification","challenge":"abc"}}"#, true, "abc"),
        ("{ preset: discord }", r#"{"method":"POST","body":{"type":1}}"#, true, r#"{"type":1}"#),
        (
            "{ preset: zoom, secret: SECRET }",
            r#"{"method":"POST","body":{"event":"endpoint.url_validation","payload":{"plainToken":"abc"}}}"#,
            true,
            r#"{"plainToken":"abc","encryptedToken":""#,
        ),
        (
            "{ preset: meta, secret: SECRET }",
            r#"{"method":"GET","query":{"hub.mode":"subscribe","hub.verify_token":"s3cret","hub.challenge":"abc"}}"#,
            false,
            "abc",
        ),
        ("{ preset: twitter, secret: SECRET }", r#"{"method":"GET","query":{"crc_token":"abc"}}"#, false, "sha256="),
        ("{ preset: microsoft-graph }", r#"{"method":"POST","query":{"validationToken":"abc"}}"#, false, "abc"),
        (
            "{ preset: cloudevents }",
            r#"{"method":"OPTIONS","headers":{"webhook-request-origin":"a.example"}}"#,
            false,
            "",
        ),
    ] {
        let found = lowered(&format!("{bearer} {challenge}")).1.unwrap();
        let asked = hit(asked);
        assert_eq!(respond(&found, &asked, false, &secrets).is_none(), needs, "{challenge}");
        let response = respond(&found, &asked, true, &secrets).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let allowed = response.headers().get("webhook-allowed-origin").cloned();
        assert_eq!(allowed.is_some_and(|value| value == "a.example"), challenge.contains("cloudevents"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(axum::body::to_bytes(response.into_body(), 10_000)).unwrap();
        assert!(String::from_utf8_lossy(&body).contains(contains), "{challenge}: {body:?}");
        let other = r#"{"method":"POST","headers":{},"query":{"hub.mode":"subscribe","hub.verify_token":"x"},"body":{"type":2}}"#;
        assert!(respond(&found, &hit(other), true, &secrets).is_none(), "{challenge}");
    }
}

#[test]
fn verify_finds_the_likely_cause() {
    let case = |body: &'static [u8], value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-hub-signature-256", value.parse().unwrap());
        let request = Request { method: &Method::POST, url: "https://example.com/", headers: &headers, body };
        let form = lowered("verify: { preset: github, secret: SECRET }").0.unwrap();
        let secrets = |name: &str| match name {
            "S" => Some(vec![b"It's a Secret to Everybody".to_vec()]),
            _ => Some(vec![b"other".to_vec()]),
        };
        likely(&form, &request, &secrets, &["OTHER".to_owned()], DateTime::UNIX_EPOCH)
    };
    let hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(case(b"Hello, World!", hex), ["the signature comes without the prefix"]);
    let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(case(b"Hello, World!\n", right), ["a line end was added to the body"]);
    assert!(case(b"Hello!", right).is_empty());
    let base64 = "sha256=dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=";
    assert_eq!(case(b"Hello, World!", base64), ["the signature is written in base64"]);
    let mut twilio = cases().into_iter().find(|case| case.webhook.contains("twilio")).unwrap();
    let causes = |case: &Case| {
        let mut headers = HeaderMap::new();
        for (name, value) in &case.headers {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let request = Request { method: &Method::POST, url: case.url, headers: &headers, body: &case.body };
        let form = lowered(case.webhook).0.unwrap();
        let secrets = |name: &str| (name == "S").then(|| vec![case.secret.as_bytes().to_vec()]);
        likely(&form, &request, &secrets, &[], DateTime::UNIX_EPOCH)
    };
    twilio.url = "http://mycompany.com/myapp.php?foo=1&bar=2";
    assert_eq!(causes(&twilio), ["it was signed for https, and the address given is one of http: see --public-url"]);
    twilio.url = "https://mycompany.com/myapp.php";
    assert!(causes(&twilio).is_empty());
}
