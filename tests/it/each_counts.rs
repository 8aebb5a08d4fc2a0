//! Scripts inside an `each` that change their cycle's store: nothing is lost, and nothing counted twice
//! (contract, sections 2 and 6).

use std::time::Duration;

use holdfast_tests::{Home, Mode, Partner, Store, World, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    elements_side_by_side_lose_no_increment,
    two_runs_at_once_lose_no_increment,
    a_killed_process_counts_no_element_twice,
    what_was_committed_unheard_is_not_counted_twice,
    an_element_that_fails_keeps_nothing,
    an_element_finds_the_store_full,
    a_cancelled_run_counts_no_further,
];

const COUNTS: &str = "
cycle: counted
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body.lines
      parallel: 8
      partial: true
      steps:
        count:
          script: |
            function step(document) {
              console.log('at ' + document.ship.index)
              const count = store.increment('count')
              if (document.ship.item === 'throw') throw new Error('no')
              for (let more = 0; more < 99 && document.ship.item === 'more'; more++) {
                store.set(document.ship.index + '.' + more, 1)
              }
              return count
            }
          next: book
        book: AFTER
      result: \"${$.count}\"
    next: after
  after:
    script: |
      function step() { return store.get('count') ?? 0 }
    next: answer
  answer: { respond: { body: { counts: \"${$.ship}\", count: \"${$.after}\" } } }
";

fn yaml(after: &str) -> String {
    COUNTS.replace("AFTER", after)
}

fn sorted(counts: &Value) -> Vec<u64> {
    let counts = counts.as_array().expect("an array").iter();
    let mut counts: Vec<u64> = counts.map(|count| count.as_u64().unwrap_or_else(|| panic!("{count}"))).collect();
    counts.sort_unstable();
    counts
}

fn body(said: &str) -> Value {
    serde_json::from_str(said.strip_prefix("200 ").unwrap_or_else(|| panic!("{said}"))).expect("JSON")
}

async fn elements_side_by_side_lose_no_increment(store: Store) {
    let world = World::start(store, &yaml("{ set: 1 }")).await;
    let got = world.hit("placed", json!({ "lines": vec![0; 60] })).await;
    let body = body(&got.said());
    assert_eq!(body["count"], 60);
    assert_eq!(sorted(&body["counts"]), (1..=60).collect::<Vec<_>>());
    let elements = world.runs(got.transaction()).await[0].steps[1].elements.clone().expect("elements").to_string();
    assert!(elements.contains("\"console\":[\"at 59\"]"), "{elements}");
}

async fn two_runs_at_once_lose_no_increment(store: Store) {
    let world = World::start(store, &yaml("{ set: 1 }")).await;
    let callers: Vec<_> = (0..3).map(|_| world.call("placed", json!({ "lines": vec![0; 20] }))).collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(sorted(&body(&caller.await.expect("answered").said())["counts"]));
    }
    all.sort_unstable();
    assert_eq!(all, (1..=60).collect::<Vec<_>>());
}

async fn a_killed_process_counts_no_element_twice(store: Store) {
    let partner = Partner::start().await;
    partner.takes(Duration::from_millis(20));
    let yaml = yaml(&format!("{{ http: {{ url: \"{}\", method: POST, body: 1 }} }}", partner.url()));
    let home = Home::new(store, &yaml.replace("respond: { body:", "set: { body:")).await;
    let mut node = home.start(Mode::Dev).await;
    let id = node.hit("counted/placed", json!({ "lines": vec![0; 40] })).await.transaction();
    for asked in [6, 14, 25] {
        eventually("some are counted", async || (partner.asked().len() >= asked).then_some(())).await;
        node.kill().await;
        node.restart().await;
    }
    let view = eventually("it is completed", async || {
        let view = node.transaction(&id).await;
        (view["status"] == "completed").then_some(view)
    })
    .await;
    assert_eq!(view["document"]["after"], 40);
    assert_eq!(sorted(&view["document"]["ship"]), (1..=40).collect::<Vec<_>>());
}

async fn what_was_committed_unheard_is_not_counted_twice(store: Store) {
    let partner = Partner::start().await;
    partner.silent(true);
    let yaml =
        yaml(&format!("{{ http: {{ url: \"{}\", method: POST, body: \"${{$.ship.index}}\" }} }}", partner.url()));
    let (world, cue) = World::start_on_cue(store, &yaml).await;
    let caller = world.call("placed", json!({ "lines": vec![0; 20] }));
    eventually("the first are counted", async || (partner.asked().len() == 8).then_some(())).await;
    cue.lose(8);
    partner.silent_to(|asked| asked.body == "19");
    eventually("all are counted", async || (partner.asked().len() == 20).then_some(())).await;
    partner.silent(false);
    let body = body(&caller.await.expect("answered").said());
    assert_eq!(body["count"], 20);
    assert_eq!(sorted(&body["counts"]), (1..=20).collect::<Vec<_>>());
}

async fn an_element_that_fails_keeps_nothing(store: Store) {
    let world = World::start(store, &yaml("{ set: 1 }")).await;
    let body = body(&world.hit("placed", json!({ "lines": [0, "throw", 0, "throw", 0] })).await.said());
    assert_eq!(body["count"], 3);
    assert_eq!(body["counts"][3]["error"]["kind"], "script");
}

async fn an_element_finds_the_store_full(store: Store) {
    let world = World::start(store, &yaml("{ set: 1 }")).await;
    let body = body(&world.hit("placed", json!({ "lines": vec!["more"; 102] })).await.said());
    let errors = body["counts"].as_array().expect("an array").iter().filter_map(|one| one["error"]["message"].as_str());
    let errors: Vec<_> = errors.collect();
    assert_eq!(errors, ["store: a cycle has at most 10000 keys"]);
    assert_eq!(body["count"], 101);
}

async fn a_cancelled_run_counts_no_further(store: Store) {
    let partner = Partner::start().await;
    let yaml = yaml(&format!("{{ http: {{ url: \"{}\", method: POST, body: 1 }} }}", partner.url()));
    let world = World::start(store, &yaml).await;
    partner.silent(true);
    drop(world.call("placed", json!({ "lines": vec![0; 20] })));
    eventually("the first are counted", async || (partner.asked().len() == 8).then_some(())).await;
    let id = world.all().await[0].id;
    world.engine.cancel("default", id).await.expect("cancelled");
    partner.silent(false);
    // Time stands still while a step is done.
    world.advance("1s").await;
    let body = body(&world.hit("placed", json!({ "lines": [] })).await.said());
    assert_eq!(body["count"], 8);
}
