//! What a webhook answers, byte for byte (contract, section 3, "Status codes").

use holdfast_tests::{Call, Home, Node, Response, Store, both_stores};
use serde_json::{Value, json};

both_stores![
    a_post_is_accepted,
    a_get_finds_it_and_starts_nothing,
    what_is_not_there_is_not_found,
    other_methods_are_not_allowed,
    a_stopped_cycle_accepts_for_24_hours_and_then_refuses,
    a_cycle_never_started_refuses,
    too_large_a_body_is_refused,
    a_body_that_cannot_be_read_is_shown_where,
    what_is_not_understood_is_refused,
    the_checks_come_in_order,
    a_repeat_says_so,
    a_response_is_sent_as_it_was_written,
    a_late_answer_is_at_its_location,
    a_refused_match_is_a_problem,
    dev_answers_by_name_too,
    bodies_arrive_as_json,
];

const CYCLES: &str = "
cycle: shop
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      on_no_match: reject
      on_ambiguous: reject
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
---
cycle: ask
steps:
  asked:
    webhook:
    next: way
  way:
    decision:
      - { when: { value: $.asked.body.wait, exists: true }, next: later }
      - { when: { value: $.asked.body.broken, exists: true }, next: broke }
      - else: told
  told:
    respond: { status: 418, headers: { X-Kind: teapot }, body: short and stout }
  broke:
    fail: { message: out of tea }
  later:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.asked.body.id }]
    next: late
  late:
    respond: { to: asked, body: { late: true } }
";

async fn dev(store: Store) -> (Home, Node) {
    let home = Home::new(store, CYCLES).await;
    let node = home.dev().await;
    (home, node)
}

fn plain(response: &Response, status: u16, text: &str) {
    assert_eq!((response.status, response.text().as_str()), (status, text));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
}

fn problem(response: &Response, status: u16) -> Value {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/problem+json"), "{}", response.text());
    let problem = response.json();
    assert_eq!(problem["status"], status, "{problem}");
    assert!(problem["title"].is_string(), "{problem}");
    problem
}

async fn send(node: &Node, call: Call) -> Response {
    node.send(call).await.expect("an answer")
}

async fn a_post_is_accepted(store: Store) {
    let (_home, node) = dev(store).await;
    let answer = node.hit("shop/placed", json!({ "id": 1 })).await;
    plain(&answer, 200, "Webhook accepted.");
    let transaction = node.transaction(&answer.transaction()).await;
    assert_eq!(transaction["status"], "held");
    assert_eq!(node.api(&format!("/hits/{}", answer.hit())).await["transaction"], answer.transaction());
}

async fn a_get_finds_it_and_starts_nothing(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    plain(&send(&node, Call::new("GET", &hook)).await, 200, "Webhook found.");
    let head = send(&node, Call::new("HEAD", &hook)).await;
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    assert_eq!(node.api("/transactions").await["data"], json!([]));
}

async fn what_is_not_there_is_not_found(store: Store) {
    let (_home, node) = dev(store).await;
    for method in ["GET", "POST", "PUT"] {
        plain(&send(&node, Call::new(method, "/hooks/AAAAAAAAAAAAAAAAAAAAAAAAAA")).await, 404, "Webhook not found.");
    }
}

async fn other_methods_are_not_allowed(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    for method in ["PUT", "PATCH", "DELETE"] {
        let answer = send(&node, Call::new(method, &hook).json(json!({ "id": 1 }))).await;
        problem(&answer, 405);
        let allow = answer.header("allow").expect("an Allow").to_owned();
        for allowed in ["GET", "HEAD", "POST"] {
            assert!(allow.contains(allowed), "{allow}");
        }
    }
}

