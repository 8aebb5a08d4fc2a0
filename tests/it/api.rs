//! The API against its own description (contract, sections 8 and 10).

use std::{collections::BTreeSet, time::Duration};

use holdfast_tests::{Call, Home, Mode, Node, Response, Store, both_stores};
use serde_json::{Value, json};

both_stores![
    every_route_answers_as_described,
    the_guards_answers_are_described_for_every_route,
    without_a_key_nothing_is_told,
    a_key_does_what_its_scopes_say,
    a_revoked_key_is_refused_at_once,
    a_revoked_keys_stream_of_events_ends,
    lists_are_read_page_by_page,
    shapes_that_clients_rely_on,
    an_error_is_a_problem_document,
];

const SHOP: &str = "
cycle: shop
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
";

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A route of the document: method, path as described, statuses.
fn routes(document: &Value) -> Vec<(String, String, BTreeSet<u16>)> {
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS {
            let Some(responses) = item[method]["responses"].as_object() else { continue };
            let statuses = responses.keys().filter_map(|status| status.parse().ok()).collect();
            routes.push((method.to_uppercase(), path.clone(), statuses));
        }
    }
    assert!(routes.len() >= 20, "{} routes", routes.len());
    routes
}

/// The address of a route, with or without `/api/v1` in the document, filled with what is there.
fn address(path: &str, cycle: &str, transaction: &str, hit: &str, identifier: &str) -> String {
    let base = if path.starts_with("/api/") { String::new() } else { "/api/v1".to_owned() };
    let id = if path.contains("/hits/") { hit } else { transaction };
    let filled = path.replace("{cycle}", cycle).replace("{identifier}", identifier).replace("{id}", id);
    let filled = filled
        .replace("{name}", cycle)
        .replace("{webhook}", identifier)
        .replace("{hit}", hit)
        .replace("{transaction}", transaction)
        .replace("{account}", cycle);
    assert!(!filled.contains('{'), "an unknown parameter in {path}");
    format!("{base}{filled}")
}

/// Streams do not end: only their head is of interest, and they are left out where a body is read.
fn is_stream(path: &str) -> bool {
    path.ends_with("/events")
}

async fn send(node: &Node, call: Call) -> Response {
    node.send(call).await.expect("an answer")
}

fn body_for(path: &str) -> Value {
    if path.ends_with("/advance") {
        json!({ "by": "1s" })
    } else if path.ends_with("/keys") {
        json!({ "name": "a key", "scopes": ["read"] })
    } else if path.ends_with("/secrets") {
        json!({ "name": "TOKEN", "value": "a value" })
    } else if path.ends_with("/rerun") {
        json!({ "step": "placed" })
    } else if path.ends_with("/resume") || path.ends_with("/explain") {
        json!({ "body": { "id": 1 } })
    } else {
        json!({})
    }
}

async fn every_route_answers_as_described(store: Store) {
    let home = Home::new(store, SHOP).await;
    let node = home.dev().await;
    let document = node.api("/openapi.json").await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let placed = node.hit("shop/placed", json!({ "id": 1 })).await.expect(200);
    let hook = node.hook("shop", "placed").await;
    let identifier = hook.trim_start_matches("/hooks/");
    for (method, path, statuses) in routes(&document) {
        if is_stream(&path) || path.ends_with("/check") || path.ends_with("/cycles") && method == "POST" {
            continue;
        }
        let there = address(&path, "shop", &placed.transaction(), &placed.hit(), identifier);
        let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
        let missing = address(&path, "nobody", nobody, nobody, "nobody");
        for address in [there, missing] {
            let call = node.call(&method, &address);
            let call = if method == "GET" { call } else { call.json(body_for(&path)) };
            let answer = send(&node, call).await;
            assert!(
                statuses.contains(&answer.status),
                "{method} {path}: {} is not described: {}",
                answer.status,
                answer.text()
            );
            assert_ne!(answer.status, 500, "{method} {address}: {}", answer.text());
        }
    }
}

