//! Two nodes on one PostgreSQL are one server (contract, sections 4, 5 and 7).

use std::time::{Duration, Instant};

use holdfast_tests::{Call, Home, Mode, Node, Store, eventually, eventually_within};
use serde_json::json;

const ASK: &str = "
cycle: ask
steps:
  asked:
    webhook:
    next: later
  later:
    webhook:
      mapping: [{ hit: $.body.n, transaction: $.asked.body.n }]
      expires: { after: 2s, next: nobody }
    next: told
  told:
    respond: { to: asked, body: { n: \"${$.later.body.n}\" } }
  nobody:
    respond: { to: asked, status: 504, body: nobody came }
";

/// How long another node's work may lie before it is taken over.
const TAKEN_OVER: Duration = Duration::from_secs(5);

async fn two(yaml: &str) -> (Home, Node, Node) {
    let home = Home::new(Store::Postgres, "").await;
    let first = home.start(Mode::Serve).await;
    first.deploy(yaml).await;
    let mut second = home.start(Mode::Serve).await;
    second.use_key_of(&first);
    (home, first, second)
}

/// The caller waits at one node, the hit that answers it comes to the other.
async fn answered_across(asked_at: &Node, resumed_at: &Node, n: u32) {
    let hook = asked_at.hook("ask", "asked").await;
    let caller = tokio::spawn(Call::new("POST", &hook).json(json!({ "n": n })).send(asked_at.address));
    let sender = eventually("the transaction is held", async || {
        let sent = resumed_at.hit("ask/later", json!({ "n": n })).await.expect(200);
        sent.header("holdfast-transaction").map(str::to_owned)
    })
    .await;
    let answer = caller.await.expect("no panic").expect("an answer").expect(200);
    assert_eq!(answer.json(), json!({ "n": n }));
    assert_eq!(answer.transaction(), sender);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_answered_wherever_the_hit_arrives() {
    let (_home, first, second) = two(&ASK.replace("2s", "1h")).await;
    for n in 0..5 {
        answered_across(&first, &second, 2 * n).await;
        answered_across(&second, &first, 2 * n + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_told_of_a_cancel_at_the_other_node() {
    let (_home, first, second) = two(&ASK.replace("2s", "1h")).await;
    let hook = first.hook("ask", "asked").await;
    let caller = tokio::spawn(Call::new("POST", &hook).json(json!({ "n": 1 })).send(first.address));
    let id = eventually("the transaction is held", async || {
        let held = second.api("/transactions?status=held").await;
        held["data"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    second.post(&format!("/api/v1/transactions/{id}/cancel"), "{}").await.expect(200);
    caller.await.expect("no panic").expect("an answer").expect(409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_nodes_work_is_taken_over() {
    let (_home, mut first, second) = two(ASK).await;
    let hook = first.hook("ask", "asked").await;
    let call = Call::new("POST", &hook).header("prefer", "wait=1").json(json!({ "n": 1 }));
    let pending = first.send(call).await.expect("an answer").expect(202);
    first.kill().await;
    let location = pending.header("location").expect("a Location").to_owned();
    eventually_within(Duration::from_secs(2) + TAKEN_OVER, "the hold expires at the other node", async || {
        (second.get(&location).await.status == 504).then_some(())
    })
    .await;
    let transaction = second.transaction(&pending.transaction()).await;
    assert_eq!(transaction["runs"].as_array().map(Vec::len), Some(2), "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_node_accepts_for_a_cycle_that_another_has_stopped() {
    let (_home, first, second) = two(ASK).await;
    let hook = first.hook("ask", "asked").await;
    first.post("/api/v1/cycles/ask/stop", "{}").await.expect(200);
    let answer = second.send(Call::new("POST", &hook).json(json!({ "n": 1 }))).await.expect("an answer").expect(200);
    assert_eq!(answer.header("holdfast-transaction"), None, "it is queued");
    second.post("/api/v1/cycles/ask/start", "{}").await.expect(200);
    let answer = first.send(Call::new("POST", &hook).header("prefer", "wait=0").json(json!({ "n": 2 })));
    assert!(answer.await.expect("an answer").header("holdfast-transaction").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_deployed_at_one_is_the_others_too() {
    let (_home, first, second) = two(ASK).await;
    let hook = first.hook("ask", "asked").await;
    let newer = ASK
        .replace("next: later\n  later", "next: first\n  first:\n    respond: { body: v2 }\n    next: later\n  later");
    first.deploy(&newer).await;
    let answer = second.send(Call::new("POST", &hook).json(json!({ "n": 1 }))).await.expect("an answer").expect(200);
    assert_eq!(answer.text(), "v2", "no hit is accepted by a superseded version");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_everywhere_within_a_second() {
    let (_home, first, second) = two(ASK).await;
    let made = first.post("/api/v1/keys", json!({ "name": "test", "scopes": ["read"] })).await.json();
    let secret = made.as_object().and_then(|made| {
        made.values().filter_map(serde_json::Value::as_str).find(|text| text.len() >= 43 && !text.contains('-'))
    });
    let bearer = format!("Bearer {}", secret.expect("a secret"));
    let read = || second.send(Call::new("GET", "/api/v1/cycles").header("authorization", &bearer));
    assert_eq!(read().await.expect("an answer").status, 200);
    let id = made["id"].as_str().expect("an id");
    first.send(first.call("DELETE", &format!("/api/v1/keys/{id}"))).await.expect("an answer");
    let revoked = Instant::now();
    eventually_within(Duration::from_secs(1), "it is refused", async || {
        (read().await.expect("an answer").status == 401).then_some(())
    })
    .await;
    assert!(revoked.elapsed() < Duration::from_millis(1200));
}

/// Who watches a cycle at one node looks again soon after something happened at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_at_one_node_is_told_at_the_other() {
    let (_home, first, second) = two(ASK).await;
    let key = second.post("/api/v1/keys", json!({ "name": "watches", "scopes": ["read"] })).await.expect(201).json();
    let secret = key["key"].as_str().expect("a secret");
    let stream = tokio::spawn(Call::new("GET", "/api/v1/events").header("x-api-key", secret).send(second.address));
    for n in 1..=2 {
        first.hit("ask/later", json!({ "n": n })).await.expect(200);
        eventually("the figures are there", async || {
            let figures = second.api("/cycles/ask/figures").await;
            (figures["hours"][23]["hits"] == n).then_some(())
        })
        .await;
    }
    // The stream ends with its key.
    let id = key["id"].as_str().expect("an id");
    second.call("DELETE", &format!("/api/v1/keys/{id}")).send(second.address).await.expect("an answer").expect(204);
    let told = stream.await.expect("no panic").expect("an answer").expect(200).text();
    assert!(told.contains("event: cycle.changed") && told.contains("\"cycle\":\"ask\""), "{told}");
}
