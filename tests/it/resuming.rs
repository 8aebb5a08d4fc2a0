//! Which transaction takes a hit, and what its run sees (contract, section 3, "Mapping and resuming").

use holdfast_tests::{Store, World, both_stores};
use serde_json::json;

both_stores![
    the_newest_by_start_takes_the_hit,
    a_later_touch_does_not_make_an_older_one_newer,
    a_newer_one_that_never_came_to_the_step_does_not_take_it,
    a_hold_is_used_again_and_again,
    each_run_begins_with_the_held_document_and_this_hit,
    a_completed_and_a_failed_one_are_matched_and_a_cancelled_one_is_not,
    a_transaction_held_anew_forgets_the_older_hold,
    runs_are_numbered_in_the_order_of_their_hits,
    a_hit_that_matches_nothing_is_kept_with_the_reason,
    on_no_match_reject_refuses_and_keeps_the_hit,
    two_that_wait_make_a_hit_ambiguous,
    one_that_was_resumed_before_makes_none_ambiguous,
    on_ambiguous_reject_resumes_neither,
    holds_of_older_versions_are_found_and_stay_on_their_version,
    a_version_that_reads_the_hit_elsewhere_is_keyed_by_its_own_mapping,
    an_expired_one_is_not_matched,
    concurrent_hits_for_one_transaction_each_get_a_run,
];

const ORDERS: &str = "
cycle: orders
steps:
  placed:
    webhook:
    next: kind
  kind:
    decision:
      - when: { value: $.placed.body.skip, exists: true }
        next: end
      - else: status
  status:
    webhook:
      early: 0s
      mapping:
        - { hit: $.body.id, transaction: $.placed.body.id }
    next: went
  went:
    decision:
      - when: { value: $.status.body.state, equals: broken }
        next: broke
      - when: { value: $.status.body.note, exists: true }
        next: note
      - else: end
  note:
    set: ${$.status.body.note}
  broke:
    fail: { message: it broke }
";

async fn the_newest_by_start_takes_the_hit(store: Store) {
    let world = World::start(store, ORDERS).await;
    let first = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let second = world.hit("placed", json!({ "id": 1 })).await.transaction();
    assert!(first < second, "ids of a later start are greater, even where the clock stands still");
    let got = world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(got.transaction(), second);
    assert_eq!(world.status(first).await, "held at status");
    assert_eq!(world.status(second).await, "completed");
}

async fn a_later_touch_does_not_make_an_older_one_newer(store: Store) {
    let world = World::start(store, ORDERS).await;
    let older = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.advance("1h").await;
    world.hit("status", json!({ "id": 1 })).await;
    world.advance("1h").await;
    let newer = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.advance("1h").await;
    world.engine.rerun("default", older, "status", None).await.ok();
    world.advance("1h").await;
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.transaction(), newer);
}

async fn a_newer_one_that_never_came_to_the_step_does_not_take_it(store: Store) {
    let world = World::start(store, ORDERS).await;
    let held = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let newer = world.hit("placed", json!({ "id": 1, "skip": true })).await.transaction();
    assert_eq!(world.status(newer).await, "completed");
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.transaction(), held);
}

async fn a_hold_is_used_again_and_again(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    for day in 1..=30 {
        world.advance("1d").await;
        let got = world.hit("status", json!({ "id": 1, "note": day })).await;
        assert_eq!(got.transaction(), placed, "day {day}");
        assert_eq!(world.document(placed).await["note"], day);
    }
    assert_eq!(world.runs(placed).await.len(), 31);
}

