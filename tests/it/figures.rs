//! Figures: what cycles did, hour by hour, and what passed and failed at each step (contract, section 15).

use holdfast_engine::{AccountLimits, Figures, HourFigures, PageQuery};
use holdfast_tests::{Store, World, both_stores, eventually};
use serde_json::json;

both_stores![
    hits_starts_and_ends_are_counted_by_the_hour,
    each_step_counts_what_passed_and_what_failed,
    what_was_counted_outlives_a_restart,
    hours_leave_the_chart_and_are_forgotten,
    many_cycles_are_read_at_once,
    a_refused_commit_counts_nothing,
    what_is_run_again_counts_as_often_as_it_ran,
    a_change_is_told_within_two_seconds,
    figures_are_an_accounts_own,
];

const ORDERS: &str = "
cycle: orders
steps:
  placed: { webhook: , next: big }
  big:
    decision:
      - when: { value: $.placed.body.total, greater_than: 100 }
        next: refused
      - else: status
  refused: { fail: { message: too much } }
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
    next: noted
  noted: { set: { at: \"${$.status.received_at}\" } }
";

async fn figures(world: &World) -> Figures {
    world.engine.figures("default", "orders").await.expect("figures")
}

/// `hits started completed failed` of the hour that is so many back.
fn hour(figures: &Figures, back: usize) -> [u64; 4] {
    let HourFigures { hits, started, completed, failed, .. } = figures.hours[23 - back];
    [hits, started, completed, failed]
}

/// `step held passed failed`
fn steps(figures: &Figures) -> Vec<String> {
    let line =
        |step: &holdfast_engine::StepFigures| format!("{} {} {} {}", step.step, step.held, step.passed, step.failed);
    figures.steps.iter().map(line).collect()
}

async fn hits_starts_and_ends_are_counted_by_the_hour(store: Store) {
    let world = World::start(store, ORDERS).await;
    let empty = figures(&world).await;
    assert_eq!(empty.hours.len(), 24);
    assert!(empty.hours.iter().all(|hour| hour.hits == 0 && hour.started == 0));
    world.hit("placed", json!({ "id": 1, "total": 5 })).await;
    world.hit("placed", json!({ "id": 2, "total": 500 })).await;
    world.advance("1h").await;
    world.hit("status", json!({ "id": 1 })).await;
    world.hit("status", json!({ "id": "nobody" })).await;

    let now = figures(&world).await;
    assert_eq!(hour(&now, 1), [2, 2, 0, 1]);
    assert_eq!(hour(&now, 0), [2, 0, 1, 0]);
    let at = world.engine.now();
    assert!(now.hours[23].from <= at && (at - now.hours[23].from).num_minutes() < 60, "{}", now.hours[23].from);
    assert!(now.hours.windows(2).all(|pair| (pair[1].from - pair[0].from).num_seconds() == 3_600));
}

async fn each_step_counts_what_passed_and_what_failed(store: Store) {
    let world = World::start(store, ORDERS).await;
    for id in 0..3 {
        world.hit("placed", json!({ "id": id, "total": 5 })).await;
    }
    world.hit("placed", json!({ "id": 9, "total": 500 })).await;
    world.hit("status", json!({ "id": 0 })).await;
    world.hit("status", json!({ "id": 0 })).await;
    // A number that is none fails at the step that waits for it.
    world.hit("placed", json!({ "id": null, "total": 5 })).await;
    world.advance("1us").await;
    assert_eq!(
        steps(&figures(&world).await),
        ["placed 0 5 0", "big 0 5 0", "refused 0 0 1", "status 2 2 1", "noted 0 2 0"]
    );
}

async fn what_was_counted_outlives_a_restart(store: Store) {
    let mut world = World::start(store, ORDERS).await;
    world.hit("placed", json!({ "id": 1, "total": 5 })).await;
    world.reopen().await;
    world.hit("placed", json!({ "id": 2, "total": 5 })).await;
    let after = figures(&world).await;
    assert_eq!(hour(&after, 0), [2, 2, 0, 0]);
    assert_eq!(steps(&after)[..2], ["placed 0 2 0", "big 0 2 0"]);
}

async fn hours_leave_the_chart_and_are_forgotten(store: Store) {
    let mut world = World::start(store, ORDERS).await;
    world.hit("placed", json!({ "id": 1, "total": 500 })).await;
    world.reopen().await;
    world.advance("23h").await;
    assert_eq!(hour(&figures(&world).await, 23), [1, 1, 0, 1]);
    world.advance("1h").await;
    let later = figures(&world).await;
    assert!(later.hours.iter().all(|hour| hour.hits == 0));
    assert_eq!(steps(&later)[2], "refused 0 0 0", "counts beside the steps are of the same hours");
}

async fn many_cycles_are_read_at_once(store: Store) {
    let world = World::start(store, &format!("{ORDERS}---{}", ORDERS.replace("cycle: orders", "cycle: returns"))).await;
    world.hit("orders/placed", json!({ "id": 1, "total": 5 })).await;
    world.hit("returns/placed", json!({ "id": 1, "total": 500 })).await;
    world.hit("returns/placed", json!({ "id": 1, "total": 500 })).await;
    let page = world.engine.charts("default", PageQuery::default()).await.expect("charts");
    let read: Vec<_> =
        page.data.iter().map(|one| (one.cycle.as_str(), one.hours[23].started, one.hours[23].failed)).collect();
    assert_eq!(read, [("orders", 1, 0), ("returns", 2, 2)]);
    let first = world.engine.charts("default", PageQuery { limit: Some(1), after: None }).await.expect("charts");
    let rest = world.engine.charts("default", PageQuery { limit: None, after: first.next }).await.expect("charts");
    assert_eq!(rest.data.iter().map(|one| one.cycle.as_str()).collect::<Vec<_>>(), ["returns"]);
}

async fn what_is_run_again_counts_as_often_as_it_ran(store: Store) {
    let world = World::start(store, ORDERS).await;
    let id = world.hit("placed", json!({ "id": 1, "total": 500 })).await.transaction();
    world.engine.rerun("default", id, "big", None).await.expect("it is run again");
    let again = figures(&world).await;
    // One hit and one start; it failed twice, and the step before the re-run passed once.
    assert_eq!(hour(&again, 0), [1, 1, 0, 2]);
    assert_eq!(steps(&again)[..3], ["placed 0 1 0", "big 0 2 0", "refused 0 0 2"]);
}

async fn a_refused_commit_counts_nothing(store: Store) {
    let (world, cue) = World::start_on_cue(store, ORDERS).await;
    world.hit("placed", json!({ "id": 1, "total": 5 })).await;
    cue.fail(true);
    let refused = world.engine.receive(world.arrival("placed", json!({ "id": 2, "total": 5 }))).await;
    refused.expect_err("the disk is gone");
    cue.fail(false);
    assert_eq!(hour(&figures(&world).await, 0), [1, 1, 0, 0]);
}

async fn a_change_is_told_within_two_seconds(store: Store) {
    let world = World::start(store, ORDERS).await;
    let mut events = world.engine.events();
    world.hit("placed", json!({ "id": 1, "total": 5 })).await;
    eventually("cycle.changed is told", async || {
        let event = events.recv().await.expect("an event");
        (event.event == "cycle.changed" && event.cycle == "orders" && event.transaction.is_none()).then_some(())
    })
    .await;
}

async fn figures_are_an_accounts_own(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.engine.create_account("acme", AccountLimits::default()).await.expect("an account");
    world.engine.deploy("acme", "test.yaml", ORDERS).await.expect("deployed");
    world.hit("placed", json!({ "id": 1, "total": 5 })).await;
    let others = world.engine.figures("acme", "orders").await.expect("figures");
    assert!(others.hours.iter().all(|hour| hour.hits == 0) && others.steps.iter().all(|step| step.held == 0));
    world.engine.figures("acme", "nobody").await.expect_err("there is no such cycle");
}
