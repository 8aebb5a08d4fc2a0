//! Deliveries that come again (contract, sections 3 and 17, "Repeats").

use holdfast_engine::{Error, RepeatHeader};
use holdfast_tests::{Store, World, both_stores};
use serde_json::json;

both_stores![
    the_same_key_and_body_get_the_same_answer,
    a_repeat_does_not_resume_a_newer_transaction,
    another_body_under_an_idempotency_key_is_refused,
    another_body_under_a_webhook_id_is_a_plain_repeat,
    a_value_of_the_body_can_be_the_key,
    a_key_is_the_webhooks_own,
    it_is_remembered_for_72_hours,
    an_unmatched_one_is_a_repeat_too,
    repeats_at_once_run_once,
    a_synchronous_answer_is_given_again,
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
      dedupe: $.body.event
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
";

const ASK: &str = "
cycle: ask
steps:
  asked:
    webhook:
    next: told
  told:
    respond: { status: 201, body: { n: \"${$.asked.body.n}\", id: \"${transaction.id}\" } }
";

async fn the_same_key_and_body_get_the_same_answer(store: Store) {
    let world = World::start(store, ORDERS).await;
    let first = world.hit_with_key("k", "placed", json!({ "id": 1 })).await.expect("accepted");
    let again = world.hit_with_key("k", "placed", json!({ "id": 1 })).await.expect("accepted");
    assert!(!first.0.replayed && again.0.replayed);
    assert_eq!((again.hit(), again.transaction(), again.said()), (first.hit(), first.transaction(), first.said()));
    assert_eq!(world.all().await.len(), 1);
}

async fn a_repeat_does_not_resume_a_newer_transaction(store: Store) {
    let world = World::start(store, ORDERS).await;
    let older = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let first = world.hit_with_key("k", "status", json!({ "id": 1 })).await.expect("accepted");
    assert_eq!(first.transaction(), older);
    let newer = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let again = world.hit_with_key("k", "status", json!({ "id": 1 })).await.expect("accepted");
    assert_eq!(again.transaction(), older);
    assert_eq!(world.status(newer).await, "held at status");
    assert_eq!(world.runs(older).await.len(), 2);
}

async fn another_body_under_an_idempotency_key_is_refused(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.hit_with_key("k", "placed", json!({ "id": 1 })).await.expect("accepted");
    let other = world.hit_with_key("k", "placed", json!({ "id": 2 })).await;
    assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");
    assert_eq!(world.all().await.len(), 1);
}

async fn another_body_under_a_webhook_id_is_a_plain_repeat(store: Store) {
    let world = World::start(store, ORDERS).await;
    let repeat = Some(RepeatHeader::WebhookId("msg_1".to_owned()));
    let mut arrival = world.arrival("placed", json!({ "id": 1 }));
    arrival.repeat.clone_from(&repeat);
    let first = world.send(arrival).await;
    let mut arrival = world.arrival("placed", json!({ "id": 2 }));
    arrival.repeat = repeat;
    let again = world.send(arrival).await;
    assert!(again.0.replayed);
    assert_eq!(again.transaction(), first.transaction());
}

async fn a_value_of_the_body_can_be_the_key(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let first = world.hit("status", json!({ "id": 1, "event": "e1", "try": 1 })).await;
    let again = world.hit("status", json!({ "id": 1, "event": "e1", "try": 2 })).await;
    assert!(again.0.replayed);
    assert_eq!((again.hit(), again.transaction()), (first.hit(), placed));
    assert!(!world.hit("status", json!({ "id": 1, "event": "e2" })).await.0.replayed);
    assert!(!world.hit("status", json!({ "id": 1 })).await.0.replayed, "with no value nothing is recognised");
    assert!(!world.hit("status", json!({ "id": 1 })).await.0.replayed);
    assert_eq!(world.runs(placed).await.len(), 5);
}

async fn a_key_is_the_webhooks_own(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.hit_with_key("k", "placed", json!({ "id": 1 })).await.expect("accepted");
    let elsewhere = world.hit_with_key("k", "status", json!({ "id": 1 })).await.expect("accepted");
    assert!(!elsewhere.0.replayed);
}

async fn it_is_remembered_for_72_hours(store: Store) {
    let world = World::start(store, &ORDERS.replace("cycle: orders", "cycle: orders\nretention: 1h")).await;
    world.hit_with_key("k", "placed", json!({ "id": 1 })).await.expect("accepted");
    world.advance("71h").await;
    world.advance("3599999999us").await;
    assert!(world.hit_with_key("k", "placed", json!({ "id": 1 })).await.expect("accepted").0.replayed);
    world.advance("1us").await;
    assert!(!world.hit_with_key("k", "placed", json!({ "id": 1 })).await.expect("accepted").0.replayed);
}

async fn an_unmatched_one_is_a_repeat_too(store: Store) {
    let world = World::start(store, ORDERS).await;
    let first = world.hit_with_key("k", "status", json!({ "id": 1 })).await.expect("accepted");
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let again = world.hit_with_key("k", "status", json!({ "id": 1 })).await.expect("accepted");
    assert!(again.0.replayed);
    assert_eq!((again.hit(), again.0.transaction), (first.hit(), None));
    assert_eq!(world.status(placed).await, "held at status");
}

async fn repeats_at_once_run_once(store: Store) {
    let world = World::start(store, ASK).await;
    let mut calls = Vec::new();
    for _ in 0..12 {
        let mut arrival = world.arrival("asked", json!({ "n": 1 }));
        arrival.repeat = Some(RepeatHeader::IdempotencyKey("k".to_owned()));
        let engine = world.engine.clone();
        calls.push(tokio::spawn(async move { engine.receive(arrival).await.expect("accepted") }));
    }
    let mut fresh = 0;
    for call in calls {
        fresh += u32::from(!call.await.expect("no panic").replayed);
    }
    assert_eq!((fresh, world.all().await.len()), (1, 1));
}

async fn a_synchronous_answer_is_given_again(store: Store) {
    let world = World::start(store, ASK).await;
    let first = world.hit_with_key("k", "asked", json!({ "n": 1 })).await.expect("accepted");
    assert!(first.said().starts_with("201 {\"n\":1,"), "{}", first.said());
    world.advance("1h").await;
    let again = world.hit_with_key("k", "asked", json!({ "n": 1 })).await.expect("accepted");
    assert_eq!((again.said(), again.0.replayed), (first.said(), true));
}
