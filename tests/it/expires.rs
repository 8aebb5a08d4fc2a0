//! Holds that no hit has resumed in time (contract, sections 3, 16 and 17, "Expires").

use holdfast_tests::{Store, World, both_stores};
use serde_json::json;

both_stores![
    a_hold_goes_elsewhere_when_its_time_is_up,
    not_a_microsecond_before,
    it_is_a_run_with_no_hit,
    a_hit_in_time_stops_the_clock,
    once_taken_the_hold_no_longer_matches,
    it_counts_from_when_it_was_held,
    it_may_end_the_transaction,
    several_fall_due_in_order,
    many_fall_due_at_once,
    a_racing_hit_is_decided_once,
    a_cancelled_one_does_not_expire,
    it_falls_due_while_the_engine_is_away,
];

const APPROVAL: &str = "
cycle: approval
steps:
  asked:
    webhook:
    next: decided
  decided:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.asked.body.id }]
      expires: { after: 48h, next: late }
    next: done
  done:
    set: { by: \"${$.decided.body.by}\" }
  late:
    set: nobody answered
";

async fn a_hold_goes_elsewhere_when_its_time_is_up(store: Store) {
    let world = World::start(store, APPROVAL).await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.advance("48h").await;
    assert_eq!(world.status(asked).await, "completed");
    let document = world.document(asked).await;
    assert_eq!(document["late"], "nobody answered");
    assert!(document.get("done").is_none());
}

async fn not_a_microsecond_before(store: Store) {
    let world = World::start(store, APPROVAL).await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.advance("47h").await;
    world.advance("3599999999us").await;
    assert_eq!(world.status(asked).await, "held at decided");
    assert_eq!(world.hit("decided", json!({ "id": 1, "by": "ann" })).await.transaction(), asked);
    assert_eq!(world.document(asked).await["done"]["by"], "ann");
}

async fn it_is_a_run_with_no_hit(store: Store) {
    let world = World::start(store, APPROVAL).await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.advance("3d").await;
    let runs = world.runs(asked).await;
    assert_eq!((runs.len(), runs[1].hit, runs[1].number), (2, None, 2));
    assert_eq!(runs[1].started_at - runs[0].started_at, chrono::Duration::hours(48), "when it was due, not when seen");
}

async fn a_hit_in_time_stops_the_clock(store: Store) {
    let world = World::start(store, APPROVAL).await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.hit("decided", json!({ "id": 1, "by": "ann" })).await;
    world.advance("10d").await;
    assert_eq!(world.runs(asked).await.len(), 2);
    assert_eq!(world.hit("decided", json!({ "id": 1, "by": "bob" })).await.transaction(), asked);
    assert_eq!(world.document(asked).await["done"]["by"], "bob");
}

async fn once_taken_the_hold_no_longer_matches(store: Store) {
    let world = World::start(store, APPROVAL).await;
    world.hit("asked", json!({ "id": 1 })).await;
    world.advance("48h").await;
    let late = world.hit("decided", json!({ "id": 1 })).await;
    assert_eq!(late.0.transaction, None);
    assert!(world.hit_status(late.hit()).await.starts_with("unmatched"));
}

async fn it_counts_from_when_it_was_held(store: Store) {
    let world = World::start(
        store,
        &APPROVAL.replace("    next: decided", "    next: seen").replace(
            "  done:",
            "  seen:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.asked.body.id }]
    next: decided
  done:",
        ),
    )
    .await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.advance("5d").await;
    world.hit("seen", json!({ "id": 1 })).await;
    world.advance("47h").await;
    assert_eq!(world.status(asked).await, "held at decided");
    world.advance("1h").await;
    assert_eq!(world.status(asked).await, "completed");
}

async fn it_may_end_the_transaction(store: Store) {
    let world = World::start(
        store,
        &APPROVAL.replace("next: late }", "next: end }").replace("  late:\n    set: nobody answered\n", ""),
    )
    .await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.advance("48h").await;
    assert_eq!(world.status(asked).await, "completed");
}

async fn several_fall_due_in_order(store: Store) {
    let world = World::start(store, APPROVAL).await;
    let mut asked = Vec::new();
    for id in 0..5 {
        asked.push(world.hit("asked", json!({ "id": id })).await.transaction());
        world.advance("1m").await;
    }
    world.advance("30d").await;
    let mut ends = Vec::new();
    for id in asked {
        let runs = world.runs(id).await;
        ends.push(runs[1].started_at);
    }
    assert!(ends.windows(2).all(|pair| pair[1] - pair[0] == chrono::Duration::minutes(1)), "{ends:?}");
}

/// More than one look for what is due finds, and some that a hit has taken meanwhile.
async fn many_fall_due_at_once(store: Store) {
    const MANY: usize = 1_200;
    let world = World::start(store, APPROVAL).await;
    let calls: Vec<_> = (0..MANY).map(|id| world.call("asked", json!({ "id": id }))).collect();
    let mut asked = Vec::new();
    for call in calls {
        asked.push(call.await.expect("no panic").transaction());
    }
    let taken = 20;
    for id in 0..taken {
        world.hit("decided", json!({ "id": id, "by": "ann" })).await;
    }
    // It returns once all is done, and says so where something could not be.
    world.advance("48h").await;
    for (id, asked) in asked.into_iter().enumerate() {
        assert_eq!(world.status(asked).await, "completed");
        let document = world.document(asked).await;
        assert_eq!(document.get("late").is_some(), id >= taken, "{document}");
    }
}

async fn a_racing_hit_is_decided_once(store: Store) {
    let world = World::start(store, APPROVAL).await;
    for id in 0..12 {
        let asked = world.hit("asked", json!({ "id": id })).await.transaction();
        world.advance("47h").await;
        let hit = world.call("decided", json!({ "id": id, "by": "ann" }));
        world.advance("1h").await;
        let got = hit.await.expect("no panic");
        let document = world.document(asked).await;
        assert_eq!(world.runs(asked).await.len(), 2, "one of the two");
        assert_eq!(got.0.transaction.is_some(), document.get("done").is_some(), "{document}");
        assert_eq!(got.0.transaction.is_none(), document.get("late").is_some(), "{document}");
    }
}

async fn a_cancelled_one_does_not_expire(store: Store) {
    let world = World::start(store, APPROVAL).await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.engine.cancel("default", asked).await.expect("it is cancelled");
    world.advance("3d").await;
    assert_eq!(world.status(asked).await, "cancelled");
    assert_eq!(world.runs(asked).await.len(), 1);
}

async fn it_falls_due_while_the_engine_is_away(store: Store) {
    let mut world = World::start(store, APPROVAL).await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.advance("47h").await;
    world.reopen().await;
    world.advance("1h").await;
    assert_eq!(world.status(asked).await, "completed");
    assert_eq!(world.document(asked).await["late"], "nobody answered");
}
