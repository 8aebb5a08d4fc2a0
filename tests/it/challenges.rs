//! Providers that ask whether an address is right, those of the contract's list that `senders` does
//! not ask as, and the general form: in every state of the cycle (contract, section 3).

use base64::Engine as _;
use holdfast_api::verify::mac;
use holdfast_definitions::Algorithm;
use holdfast_tests::{Call, Home, Mode, Node, Response, Store, both_stores};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;

both_stores![zoom_asks, twitter_asks, discord_asks, anybody_may_ask_in_a_way_of_their_own];

const CYCLES: &str = r#"
cycle: meetings
steps:
  ended:
    webhook:
      verify: { preset: zoom, secret: "${secrets.ZOOM}" }
      challenge: { preset: zoom, secret: "${secrets.ZOOM}" }
---
cycle: posts
steps:
  liked:
    webhook:
      challenge: { preset: twitter, secret: "${secrets.TWITTER}" }
---
cycle: chat
steps:
  typed:
    webhook:
      verify: { preset: discord, secret: "${secrets.DISCORD}" }
      challenge: { preset: discord }
---
cycle: own
steps:
  told:
    webhook:
      challenge:
        method: get
        when:
          $.query.mode: subscribe
          "$.headers['x-ask']":
        token: $.query.token
        value: $.query.challenge
        mac: { hmac: sha1, encoding: base64, prefix: "v1=" }
        secret: "${secrets.OWN}"
        answer: { echo: value, version: { literal: 2 } }
        headers: { X-Proof: mac, X-Kind: { literal: echo } }
"#;

const SEED: [u8; 32] = [7; 32];

async fn dev(store: Store) -> (Home, Node) {
    let key = hex(pair().public_key().as_ref());
    let secrets = [("ZOOM", "zoom-token"), ("TWITTER", "consumer"), ("DISCORD", &key), ("OWN", "my own")];
    Home::with_secrets(store, Mode::Dev, &secrets, CYCLES).await
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&SEED).expect("a seed")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn code(algorithm: Algorithm, secret: &str, message: &str) -> Vec<u8> {
    mac(algorithm, secret.as_bytes(), message.as_bytes()).expect("a key")
}

async fn sent(node: &Node, call: Call) -> Response {
    node.send(call).await.expect("an answer")
}

async fn stopped(node: &Node, cycle: &str) {
    node.post(&format!("/api/v1/cycles/{cycle}/stop"), "{}").await.expect(200);
}

async fn no_hit(node: &Node) {
    assert_eq!(node.api("/hits").await["data"], json!([]), "a question is no hit");
}

async fn zoom_asks(store: Store) {
    let (_home, node) = dev(store).await;
    let path = node.hook("meetings", "ended").await;
    let at = chrono::Utc::now().timestamp();
    let asked = async |body: &str, secret: &str| {
        let signature = hex(&code(Algorithm::HmacSha256, secret, &format!("v0:{at}:{body}")));
        let call = Call::new("POST", &path).body("application/json", body.to_owned());
        let call = call.header("x-zm-request-timestamp", &at.to_string());
        sent(&node, call.header("x-zm-signature", &format!("v0={signature}"))).await
    };
    let question = r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event":"endpoint.url_validation"}"#;
    for running in [true, false] {
        let answer = asked(question, "zoom-token").await.expect(200);
        let token = hex(&code(Algorithm::HmacSha256, "zoom-token", "qgg8vlvZRS6UYooatFL8Aw"));
        let wanted = json!({ "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": token });
        assert_eq!((answer.json(), answer.header("holdfast-hit")), (wanted, None), "running: {running}");
        asked(question, "another").await.expect(401);
        stopped(&node, "meetings").await;
    }
    no_hit(&node).await;
    let event = asked(r#"{"event":"meeting.ended","payload":{}}"#, "zoom-token").await.expect(200);
    assert!(event.header("holdfast-hit").is_some(), "an event is a hit, and queued");
}

async fn twitter_asks(store: Store) {
    let (_home, node) = dev(store).await;
    let path = node.hook("posts", "liked").await;
    for _ in [true, false] {
        let answer = sent(&node, Call::new("GET", &format!("{path}?crc_token=abc%20d&nonce=1"))).await.expect(200);
        let proof = base64::engine::general_purpose::STANDARD.encode(code(Algorithm::HmacSha256, "consumer", "abc d"));
        assert_eq!(answer.json(), json!({ "response_token": format!("sha256={proof}") }));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(sent(&node, Call::new("GET", &path)).await.expect(200).text(), "Webhook found.");
        stopped(&node, "posts").await;
    }
    let long = "a".repeat(5_000);
    let answer = sent(&node, Call::new("GET", &format!("{path}?crc_token={long}"))).await.expect(200);
    assert_eq!(answer.text(), "Webhook found.", "what is too long is handed back to nobody");
    no_hit(&node).await;
}

async fn discord_asks(store: Store) {
    let (_home, node) = dev(store).await;
    let path = node.hook("chat", "typed").await;
    let at = chrono::Utc::now().timestamp();
    let asked = async |body: &str, signed: &str| {
        let signature = hex(pair().sign(format!("{at}{signed}").as_bytes()).as_ref());
        let call = Call::new("POST", &path).body("application/json", body.to_owned());
        let call = call.header("x-signature-timestamp", &at.to_string());
        sent(&node, call.header("x-signature-ed25519", &signature)).await
    };
    let ping = r#"{"type":1,"id":"1"}"#;
    for _ in [true, false] {
        let answer = asked(ping, ping).await.expect(200);
        assert_eq!((answer.json(), answer.header("holdfast-hit")), (json!({ "type": 1 }), None));
        // Discord asks so on purpose, and takes an address only where it is refused.
        asked(ping, r#"{"type":1,"id":"2"}"#).await.expect(401);
        stopped(&node, "chat").await;
    }
    no_hit(&node).await;
    let command = r#"{"type":2}"#;
    assert!(asked(command, command).await.expect(200).header("holdfast-hit").is_some());
}

async fn anybody_may_ask_in_a_way_of_their_own(store: Store) {
    let (_home, node) = dev(store).await;
    let path = node.hook("own", "told").await;
    let asked = async |query: &str, named: bool| {
        let call = Call::new("GET", &format!("{path}?{query}"));
        sent(&node, if named { call.header("x-ask", "") } else { call }).await.expect(200)
    };
    for _ in [true, false] {
        let answer = asked("mode=subscribe&token=my%20own&challenge=x1", true).await;
        assert_eq!(answer.json(), json!({ "echo": "x1", "version": 2 }));
        let proof = base64::engine::general_purpose::STANDARD.encode(code(Algorithm::HmacSha1, "my own", "x1"));
        assert_eq!(answer.header("x-proof"), Some(format!("v1={proof}").as_str()));
        assert_eq!((answer.header("x-kind"), answer.header("x-content-type-options")), (Some("echo"), Some("nosniff")));
        for (query, named) in [
            ("mode=subscribe&token=guess&challenge=x1", true),
            ("mode=unsubscribe&token=my%20own&challenge=x1", true),
            ("mode=subscribe&token=my%20own", true),
            ("mode=subscribe&token=my%20own&challenge=x1", false),
        ] {
            let none = asked(query, named).await;
            assert_eq!((none.text().as_str(), none.header("x-proof")), ("Webhook found.", None), "{query}");
        }
        stopped(&node, "own").await;
    }
    no_hit(&node).await;
}