async fn a_stopped_cycle_accepts_for_24_hours_and_then_refuses(store: Store) {
    let (_home, node) = dev(store).await;
    node.post("/api/v1/cycles/shop/stop", "{}").await.expect(200);
    let queued = node.hit("shop/placed", json!({ "id": 1 })).await;
    plain(&queued, 200, "Webhook accepted.");
    assert_eq!(queued.header("holdfast-transaction"), None);
    node.advance("24h").await;
    plain(&node.hit("shop/placed", json!({ "id": 2 })).await, 200, "Webhook accepted.");
    node.advance("1s").await;
    plain(&node.hit("shop/placed", json!({ "id": 3 })).await, 406, "Please make sure your webhook is active.");
    plain(&send(&node, Call::new("GET", &node.hook("shop", "placed").await)).await, 200, "Webhook found.");
}

async fn a_cycle_never_started_refuses(store: Store) {
    let (_home, node) = dev(store).await;
    let yaml = CYCLES.split("---").next().expect("the first").replace("cycle: shop", "cycle: drafted");
    let deployed = send(&node, node.call("POST", "/api/v1/cycles").body("application/yaml", yaml)).await;
    assert!((200..300).contains(&deployed.status), "{}", deployed.text());
    plain(&node.hit("drafted/placed", "{}").await, 406, "Please make sure your webhook is active.");
}

