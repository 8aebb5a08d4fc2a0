//! Hits that come before their transaction (contract, sections 3 and 17, "Early").

use std::sync::Arc;

use holdfast_tests::{Store, World, both_stores};
use serde_json::json;

both_stores![
    an_early_hit_resumes_the_transaction_that_comes,
    until_then_it_is_unmatched_with_the_end_of_its_window,
    the_window_is_open_to_its_last_microsecond,
    the_window_is_shut_at_its_end,
    it_is_one_minute_unless_said_otherwise,
    several_are_applied_in_the_order_in_which_they_came,
    each_is_applied_once_to_the_first_that_comes,
    one_that_a_hold_took_is_not_offered,
    none_is_kept_where_it_is_off,
    every_key_of_a_list_is_looked_for,
    whichever_comes_first_the_transaction_goes_on,
    the_early_hit_of_a_transaction_that_is_held_again_goes_on_to_the_end,
];

const JOBS: &str = "
cycle: jobs
steps:
  asked:
    webhook:
    next: done
  done:
    webhook:
      early: 10m
      mapping: [{ hit: $.body.job, transaction: '$.asked.body.jobs[*]' }]
";

fn asked(job: &str) -> serde_json::Value {
    json!({ "jobs": [job] })
}

async fn an_early_hit_resumes_the_transaction_that_comes(store: Store) {
    let world = World::start(store, JOBS).await;
    let early = world.hit("done", json!({ "job": "a", "result": 7 })).await;
    assert_eq!((early.said().as_str(), early.0.transaction), ("200 Webhook accepted.", None));
    let asked = world.hit("asked", asked("a")).await.transaction();
    assert_eq!(world.status(asked).await, "completed");
    assert_eq!(world.document(asked).await["done"]["body"]["result"], 7);
    let hit = world.hit_view(early.hit()).await;
    assert_eq!((hit.status.word(), hit.transaction, hit.run), ("applied", Some(asked), Some(2)));
}

async fn until_then_it_is_unmatched_with_the_end_of_its_window(store: Store) {
    let world = World::start(store, JOBS).await;
    let early = world.hit("done", json!({ "job": "a" })).await;
    let hit = world.hit_view(early.hit()).await;
    assert_eq!(hit.status.word(), "unmatched");
    assert_eq!(hit.early_until, Some(hit.received_at + chrono::Duration::minutes(10)));
}

async fn the_window_is_open_to_its_last_microsecond(store: Store) {
    let world = World::start(store, JOBS).await;
    world.hit("done", json!({ "job": "a" })).await;
    world.advance("599999999us").await;
    let asked = world.hit("asked", asked("a")).await.transaction();
    assert_eq!(world.status(asked).await, "completed");
}

async fn the_window_is_shut_at_its_end(store: Store) {
    let world = World::start(store, JOBS).await;
    let early = world.hit("done", json!({ "job": "a" })).await;
    world.advance("10m").await;
    let asked = world.hit("asked", asked("a")).await.transaction();
    assert_eq!(world.status(asked).await, "held at done");
    assert!(world.hit_status(early.hit()).await.starts_with("unmatched"));
}

async fn it_is_one_minute_unless_said_otherwise(store: Store) {
    let world = World::start(store, &JOBS.replace("early: 10m", "dedupe: $.body.none")).await;
    let early = world.hit("done", json!({ "job": "a" })).await;
    let hit = world.hit_view(early.hit()).await;
    assert_eq!(hit.early_until, Some(hit.received_at + chrono::Duration::minutes(1)));
}

async fn several_are_applied_in_the_order_in_which_they_came(store: Store) {
    let world = World::start(store, JOBS).await;
    let mut hits = Vec::new();
    for n in 0..5 {
        hits.push(Some(world.hit("done", json!({ "job": "a", "n": n })).await.hit()));
        world.advance("1s").await;
    }
    let asked = world.hit("asked", asked("a")).await.transaction();
    let runs = world.runs(asked).await;
    assert_eq!(runs.iter().skip(1).map(|run| run.hit).collect::<Vec<_>>(), hits);
    assert_eq!(world.document(asked).await["done"]["body"]["n"], 4);
}

async fn each_is_applied_once_to_the_first_that_comes(store: Store) {
    let world = World::start(store, JOBS).await;
    world.hit("done", json!({ "job": "a" })).await;
    let first = world.hit("asked", asked("a")).await.transaction();
    let second = world.hit("asked", asked("a")).await.transaction();
    assert_eq!(world.status(first).await, "completed");
    assert_eq!(world.status(second).await, "held at done");
}

async fn one_that_a_hold_took_is_not_offered(store: Store) {
    let world = World::start(store, JOBS).await;
    let older = world.hit("asked", asked("a")).await.transaction();
    assert_eq!(world.hit("done", json!({ "job": "a" })).await.transaction(), older);
    let newer = world.hit("asked", asked("a")).await.transaction();
    assert_eq!(world.status(newer).await, "held at done");
}

async fn none_is_kept_where_it_is_off(store: Store) {
    let world = World::start(store, &JOBS.replace("early: 10m", "early: 0s")).await;
    let early = world.hit("done", json!({ "job": "a" })).await;
    assert_eq!(world.hit_view(early.hit()).await.early_until, None);
    let asked = world.hit("asked", asked("a")).await.transaction();
    assert_eq!(world.status(asked).await, "held at done");
}

async fn every_key_of_a_list_is_looked_for(store: Store) {
    let world = World::start(store, JOBS).await;
    for job in ["c", "a", "x"] {
        world.hit("done", json!({ "job": job })).await;
    }
    let asked = world.hit("asked", json!({ "jobs": ["a", "b", "c"] })).await.transaction();
    assert_eq!(world.runs(asked).await.len(), 3, "the start, then c, then a");
    assert_eq!(world.document(asked).await["done"]["body"]["job"], "a");
}

/// Both sides at once, many times over: no pair may miss each other.
async fn whichever_comes_first_the_transaction_goes_on(store: Store) {
    let world = Arc::new(World::start(store, JOBS).await);
    let mut pairs = Vec::new();
    for n in 0..60 {
        let job = format!("job-{n}");
        let starts = world.call("asked", asked(&job));
        let ends = world.call("done", json!({ "job": job }));
        pairs.push((starts, ends));
    }
    for (starts, ends) in pairs {
        let asked = starts.await.expect("no panic").transaction();
        let done = ends.await.expect("no panic").hit();
        assert_eq!(world.status(asked).await, "completed");
        assert_eq!(world.hit_view(done).await.transaction, Some(asked));
        assert_eq!(world.runs(asked).await.len(), 2);
    }
}

async fn the_early_hit_of_a_transaction_that_is_held_again_goes_on_to_the_end(store: Store) {
    let world = World::start(
        store,
        "
cycle: chain
steps:
  asked:
    webhook:
    next: one
  one:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.asked.body.id }]
    next: two
  two:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.asked.body.id }]
",
    )
    .await;
    world.hit("two", json!({ "id": 1 })).await;
    world.hit("one", json!({ "id": 1 })).await;
    let asked = world.hit("asked", json!({ "id": 1 })).await.transaction();
    assert_eq!(world.ways(asked).await, ["asked one", "one two", "two"]);
    assert_eq!(world.status(asked).await, "completed");
}
