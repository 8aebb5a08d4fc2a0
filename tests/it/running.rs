//! Start, stop, deploy while running, delete (contract, sections 3 and 5).

use holdfast_engine::{CycleState, Error};
use holdfast_tests::{Store, World, both_stores};
use serde_json::json;

both_stores![
    a_draft_refuses_and_queues_nothing,
    a_stopped_cycle_queues_and_a_start_works_it_off_in_order,
    what_is_queued_is_correlated_when_its_turn_comes,
    it_queues_for_24_hours_to_the_microsecond,
    what_is_left_in_the_queue_past_24_hours_is_expired,
    a_start_within_24_hours_takes_it_all,
    stopping_again_does_not_extend_the_24_hours,
    held_transactions_stay_held_through_a_stop,
    draining_ends_in_a_stopped_cycle,
    a_deploy_while_running_takes_effect_and_keeps_the_addresses,
    the_same_text_again_makes_no_version,
    a_definition_with_an_error_changes_nothing,
    a_running_cycle_cannot_be_deleted,
    a_deleted_cycle_is_gone_but_for_its_transactions,
    the_state_survives_a_restart,
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
";

async fn stop(world: &World) {
    world.engine.stop("default", "orders", false).await.expect("it stops");
}

async fn start(world: &World) {
    world.engine.start("default", "orders").await.expect("it starts");
}

/// Whether a hit is refused with `406`.
async fn refused(world: &World) -> bool {
    match world.engine.receive(world.arrival("placed", json!({ "id": 1 }))).await {
        Ok(_) => false,
        Err(Error::Inactive) => true,
        Err(error) => panic!("{error}"),
    }
}

async fn a_draft_refuses_and_queues_nothing(store: Store) {
    let world = World::draft(store, ORDERS).await;
    assert!(refused(&world).await);
    let cycle = world.engine.cycle("default", "orders").await.expect("it is there");
    assert_eq!((cycle.state, cycle.version), (CycleState::Draft, 1));
    start(&world).await;
    assert!(world.all().await.is_empty(), "nothing was queued");
    assert!(!refused(&world).await);
}

async fn a_stopped_cycle_queues_and_a_start_works_it_off_in_order(store: Store) {
    let world = World::start(store, ORDERS).await;
    stop(&world).await;
    let mut hits = Vec::new();
    for id in 0..10 {
        let got = world.hit("placed", json!({ "id": id })).await;
        assert_eq!((got.said().as_str(), got.0.transaction), ("200 Webhook accepted.", None));
        assert_eq!(world.hit_status(got.hit()).await, "queued");
        hits.push(got.hit());
    }
    assert_eq!(world.engine.cycle("default", "orders").await.expect("it is there").queued, 10);
    world.advance("1h").await;
    start(&world).await;
    let mut started = Vec::new();
    for hit in hits {
        let transaction =
            holdfast_tests::eventually("it is worked off", async || world.hit_view(hit).await.transaction);
        started.push(transaction.await);
    }
    assert!(started.is_sorted(), "first come, first started");
    assert_eq!(world.engine.cycle("default", "orders").await.expect("it is there").queued, 0);
}

async fn what_is_queued_is_correlated_when_its_turn_comes(store: Store) {
    let world = World::start(store, ORDERS).await;
    stop(&world).await;
    let before = world.hit("status", json!({ "id": 1 })).await.hit();
    let placed = world.hit("placed", json!({ "id": 1 })).await.hit();
    let after = world.hit("status", json!({ "id": 1 })).await.hit();
    start(&world).await;
    holdfast_tests::eventually("the last is worked off", async || {
        (world.hit_view(after).await.status.word() != "queued").then_some(())
    })
    .await;
    let transaction = world.hit_view(placed).await.transaction;
    assert!(transaction.is_some());
    assert!(world.hit_status(before).await.starts_with("unmatched"), "its turn came before the order's");
    assert_eq!(world.hit_view(after).await.transaction, transaction);
}

async fn it_queues_for_24_hours_to_the_microsecond(store: Store) {
    let world = World::start(store, ORDERS).await;
    stop(&world).await;
    world.advance("24h").await;
    assert!(!refused(&world).await, "24 h ago or less");
    world.advance("1us").await;
    assert!(refused(&world).await, "over 24 h ago");
}

async fn what_is_left_in_the_queue_past_24_hours_is_expired(store: Store) {
    let world = World::start(store, ORDERS).await;
    stop(&world).await;
    let hit = world.hit("placed", json!({ "id": 1 })).await.hit();
    world.advance("24h").await;
    assert_eq!(world.hit_status(hit).await, "queued");
    world.advance("1us").await;
    assert!(world.hit_status(hit).await.starts_with("expired"), "{}", world.hit_status(hit).await);
    start(&world).await;
    assert!(world.all().await.is_empty());
    assert!(!refused(&world).await);
}

async fn a_start_within_24_hours_takes_it_all(store: Store) {
    let world = World::start(store, ORDERS).await;
    stop(&world).await;
    let hit = world.hit("placed", json!({ "id": 1 })).await.hit();
    world.advance("24h").await;
    start(&world).await;
    world.advance("1h").await;
    assert_eq!(world.hit_status(hit).await, "applied");
}

async fn stopping_again_does_not_extend_the_24_hours(store: Store) {
    let world = World::start(store, ORDERS).await;
    stop(&world).await;
    world.advance("23h").await;
    world.engine.stop("default", "orders", false).await.ok();
    world.advance("1h").await;
    world.advance("1us").await;
    assert!(refused(&world).await);
}

async fn held_transactions_stay_held_through_a_stop(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    stop(&world).await;
    world.advance("10d").await;
    assert_eq!(world.status(placed).await, "held at status");
    start(&world).await;
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.transaction(), placed);
}

