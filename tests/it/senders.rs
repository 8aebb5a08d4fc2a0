//! Senders that prove who they are, and providers that ask whether the address is right (contract,
//! section 3, "Verified senders").

use std::io::Write as _;

use holdfast_api::verify::mac;
use holdfast_definitions::Algorithm;
use holdfast_tests::{Call, Home, Mode, Node, Response, Store, binary, both_stores};
use serde_json::json;

both_stores![
    a_signed_request_is_let_in_and_a_changed_one_is_not,
    every_refusal_is_the_same_and_the_log_says_why,
    a_plain_secret_is_not_kept,
    a_rotation_has_two_secrets_live,
    the_clock_may_differ_by_the_tolerance_and_no_more,
    challenges_are_answered_in_every_state,
    a_question_that_is_none_goes_on_down_the_chain,
    verification_stands_between_the_coding_and_the_payload,
];

const CYCLES: &str = r#"
cycle: repo
steps:
  pushed:
    webhook:
      verify: { preset: github, secret: ["${secrets.HUB}", "${secrets.HUB_OLD}"] }
    next: told
  told:
    respond: { body: "${$.pushed.body.ref}" }
---
cycle: pay
steps:
  paid:
    webhook:
      verify: { preset: stripe, secret: "${secrets.PAY}" }
---
cycle: shop
steps:
  placed:
    webhook:
      verify: { preset: header, header: X-Shop-Secret, secret: "${secrets.SHOP}" }
---
cycle: pages
steps:
  posted:
    webhook:
      verify: { preset: meta, secret: "${secrets.HUB}" }
      challenge: { preset: meta, secret: "${secrets.META}" }
---
cycle: talk
steps:
  said:
    webhook:
      verify: { preset: slack, secret: "${secrets.TALK}" }
      challenge: { preset: slack }
---
cycle: graph
steps:
  changed:
    webhook:
      challenge: { preset: microsoft-graph }
---
cycle: cloud
steps:
  happened:
    webhook:
      challenge: { preset: cloudevents }
---
cycle: lost
steps:
  hit:
    webhook:
      verify: { preset: bearer, secret: "${secrets.NOT_THERE}" }
"#;

const HUB: &str = "canary-hub-4711";

async fn dev(store: Store, mode: Mode) -> (Home, Node) {
    let secrets = [
        ("HUB", HUB),
        ("HUB_OLD", "not yet used"),
        ("PAY", "canary-pay"),
        ("SHOP", "canary-shop"),
        ("META", "token"),
        ("TALK", "t"),
        ("NOT_THERE", "soon gone"),
    ];
    let (home, node) = Home::with_secrets(store, mode, &secrets, CYCLES).await;
    node.send(node.call("DELETE", "/api/v1/secrets/NOT_THERE")).await.expect("an answer").expect(204);
    (home, node)
}

