//! What a commit costs and what it is: one for a start, one for a resume, together with what waits;
//! and until it has happened, nothing has.

use holdfast_engine::{Error, HitStatus};
use holdfast_tests::{Partner, Store, World, both_stores, eventually};
use serde_json::json;

both_stores![
    a_start_and_a_resume_are_one_commit_each,
    a_step_that_is_done_outside_is_one_commit_more,
    a_step_that_a_commit_began_unheard_is_done,
    what_waits_is_committed_together,
    behind_too_many_none_is_read,
    a_hit_that_comes_while_a_run_is_under_way_waits_for_it,
    a_commit_that_fails_leaves_nothing,
];

const ORDERS: &str = "
cycle: orders
steps:
  placed:
    webhook:
    next: noted
  noted:
    set: { id: \"${$.placed.body.id}\" }
    next: status
  status:
    webhook: { mapping: [{ hit: $.body.id, transaction: $.noted.id }] }
    next: kept
  kept:
    set: \"${$.status.body.state}\"
";

async fn a_start_and_a_resume_are_one_commit_each(store: Store) {
    let (world, cue) = World::start_on_cue(store, ORDERS).await;
    let before = cue.committed();
    world.hit("placed", json!({ "id": 1 })).await.transaction();
    assert_eq!(cue.committed() - before, 1, "a start with a hold");
    world.hit("status", json!({ "id": 1, "state": "packed" })).await.transaction();
    assert_eq!(cue.committed() - before, 2, "a resume");
}

async fn a_step_that_is_done_outside_is_one_commit_more(store: Store) {
    let yaml = "
cycle: scripted
steps:
  placed: { webhook: , next: works }
  works: { script: \"function step() { return 7 }\", next: told }
  told: { respond: { body: \"${$.works}\" } }
";
    let (world, cue) = World::start_on_cue(store, yaml).await;
    let (before, looked) = (cue.committed(), cue.looked_for_holds());
    assert_eq!(world.hit("placed", json!({})).await.said(), "200 7");
    assert_eq!(cue.committed() - before, 2);
    assert_eq!(cue.looked_for_holds(), looked, "what goes on has its document, and no hold is wanted");
}

/// The database went away at the end of a commit, and had done it.
async fn a_step_that_a_commit_began_unheard_is_done(store: Store) {
    let partner = Partner::start().await;
    let yaml = "
cycle: calling
steps:
  placed: { webhook: , next: one }
  one: { http: { url: URL }, next: two }
  two: { http: { url: URL }, next: told }
  told: { respond: { body: done } }
";
    let (world, cue) = World::start_on_cue(store, &yaml.replace("URL", &partner.url())).await;
    partner.silent(true);
    let caller = world.call("placed", json!({}));
    eventually("the first is asked", async || (partner.asked().len() == 1).then_some(())).await;
    cue.lose(1);
    partner.silent(false);
    assert_eq!(caller.await.expect("no panic").said(), "200 done");
    assert_eq!(partner.asked().len(), 2);
}

async fn what_waits_is_committed_together(store: Store) {
    let (world, cue) = World::start_on_cue(store, ORDERS).await;
    cue.stall();
    let before = cue.committed();
    let first = world.call("placed", json!({ "id": 0 }));
    eventually("the first commit is under way", async || (cue.stalled() == 1).then_some(())).await;
    let others: Vec<_> = (1..=100).map(|id| world.call("placed", json!({ "id": id }))).collect();
    eventually("they wait", async || (world.engine.gauges().await.expect("figures").commit_queue == 100).then_some(()))
        .await;
    cue.release();
    first.await.expect("no panic").transaction();
    for other in others {
        other.await.expect("no panic").transaction();
    }
    assert_eq!(cue.committed() - before, 2, "one, and then the hundred that waited");
}

/// Refused before it is read; and all that was not refused is there.
async fn behind_too_many_none_is_read(store: Store) {
    const ROOM: u64 = 3_072;
    let (world, cue) = World::start_on_cue(store, ORDERS).await;
    cue.stall();
    let before = cue.committed();
    let first = world.call("placed", json!({ "id": 0 }));
    eventually("the first commit is under way", async || (cue.stalled() == 1).then_some(())).await;
    world.engine.has_room().expect("nothing waits");
    let others: Vec<_> = (1..=ROOM).map(|id| world.call("placed", json!({ "id": id }))).collect();
    eventually("they wait", async || {
        (world.engine.gauges().await.expect("figures").commit_queue == ROOM).then_some(())
    })
    .await;
    let refused = world.engine.has_room();
    assert!(matches!(refused, Err(Error::Limit { limit: "commit queue", max: ROOM, .. })), "{refused:?}");
    cue.release();
    first.await.expect("no panic").transaction();
    for other in others {
        other.await.expect("no panic").transaction();
    }
    world.engine.has_room().expect("nothing waits any more");
    assert_eq!(cue.committed() - before, 4, "one, and three of at most 1,024");
}

async fn a_hit_that_comes_while_a_run_is_under_way_waits_for_it(store: Store) {
    let (world, cue) = World::start_on_cue(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    cue.stall();
    let first = world.call("status", json!({ "id": 1, "state": "first" }));
    eventually("its run is under way", async || (cue.stalled() == 1).then_some(())).await;
    let second = world.call("status", json!({ "id": 1, "state": "second" }));
    eventually("the other waits", async || {
        (world.engine.gauges().await.expect("figures").commit_queue == 1).then_some(())
    })
    .await;
    assert!(!first.is_finished() && !second.is_finished(), "nobody is told before it is on disk");
    assert_eq!(world.runs(placed).await.len(), 1, "and nothing is to be seen");
    cue.release();
    assert_eq!(first.await.expect("no panic").transaction(), placed);
    assert_eq!(second.await.expect("no panic").transaction(), placed);
    let kept: Vec<_> = world.runs(placed).await.iter().map(|run| run.steps.last().cloned()).collect();
    let kept: Vec<_> =
        kept.into_iter().flatten().filter_map(|step| step.output).map(|value| value.to_string()).collect();
    assert_eq!(kept[kept.len() - 2..], ["\"first\"", "\"second\""], "one after the other");
}

async fn a_commit_that_fails_leaves_nothing(store: Store) {
    let (world, cue) = World::start_on_cue(store, ORDERS).await;
    let placed = world.hit("placed", json!({ "id": 1 })).await.transaction();
    cue.fail(true);
    for (step, body) in [("placed", json!({ "id": 2 })), ("status", json!({ "id": 1, "state": "lost" }))] {
        let refused = world.engine.receive(world.arrival(step, body)).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    }
    cue.fail(false);
    assert_eq!(world.runs(placed).await.len(), 1);
    assert_eq!(world.hits("status").await.data.len(), 0);
    let after = world.hit("status", json!({ "id": 1, "state": "kept" })).await;
    assert_eq!(after.transaction(), placed);
    assert_eq!(world.hit_view(after.hit()).await.status, HitStatus::Applied);
}
