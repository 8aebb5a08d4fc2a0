//! Who stands in the line of a cycle with `concurrency`, and what takes them out of it.

use std::time::Duration;

use holdfast_definitions::Json;
use holdfast_engine::TransactionId;
use holdfast_tests::{Home, Mode, Partner, Store, World, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    a_lower_limit_ends_none_and_lets_none_begin,
    a_resume_by_hand_waits_for_its_turn,
    an_expiry_waits_for_its_turn,
    those_behind_what_retention_removed_move_up,
    a_hundred_keys_at_once_keep_their_order,
    an_each_keeps_its_place_while_its_elements_wait,
];

const LIMITED: &str = "
cycle: limited
concurrency: RULES
steps:
  asked: { webhook: , next: told }
  told: { http: { url: URL, body: { n: \"${$.asked.body.n}\" }, retry: { attempts: 10, backoff: 1h } } }
";

const RESUMED: &str = "
cycle: resumed
concurrency: { limit: 1 }
steps:
  asked: { webhook: , next: more }
  more:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.asked.body.id }]
      expires: { after: 30m, next: told }
    next: told
  told: { http: { url: URL, body: { n: \"${$.asked.body.id}\" }, retry: { attempts: 10, backoff: 1h } } }
";

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

/// Its call was refused, and it holds its place until the next attempt.
async fn is_tried_again(world: &World, id: TransactionId) {
    eventually("it is to be tried again", async || {
        let run = world.runs(id).await.pop()?;
        run.steps.last()?.attempts.as_ref().filter(|attempts| attempts.to_string().contains("503")).map(|_| ())
    })
    .await;
}

/// Long enough for what must not happen.
async fn while_nothing_happens() {
    tokio::time::sleep(Duration::from_millis(600)).await;
}

async fn a_lower_limit_ends_none_and_lets_none_begin(store: Store) {
    let partner = Partner::start().await;
    let world = World::start(store, &yaml("{ limit: 3 }", &partner)).await;
    partner.silent(true);
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(world.hit("asked", json!({ "n": n })).await.transaction());
    }
    asked(&partner, 3).await;
    world.deploy(&yaml("{ limit: 1 }", &partner)).await;
    for id in &ids[..2] {
        world.engine.cancel("default", *id).await.expect("cancelled");
        while_nothing_happens().await;
        assert_eq!(partner.asked().len(), 3, "as many are under way as may be, or more");
    }
    assert_eq!(world.status(ids[2]).await, "running at told");
    world.engine.cancel("default", ids[2]).await.expect("cancelled");
    asked(&partner, 4).await;
    while_nothing_happens().await;
    assert_eq!(partner.asked().len(), 4);
}

async fn a_resume_by_hand_waits_for_its_turn(store: Store) {
    let partner = Partner::start().await;
    let world = World::start(store, &RESUMED.replace("URL", &partner.url())).await;
    let busy = world.hit("asked", json!({ "id": 1 })).await.transaction();
    let id = world.hit("asked", json!({ "id": 2 })).await.transaction();
    partner.silent(true);
    world.hit("more", json!({ "id": 1 })).await;
    asked(&partner, 1).await;
    world.engine.resume("default", id, None, Json::Null).await.expect("taken");
    while_nothing_happens().await;
    assert!(world.status(id).await.starts_with("queued"));
    assert_eq!(numbers(&partner), [1]);
    partner.silent(false);
    comes_to(&world, busy, "completed").await;
    comes_to(&world, id, "completed").await;
    assert_eq!(numbers(&partner), [1, 2]);
}

async fn an_expiry_waits_for_its_turn(store: Store) {
    let partner = Partner::start().await;
    let world = World::start(store, &RESUMED.replace("URL", &partner.url())).await;
    let busy = world.hit("asked", json!({ "id": 1 })).await.transaction();
    let id = world.hit("asked", json!({ "id": 2 })).await.transaction();
    partner.answers(503, "", "{}");
    world.hit("more", json!({ "id": 1 })).await;
    is_tried_again(&world, busy).await;
    world.advance("30m").await;
    let run = world.runs(id).await.remove(1);
    assert_eq!((run.status.word(), run.hit), ("queued", None));
    let late = world.hit("more", json!({ "id": 2 })).await;
    assert_eq!(late.0.transaction, None, "the hold is taken, though its run waits");
    assert_eq!(numbers(&partner), [1]);
    world.advance("2h").await;
    comes_to(&world, busy, "completed").await;
    comes_to(&world, id, "completed").await;
    assert_eq!(numbers(&partner), [1, 1, 2]);
}

async fn those_behind_what_retention_removed_move_up(store: Store) {
    let partner = Partner::start().await;
    let rules = |limit: u32| yaml(&format!("{{ limit: {limit}, key: $.asked.body.k }}"), &partner);
    let short = |limit: u32| rules(limit).replace("steps:", "retention: 1h\nsteps:");
    let world = World::start(store, &rules(1)).await;
    (0..20).for_each(|_| partner.answers(503, "", "{}"));
    let busy = world.hit("asked", json!({ "k": "busy", "n": 0 })).await.transaction();
    is_tried_again(&world, busy).await;
    world.deploy(&short(1)).await;
    world.hit("asked", json!({ "k": "a", "n": 1 })).await;
    world.advance("20m").await;
    world.hit("asked", json!({ "k": "a", "n": 2 })).await;
    world.advance("30m").await;
    let last = world.hit("asked", json!({ "k": "a", "n": 3 })).await.transaction();
    // The first two are gone; what keeps the cycle busy is not.
    world.advance("35m").await;
    assert!(numbers(&partner).iter().all(|n| *n == 0));
    assert_eq!((world.status(busy).await.as_str(), world.status(last).await.as_str()), ("running at told", "queued"));
    world.deploy(&short(2)).await;
    eventually("the last of the key begins", async || numbers(&partner).contains(&3).then_some(())).await;
    assert!(!numbers(&partner).contains(&1) && !numbers(&partner).contains(&2));
}

async fn a_hundred_keys_at_once_keep_their_order(store: Store) {
    let partner = Partner::start().await;
    let world = World::start(store, &yaml("{ limit: 20, key: $.asked.body.k }", &partner)).await;
    partner.silent(true);
    for n in 0..3 {
        let calls: Vec<_> = (0..100).map(|k| world.call("asked", json!({ "k": k, "n": n * 1_000 + k }))).collect();
        for call in calls {
            call.await.expect("accepted");
        }
    }
    asked(&partner, 20).await;
    partner.silent(false);
    asked(&partner, 300).await;
    let order = numbers(&partner);
    for key in 0..100 {
        let of_key: Vec<u64> = order.iter().copied().filter(|n| n % 1_000 == key).collect();
        assert_eq!(of_key, [key, 1_000 + key, 2_000 + key]);
    }
    assert!(partner.at_once() <= 20, "{}", partner.at_once());
}

const EACH: &str = "
cycle: limited
concurrency: { limit: 1 }
steps:
  asked: { webhook: , next: all }
  all:
    each:
      in: $.asked.body.items
      steps:
        told: { http: { url: URL, body: { n: \"${$.all.item}\" }, retry: { attempts: 10, backoff: 1h } } }
";

async fn an_each_keeps_its_place_while_its_elements_wait(store: Store) {
    let partner = Partner::start().await;
    let world = World::start(store, &EACH.replace("URL", &partner.url())).await;
    partner.answers(503, "", "{}");
    let first = world.hit("asked", json!({ "items": [1] })).await.transaction();
    asked(&partner, 1).await;
    let second = world.hit("asked", json!({ "items": [2] })).await.transaction();
    while_nothing_happens().await;
    assert_eq!(world.status(second).await, "queued");
    assert_eq!(numbers(&partner), [1]);
    world.advance("2h").await;
    comes_to(&world, first, "completed").await;
    comes_to(&world, second, "completed").await;
    assert_eq!(numbers(&partner), [1, 1, 2]);
}

/// A node dies while its run holds the only place: another finishes it, and the line goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_nodes_place_is_taken_over() {
    let partner = Partner::start().await;
    let home = Home::new(Store::Postgres, &yaml("{ limit: 1 }", &partner)).await;
    let mut first = home.start(Mode::Dev).await;
    partner.silent(true);
    for n in 0..3 {
        first.hit("limited/asked", json!({ "n": n })).await.expect(200);
    }
    asked(&partner, 1).await;
    let _second = home.start(Mode::Dev).await;
    first.kill().await;
    partner.silent(false);
    eventually("the line goes on", async || numbers(&partner).contains(&2).then_some(())).await;
    assert_eq!(numbers(&partner), [0, 0, 1, 2]);
}
