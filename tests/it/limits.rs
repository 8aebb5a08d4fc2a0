//! A limit on everything, and a clear refusal (contract, section 13).

use std::time::Duration;

use holdfast_engine::{Error, Limits};
use holdfast_tests::{Call, Home, Mode, Store, World, both_stores};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

both_stores![
    a_document_that_would_grow_too_large_fails_the_step,
    what_is_nested_deep_is_read_again_and_has_a_limit,
    a_hit_too_many_in_the_queue_is_refused,
    a_run_too_many_is_refused,
    too_large_a_head_is_refused,
    a_slow_head_is_cut_off,
];

const ORDERS: &str = "
cycle: orders
steps:
  placed:
    webhook:
    next: copied
  copied:
    set: { a: \"${$.placed.body.text}\", b: \"${$.placed.body.text}\" }
    next: status
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
";

async fn a_document_that_would_grow_too_large_fails_the_step(store: Store) {
    let limits = Limits { document_bytes: 4000, ..Limits::default() };
    let world = World::start_within(store, ORDERS, limits).await;
    let small = world.hit("placed", json!({ "id": 1, "text": "x" })).await.transaction();
    assert_eq!(world.status(small).await, "held at status");
    let large = world.hit("placed", json!({ "id": 2, "text": "x".repeat(1800) })).await.transaction();
    assert_eq!(world.status(large).await, "failed at copied");
    assert!(world.error(large).await.contains("4000"), "{}", world.error(large).await);
    let document = world.document(large).await;
    assert!(document.get("copied").is_none());
    assert_eq!(document["placed"]["body"]["id"], 2, "nothing before it is lost");
}

async fn what_is_nested_deep_is_read_again_and_has_a_limit(store: Store) {
    let yaml = "
cycle: deep
steps:
  placed: { webhook: , next: once }
  once: { set: [[[\"${$.placed.body}\"]]], next: ship }
  ship:
    each: { in: $.once, steps: { rest: { delay: 1h, next: kept }, kept: { set: [\"${$.ship.item}\"] } } }
    next: twice
  twice: { set: [\"${$.once}\", \"${$.ship}\"] }
";
    let mut world = World::start(store, yaml).await;
    let body = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    let id = world.hit("placed", body.as_str()).await.transaction();
    world.reopen().await;
    world.advance("1h").await;
    assert_eq!(world.status(id).await, "completed");
    let document = world.detail(id).await.document;
    assert_eq!(document.get("once").expect("it is there").to_string(), format!("[[[{body}]]]"));
    let nested = |path: &str| format!("{}\"${{{path}}}\"{}", "[".repeat(50), "]".repeat(50));
    let (once, twice, thrice) = (nested("$.placed.body"), nested("$.once"), nested("$.twice"));
    let deeper = format!(
        "cycle: deep\nsteps:\n  placed: {{ webhook: , next: once }}\n  once: {{ set: {once}, next: twice }}\n  twice: {{ set: {twice}, next: thrice }}\n  thrice: {{ set: {thrice} }}\n"
    );
    world.deploy(&deeper).await;
    let id = world.hit("placed", body.as_str()).await.transaction();
    assert_eq!(world.status(id).await, "failed at thrice");
    let error = world.error(id).await;
    assert!(error.contains("nested deeper than 256"), "{error}");
}

async fn a_hit_too_many_in_the_queue_is_refused(store: Store) {
    let limits = Limits { queued_hits_per_webhook: 3, ..Limits::default() };
    let world = World::start_within(store, ORDERS, limits).await;
    world.engine.stop("default", "orders", false).await.expect("it stops");
    for id in 0..3 {
        world.hit("placed", json!({ "id": id, "text": "" })).await;
    }
    let fourth = world.engine.receive(world.arrival("placed", json!({ "id": 4 }))).await;
    assert!(matches!(fourth, Err(Error::Limit { max: 3, .. })), "{fourth:?}");
    assert_eq!(world.hits("placed").await.data.len(), 3);
    // The limit is each webhook's own.
    world.hit("status", json!({ "id": 1 })).await;
}

async fn a_run_too_many_is_refused(store: Store) {
    let limits = Limits { runs_per_transaction: 3, ..Limits::default() };
    let world = World::start_within(store, ORDERS, limits).await;
    let placed = world.hit("placed", json!({ "id": 1, "text": "" })).await.transaction();
    world.hit("status", json!({ "id": 1 })).await;
    world.hit("status", json!({ "id": 1 })).await;
    world.engine.receive(world.arrival("status", json!({ "id": 1 }))).await.ok();
    assert_eq!(world.runs(placed).await.len(), 3);
}

async fn too_large_a_head_is_refused(store: Store) {
    let home = Home::new(store, ORDERS).await;
    let node = home.dev().await;
    let hook = node.hook("orders", "placed").await;
    let large = Call::new("POST", &hook).header("x-large", &"x".repeat(70 << 10)).json("{}");
    assert_eq!(node.send(large).await.expect("an answer").status, 431);
    let mut many = Call::new("POST", &hook).json("{}");
    for number in 0..120 {
        many = many.header(&format!("x-{number}"), "x");
    }
    assert_eq!(node.send(many).await.expect("an answer").status, 431);
    let long = Call::new("POST", &format!("{hook}?{}", "x".repeat(40 << 10))).json("{}");
    let status = node.send(long).await.expect("an answer").status;
    assert!(status == 414 || status == 431, "{status}");
}

/// A sender that never ends its head holds nothing for longer than ten seconds.
async fn a_slow_head_is_cut_off(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let mut stream = TcpStream::connect(node.address).await.expect("a connection");
    stream.write_all(b"POST /hooks/x HTTP/1.1\r\nHost: ").await.expect("it is sent");
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is still open");
}
