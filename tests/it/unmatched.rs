//! Hits that matched nothing and would now, as they are offered for a replay after a deploy.

use holdfast_engine::{Error, HitId};
use holdfast_tests::{Store, World, both_stores};
use serde_json::json;

both_stores![
    a_hit_that_came_too_soon_would_match_until_it_is_replayed,
    a_hit_is_read_as_the_new_mapping_says,
    what_is_cancelled_expired_or_elsewhere_takes_none,
    a_bounded_number_is_looked_at,
];

const ORDERS: &str = "
cycle: orders
retention: 24h
steps:
  placed: { webhook: , next: paid }
  paid:
    webhook: { early: 0s, mapping: [{ hit: $.body.paid, transaction: $.placed.body.order }] }
    next: status
  status:
    webhook: { early: 0s, mapping: [{ hit: $.body.order, transaction: $.placed.body.order }] }
";

async fn found(world: &World) -> (Vec<HitId>, usize, bool) {
    let found = world.engine.would_match("default", "orders").await.expect("it is looked for");
    (found.hits, found.looked_at, found.more)
}

async fn held(world: &World, order: u32) -> holdfast_engine::TransactionId {
    world.hit("placed", json!({ "order": order })).await;
    world.hit("paid", json!({ "paid": order })).await.transaction()
}

async fn a_hit_that_came_too_soon_would_match_until_it_is_replayed(store: Store) {
    let world = World::start(store, ORDERS).await;
    let first = world.hit("status", json!({ "order": 1 })).await.hit();
    let other = world.hit("status", json!({ "order": 2 })).await.hit();
    let again = world.hit("status", json!({ "order": 1, "again": true })).await.hit();
    assert_eq!(found(&world).await, (vec![], 3, false));
    held(&world, 1).await;
    assert_eq!(found(&world).await, (vec![first, again], 3, false), "oldest first");
    world.engine.replay("default", first).await.expect("it is replayed");
    assert_eq!(found(&world).await, (vec![again], 3, false));
    // A replay that matched nothing is another hit, which takes the place of the one that it is of.
    let replayed = world.engine.replay("default", other).await.expect("it is replayed").id;
    held(&world, 2).await;
    assert_eq!(found(&world).await, (vec![again, replayed], 4, false));
    let missing = world.engine.would_match("default", "orderz").await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
}

async fn a_hit_is_read_as_the_new_mapping_says(store: Store) {
    let world = World::start(store, ORDERS).await;
    let hit = world.hit("status", json!({ "number": 7 })).await.hit();
    held(&world, 7).await;
    assert_eq!(found(&world).await.0, []);
    world.deploy(&ORDERS.replace("hit: $.body.order", "hit: $.body.number")).await;
    assert_eq!(found(&world).await.0, [], "what is held by the old version waits as that says");
    let order = held(&world, 7).await;
    assert_eq!(found(&world).await.0, [hit]);
    assert_eq!(world.engine.replay("default", hit).await.expect("it is replayed").transaction, Some(order));
}

async fn what_is_cancelled_expired_or_elsewhere_takes_none(store: Store) {
    let world = World::start(store, ORDERS).await;
    for order in [1, 2, 3] {
        world.hit("status", json!({ "order": order })).await;
    }
    let cancelled = held(&world, 1).await;
    world.engine.cancel("default", cancelled).await.expect("it is cancelled");
    world.hit("placed", json!({ "order": 2 })).await;
    assert_eq!(found(&world).await.0, []);
    held(&world, 3).await;
    assert_eq!(found(&world).await.0.len(), 1);
    world.advance("25h").await;
    assert_eq!(found(&world).await.0, []);
}

async fn a_bounded_number_is_looked_at(store: Store) {
    let world = World::start(store, ORDERS).await;
    let oldest = world.hit("status", json!({ "order": 1 })).await.hit();
    let calls: Vec<_> = (0..1_000).map(|_| world.call("status", json!({ "order": 2 }))).collect();
    for call in calls {
        call.await.expect("it is accepted");
    }
    held(&world, 1).await;
    held(&world, 2).await;
    let (hits, looked_at, more) = found(&world).await;
    assert_eq!((hits.len(), looked_at, more), (1_000, 1_000, true));
    assert!(!hits.contains(&oldest));
}
