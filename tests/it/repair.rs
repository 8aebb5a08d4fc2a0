//! What an operator does by hand (contract, sections 5, 16 and 17).

use holdfast_definitions::Json;
use holdfast_engine::{Error, HitId, TransactionId};
use holdfast_tests::{Body, Store, World, both_stores};
use serde_json::json;

both_stores![
    cancel_is_final,
    a_cancelled_one_can_be_neither_resumed_nor_run_again,
    a_rerun_begins_with_the_document_as_it_was_there,
    a_rerun_takes_an_edited_document,
    a_rerun_is_a_run_with_no_hit,
    a_step_never_passed_cannot_be_rerun,
    a_failed_transaction_is_mended_by_a_rerun,
    a_hold_is_resumed_by_hand_whatever_the_mapping_says,
    what_is_not_held_cannot_be_resumed,
    a_replay_is_a_new_hit_matched_as_of_now,
    a_replay_is_never_taken_for_a_repeat,
    what_is_not_there_is_not_found,
];

const ORDERS: &str = "
cycle: orders
steps:
  placed:
    webhook:
    next: priced
  priced:
    set: { total: \"${$.placed.body.total}\" }
    next: fits
  fits:
    decision:
      - { when: { value: $.priced.total, less_than: 100 }, next: status }
      - else: dear
  dear:
    fail: { message: too dear }
  status:
    webhook:
      early: 0s
      dedupe: $.body.event
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
    next: noted
  noted:
    set: ${$.status.body.note}
";

fn json_of(value: serde_json::Value) -> Json {
    Body::from(value).json()
}

async fn placed(world: &World, id: u32, total: u32) -> TransactionId {
    world.hit("placed", json!({ "id": id, "total": total })).await.transaction()
}

async fn cancel_is_final(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    let view = world.engine.cancel("default", order).await.expect("it is cancelled");
    assert_eq!(view.status.word(), "cancelled");
    assert!(matches!(world.engine.cancel("default", order).await, Err(Error::Conflict(_))));
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.0.transaction, None);
}

async fn a_cancelled_one_can_be_neither_resumed_nor_run_again(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    world.engine.cancel("default", order).await.expect("it is cancelled");
    let resumed = world.engine.resume("default", order, Some("status"), Json::Null).await;
    assert!(matches!(resumed, Err(Error::Conflict(_))), "{resumed:?}");
    let rerun = world.engine.rerun("default", order, "priced", None).await;
    assert!(matches!(rerun, Err(Error::Conflict(_))), "{rerun:?}");
}

async fn a_rerun_begins_with_the_document_as_it_was_there(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    world.hit("status", json!({ "id": 1, "note": "first" })).await;
    world.engine.rerun("default", order, "priced", None).await.expect("it runs again");
    assert_eq!(world.status(order).await, "held at status");
    let document = world.document(order).await;
    assert!(document.get("status").is_none() && document.get("noted").is_none(), "{document}");
    assert_eq!(document["priced"]["total"], 5);
}

async fn a_rerun_takes_an_edited_document(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    let edited = json_of(json!({ "placed": { "body": { "id": 2, "total": 6 } } }));
    world.engine.rerun("default", order, "priced", Some(edited)).await.expect("it runs again");
    assert_eq!(world.document(order).await["priced"]["total"], 6);
    assert_eq!(world.hit("status", json!({ "id": 2 })).await.transaction(), order, "held under the edited value");
}

async fn a_rerun_is_a_run_with_no_hit(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    world.engine.rerun("default", order, "priced", None).await.expect("it runs again");
    let runs = world.runs(order).await;
    assert_eq!((runs.len(), runs[1].hit, runs[1].entry.as_str(), runs[1].number), (2, None, "priced", 2));
}

async fn a_step_never_passed_cannot_be_rerun(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    for step in ["noted", "dear", "nonsense"] {
        assert!(world.engine.rerun("default", order, step, None).await.is_err(), "{step}");
    }
    assert_eq!(world.runs(order).await.len(), 1);
}

async fn a_failed_transaction_is_mended_by_a_rerun(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 500).await;
    assert_eq!(world.status(order).await, "failed at dear");
    assert!(world.error(order).await.contains("too dear"));
    let edited = json_of(json!({ "placed": { "body": { "id": 1 } }, "priced": { "total": 50 } }));
    world.engine.rerun("default", order, "fits", Some(edited)).await.expect("it runs again");
    assert_eq!(world.status(order).await, "held at status");
    assert!(world.transaction(order).await.error.is_none());
}

async fn a_hold_is_resumed_by_hand_whatever_the_mapping_says(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    let newer = placed(&world, 1, 6).await;
    let body = json_of(json!({ "note": "by hand" }));
    world.engine.resume("default", order, None, body).await.expect("it is resumed");
    assert_eq!(world.document(order).await["noted"], "by hand");
    assert_eq!(world.status(newer).await, "held at status");
    let hit = world.runs(order).await[1].hit.expect("a hit was made for it");
    assert_eq!(world.hit_view(hit).await.transaction, Some(order));
}

async fn what_is_not_held_cannot_be_resumed(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 500).await;
    let resumed = world.engine.resume("default", order, None, Json::Null).await;
    assert!(matches!(resumed, Err(Error::Conflict(_) | Error::Invalid(_))), "{resumed:?}");
}

async fn a_replay_is_a_new_hit_matched_as_of_now(store: Store) {
    let world = World::start(store, ORDERS).await;
    let lost = world.hit("status", json!({ "id": 1, "note": "lost" })).await.hit();
    let order = placed(&world, 1, 5).await;
    let replay = world.engine.replay("default", lost).await.expect("it is replayed");
    assert_ne!(replay.id, lost);
    assert_eq!((replay.replay_of, replay.transaction), (Some(lost), Some(order)));
    assert_eq!(world.document(order).await["noted"], "lost");
    assert!(world.hit_status(lost).await.starts_with("unmatched"), "the first one stays as it was");
}

async fn a_replay_is_never_taken_for_a_repeat(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    let hit = world.hit("status", json!({ "id": 1, "event": "e" })).await.hit();
    let replay = world.engine.replay("default", hit).await.expect("it is replayed");
    assert_eq!((replay.transaction, replay.run), (Some(order), Some(3)));
    let started = world.engine.hit("default", hit).await.expect("it is there");
    assert_eq!((started.transaction, started.run), (Some(order), Some(2)));
}

async fn what_is_not_there_is_not_found(store: Store) {
    let world = World::start(store, ORDERS).await;
    let order = placed(&world, 1, 5).await;
    for missing in [
        world.engine.transaction("other", order).await.map(|_| ()),
        world.engine.cancel("other", order).await.map(|_| ()),
        world.engine.rerun("other", order, "priced", None).await.map(|_| ()),
        world.engine.resume("other", order, None, Json::Null).await.map(|_| ()),
        world.engine.hit("default", HitId(order.0)).await.map(|_| ()),
        world.engine.replay("default", HitId(order.0)).await.map(|_| ()),
    ] {
        assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    }
}