async fn draining_ends_in_a_stopped_cycle(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let cycle = world.engine.stop("default", "orders", true).await.expect("it drains");
    assert_eq!(cycle.state, CycleState::Stopped);
    assert_eq!(world.status(placed).await, "held at status", "it does not wait for what is held");
}

async fn a_deploy_while_running_takes_effect_and_keeps_the_addresses(store: Store) {
    let world = World::start(store, ORDERS).await;
    let before = (world.identifier("placed"), world.identifier("status"));
    let old = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world
        .deploy(
            &ORDERS.replace(
                "webhook:\n    next: status",
                "webhook:\n    next: mark\n  mark:\n    set: 2\n    next: status",
            ),
        )
        .await;
    assert_eq!((world.identifier("placed"), world.identifier("status")), before);
    let new = world.hit("placed", json!({ "id": 2 })).await.transaction();
    assert_eq!(world.document(new).await["mark"], 2);
    assert!(world.document(old).await.get("mark").is_none());
    assert!(before.0.len() >= 22, "128 random bits at least: {}", before.0);
}

async fn the_same_text_again_makes_no_version(store: Store) {
    let world = World::start(store, ORDERS).await;
    let deployed = world.engine.deploy("default", "test.yaml", ORDERS).await.expect("it is deployed");
    assert!(!deployed[0].changed);
    assert_eq!(deployed[0].cycle.version, 1);
}

async fn a_definition_with_an_error_changes_nothing(store: Store) {
    let world = World::start(store, ORDERS).await;
    let broken = ORDERS.replace("next: status", "next: statsu");
    let refused = world.engine.deploy("default", "test.yaml", &broken).await;
    assert!(matches!(&refused, Err(Error::Definition(diagnostics)) if !diagnostics.is_empty()));
    let cycle = world.engine.cycle("default", "orders").await.expect("it is there");
    assert_eq!((cycle.version, cycle.state, cycle.source.as_str()), (1, CycleState::Running, ORDERS));
}

async fn a_running_cycle_cannot_be_deleted(store: Store) {
    let world = World::start(store, ORDERS).await;
    let refused = world.engine.delete("default", "orders").await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
}

async fn a_deleted_cycle_is_gone_but_for_its_transactions(store: Store) {
    let world = World::start(store, ORDERS).await;
    let identifiers = [world.identifier("placed"), world.identifier("status")];
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    stop(&world).await;
    world.engine.delete("default", "orders").await.expect("it is deleted");
    for identifier in &identifiers {
        assert!(world.engine.door(identifier).is_none());
    }
    assert!(matches!(world.engine.cycle("default", "orders").await, Err(Error::NotFound { .. })));
    assert_eq!(world.status(placed).await, "held at status", "to be read until its retention ends");
    world.deploy(ORDERS).await;
    start(&world).await;
    for identifier in [world.identifier("placed"), world.identifier("status")] {
        assert!(!identifiers.contains(&identifier), "an identifier is never used again");
    }
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.0.transaction, None, "its holds no longer match");
}

async fn the_state_survives_a_restart(store: Store) {
    let mut world = World::start(store, ORDERS).await;
    let identifier = world.identifier("placed");
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let now = world.engine.now();
    world.reopen().await;
    assert_eq!(world.engine.now(), now, "the manual clock's instant is kept");
    assert_eq!(world.identifier("placed"), identifier);
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.transaction(), placed);
    stop(&world).await;
    world.advance("24h").await;
    world.reopen().await;
    assert!(!refused(&world).await);
    world.advance("1us").await;
    assert!(refused(&world).await, "measured from the stored time of the stop");
}
