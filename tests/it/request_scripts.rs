//! A webhook's script: it changes a request, filters it, answers it, refuses it (contract, section 6).

use holdfast_tests::{Call, Home, Mode, Node, Response, Store, both_stores, eventually};
use serde_json::json;
use tokio::task::JoinSet;

both_stores![
    what_it_returns_goes_on,
    false_is_accepted_and_starts_nothing,
    it_answers_the_caller_itself,
    what_it_throws_is_told,
    a_get_becomes_a_post,
    a_script_that_is_wrong_accepts_nothing,
    it_runs_behind_the_other_checks,
    those_that_wait_are_bounded,
];

const CYCLES: &str = r#"
cycle: shop
steps:
  placed:
    webhook:
      script: |
        function request(request, context) {
          const { order, kind, reply } = request.body
          if (kind === 'test') return false
          if (kind === 'ping') { respond(202, { pong: context.step }, { 'X-Kind': 'ping' }); return false }
          if (kind === 'ack') respond(201, 'noted')
          if (kind === 'bad') throw new Error('no order of kind bad')
          if (kind === 'loop') while (true) {}
          if (kind === 'none') return
          if (kind === 'more') return { bodi: 1 }
          return { body: { id: order.id, by: context.cycle.name }, headers: { shop: 'yes' } }
        }
    next: status
  status:
    webhook:
      script: |
        const request = (request) => ({ ...request, body: { id: request.body.items[0] } })
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
---
cycle: asked
steps:
  asked:
    webhook:
      script: |
        function request(request) {
          if (request.method === 'GET' && request.query.id) {
            return { ...request, method: 'POST', body: { id: request.query.id } }
          }
          if (request.query.hello) respond(200, 'hello')
          return request
        }
    next: told
  told:
    respond: { body: "${$.asked.body.id}" }
---
cycle: guarded
steps:
  placed:
    webhook:
      verify: { preset: header, header: x-shop, secret: "${secrets.SHOP}" }
      schema: { required: [id] }
      script: |
        function request(request) { throw new Error('seen: ' + request.headers['x-shop'] + request.body.id) }
"#;

async fn dev(store: Store) -> (Home, Node) {
    Home::with_secrets(store, Mode::DevManual, &[("SHOP", "canary-shop")], CYCLES).await
}

async fn keyed(node: &Node, key: &str, body: serde_json::Value) -> Response {
    let call = Call::new("POST", &node.hook("shop", "placed").await).json(body).header("idempotency-key", key);
    node.send(call).await.expect("an answer")
}

async fn hits(node: &Node) -> Vec<serde_json::Value> {
    node.api("/hits").await["data"].as_array().expect("a list").clone()
}

async fn what_it_returns_goes_on(store: Store) {
    let (_home, mut node) = dev(store).await;
    let got = node.hit("shop/placed", json!({ "order": { "id": 42 } })).await.expect(200);
    let id = got.transaction();
    let placed = node.transaction(&id).await["document"]["placed"].clone();
    assert_eq!(placed["body"], json!({ "id": 42, "by": "shop" }));
    assert_eq!((&placed["headers"], &placed["method"]), (&json!({ "shop": "yes" }), &json!("POST")));
    // It is what correlates, and what a document is told from after a restart.
    node.kill().await;
    node.restart().await;
    let more = node.hit("shop/status", json!({ "items": [42, 43] })).await.expect(200);
    assert_eq!(more.transaction(), id);
    let document = node.transaction(&id).await["document"].clone();
    assert_eq!((&document["placed"], &document["status"]["body"]), (&placed, &json!({ "id": 42 })));
    // The bytes stay as they came.
    assert_eq!(node.api(&format!("/hits/{}", got.hit())).await["body"], json!({ "id": 42, "by": "shop" }));
}

async fn false_is_accepted_and_starts_nothing(store: Store) {
    let (_home, node) = dev(store).await;
    let got = keyed(&node, "k", json!({ "kind": "test" })).await.expect(200);
    assert_eq!((got.text().as_str(), got.header("holdfast-transaction")), ("Webhook accepted.", None));
    let hit = node.api(&format!("/hits/{}", got.hit())).await;
    assert_eq!(hit["status"], "filtered");
    assert!(hit["reason"].as_str().is_some_and(|reason| reason.contains("false")), "{hit}");
    let again = keyed(&node, "k", json!({ "kind": "test" })).await.expect(200);
    assert_eq!((again.hit(), again.header("idempotency-replayed")), (got.hit(), Some("true")));
    assert_eq!(node.api("/transactions").await["data"], json!([]));
    assert_eq!(node.api("/hits?status=filtered").await["data"].as_array().map(Vec::len), Some(1));
}

