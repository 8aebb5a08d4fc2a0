//! Runs that wait while their cycle is stopped: nothing new begins, nothing is lost (contract, sections
//! 5 and 17).

use std::time::Duration;

use holdfast_definitions::Json;
use holdfast_engine::{CycleState, TransactionId};
use holdfast_tests::{Partner, Store, World, both_stores, eventually};
use serde_json::json;

both_stores![
    a_stop_lets_go_the_callers_whose_run_waits,
    a_failed_step_that_stops_the_cycle_lets_them_go_too,
    a_run_behind_its_own_transaction_waits_for_the_start,
    a_delay_that_ends_in_a_stop_waits_for_the_start,
    an_expiry_in_a_stop_waits_for_the_start,
    what_waits_comes_before_what_a_stop_queued,
    what_is_asked_for_by_hand_runs,
    a_drain_waits_for_those_that_wait,
    a_drain_does_not_wait_for_a_delay,
];

const ANSWERED: &str = "
cycle: answered
concurrency: { limit: 1 }
steps:
  asked: { webhook: , next: told }
  told: { http: { url: URL, body: { n: \"${$.asked.body.n}\" }, retry: { attempts: 1 } }, next: said, on_error: stop }
  said: { respond: { body: \"${$.asked.body.n}\" } }
";

const RESUMED: &str = "
cycle: resumed
steps:
  asked: { webhook: , next: more }
  more:
    webhook: { mapping: [{ hit: $.body.id, transaction: $.asked.body.id }] }
    next: told
  told: { http: { url: URL, retry: { attempts: 1 } } }
";

const DELAYED: &str = "
cycle: delayed
steps:
  asked: { webhook: , next: waits }
  waits: { delay: 1h, next: told }
  told: { http: { url: URL, retry: { attempts: 1 } } }
";

async fn world(store: Store, yaml: &str) -> (World, Partner) {
    let partner = Partner::start().await;
    let world = World::start(store, &yaml.replace("URL", &partner.url())).await;
    (world, partner)
}

async fn asked(partner: &Partner, count: usize) {
    let what = format!("the partner is asked {count} times");
    eventually(&what, async || (partner.asked().len() >= count).then_some(())).await;
}

async fn there_are(world: &World, count: usize) {
    eventually("they are accepted", async || (world.all().await.len() == count).then_some(())).await;
}

async fn comes_to(world: &World, id: TransactionId, status: &str) {
    let what = format!("{id} is {status}");
    eventually(&what, async || (world.status(id).await == status).then_some(())).await;
}

async fn stop(world: &World, cycle: &str) {
    world.engine.stop("default", cycle, false).await.expect("it stops");
}

async fn start(world: &World, cycle: &str) {
    world.engine.start("default", cycle).await.expect("it starts");
}

/// Long enough for what must not happen.
async fn while_nothing_happens() {
    tokio::time::sleep(Duration::from_millis(600)).await;
}

async fn a_stop_lets_go_the_callers_whose_run_waits(store: Store) {
    let (world, partner) = world(store, ANSWERED).await;
    partner.silent(true);
    let first = world.call("asked", json!({ "n": 0 }));
    asked(&partner, 1).await;
    let waiting: Vec<_> = (1..4).map(|n| world.call("asked", json!({ "n": n }))).collect();
    there_are(&world, 4).await;
    stop(&world, "answered").await;
    for call in waiting {
        assert_eq!(call.await.expect("answered").said(), "200 Webhook accepted.");
    }
    assert!(!first.is_finished(), "its run has begun");
    partner.silent(false);
    assert_eq!(first.await.expect("answered").said(), "200 0");
    while_nothing_happens().await;
    assert_eq!(partner.asked().len(), 1);
    start(&world, "answered").await;
    asked(&partner, 4).await;
}

async fn a_failed_step_that_stops_the_cycle_lets_them_go_too(store: Store) {
    let (world, partner) = world(store, ANSWERED).await;
    partner.silent(true);
    let first = world.call("asked", json!({ "n": 0 }));
    asked(&partner, 1).await;
    let second = world.call("asked", json!({ "n": 1 }));
    there_are(&world, 2).await;
    partner.answers(404, "", "{}");
    partner.silent(false);
    assert!(first.await.expect("answered").said().starts_with("500"));
    assert_eq!(second.await.expect("answered").said(), "200 Webhook accepted.");
    while_nothing_happens().await;
    assert_eq!(partner.asked().len(), 1);
}

async fn a_run_behind_its_own_transaction_waits_for_the_start(store: Store) {
    let (mut world, partner) = world(store, RESUMED).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    partner.silent(true);
    world.hit("more", json!({ "id": 1 })).await;
    asked(&partner, 1).await;
    world.hit("more", json!({ "id": 1 })).await;
    world.hit("more", json!({ "id": 1 })).await;
    stop(&world, "resumed").await;
    partner.silent(false);
    let shown = async |world: &World| -> Vec<String> {
        world.runs(id).await.iter().map(|run| format!("{} {}", run.number, run.status.word())).collect()
    };
    eventually("the one under way has ended", async || {
        (shown(&world).await == ["1 held", "2 completed", "3 queued", "4 queued"]).then_some(())
    })
    .await;
    while_nothing_happens().await;
    assert_eq!(partner.asked().len(), 1);
    world.reopen().await;
    // Over 24 h: the queue would be gone, and these are not in it.
    world.advance("25h").await;
    assert_eq!(partner.asked().len(), 1);
    start(&world, "resumed").await;
    eventually("all have ended", async || {
        (shown(&world).await == ["1 held", "2 completed", "3 completed", "4 completed"]).then_some(())
    })
    .await;
    assert_eq!(partner.asked().len(), 3);
}

async fn a_delay_that_ends_in_a_stop_waits_for_the_start(store: Store) {
    for rules in ["cycle: delayed", "cycle: delayed\nconcurrency: { limit: 1 }"] {
        let (world, partner) = world(store, &DELAYED.replace("cycle: delayed", rules)).await;
        let id = world.hit("asked", json!({})).await.transaction();
        stop(&world, "delayed").await;
        world.advance("1h").await;
        world.advance("1h").await;
        assert_eq!(world.status(id).await, "running at waits");
        assert_eq!(partner.asked().len(), 0);
        start(&world, "delayed").await;
        comes_to(&world, id, "completed").await;
        let run = world.runs(id).await.remove(0);
        let steps: Vec<_> = run.steps.iter().map(|step| format!("{} {}", step.step, step.status)).collect();
        assert_eq!(steps.join(", "), "asked completed, waits completed, told completed");
    }
}

async fn an_expiry_in_a_stop_waits_for_the_start(store: Store) {
    let yaml = RESUMED.replace("webhook: { mapping", "webhook: { expires: { after: 1h, next: told }, mapping");
    let (world, partner) = world(store, &yaml).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    stop(&world, "resumed").await;
    world.advance("1h").await;
    world.advance("1h").await;
    assert_eq!(world.runs(id).await[1].status.word(), "queued");
    assert_eq!(partner.asked().len(), 0);
    start(&world, "resumed").await;
    comes_to(&world, id, "completed").await;
    assert_eq!((world.runs(id).await.len(), partner.asked().len()), (2, 1));
}

async fn what_waits_comes_before_what_a_stop_queued(store: Store) {
    let (world, partner) = world(store, ANSWERED).await;
    partner.silent(true);
    let calls: Vec<_> = (0..3).map(|n| world.call("asked", json!({ "n": n }))).collect();
    there_are(&world, 3).await;
    stop(&world, "answered").await;
    for n in 10..13 {
        world.hit("asked", json!({ "n": n })).await;
    }
    partner.silent(false);
    for call in calls {
        call.await.expect("answered");
    }
    start(&world, "answered").await;
    asked(&partner, 6).await;
    let numbers: Vec<u64> = partner
        .asked()
        .iter()
        .filter_map(|asked| serde_json::from_str::<serde_json::Value>(&asked.body).ok()?["n"].as_u64())
        .collect();
    assert_eq!(numbers[3..], [10, 11, 12], "{numbers:?}");
}

async fn what_is_asked_for_by_hand_runs(store: Store) {
    let (world, partner) = world(store, RESUMED).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    stop(&world, "resumed").await;
    world.engine.resume("default", id, None, Json::Null).await.expect("taken");
    comes_to(&world, id, "completed").await;
    world.engine.rerun("default", id, "told", None).await.expect("taken");
    asked(&partner, 2).await;
}

async fn a_drain_waits_for_those_that_wait(store: Store) {
    let (world, partner) = world(store, ANSWERED).await;
    partner.takes(Duration::from_millis(60));
    let calls: Vec<_> = (0..5).map(|n| world.call("asked", json!({ "n": n }))).collect();
    there_are(&world, 5).await;
    let cycle = world.engine.stop("default", "answered", true).await.expect("it drains");
    assert_eq!(cycle.state, CycleState::Stopped);
    assert!(world.all().await.iter().all(|view| view.status.word() != "queued"), "each has begun");
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.expect("answered").said(), format!("200 {n}"));
    }
    assert_eq!(partner.asked().len(), 5);
}

async fn a_drain_does_not_wait_for_a_delay(store: Store) {
    let yaml = RESUMED.replace("    next: told\n", "    next: waits\n  waits: { delay: 1h, next: told }\n");
    let (world, _partner) = world(store, &yaml).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.hit("more", json!({ "id": 1 })).await;
    comes_to(&world, id, "running at waits").await;
    world.hit("more", json!({ "id": 1 })).await;
    world.engine.stop("default", "resumed", true).await.expect("it drains");
    assert_eq!(world.runs(id).await[2].status.word(), "queued");
}
