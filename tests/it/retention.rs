//! How long a transaction is kept (contract, sections 1, 16 and 17, "Retention").

use holdfast_engine::{Error, TransactionId};
use holdfast_tests::{Home, Store, World, both_stores, duration};
use serde_json::json;

both_stores![
    it_is_31_days_to_the_microsecond,
    a_hit_never_extends_it,
    a_cycle_may_keep_them_for_less,
    a_completed_one_is_kept_from_its_end,
    a_failed_one_is_kept_apart,
    one_that_is_mended_is_kept_as_completed,
    nothing_is_kept_past_31_days_from_its_start,
    everything_about_it_goes,
    an_unmatched_hit_is_kept_for_the_cycles_retention,
    the_real_binary_crosses_31_days_in_a_moment,
];

const ORDERS: &str = "
cycle: orders
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
    next: went
  went:
    decision:
      - { when: { value: $.status.body.broken, exists: true }, next: broke }
      - else: end
  broke:
    fail: { message: it broke }
";

fn kept(retention: &str) -> String {
    ORDERS.replace("cycle: orders", &format!("cycle: orders\nretention: {retention}"))
}

/// `expires_at`, counted from the start: and it is there until then, and not at that instant.
async fn lasts(world: &World, id: TransactionId, for_all: &str) {
    let view = world.transaction(id).await;
    let length = chrono::Duration::from_std(duration(for_all)).expect("a span");
    assert_eq!(view.expires_at - view.started_at, length);
    let left = view.expires_at - world.engine.now();
    let almost = (left - chrono::Duration::microseconds(1)).to_std().expect("it lies ahead");
    world.engine.advance(almost).await.expect("the clock is manual");
    assert_ne!(world.status(id).await, "gone", "a microsecond too early");
    world.advance("1us").await;
    assert_eq!(world.status(id).await, "gone", "a microsecond too late");
}

async fn it_is_31_days_to_the_microsecond(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.advance("743h").await;
    world.advance("3599999999us").await;
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.transaction(), placed);
    world.advance("1us").await;
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.0.transaction, None);
    assert_eq!(world.status(placed).await, "gone");
}

async fn a_hit_never_extends_it(store: Store) {
    let world = World::start(store, &kept("7d")).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    for _ in 0..6 {
        world.advance("1d").await;
        world.hit("status", json!({ "id": 1 })).await;
    }
    lasts(&world, placed, "7d").await;
}

async fn a_cycle_may_keep_them_for_less(store: Store) {
    let world = World::start(store, &kept("1h")).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    lasts(&world, placed, "1h").await;
    assert!(world.all().await.is_empty());
}

async fn a_completed_one_is_kept_from_its_end(store: Store) {
    let world = World::start(store, &kept("{ completed: 7d, failed: 10d }")).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.advance("5d").await;
    world.hit("status", json!({ "id": 1 })).await;
    world.advance("2d").await;
    world.hit("status", json!({ "id": 1 })).await;
    lasts(&world, placed, "12d").await;
}

async fn a_failed_one_is_kept_apart(store: Store) {
    let world = World::start(store, &kept("{ completed: 7d, failed: 10d }")).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.advance("5d").await;
    world.hit("status", json!({ "id": 1, "broken": true })).await;
    assert_eq!(world.status(placed).await, "failed at broke");
    lasts(&world, placed, "15d").await;
}

async fn one_that_is_mended_is_kept_as_completed(store: Store) {
    let world = World::start(store, &kept("{ completed: 7d, failed: 10d }")).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.hit("status", json!({ "id": 1, "broken": true })).await;
    world.advance("1d").await;
    world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(world.status(placed).await, "completed");
    lasts(&world, placed, "8d").await;
}

async fn nothing_is_kept_past_31_days_from_its_start(store: Store) {
    let world = World::start(store, &kept("{ completed: 7d, failed: 10d }")).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.advance("30d").await;
    world.hit("status", json!({ "id": 1 })).await;
    lasts(&world, placed, "31d").await;
}

async fn everything_about_it_goes(store: Store) {
    let world = World::start(store, &kept("1d")).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await;
    let resumed = world.hit("status", json!({ "id": 1 })).await;
    world.advance("1d").await;
    for hit in [placed.hit(), resumed.hit()] {
        assert!(matches!(world.engine.hit("default", hit).await, Err(Error::NotFound { .. })));
    }
    assert!(world.all().await.is_empty());
    let cycle = world.engine.cycle("default", "orders").await.expect("it is there");
    assert_eq!(cycle.held.iter().map(|(_, count)| count).sum::<u64>(), 0);
    let rerun = world.engine.rerun("default", placed.transaction(), "placed", None).await;
    assert!(matches!(rerun, Err(Error::NotFound { .. })), "{rerun:?}");
}

async fn an_unmatched_hit_is_kept_for_the_cycles_retention(store: Store) {
    let world = World::start(store, &kept("1d")).await;
    let hit = world.hit("status", json!({ "id": 1 })).await.hit();
    world.advance("23h").await;
    assert!(world.hit_status(hit).await.starts_with("unmatched"));
    world.advance("1h").await;
    assert!(matches!(world.engine.hit("default", hit).await, Err(Error::NotFound { .. })));
}

async fn the_real_binary_crosses_31_days_in_a_moment(store: Store) {
    let home = Home::new(store, ORDERS).await;
    let mut node = home.dev().await;
    let placed = node.hit("orders/placed", json!({ "id": 1 })).await.expect(200).transaction();
    node.advance("30d").await;
    node.kill().await;
    node.restart().await;
    assert_eq!(node.hit("orders/status", json!({ "id": 1 })).await.expect(200).transaction(), placed);
    node.advance("23h").await;
    node.advance("59m").await;
    assert_eq!(node.hit("orders/status", json!({ "id": 1 })).await.expect(200).transaction(), placed);
    node.advance("1m").await;
    let late = node.hit("orders/status", json!({ "id": 1 })).await.expect(200);
    assert_eq!(late.header("holdfast-transaction"), None);
    node.get(&format!("/api/v1/transactions/{placed}")).await.expect(404);
}