async fn each_run_begins_with_the_held_document_and_this_hit(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.hit("status", json!({ "id": 1, "note": "first" })).await;
    assert_eq!(world.document(placed).await["note"], "first");
    world.hit("status", json!({ "id": 1 })).await;
    let document = world.document(placed).await;
    assert!(document.get("note").is_none(), "what an earlier run wrote is not seen: {document}");
    assert_eq!(document["placed"]["body"], json!({ "id": 1 }));
    assert_eq!(document["status"]["body"], json!({ "id": 1 }));
    // It stays in that run's history.
    let runs = world.runs(placed).await;
    let note = runs[1].steps.iter().find(|step| step.step == "note").and_then(|step| step.output.clone());
    assert_eq!(note.map(|json| json.to_string()).as_deref(), Some("\"first\""));
}

async fn a_completed_and_a_failed_one_are_matched_and_a_cancelled_one_is_not(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(world.status(placed).await, "completed");
    world.hit("status", json!({ "id": 1, "state": "broken" })).await;
    assert_eq!(world.status(placed).await, "failed at broke");
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.transaction(), placed);
    assert_eq!(world.status(placed).await, "completed");
    world.engine.cancel("default", placed).await.expect("it is cancelled");
    let got = world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(got.0.transaction, None);
    assert!(world.hit_status(got.hit()).await.starts_with("unmatched"));
    assert_eq!(world.status(placed).await, "cancelled");
}

async fn a_transaction_held_anew_forgets_the_older_hold(store: Store) {
    let world = World::start(
        store,
        "
cycle: anew
steps:
  placed:
    webhook:
    next: booked
  booked:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
    next: done
  done:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.courier, transaction: $.booked.body.courier }]
",
    )
    .await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.hit("booked", json!({ "id": 1, "courier": "a" })).await;
    world.hit("booked", json!({ "id": 1, "courier": "b" })).await;
    assert_eq!(world.status(placed).await, "held at done");
    assert_eq!(world.hit("done", json!({ "courier": "a" })).await.0.transaction, None, "the older hold is replaced");
    assert_eq!(world.hit("done", json!({ "courier": "b" })).await.transaction(), placed);
    assert_eq!(world.document(placed).await["booked"]["body"]["courier"], "b");
    // Its hold at the earlier step stands.
    assert_eq!(world.hit("booked", json!({ "id": 1, "courier": "c" })).await.transaction(), placed);
}

async fn runs_are_numbered_in_the_order_of_their_hits(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await;
    let second = world.hit("status", json!({ "id": 1, "n": 2 })).await;
    let third = world.hit("status", json!({ "id": 1, "n": 3 })).await;
    let runs = world.runs(placed.transaction()).await;
    assert_eq!(runs.iter().map(|run| run.number).collect::<Vec<_>>(), [1, 2, 3]);
    let hits: Vec<_> = runs.iter().map(|run| run.hit).collect();
    assert_eq!(hits, [Some(placed.hit()), Some(second.hit()), Some(third.hit())]);
    assert_eq!(runs.iter().map(|run| run.entry.as_str()).collect::<Vec<_>>(), ["placed", "status", "status"]);
    assert_eq!(world.hit_view(third.hit()).await.run, Some(3));
}

async fn a_hit_that_matches_nothing_is_kept_with_the_reason(store: Store) {
    let world = World::start(store, ORDERS).await;
    let got = world.hit("status", json!({ "id": "nobody" })).await;
    assert_eq!(got.said(), "200 Webhook accepted.");
    let hit = world.hit_view(got.hit()).await;
    assert_eq!((hit.status.word(), hit.transaction, hit.ambiguous), ("unmatched", None, false));
    assert!(hit.reason.is_some_and(|reason| !reason.is_empty()));
    assert!(world.all().await.is_empty(), "nothing was started");
}

async fn on_no_match_reject_refuses_and_keeps_the_hit(store: Store) {
    let world = World::start(store, &ORDERS.replace("early: 0s", "on_no_match: reject")).await;
    let got = world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(got.said(), "404 no match");
    assert_eq!(world.hit_view(got.hit()).await.status.word(), "rejected");
    // It turns `early` off.
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    assert_eq!(world.status(placed).await, "held at status");
}