async fn it_answers_the_caller_itself(store: Store) {
    let (_home, mut node) = dev(store).await;
    let got = keyed(&node, "p", json!({ "kind": "ping" })).await.expect(202);
    assert_eq!((got.json(), got.header("x-kind")), (json!({ "pong": "placed" }), Some("ping")));
    let acked = keyed(&node, "a", json!({ "kind": "ack", "order": { "id": 1 } })).await.expect(201);
    assert_eq!(acked.text(), "noted");
    let status = node.transaction(&acked.transaction()).await["status"].clone();
    assert_eq!(status, "held", "what it returned went on");
    node.kill().await;
    node.restart().await;
    for (key, kind, first) in
        [("p", json!({ "kind": "ping" }), got), ("a", json!({ "kind": "ack", "order": { "id": 1 } }), acked)]
    {
        let again = keyed(&node, key, kind).await.expect(first.status);
        assert_eq!((again.text(), again.hit()), (first.text(), first.hit()));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
}

async fn what_it_throws_is_told(store: Store) {
    let (_home, node) = dev(store).await;
    let refused = keyed(&node, "k", json!({ "kind": "bad" })).await.expect(422);
    assert!(refused.text().contains("no order of kind bad"), "{}", refused.text());
    assert_eq!(hits(&node).await, Vec::<serde_json::Value>::new());
    keyed(&node, "k", json!({ "order": { "id": 1 } })).await.expect(200);
}

async fn a_get_becomes_a_post(store: Store) {
    let (_home, node) = dev(store).await;
    let path = node.hook("asked", "asked").await;
    let get = async |path: String| node.send(Call::new("GET", &path)).await.expect("an answer").expect(200);
    let told = get(format!("{path}?id=A-42")).await;
    assert_eq!(told.text(), "A-42");
    let document = node.transaction(&told.transaction()).await["document"]["asked"].clone();
    assert_eq!((&document["method"], &document["body"]), (&json!("POST"), &json!({ "id": "A-42" })));
    assert_eq!(get(path.clone()).await.text(), "Webhook found.");
    assert_eq!(get(format!("{path}?hello=1")).await.text(), "hello");
    assert_eq!(hits(&node).await.len(), 1, "what stays a GET is no hit");
    node.send(Call::new("DELETE", &path)).await.expect("an answer").expect(405);
    node.post("/api/v1/cycles/asked/stop", "{}").await.expect(200);
    node.advance("25h").await;
    assert_eq!(get(format!("{path}?id=A-43")).await.text(), "Webhook found.");
}

async fn a_script_that_is_wrong_accepts_nothing(store: Store) {
    let (_home, node) = dev(store).await;
    for (kind, why) in [("loop", "250 ms"), ("none", "returned null"), ("more", "`bodi`")] {
        let answer = keyed(&node, "k", json!({ "kind": kind })).await.expect(500);
        assert_eq!(answer.json()["type"].as_str().map(|kind| kind.contains("script-failed")), Some(true), "{kind}");
        assert!(node.log().contains(why), "{why} is not in {}", node.log());
    }
    assert_eq!(hits(&node).await, Vec::<serde_json::Value>::new());
    let yaml = "cycle: torn\nsteps:\n  a:\n    webhook:\n      script: |\n        function request(r) {\n          return {{\n";
    let call = node.call("POST", "/api/v1/cycles").body("application/yaml", yaml);
    let refused = node.send(call).await.expect("an answer").expect(422);
    assert_eq!(refused.json()["diagnostics"][0]["code"], "HF110", "{}", refused.text());
}

async fn it_runs_behind_the_other_checks(store: Store) {
    let (_home, node) = dev(store).await;
    let path = node.hook("guarded", "placed").await;
    let call = |body: &str| Call::new("POST", &path).body("application/json", body.to_owned());
    node.send(call("{}")).await.expect("an answer").expect(401);
    node.send(Call::new("GET", &path)).await.expect("an answer").expect(401);
    let signed = |body: &str| call(body).header("x-shop", "canary-shop");
    node.send(signed("{")).await.expect("an answer").expect(400);
    let unfit = node.send(signed("{}")).await.expect("an answer").expect(422);
    assert!(unfit.text().contains("schema"), "{}", unfit.text());
    let thrown = node.send(signed(r#"{"id":7}"#)).await.expect("an answer").expect(422);
    assert!(thrown.text().contains("seen: ***7"), "{}", thrown.text());
}

async fn those_that_wait_are_bounded(store: Store) {
    let (_home, node) = dev(store).await;
    let path = node.hook("shop", "placed").await;
    let mut asked = JoinSet::new();
    for _ in 0..300 {
        asked.spawn(Call::new("POST", &path).json(json!({ "kind": "loop" })).send(node.address));
    }
    // Each that is let in takes 250 ms, a few at once: those that are too many are told so at once.
    let mut refused = 0;
    while refused < 30 {
        let answer = asked.join_next().await.expect("more").expect("no panic").expect("an answer");
        match answer.status {
            429 => {
                assert_eq!((answer.header("retry-after"), &answer.json()["max"]), (Some("1"), &json!(256)));
                refused += 1;
            }
            _ => _ = answer.expect(500),
        }
    }
    // Those that wait go away, and their places are free again.
    asked.shutdown().await;
    eventually("there is room", async || {
        (keyed(&node, "k", json!({ "kind": "test" })).await.status == 200).then_some(())
    })
    .await;
    node.get("/healthz").await.expect(200);
}
