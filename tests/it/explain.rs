//! Why a hit matched, or did not (contract, section 3, "Why did it (not) match?").

use holdfast_engine::Explanation;
use holdfast_tests::{Body, Store, World, both_stores};
use serde_json::json;

both_stores![
    a_match_names_the_winner_and_why_the_others_lost,
    what_was_read_is_shown_with_its_type,
    a_space_too_many_is_a_near_miss,
    one_that_waits_at_another_step_is_a_near_miss,
    one_that_has_expired_is_a_near_miss,
    an_unusable_value_is_explained,
    a_dry_run_changes_nothing,
    what_was_decided_is_told_though_things_have_changed,
];

const ORDERS: &str = "
cycle: orders
steps:
  placed:
    webhook:
    next: booked
  booked:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.booking, transaction: $.placed.body.order }]
    next: status
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.order.id, transaction: $.placed.body.order }]
";

async fn explained(world: &World, step: &str, body: serde_json::Value) -> Explanation {
    let hit = world.hit(step, body).await.hit();
    world.engine.explain("default", hit).await.expect("it is explained")
}

/// An order that waits at `status`.
async fn held(world: &World, order: &str) -> holdfast_engine::TransactionId {
    world.hit("placed", json!({ "order": order })).await;
    world.hit("booked", json!({ "booking": order })).await.transaction()
}

async fn a_match_names_the_winner_and_why_the_others_lost(store: Store) {
    let world = World::start(store, ORDERS).await;
    let older = held(&world, "A-42").await;
    let newer = held(&world, "A-42").await;
    let why = explained(&world, "status", json!({ "order": { "id": "A-42" } })).await;
    assert_eq!(why.winner, Some(newer));
    assert_eq!(why.key.as_deref().map(|key| key[0].to_string()).as_deref(), Some("\"A-42\""));
    let candidates: Vec<_> = why.candidates.iter().map(|one| (one.transaction, one.won)).collect();
    assert_eq!(candidates, [(newer, true), (older, false)], "newest first");
    assert!(why.candidates.iter().all(|one| !one.why.is_empty()));
    assert!(why.near_misses.is_empty());
}

async fn what_was_read_is_shown_with_its_type(store: Store) {
    let world = World::start(store, ORDERS).await;
    for (id, kind) in [
        (json!("A"), "text"),
        (json!(42), "number"),
        (json!(true), "boolean"),
        (json!(null), "null"),
        (json!({}), "object"),
        (json!([]), "array"),
    ] {
        let why = explained(&world, "status", json!({ "order": { "id": id } })).await;
        assert_eq!((why.extracted[0].path.as_str(), why.extracted[0].kind), ("$.body.order.id", kind));
    }
    assert_eq!(explained(&world, "status", json!({})).await.extracted[0].kind, "missing");
}

async fn a_space_too_many_is_a_near_miss(store: Store) {
    let world = World::start(store, ORDERS).await;
    held(&world, "A-42").await;
    let why = explained(&world, "status", json!({ "order": { "id": "A-42 " } })).await;
    assert_eq!(why.winner, None);
    let miss = why.near_misses.join("\n");
    assert!(miss.contains("\"A-42 \"") && miss.contains("\"A-42\""), "{miss}");
}

async fn one_that_waits_at_another_step_is_a_near_miss(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.hit("placed", json!({ "order": "A-42" })).await;
    let why = explained(&world, "status", json!({ "order": { "id": "A-42" } })).await;
    let miss = why.near_misses.join("\n");
    assert!(miss.contains("booked"), "{miss}");
}

async fn one_that_has_expired_is_a_near_miss(store: Store) {
    let world = World::start(store, &ORDERS.replace("cycle: orders", "cycle: orders\nretention: 1h")).await;
    held(&world, "A-42").await;
    world.advance("1h").await;
    let why = explained(&world, "status", json!({ "order": { "id": "A-42" } })).await;
    assert_eq!(why.winner, None);
    // Swept or not, it says nothing untrue.
    assert!(why.candidates.iter().all(|one| !one.won));
}

async fn an_unusable_value_is_explained(store: Store) {
    let world = World::start(store, ORDERS).await;
    held(&world, "A-42").await;
    let why = explained(&world, "status", json!({ "order": { "id": null } })).await;
    assert_eq!((why.winner, why.key.is_none()), (None, true));
    assert!(why.summary.contains("$.body.order.id"), "{}", why.summary);
}

async fn a_dry_run_changes_nothing(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = held(&world, "A-42").await;
    let request =
        Body::from(json!({ "method": "POST", "headers": {}, "query": {}, "body": { "order": { "id": "A-42" } } }));
    let identifier = world.identifier("status");
    let why = world.engine.explain_dry("default", &identifier, request.json()).await.expect("it is explained");
    assert_eq!((why.hit, why.winner), (None, Some(order)));
    assert_eq!(world.status(order).await, "held at status");
    assert!(world.hits("status").await.data.is_empty());
}

async fn what_was_decided_is_told_though_things_have_changed(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = held(&world, "A-42").await;
    let hit = world.hit("status", json!({ "order": { "id": "A-42" } })).await.hit();
    held(&world, "A-42").await;
    let why = world.engine.explain("default", hit).await.expect("it is explained");
    assert_eq!((why.hit, why.winner), (Some(hit), Some(order)));
}