async fn two_that_wait_make_a_hit_ambiguous(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.hit("placed", json!({ "id": 1 })).await;
    let newest = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let got = world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(got.transaction(), newest);
    let hit = world.hit_view(got.hit()).await;
    assert_eq!((hit.status.word(), hit.ambiguous), ("applied", true));
}

async fn one_that_was_resumed_before_makes_none_ambiguous(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.hit("placed", json!({ "id": 1 })).await;
    world.hit("status", json!({ "id": 1 })).await;
    let newest = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let got = world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(got.transaction(), newest);
    assert!(!world.hit_view(got.hit()).await.ambiguous, "only one of the two waits");
}

async fn on_ambiguous_reject_resumes_neither(store: Store) {
    let world = World::start(store, &ORDERS.replace("early: 0s", "on_ambiguous: reject")).await;
    let first = world.hit("placed", json!({ "id": 1 })).await.transaction();
    assert_eq!(world.hit("status", json!({ "id": 1, "note": 1 })).await.transaction(), first, "one is no trouble");
    let second = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let third = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let got = world.hit("status", json!({ "id": 1 })).await;
    assert_eq!((got.said().as_str(), got.0.transaction), ("409 ambiguous", None));
    assert_eq!(world.hit_view(got.hit()).await.status.word(), "rejected");
    for held in [second, third] {
        assert_eq!(world.status(held).await, "held at status");
    }
}

async fn holds_of_older_versions_are_found_and_stay_on_their_version(store: Store) {
    let world = World::start(store, ORDERS).await;
    let old = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.deploy(&ORDERS.replace("set: ${$.status.body.note}", "set: { v: 2 }")).await;
    let new = world.hit("placed", json!({ "id": 2 })).await.transaction();
    assert_eq!(world.hit("status", json!({ "id": 1, "note": "n" })).await.transaction(), old);
    assert_eq!(world.hit("status", json!({ "id": 2, "note": "n" })).await.transaction(), new);
    assert_eq!(world.document(old).await["note"], "n");
    assert_eq!(world.document(new).await["note"], json!({ "v": 2 }));
    assert_eq!((world.transaction(old).await.version, world.transaction(new).await.version), (1, 2));
}

async fn a_version_that_reads_the_hit_elsewhere_is_keyed_by_its_own_mapping(store: Store) {
    let world = World::start(store, ORDERS).await;
    let old = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.deploy(&ORDERS.replace("hit: $.body.id", "hit: $.body.order.id")).await;
    let new = world.hit("placed", json!({ "id": 2 })).await.transaction();
    assert_eq!(world.hit("status", json!({ "id": 1 })).await.transaction(), old);
    assert_eq!(world.hit("status", json!({ "order": { "id": 2 } })).await.transaction(), new);
    let both = world.hit("status", json!({ "id": 1, "order": { "id": 2 } })).await;
    assert_eq!(both.transaction(), new, "the newest hold over all wins");
    assert_eq!(world.hit("status", json!({ "id": 2 })).await.0.transaction, None);
}

async fn an_expired_one_is_not_matched(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    world.advance("31d").await;
    let got = world.hit("status", json!({ "id": 1 })).await;
    assert_eq!(got.0.transaction, None);
    assert!(world.hit_status(got.hit()).await.starts_with("unmatched"));
    assert_eq!(world.status(placed).await, "gone");
}

async fn concurrent_hits_for_one_transaction_each_get_a_run(store: Store) {
    let world = World::start(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    let calls: Vec<_> = (0..20).map(|n| world.call("status", json!({ "id": 1, "note": n }))).collect();
    let mut hits = Vec::new();
    for call in calls {
        let got = call.await.expect("no panic");
        assert_eq!(got.transaction(), placed);
        hits.push(Some(got.hit()));
    }
    let mut ran: Vec<_> = world.runs(placed).await.iter().skip(1).map(|run| run.hit).collect();
    ran.sort();
    hits.sort();
    assert_eq!(ran, hits, "each once");
}