fn hex(secret: &str, message: &[u8]) -> String {
    let code = mac(Algorithm::HmacSha256, secret.as_bytes(), message).expect("a key");
    code.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn pushed(node: &Node, body: &[u8], signature: &str) -> Response {
    let call = Call::new("POST", &node.hook("repo", "pushed").await).body("application/json", body.to_vec());
    node.send(call.header("x-hub-signature-256", signature)).await.expect("an answer")
}

async fn a_signed_request_is_let_in_and_a_changed_one_is_not(store: Store) {
    let (_home, node) = dev(store, Mode::DevManual).await;
    let body = br#"{ "ref": "refs/heads/main" }"#;
    let signature = format!("sha256={}", hex(HUB, body));
    let answer = pushed(&node, body, &signature).await.expect(200);
    assert_eq!(answer.text(), "refs/heads/main");
    for at in 0..body.len() {
        let mut changed = body.to_vec();
        changed[at] ^= 1;
        pushed(&node, &changed, &signature).await.expect(401);
    }
    let hits = node.api("/hits").await;
    assert_eq!(hits["data"].as_array().map(Vec::len), Some(1), "what is refused is no hit: {hits}");

    // Over the bytes as they came: here, compressed ones.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).expect("it is written");
    let packed = encoder.finish().expect("it is packed");
    let call = Call::new("POST", &node.hook("repo", "pushed").await).body("application/json", packed.clone());
    let call = call.header("content-encoding", "gzip");
    let signed = call.clone().header("x-hub-signature-256", &format!("sha256={}", hex(HUB, &packed)));
    assert_eq!(node.send(signed).await.expect("an answer").expect(200).text(), "refs/heads/main");
    node.send(call.header("x-hub-signature-256", &signature)).await.expect("an answer").expect(401);
}

async fn every_refusal_is_the_same_and_the_log_says_why(store: Store) {
    let (_home, node) = dev(store, Mode::DevManual).await;
    let body = b"{}";
    let right = format!("sha256={}", hex(HUB, body));
    let path = node.hook("repo", "pushed").await;
    let call = Call::new("POST", &path).body("application/json", body.to_vec());
    let twice = call.clone().header("x-hub-signature-256", &right).header("x-hub-signature-256", &right);
    let other = call.clone().header("x-hub-signature-256", &format!("sha256={}", hex("another", body)));
    let bare = call.clone().header("x-hub-signature-256", &hex(HUB, body));
    let lost = Call::new("POST", &node.hook("lost", "hit").await).header("authorization", "Bearer canary-guess");
    let mut answers = Vec::new();
    for call in [call.clone(), twice, other, bare, lost] {
        let answer = node.send(call).await.expect("an answer").expect(401);
        let plain = |name: &str| answer.header(name).map(str::to_owned);
        answers.push((answer.text(), plain("www-authenticate"), plain("content-type")));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert!(answers[0].0.contains("not-verified") && !answers[0].0.contains("signature"), "{answers:?}");
    let log = node.log();
    for why in [
        "the header `x-hub-signature-256` is missing",
        "the header `x-hub-signature-256` stands more than once",
        "none of the secrets made this signature",
        "begins with `sha256=`",
        "no secret has a value: NOT_THERE",
    ] {
        assert!(log.contains(why), "{why} is not in {log}");
    }
    let metrics = node.get("/metrics").await.text();
    assert!(metrics.contains(r#"holdfast_hits_total{outcome="not-verified"} 5"#), "{metrics}");
    assert!(!node.log().contains("canary"), "{}", node.log());
}

async fn a_plain_secret_is_not_kept(store: Store) {
    let (_home, node) = dev(store, Mode::DevManual).await;
    let call = Call::new("POST", &node.hook("shop", "placed").await).json("{}").header("x-shop-secret", "canary-shop");
    let taken = node.send(call).await.expect("an answer").expect(200);
    let hit = node.api(&format!("/hits/{}", taken.hit())).await;
    assert_eq!(hit["headers"]["x-shop-secret"], "***");
    let transaction = node.transaction(&taken.transaction()).await;
    assert_eq!(transaction["document"]["placed"]["headers"]["x-shop-secret"], "***");
    let call = Call::new("POST", &node.hook("shop", "placed").await).json("{}").header("x-shop-secret", "canary-shoq");
    node.send(call).await.expect("an answer").expect(401);
    for told in [hit.to_string(), transaction.to_string(), node.log()] {
        assert!(!told.contains("canary-sho"), "{told}");
    }
}

async fn a_rotation_has_two_secrets_live(store: Store) {
    let (_home, node) = dev(store, Mode::Dev).await;
    let (body, old) = (br#"{"ref":"x"}"#, "the-old-one");
    let by_old = format!("sha256={}", hex(old, body));
    pushed(&node, body, &by_old).await.expect(401);
    node.post("/api/v1/secrets", json!({ "name": "HUB_OLD", "value": old })).await.expect(200);
    pushed(&node, body, &by_old).await.expect(200);
    pushed(&node, body, &format!("sha256={}", hex(HUB, body))).await.expect(200);
    // Each has its own last use, so that it is known when the old one may go.
    let used = |listed: &serde_json::Value, name: &str| {
        let all = listed["data"].as_array().expect("a list");
        all.iter().find(|secret| secret["name"] == name).is_some_and(|secret| !secret["last_used_at"].is_null())
    };
    holdfast_tests::eventually("both are noted as used", async || {
        let listed = node.api("/secrets").await;
        (used(&listed, "HUB") && used(&listed, "HUB_OLD")).then_some(())
    })
    .await;
    node.send(node.call("DELETE", "/api/v1/secrets/HUB_OLD")).await.expect("an answer").expect(204);
    pushed(&node, body, &by_old).await.expect(401);
}

async fn the_clock_may_differ_by_the_tolerance_and_no_more(store: Store) {
    let (_home, node) = dev(store, Mode::DevManual).await;
    let path = node.hook("pay", "paid").await;
    let clock = node.api("/clock").await;
    let began = clock["now"].as_str().and_then(|now| now.parse::<chrono::DateTime<chrono::Utc>>().ok());
    let began = began.unwrap_or_else(|| panic!("{clock}")).timestamp();
    let paid = async |at: i64, status: u16| {
        let signature = format!("t={at},v1={}", hex("canary-pay", format!("{at}.{{}}").as_bytes()));
        let call = Call::new("POST", &path).body("application/json", "{}").header("stripe-signature", &signature);
        node.send(call).await.expect("an answer").expect(status);
    };
    paid(began, 200).await;
    paid(began - 299, 200).await;
    paid(began + 299, 200).await;
    paid(began - 302, 401).await;
    paid(began + 302, 401).await;
    node.advance("10m").await;
    paid(began, 401).await;
    paid(began + 600, 200).await;
}

async fn challenges_are_answered_in_every_state(store: Store) {
    let (_home, node) = dev(store, Mode::Dev).await;
    let pages = node.hook("pages", "posted").await;
    let (graph, cloud, talk) =
        (node.hook("graph", "changed").await, node.hook("cloud", "happened").await, node.hook("talk", "said").await);
    for stopped in [false, true] {
        if stopped {
            for cycle in ["pages", "graph", "cloud", "talk"] {
                node.post(&format!("/api/v1/cycles/{cycle}/stop"), "{}").await.expect(200);
            }
        }
        let asked = "?hub.mode=subscribe&hub.verify_token=token&hub.challenge=1158201444";
        let answer = node.send(Call::new("GET", &format!("{pages}{asked}"))).await.expect("an answer").expect(200);
        assert_eq!((answer.text().as_str(), answer.header("holdfast-hit")), ("1158201444", None));
        let call = Call::new("POST", &format!("{graph}?validationToken=Validation%3A%20x")).body("text/plain", "");
        assert_eq!(node.send(call).await.expect("an answer").expect(200).text(), "Validation: x");
        let call = Call::new("OPTIONS", &cloud).header("webhook-request-origin", "events.example");
        let answer = node.send(call).await.expect("an answer").expect(200);
        assert_eq!(answer.header("webhook-allowed-origin"), Some("events.example"));
        let body = r#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#;
        let at = chrono::Utc::now().timestamp();
        let call = Call::new("POST", &talk).body("application/json", body);
        let call = call.header("x-slack-request-timestamp", &at.to_string());
        node.send(call.clone().header("x-slack-signature", "v0=00")).await.expect("an answer").expect(401);
        let call = call.header("x-slack-signature", &format!("v0={}", hex("t", format!("v0:{at}:{body}").as_bytes())));
        let answer = node.send(call).await.expect("an answer").expect(200);
        assert_eq!((answer.text().contains("3eZbrw1aB"), answer.header("holdfast-hit")), (true, None));
    }
    assert_eq!(node.api("/hits").await["data"], json!([]), "a question is no hit");
}

async fn a_question_that_is_none_goes_on_down_the_chain(store: Store) {
    let (_home, node) = dev(store, Mode::Dev).await;
    let pages = node.hook("pages", "posted").await;
    let wrong = "?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1158201444";
    for path in [pages.clone(), format!("{pages}{wrong}")] {
        let answer = node.send(Call::new("GET", &path)).await.expect("an answer").expect(200);
        assert_eq!(answer.text(), "Webhook found.");
    }
    node.send(Call::new("OPTIONS", &node.hook("cloud", "happened").await)).await.expect("an answer").expect(405);
    node.send(Call::new("OPTIONS", &pages)).await.expect("an answer").expect(405);
    let graph = node.hook("graph", "changed").await;
    let delivered = node.send(Call::new("POST", &graph).json("{}")).await.expect("an answer").expect(200);
    assert!(delivered.header("holdfast-transaction").is_some());
    node.post("/api/v1/cycles/graph/stop", "{}").await.expect(200);
    let delivered = node.send(Call::new("POST", &graph).json("{}")).await.expect("an answer").expect(200);
    assert!(delivered.header("holdfast-hit").is_some(), "queued");
}

async fn verification_stands_between_the_coding_and_the_payload(store: Store) {
    let (_home, node) = dev(store, Mode::DevManual).await;
    let path = node.hook("repo", "pushed").await;
    let broken = "{ not json";
    let call = Call::new("POST", &path).body("application/json", broken);
    node.send(call.clone().header("content-encoding", "rot13")).await.expect("an answer").expect(415);
    node.send(call.clone()).await.expect("an answer").expect(401);
    let signed = call.header("x-hub-signature-256", &format!("sha256={}", hex(HUB, broken.as_bytes())));
    node.send(signed).await.expect("an answer").expect(400);
    node.post("/api/v1/cycles/repo/stop", "{}").await.expect(200);
    node.advance("25h").await;
    node.send(Call::new("POST", &path).body("application/json", "{}")).await.expect("an answer").expect(406);
}

/// The command as its documentation shows it.
#[tokio::test]
async fn verify_explains_a_captured_request() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("repo.yaml"), CYCLES).expect("the definition");
    let verify = async |body: &str, signature: &str| {
        let headers = json!({ "X-Hub-Signature-256": signature });
        let capture = json!({ "url": "https://holdfast.example/hooks/x", "headers": headers, "body": body });
        std::fs::write(at("request.json"), capture.to_string()).expect("the capture");
        let mut command = tokio::process::Command::new(binary());
        command.arg("verify").arg(at("repo.yaml")).args(["pushed", "--capture"]).arg(at("request.json"));
        command.args(["--secret", "HUB=env:HUB_VALUE"]).env("HUB_VALUE", HUB);
        let output = command.output().await.expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains(HUB), "{said}");
        (output.status.success(), said)
    };
    let body = r#"{"ref":"x","more":1}"#;
    let (right, said) = verify(body, &format!("sha256={}", hex(HUB, body.as_bytes()))).await;
    assert!(right && said.contains("verified, with HUB"), "{said}");
    let (right, said) = verify(body, "sha256=00").await;
    assert!(!right && said.contains("refused: none of the secrets made this signature"), "{said}");
    assert!(said.contains("secrets tried: HUB\n") && said.contains("not tried: HUB_OLD, "), "{said}");
    assert!(said.contains(&format!("signed message (20 bytes): {body}\n")), "{said}");
    let spaced = r#"{ "ref": "x", "more": 1 }"#;
    let (right, said) = verify(spaced, &format!("sha256={}", hex(HUB, body.as_bytes()))).await;
    assert!(!right && said.contains("likely cause") && !said.contains("not found"), "{said}");
}
