//! `concurrency`: how many runs are under way at once, and who is next (contract, section 2).

use std::time::Duration;

use holdfast_engine::TransactionId;
use holdfast_tests::{Call, Home, Mode, Partner, Store, World, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    no_more_runs_than_the_limit,
    one_run_at_a_time_for_each_key,
    a_key_does_not_hold_the_others_up,
    a_delay_takes_no_place,
    after_a_delay_a_run_waits_for_its_turn,
    a_hold_takes_no_place,
    resumes_and_reruns_wait_too,
    a_restart_keeps_who_waits,
    a_stopped_cycle_begins_nothing,
    a_cancelled_run_leaves_the_line,
    retention_takes_a_run_out_of_the_line,
    what_ends_at_once_never_waits,
    a_higher_limit_lets_more_begin,
    without_concurrency_all_begin,
    killed_it_goes_on_in_order,
];

const LIMITED: &str = "
cycle: limited
concurrency: RULES
steps:
  asked: { webhook: , next: told }
  told: { http: { url: URL, body: { n: \"${$.asked.body.n}\" }, retry: { attempts: 1 } } }
";

async fn world(store: Store, rules: &str) -> (World, Partner) {
    let partner = Partner::start().await;
    let world = World::start(store, &yaml(rules, &partner)).await;
    (world, partner)
}

fn yaml(rules: &str, partner: &Partner) -> String {
    LIMITED.replace("RULES", rules).replace("URL", &partner.url())
}

async fn asked(partner: &Partner, count: usize) {
    let what = format!("the partner is asked {count} times");
    eventually(&what, async || (partner.asked().len() >= count).then_some(())).await;
}

/// What was asked, in order.
fn numbers(partner: &Partner) -> Vec<u64> {
    let number = |body: &str| serde_json::from_str::<Value>(body).ok()?["n"].as_u64();
    partner.asked().iter().filter_map(|asked| number(&asked.body)).collect()
}

async fn comes_to(world: &World, id: TransactionId, status: &str) {
    let what = format!("{id} is {status}");
    eventually(&what, async || (world.status(id).await == status).then_some(())).await;
}

async fn all_complete(world: &World) {
    eventually("all are completed", async || {
        world.all().await.iter().all(|view| view.status.word() == "completed").then_some(())
    })
    .await;
}

/// Long enough for what must not happen.
async fn while_nothing_happens() {
    tokio::time::sleep(Duration::from_millis(600)).await;
}

async fn no_more_runs_than_the_limit(store: Store) {
    let (world, partner) = world(store, "{ limit: 2 }").await;
    partner.takes(Duration::from_millis(40));
    let calls: Vec<_> = (0..6).map(|n| world.call("asked", json!({ "n": n }))).collect();
    for call in calls {
        call.await.expect("accepted").transaction();
    }
    all_complete(&world).await;
    assert_eq!((partner.asked().len(), partner.at_once()), (6, 2));
}

async fn one_run_at_a_time_for_each_key(store: Store) {
    let (world, partner) = world(store, "{ key: $.asked.body.k }").await;
    partner.silent(true);
    let first = world.hit("asked", json!({ "k": "a", "n": 1 })).await.transaction();
    let second = world.hit("asked", json!({ "k": "a", "n": 2 })).await.transaction();
    world.hit("asked", json!({ "k": "a", "n": 3 })).await;
    world.hit("asked", json!({ "k": "b", "n": 4 })).await;
    world.hit("asked", json!({ "n": 5 })).await;
    world.hit("asked", json!({ "n": 6 })).await;
    asked(&partner, 4).await;
    assert_eq!(world.status(first).await, "running at told");
    assert_eq!(world.status(second).await, "queued");
    assert_eq!(world.runs(second).await[0].status.word(), "queued");
    while_nothing_happens().await;
    let mut at_once = numbers(&partner);
    at_once.sort_unstable();
    assert_eq!(at_once, [1, 4, 5, 6], "a run without a key waits for none");
    partner.silent(false);
    all_complete(&world).await;
    assert_eq!(numbers(&partner)[4..], [2, 3]);
}

async fn a_key_does_not_hold_the_others_up(store: Store) {
    let (world, partner) = world(store, "{ limit: 1, key: $.asked.body.k }").await;
    partner.silent(true);
    for n in 0..20 {
        world.hit("asked", json!({ "k": "a", "n": n })).await;
    }
    world.hit("asked", json!({ "k": "b", "n": 100 })).await;
    world.hit("asked", json!({ "k": "b", "n": 101 })).await;
    partner.silent(false);
    all_complete(&world).await;
    let order = numbers(&partner);
    let place = |n: u64| order.iter().position(|other| *other == n).expect("asked");
    assert!(place(100) <= 2 && place(101) <= 4, "{order:?}");
    let of_a: Vec<u64> = order.iter().copied().filter(|n| *n < 100).collect();
    assert_eq!(of_a, (0..20).collect::<Vec<_>>());
    assert_eq!(partner.at_once(), 1);
}

const DELAYED: &str = "
cycle: delayed
concurrency: { limit: 1 }
steps:
  asked: { webhook: , next: waits }
  waits: { delay: 1h, next: told }
  told: { http: { url: URL, body: { n: \"${$.asked.body.n}\" }, retry: { attempts: 1 } } }
";

async fn a_delay_takes_no_place(store: Store) {
    let partner = Partner::start().await;
    let world = World::start(store, &DELAYED.replace("URL", &partner.url())).await;
    for n in 0..5 {
        let id = world.hit("asked", json!({ "n": n })).await.transaction();
        assert_eq!(world.status(id).await, "running at waits");
    }
    world.advance("1h").await;
    all_complete(&world).await;
    assert_eq!((partner.asked().len(), partner.at_once()), (5, 1));
}

async fn after_a_delay_a_run_waits_for_its_turn(store: Store) {
    let partner = Partner::start().await;
    let mut world = World::start(store, &DELAYED.replace("URL", &partner.url())).await;
    let ids = [
        world.hit("asked", json!({ "n": 0 })).await.transaction(),
        world.hit("asked", json!({ "n": 1 })).await.transaction(),
    ];
    partner.silent(true);
    let engine = world.engine.clone();
    let moved = tokio::spawn(async move { engine.advance(Duration::from_secs(3_600)).await });
    asked(&partner, 1).await;
    while_nothing_happens().await;
    assert_eq!(partner.asked().len(), 1);
    // Both delays end at the same instant.
    let first = numbers(&partner)[0];
    let waits = ids[1 - usize::from(first == 1)];
    assert_eq!(world.status(waits).await, "running at waits");
    assert_eq!(world.document(waits).await["asked"]["body"]["n"], 1 - first);
    partner.silent(false);
    moved.await.expect("no panic").expect("moved");
    all_complete(&world).await;
    world.reopen().await;
    let run = world.runs(waits).await.remove(0);
    let steps: Vec<_> = run.steps.iter().map(|step| format!("{} {}", step.step, step.status)).collect();
    assert_eq!(steps.join(", "), "asked completed, waits completed, told completed");
}

const RESUMED: &str = "
cycle: resumed
concurrency: { limit: 1 }
steps:
  asked: { webhook: , next: more }
  more:
    webhook: { mapping: [{ hit: $.body.id, transaction: $.asked.body.id }] }
    next: told
  told: { http: { url: URL, body: { n: \"${$.more.body.n}\" }, retry: { attempts: 1 } } }
";

async fn resumed(store: Store) -> (World, Partner) {
    let partner = Partner::start().await;
    let world = World::start(store, &RESUMED.replace("URL", &partner.url())).await;
    (world, partner)
}

async fn a_hold_takes_no_place(store: Store) {
    let (world, partner) = resumed(store).await;
    for id in 0..5 {
        let id = world.hit("asked", json!({ "id": id })).await.transaction();
        assert_eq!(world.status(id).await, "held at more");
    }
    for id in 0..5 {
        world.hit("more", json!({ "id": id, "n": id })).await.transaction();
    }
    all_complete(&world).await;
    assert_eq!((numbers(&partner), partner.at_once()), (vec![0, 1, 2, 3, 4], 1));
}

async fn resumes_and_reruns_wait_too(store: Store) {
    let (world, partner) = resumed(store).await;
    let busy = world.hit("asked", json!({ "id": 1 })).await.transaction();
    let id = world.hit("asked", json!({ "id": 2 })).await.transaction();
    world.hit("more", json!({ "id": 2, "n": 9 })).await;
    comes_to(&world, id, "completed").await;
    partner.silent(true);
    world.hit("more", json!({ "id": 1, "n": 0 })).await;
    asked(&partner, 2).await;
    for n in 1..=2 {
        assert_eq!(world.hit("more", json!({ "id": 2, "n": n })).await.transaction(), id);
    }
    world.engine.rerun("default", id, "told", None).await.expect("taken");
    let shown = async || -> Vec<String> {
        world.runs(id).await.iter().map(|run| format!("{} {}", run.number, run.status.word())).collect()
    };
    assert_eq!(shown().await, ["1 held", "2 completed", "3 queued", "4 queued", "5 queued"]);
    assert!(world.status(id).await.starts_with("queued"));
    partner.silent(false);
    comes_to(&world, id, "completed").await;
    comes_to(&world, busy, "completed").await;
    eventually("all runs have ended", async || {
        (shown().await == ["1 held", "2 completed", "3 completed", "4 completed", "5 completed"]).then_some(())
    })
    .await;
    assert_eq!(numbers(&partner), [9, 0, 1, 2, 9]);
    assert_eq!(partner.at_once(), 1);
}

async fn a_restart_keeps_who_waits(store: Store) {
    let (mut world, partner) = world(store, "{ limit: 1 }").await;
    partner.silent(true);
    for n in 0..5 {
        world.hit("asked", json!({ "n": n })).await;
    }
    asked(&partner, 1).await;
    world.reopen().await;
    partner.silent(false);
    all_complete(&world).await;
    let mut order = numbers(&partner);
    order.dedup();
    assert_eq!(order, [0, 1, 2, 3, 4]);
}

async fn a_stopped_cycle_begins_nothing(store: Store) {
    let (world, partner) = world(store, "{ limit: 1 }").await;
    partner.silent(true);
    let first = world.hit("asked", json!({ "n": 0 })).await.transaction();
    let second = world.hit("asked", json!({ "n": 1 })).await.transaction();
    asked(&partner, 1).await;
    world.engine.stop("default", "limited", false).await.expect("stopped");
    partner.silent(false);
    comes_to(&world, first, "completed").await;
    while_nothing_happens().await;
    assert_eq!(world.status(second).await, "queued");
    assert_eq!(partner.asked().len(), 1);
    world.engine.start("default", "limited").await.expect("started");
    comes_to(&world, second, "completed").await;
}

async fn a_cancelled_run_leaves_the_line(store: Store) {
    let (world, partner) = world(store, "{ key: $.asked.body.k }").await;
    partner.silent(true);
    let running = world.hit("asked", json!({ "k": 1, "n": 0 })).await.transaction();
    asked(&partner, 1).await;
    let second = world.hit("asked", json!({ "k": 1, "n": 1 })).await;
    let third = world.hit("asked", json!({ "k": 1, "n": 2 })).await.transaction();
    world.engine.cancel("default", second.transaction()).await.expect("cancelled");
    assert_eq!(world.status(second.transaction()).await, "cancelled");
    let status = world.hit_status(second.hit()).await;
    assert!(status.starts_with("unmatched: the transaction was cancelled"), "{status}");
    assert_eq!(world.status(third).await, "queued");
    world.engine.cancel("default", running).await.expect("cancelled");
    comes_to(&world, third, "running at told").await;
    partner.silent(false);
    comes_to(&world, third, "completed").await;
    assert_eq!(numbers(&partner), [0, 2]);
}

async fn retention_takes_a_run_out_of_the_line(store: Store) {
    let yaml = "
cycle: delayed
retention: 1h30m
concurrency: { limit: 1, key: $.asked.body.k }
steps:
  asked: { webhook: , next: told }
  told: { http: { url: URL, body: { n: \"${$.asked.body.n}\" }, retry: { attempts: 10, backoff: 1h } } }
";
    let partner = Partner::start().await;
    let world = World::start(store, &yaml.replace("URL", &partner.url())).await;
    partner.answers(503, "", "{}");
    partner.answers(503, "", "{}");
    let first = world.hit("asked", json!({ "k": 1, "n": 0 })).await.transaction();
    asked(&partner, 1).await;
    eventually("it is to be tried again", async || {
        let run = world.runs(first).await.remove(0);
        run.steps.last()?.attempts.as_ref().filter(|attempts| attempts.to_string().contains("503")).map(|_| ())
    })
    .await;
    world.hit("asked", json!({ "k": 1, "n": 1 })).await;
    world.advance("70m").await;
    let last = world.hit("asked", json!({ "k": 1, "n": 2 })).await.transaction();
    assert_eq!(numbers(&partner), [0, 0], "another attempt keeps its place");
    world.advance("30m").await;
    comes_to(&world, last, "completed").await;
    assert_eq!(numbers(&partner).last(), Some(&2));
}

async fn what_ends_at_once_never_waits(store: Store) {
    let yaml = "
cycle: pure
concurrency: { limit: 1 }
steps:
  asked: { webhook: , next: answered }
  answered: { respond: { body: \"${$.asked.body.n}\" } }
";
    let world = World::start(store, yaml).await;
    let calls: Vec<_> = (0..200).map(|n| world.call("asked", json!({ "n": n }))).collect();
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.expect("answered").said(), format!("200 {n}"));
    }
    all_complete(&world).await;
}

async fn a_higher_limit_lets_more_begin(store: Store) {
    let (world, partner) = world(store, "{ limit: 1 }").await;
    partner.silent(true);
    for n in 0..5 {
        world.hit("asked", json!({ "n": n })).await;
    }
    asked(&partner, 1).await;
    world.deploy(&yaml("{ limit: 3 }", &partner)).await;
    asked(&partner, 3).await;
    while_nothing_happens().await;
    assert_eq!(partner.asked().len(), 3);
    partner.silent(false);
    all_complete(&world).await;
    assert_eq!(partner.at_once(), 3);
}

async fn without_concurrency_all_begin(store: Store) {
    let (world, partner) = world(store, "{ limit: 1, key: $.asked.body.k }").await;
    partner.silent(true);
    for n in 0..5 {
        world.hit("asked", json!({ "k": n % 2, "n": n })).await;
    }
    asked(&partner, 1).await;
    world.deploy(&yaml("", &partner).replace("concurrency: \n", "")).await;
    asked(&partner, 5).await;
    partner.silent(false);
    all_complete(&world).await;
}

const MANY: u64 = 12;

/// The process is killed while most wait: each key's runs go on in order.
async fn killed_it_goes_on_in_order(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, &yaml("{ limit: 2, key: $.asked.body.k }", &partner)).await;
    let mut node = home.start(Mode::Dev).await;
    partner.silent(true);
    for n in 0..MANY {
        node.hit("limited/asked", json!({ "k": n % 3, "n": n })).await.expect(200);
    }
    asked(&partner, 2).await;
    node.kill().await;
    node.restart().await;
    partner.silent(false);
    let done = async || (0..MANY).all(|n| numbers(&partner).contains(&n)).then_some(());
    eventually("all are asked", done).await;
    for key in 0..3 {
        let mut of_key: Vec<u64> = numbers(&partner).into_iter().filter(|n| n % 3 == key).collect();
        of_key.dedup();
        assert_eq!(of_key, (0..MANY).filter(|n| n % 3 == key).collect::<Vec<_>>());
    }
}

/// The limit is of the cycle, not of a node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_keep_a_limit_together() {
    let partner = Partner::start().await;
    let home = Home::new(Store::Postgres, &yaml("{ limit: 2 }", &partner)).await;
    let first = home.start(Mode::Dev).await;
    let second = home.start(Mode::Dev).await;
    partner.takes(Duration::from_millis(20));
    let hook = first.hook("limited", "asked").await;
    let mut calls = Vec::new();
    for n in 0..20 {
        let node = if n % 2 == 0 { &first } else { &second };
        calls.push(tokio::spawn(Call::new("POST", &hook).json(json!({ "n": n })).send(node.address)));
    }
    for call in calls {
        call.await.expect("no panic").expect("an answer").expect(200);
    }
    asked(&partner, 20).await;
    assert_eq!(partner.at_once(), 2);
}