async fn the_guards_answers_are_described_for_every_route(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.dev().await;
    let document = node.api("/openapi.json").await;
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (method, path, statuses) in routes(&document) {
        let address = address(&path, "nobody", nobody, nobody, "nobody");
        let long_target = node.call(&method, &format!("{address}?x={}", "x".repeat(17 << 10)));
        let long_head = node.call(&method, &address).header("x-long", &"x".repeat(65 << 10));
        for (call, status) in [(long_target, 414), (long_head, 431)] {
            let answer = send(&node, call).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
            assert!(statuses.contains(&status), "{method} {path} does not describe {status}");
        }
        assert!(statuses.contains(&500), "{method} {path}");
        let reads = document["paths"][&path][method.to_lowercase()]["requestBody"].is_object();
        assert_eq!(statuses.contains(&408), reads, "{method} {path}: a body that comes too slowly");
        let answer = send(&node, node.call("TRACE", &address)).await;
        assert_eq!(answer.status, 405, "{path}: {}", answer.text());
        assert!(answer.header("allow").is_some_and(|allow| allow.contains(&method)), "{path}");
    }
}

async fn without_a_key_nothing_is_told(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let document = node.api("/openapi.json").await;
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (method, path, statuses) in routes(&document) {
        if path.ends_with("openapi.json") || is_stream(&path) {
            continue;
        }
        let address = address(&path, "shop", nobody, nobody, "nobody");
        for call in [
            Call::new(&method, &address),
            Call::new(&method, &address).header("authorization", "Bearer hf_nonsense"),
            Call::new(&method, &address).header("x-api-key", ""),
        ] {
            let answer = send(&node, call).await;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
            assert!(statuses.contains(&401), "{method} {path} does not describe 401");
        }
    }
}

/// A new key's secret.
async fn key(node: &Node, scopes: Value) -> (String, String) {
    let made = node.post("/api/v1/keys", json!({ "name": "test", "scopes": scopes })).await;
    assert!((200..300).contains(&made.status), "{}", made.text());
    let made = made.json();
    let members = made.as_object().expect("an object");
    let secret = members.values().filter_map(Value::as_str).find(|text| text.len() >= 43 && !text.contains('-'));
    let secret = secret.unwrap_or_else(|| panic!("a secret of 256 bits in {made}"));
    (made["id"].as_str().expect("an id").to_owned(), secret.to_owned())
}

async fn with(node: &Node, secret: &str, method: &str, path: &str) -> u16 {
    let call = Call::new(method, &format!("/api/v1{path}")).header("authorization", &format!("Bearer {secret}"));
    send(node, if method == "GET" { call } else { call.json("{}") }).await.status
}

async fn a_key_does_what_its_scopes_say(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    node.deploy(SHOP).await;
    let (_, reader) = key(&node, json!(["read"])).await;
    assert_eq!(with(&node, &reader, "GET", "/cycles").await, 200);
    for (method, path) in
        [("POST", "/cycles/shop/stop"), ("DELETE", "/cycles/shop"), ("POST", "/keys"), ("POST", "/cycles")]
    {
        assert_eq!(with(&node, &reader, method, path).await, 403, "{method} {path}");
    }
    let (_, operator) = key(&node, json!(["read", "operate"])).await;
    assert_eq!(with(&node, &operator, "POST", "/cycles/shop/stop").await, 200);
    assert_eq!(with(&node, &operator, "POST", "/keys").await, 403);
    // The other header carries it as well.
    let other = Call::new("GET", "/api/v1/cycles").header("x-api-key", &reader);
    send(&node, other).await.expect(200);
}

async fn a_revoked_keys_stream_of_events_ends(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let (id, secret) = key(&node, json!(["read"])).await;
    let call = Call::new("GET", "/api/v1/events").header("x-api-key", &secret);
    let mut stream = tokio::spawn(call.send(node.address));
    let early = tokio::time::timeout(Duration::from_millis(1_500), &mut stream).await;
    assert!(early.is_err(), "the stream goes on while its key is live");
    send(&node, node.call("DELETE", &format!("/api/v1/keys/{id}"))).await.expect(204);
    let ended = tokio::time::timeout(Duration::from_secs(5), stream).await.expect("it ends");
    ended.expect("no panic").expect("an answer").expect(200);
}