async fn too_large_a_body_is_refused(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    let fits = format!(r#"{{"id": 1, "text": "{}"}}"#, "x".repeat((1 << 20) - 64));
    plain(&send(&node, Call::new("POST", &hook).json(fits.clone())).await, 200, "Webhook accepted.");
    let large = fits.replace("\"id\": 1", &format!("\"id\": {}", "1".repeat(128)));
    problem(&send(&node, Call::new("POST", &hook).json(large)).await, 413);
}

async fn a_body_that_cannot_be_read_is_shown_where(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    for body in ["{\"id\": 1,\n  oops}", "{\"a\": 1,\n  \"a\": 2}", "{", "[1,]", "\u{feff}x"] {
        let problem = problem(&send(&node, Call::new("POST", &hook).json(body)).await, 400).to_string();
        assert!(problem.contains("line") && problem.contains("column"), "{body}: {problem}");
    }
}

async fn what_is_not_understood_is_refused(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    let image = Call::new("POST", &hook).body("image/png", "x");
    problem(&send(&node, image).await, 415);
    for encoding in ["compress", "gzip, gzip"] {
        let encoded = Call::new("POST", &hook).json("{}").header("content-encoding", encoding);
        problem(&send(&node, encoded).await, 415);
    }
}

async fn the_checks_come_in_order(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    let large = "x".repeat(2 << 20);
    // Unknown before the method, the method before the state, the state before the body.
    let unknown = Call::new("PUT", "/hooks/AAAAAAAAAAAAAAAAAAAAAAAAAA").body("image/png", large.clone());
    assert_eq!(send(&node, unknown).await.status, 404);
    // The size before the encoding, the encoding before the type.
    let call = Call::new("POST", &hook).body("image/png", large.clone()).header("content-encoding", "compress");
    assert_eq!(send(&node, call).await.status, 413);
    node.post("/api/v1/cycles/shop/stop", "{}").await.expect(200);
    node.advance("25h").await;
    assert_eq!(send(&node, Call::new("PUT", &hook).body("image/png", "x")).await.status, 405);
    assert_eq!(send(&node, Call::new("POST", &hook).body("image/png", large)).await.status, 406);
}

async fn a_repeat_says_so(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    let call = |body: Value| Call::new("POST", &hook).header("idempotency-key", "k").json(body);
    let first = send(&node, call(json!({ "id": 1 }))).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = send(&node, call(json!({ "id": 1 }))).await;
    plain(&again, 200, "Webhook accepted.");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((again.hit(), again.transaction()), (first.hit(), first.transaction()));
    problem(&send(&node, call(json!({ "id": 2 }))).await, 422);
    // Looked up before it is parsed: the type of a repeat does not matter, its bytes do.
    let other_type = Call::new("POST", &hook).header("idempotency-key", "k").body("image/png", r#"{"id":1}"#);
    assert_eq!(send(&node, other_type).await.status, 200);
}

async fn a_response_is_sent_as_it_was_written(store: Store) {
    let (_home, node) = dev(store).await;
    let answer = node.hit("ask/asked", json!({ "id": 1 })).await;
    plain(&answer, 418, "short and stout");
    assert_eq!(answer.header("x-kind"), Some("teapot"));
    assert_eq!(node.transaction(&answer.transaction()).await["status"], "completed");
    let failed = node.hit("ask/asked", json!({ "id": 1, "broken": true })).await;
    let said = problem(&failed, 500).to_string();
    assert!(said.contains(&failed.transaction()) && said.contains("broke"), "{said}");
}

async fn a_late_answer_is_at_its_location(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("ask", "asked").await;
    let call = Call::new("POST", &hook).header("prefer", "wait=1").json(json!({ "id": 1, "wait": true }));
    let pending = send(&node, call).await.expect(202);
    let location = pending.header("location").expect("a Location").to_owned();
    assert_eq!(location, format!("{hook}/answers/{}", pending.hit()));
    assert!(pending.header("retry-after").is_some());
    assert_eq!(pending.json(), json!({ "transaction": pending.transaction(), "status": "held" }));
    send(&node, Call::new("GET", &location)).await.expect(202);
    node.hit("ask/later", json!({ "id": 1 })).await.expect(200);
    let answer = send(&node, Call::new("GET", &location)).await.expect(200);
    assert_eq!(answer.json(), json!({ "late": true }));
    send(&node, Call::new("GET", &format!("{hook}/answers/{}", pending.transaction()))).await.expect(404);
}

async fn a_refused_match_is_a_problem(store: Store) {
    let (_home, node) = dev(store).await;
    problem(&node.hit("shop/status", json!({ "id": 1 })).await, 404);
    node.hit("shop/placed", json!({ "id": 1 })).await.expect(200);
    node.hit("shop/placed", json!({ "id": 1 })).await.expect(200);
    problem(&node.hit("shop/status", json!({ "id": 1 })).await, 409);
}

async fn dev_answers_by_name_too(store: Store) {
    let (_home, node) = dev(store).await;
    plain(&node.post("/hooks/shop/placed", json!({ "id": 1 })).await, 200, "Webhook accepted.");
    plain(&node.post("/hooks/shop/nothing", json!({ "id": 1 })).await, 404, "Webhook not found.");
}

async fn bodies_arrive_as_json(store: Store) {
    let (_home, node) = dev(store).await;
    let hook = node.hook("shop", "placed").await;
    for (content_type, body, arrived) in [
        ("application/json", r#"{"id": 1}"#, json!({ "id": 1 })),
        ("application/vnd.shop+json", r#"{"id": 1}"#, json!({ "id": 1 })),
        ("application/x-www-form-urlencoded", "id=1&tag=a&tag=b", json!({ "id": "1", "tag": ["a", "b"] })),
        (
            "application/xml",
            "<order><id at=\"x\">1</id></order>",
            json!({ "order": { "id": { "@at": "x", "#text": "1" } } }),
        ),
        ("application/x-ndjson", "{\"id\":1}\n{\"id\":2}\n", json!([{ "id": 1 }, { "id": 2 }])),
        ("text/plain", "id 1", json!("id 1")),
    ] {
        let answer = send(&node, Call::new("POST", &hook).body(content_type, body)).await.expect(200);
        let hit = node.api(&format!("/hits/{}", answer.hit())).await;
        assert_eq!(hit["body"], arrived, "{content_type}");
    }
    let nothing = send(&node, Call::new("POST", &hook)).await.expect(200);
    assert_eq!(node.api(&format!("/hits/{}", nothing.hit())).await["body"], Value::Null);
}