async fn a_revoked_key_is_refused_at_once(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let (id, secret) = key(&node, json!(["read"])).await;
    assert_eq!(with(&node, &secret, "GET", "/cycles").await, 200);
    let gone = send(&node, node.call("DELETE", &format!("/api/v1/keys/{id}"))).await;
    assert!((200..300).contains(&gone.status), "{}", gone.text());
    assert_eq!(with(&node, &secret, "GET", "/cycles").await, 401);
    let kept = node.api("/keys").await.to_string();
    assert!(!kept.contains(&secret), "a secret is shown once");
}

async fn lists_are_read_page_by_page(store: Store) {
    let home = Home::new(store, SHOP).await;
    let node = home.dev().await;
    let mut placed = Vec::new();
    for id in 0..7 {
        placed.insert(0, node.hit("shop/placed", json!({ "id": id })).await.transaction());
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = node.api(&format!("/transactions?cycle=shop&limit=3{after}")).await;
        let data = page["data"].as_array().expect("a list");
        assert!(data.len() <= 3);
        for one in data {
            assert!(one.get("document").is_none() && one.get("runs").is_none(), "lists leave them out");
            seen.push(one["id"].as_str().expect("an id").to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, placed, "newest first, each once");
    for bad in ["limit=0", "limit=1001", "limit=x", "after=nonsense", "status=nonsense"] {
        let answer = node.get(&format!("/api/v1/transactions?{bad}")).await;
        assert!((400..500).contains(&answer.status), "{bad}: {}", answer.status);
    }
}

fn has(value: &Value, members: &[&str]) {
    for member in members {
        assert!(value.get(member).is_some(), "{member} in {value}");
    }
}

async fn shapes_that_clients_rely_on(store: Store) {
    let home = Home::new(store, SHOP).await;
    let node = home.dev().await;
    let placed = node.hit("shop/placed", json!({ "id": 1 })).await;
    let webhooks = node.api("/webhooks").await;
    has(
        &webhooks["data"][0],
        &["identifier", "url", "cycle", "step", "account", "synchronous", "verified", "last_hit_at"],
    );
    let transaction = node.transaction(&placed.transaction()).await;
    has(
        &transaction,
        &[
            "id",
            "account",
            "cycle",
            "version",
            "status",
            "step",
            "started_at",
            "expires_at",
            "document",
            "runs",
            "error",
        ],
    );
    has(&transaction["runs"][0], &["number", "hit", "entry", "status", "started_at", "ended_at", "steps", "answer"]);
    has(
        &transaction["runs"][0]["steps"][0],
        &["step", "kind", "status", "started_at", "duration_us", "output", "error"],
    );
    let started = transaction["started_at"].as_str().expect("a time");
    assert!(started.ends_with('Z') && started.len() == "2026-11-24T00:00:00.000000Z".len(), "{started}");
    let hit = node.api(&format!("/hits/{}", placed.hit())).await;
    has(&hit, &["id", "webhook", "received_at", "method", "headers", "query", "body", "status", "reason"]);
    has(&hit, &["transaction", "run", "ambiguous", "replay_of"]);
}

async fn an_error_is_a_problem_document(store: Store) {
    let home = Home::new(store, SHOP).await;
    let node = home.dev().await;
    for path in ["/cycles/nobody", "/transactions/nonsense", "/nothing/here"] {
        let answer = node.get(&format!("/api/v1{path}")).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
    }
    let wrong =
        node.call("POST", "/api/v1/cycles").body("application/yaml", SHOP.replace("next: status", "next: statsu"));
    let wrong = send(&node, wrong).await;
    assert!((400..500).contains(&wrong.status));
    let text = wrong.text();
    assert!(text.contains("statsu") && text.contains("\"line\""), "{text}");
}
