//! The same steps for every element of an array (contract, section 2).

use holdfast_engine::{Limits, TransactionId};
use holdfast_tests::{Asked, Home, Mode, Partner, Store, World, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    elements_go_one_after_another,
    so_many_go_at_once,
    no_element_is_no_result,
    what_is_no_array_fails_the_step,
    inside_only_the_element_and_what_came_before_is_seen,
    a_failure_ends_it_and_names_the_element,
    what_came_of_the_others_is_there_on_error,
    a_failure_may_be_one_result_among_others,
    another_attempt_has_the_same_key,
    a_delay_inside_takes_no_process,
    a_restart_goes_on_with_those_that_wait,
    a_short_wait_inside_on_the_real_clock,
    a_killed_process_does_no_element_again,
    elements_go_on_while_the_store_is_away,
    how_far_it_has_come_is_not_kept_too_often,
    a_secret_inside_is_not_shown,
    a_script_is_run_for_each,
    a_cancelled_run_begins_no_further_element,
    events_go_out_once_with_the_step,
    a_step_inside_may_stop_the_cycle,
    the_trace_shows_elements_and_what_it_leaves_out,
    steps_inside_count_among_those_of_the_run,
    results_are_held_to_the_limit_of_a_document,
    a_thousand_elements_are_soon_done,
];

const SHIP: &str = "
cycle: shipping
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body.lines
      MORE
      steps:
        book:
          http:
            url: URL
            body: { line: \"${$.ship.item}\", at: \"${$.ship.index}\" }
            retry: { attempts: 2, backoff: 10s }
      result: \"${$.book.body.got}\"
    next: answer
  answer: { respond: { body: \"${$.ship}\" } }
";

/// A partner that says which line it got, and a cycle that tells it of each.
async fn ship(store: Store, more: &str) -> (World, Partner) {
    world(store, &SHIP.replace("MORE", more)).await
}

async fn world(store: Store, yaml: &str) -> (World, Partner) {
    let partner = Partner::start().await;
    partner.usually(|asked| (200, json!({ "got": line(asked) }).to_string()));
    let world = World::start(store, &yaml.replace("URL", &partner.url())).await;
    (world, partner)
}

fn line(asked: &Asked) -> Value {
    serde_json::from_str::<Value>(&asked.body).expect("JSON")["line"].clone()
}

/// The lines that the partner was asked for, in order.
fn lines(partner: &Partner) -> Vec<Value> {
    partner.asked().iter().map(line).collect()
}

async fn asked(partner: &Partner, count: usize) {
    eventually("the partner is asked", async || (partner.asked().len() >= count).then_some(())).await;
}

async fn comes_to(world: &World, id: TransactionId, status: &str) {
    let what = format!("{id} is {status}");
    eventually(&what, async || (world.status(id).await == status).then_some(())).await;
}

/// The only transaction.
async fn only(world: &World) -> TransactionId {
    world.all().await[0].id
}

/// The JSON of what the engine shows.
fn shown(value: Option<&holdfast_definitions::Json>) -> Value {
    serde_json::from_str(&value.expect("it is shown").to_string()).expect("JSON")
}

async fn elements_go_one_after_another(store: Store) {
    let (world, partner) = ship(store, "").await;
    let got = world.hit("placed", json!({ "lines": ["a", "b", "c", 4] })).await;
    assert_eq!(got.said(), "200 [\"a\",\"b\",\"c\",4]");
    assert_eq!(lines(&partner), ["a".into(), "b".into(), "c".into(), json!(4)]);
    assert_eq!(partner.at_once(), 1);
    assert_eq!(partner.asked()[2].body, "{\"line\":\"c\",\"at\":2}");
    let (id, keys) = (got.transaction(), partner.asked());
    let key = keys[2].header("idempotency-key");
    assert!(key.ends_with(".1.ship.2.book") && key.starts_with(&id.to_string()), "{key}");
    assert_eq!(world.ways(id).await, ["placed ship answer"]);
}

async fn so_many_go_at_once(store: Store) {
    let (world, partner) = ship(store, "parallel: 3").await;
    partner.silent(true);
    let caller = world.call("placed", json!({ "lines": [0, 1, 2, 3, 4, 5, 6] }));
    asked(&partner, 3).await;
    // The last of them ends first.
    partner.silent_to(|asked| line(asked) != 2);
    asked(&partner, 4).await;
    partner.silent_to(|asked| line(asked) == 0);
    asked(&partner, 7).await;
    partner.silent(false);
    assert_eq!(caller.await.expect("answered").said(), "200 [0,1,2,3,4,5,6]");
    assert_eq!((partner.at_once(), partner.asked().len()), (3, 7));
}

async fn no_element_is_no_result(store: Store) {
    let (world, partner) = ship(store, "").await;
    assert_eq!(world.hit("placed", json!({ "lines": [] })).await.said(), "200 []");
    let path = SHIP.replace("MORE", "").replace("in: $.placed.body.lines", "in: $.placed.body.lines[?@.sku].sku");
    world.deploy(&path.replace("URL", &partner.url())).await;
    let lines = json!([{ "sku": "x" }, { "name": "y" }, { "sku": 2 }]);
    assert_eq!(world.hit("placed", json!({ "lines": lines })).await.said(), "200 [\"x\",2]");
    assert_eq!(world.hit("placed", json!({ "lines": 1 })).await.said(), "200 []");
}

async fn what_is_no_array_fails_the_step(store: Store) {
    let (world, partner) = ship(store, "").await;
    for (body, why) in [
        (json!({}), "500 ship: `$.placed.body.lines` is null or not there: it must be an array"),
        (json!({ "lines": {} }), "500 ship: `$.placed.body.lines` is of the kind object: it must be an array"),
        (
            json!({ "lines": vec![0; 10_001] }),
            "500 ship: `$.placed.body.lines` has 10001 elements; the limit is 10000 (elements of an `each`)",
        ),
    ] {
        let got = world.hit("placed", body).await;
        assert_eq!(got.said(), why);
        let kind = if why.contains("limit") { "limit" } else { "each" };
        assert!(world.error(got.transaction()).await.contains(&format!("\"kind\":\"{kind}\"")), "{why}");
    }
    assert_eq!(partner.asked().len(), 0);
}

const PURE: &str = "
cycle: pure
vars: { v: 7 }
steps:
  placed: { webhook: , next: kept }
  kept: { set: before, next: ship }
  ship:
    each:
      in: $.placed.body
      first: kind
      steps:
        kind:
          decision:
            - when: { value: $.ship.item.kind, equals: none }
              next: end
            - when: { value: $.ship.item.kind, equals: set }
              next: made
            - else: never
        made: { set: [\"${$.kept}\", \"${$.ship.index}\", \"${vars.v}\", \"${$.late ?? 1}\"], next: late }
        late: { set: \"${$.made[0]} ${cycle.name}\", name: Late }
        never: { fail: \"no ${$.ship.item.kind}\", name: Never }
    on_error: sorry
    next: answer
  answer: { respond: { body: \"${$.ship}\" } }
  sorry: { respond: { status: 502, body: \"${$.ship}\" } }
";

async fn inside_only_the_element_and_what_came_before_is_seen(store: Store) {
    let yaml = PURE.replace(", \"${$.late ?? 1}\"", "");
    let world = World::start(store, &yaml).await;
    let got = world.hit("placed", json!([{ "kind": "set" }, { "kind": "none" }, { "kind": "set" }])).await;
    assert_eq!(got.said(), "200 [\"before pure\",null,\"before pure\"]");
    let document = world.document(got.transaction()).await;
    let names: Vec<_> = document.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(names, ["kept", "placed", "ship"]);
    let failed = world.hit("placed", json!([{ "kind": "set" }, { "kind": "odd" }, { "kind": "set" }])).await;
    let said = failed.said();
    let body: Value = serde_json::from_str(said.trim_start_matches("502 ")).expect("JSON");
    assert_eq!(body["error"], json!({ "kind": "each", "message": "element 1 failed at `never`: no odd" }));
    assert_eq!(
        body["results"],
        json!(["before pure", { "error": { "kind": "fail", "message": "no odd", "step": "never" } }, null])
    );
}

async fn a_failure_ends_it_and_names_the_element(store: Store) {
    let (world, partner) = ship(store, "").await;
    partner.usually(|asked| (if line(asked) == "c" { 404 } else { 200 }, "{}".to_owned()));
    let got = world.hit("placed", json!({ "lines": ["a", "b", "c", "d"] })).await;
    assert_eq!(got.said(), "500 ship: element 2 failed at `book`: the answer's status is 404 (attempt 1 of 2)");
    assert_eq!(lines(&partner), ["a", "b", "c"]);
    assert_eq!(world.status(got.transaction()).await, "failed at ship");
    assert!(world.error(got.transaction()).await.contains("\"kind\":\"each\""));
}

async fn what_came_of_the_others_is_there_on_error(store: Store) {
    let yaml =
        SHIP.replace("MORE", "parallel: 2").replace("    next: answer\n", "    on_error: sorry\n    next: answer\n")
            + "  sorry: { respond: { status: 502, body: \"${$.ship}\" } }\n";
    let (world, partner) = world(store, &yaml).await;
    partner.usually(|asked| match line(asked) {
        bad if bad == 1 => (400, "{}".to_owned()),
        good => (200, json!({ "got": good }).to_string()),
    });
    // The first is under way when the second fails: it ends all the same, and no third begins.
    partner.silent_to(|asked| line(asked) == 0);
    let caller = world.call("placed", json!({ "lines": [0, 1, 2, 3] }));
    let id = eventually("the second has failed", async || {
        let id = world.all().await.first()?.id;
        let elements = world.runs(id).await[0].steps.last()?.elements.clone()?.to_string();
        elements.contains("\"failed\"").then_some(id)
    })
    .await;
    partner.silent(false);
    let said = caller.await.expect("answered").said();
    let body: Value = serde_json::from_str(said.trim_start_matches("502 ")).expect("JSON");
    let error = json!({
        "kind": "status", "message": "the answer's status is 400 (attempt 1 of 2)", "status": 400, "step": "book",
    });
    assert_eq!(body["results"], json!([0, { "error": error }, null, null]));
    let message = "element 1 failed at `book`: the answer's status is 400 (attempt 1 of 2)";
    assert_eq!(body["error"], json!({ "kind": "each", "message": message }));
    assert_eq!(partner.asked().len(), 2);
    assert_eq!(world.status(id).await, "completed");
}

async fn a_failure_may_be_one_result_among_others(store: Store) {
    let (world, partner) = ship(store, "partial: true").await;
    partner.usually(|asked| match line(asked) {
        bad if bad == 1 => (400, "{}".to_owned()),
        good => (200, json!({ "got": good }).to_string()),
    });
    let got = world.hit("placed", json!({ "lines": [0, 1, 2] })).await;
    let body: Value = serde_json::from_str(got.said().trim_start_matches("200 ")).expect("JSON");
    assert_eq!((&body[0], &body[2]), (&json!(0), &json!(2)));
    let error = json!({
        "kind": "status", "message": "the answer's status is 400 (attempt 1 of 2)", "status": 400, "step": "book",
    });
    assert_eq!(body[1], json!({ "error": error }));
    assert_eq!(world.status(got.transaction()).await, "completed");
}

async fn another_attempt_has_the_same_key(store: Store) {
    let (world, partner) = ship(store, "").await;
    partner.answers(200, "", "{\"got\":\"first\"}");
    partner.answers(503, "", "{}");
    let caller = world.call("placed", json!({ "lines": ["a", "b", "c"] }));
    asked(&partner, 2).await;
    world.advance("7s").await;
    assert_eq!(partner.asked().len(), 2);
    world.advance("6s").await;
    assert_eq!(caller.await.expect("answered").said(), "200 [\"first\",\"b\",\"c\"]");
    assert_eq!(lines(&partner), ["a", "b", "b", "c"]);
    let keys: Vec<_> = partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert!(keys[1] == keys[2] && keys[0] != keys[1] && keys[2] != keys[3], "{keys:?}");
    let step = world.runs(only(&world).await).await[0].steps[1].clone();
    let elements = shown(step.elements.as_ref());
    let statuses: Vec<_> = elements[1]["steps"][0]["attempts"].as_array().expect("a list").iter().collect();
    assert_eq!(statuses.iter().map(|one| &one["response"]["status"]).collect::<Vec<_>>(), [503, 200]);
}

const WAITS: &str = "
cycle: waiting
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body
      parallel: 2
      steps:
        book: { http: { url: URL, body: { line: \"${$.ship.item}\" } }, next: rest }
        rest: { delay: 1h, next: label }
        label: { set: \"${$.book.body.got} ${$.ship.item}\" }
";

async fn a_delay_inside_takes_no_process(store: Store) {
    let (world, partner) = world(store, WAITS).await;
    let id = world.hit("placed", json!([1, 2, 3])).await.transaction();
    asked(&partner, 2).await;
    world.advance("59m").await;
    assert_eq!(partner.asked().len(), 2, "those that wait are under way");
    world.advance("1m").await;
    assert_eq!(partner.asked().len(), 3);
    world.advance("59m").await;
    assert_eq!(world.status(id).await, "running at ship");
    world.advance("1m").await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(world.document(id).await["ship"], json!(["1 1", "2 2", "3 3"]));
}

async fn a_restart_goes_on_with_those_that_wait(store: Store) {
    let (mut world, partner) = world(store, WAITS).await;
    let id = world.hit("placed", json!([1, 2, 3])).await.transaction();
    asked(&partner, 2).await;
    world.advance("30m").await;
    world.reopen().await;
    world.advance("30m").await;
    asked(&partner, 3).await;
    world.reopen().await;
    world.advance("2h").await;
    comes_to(&world, id, "completed").await;
    assert_eq!(world.document(id).await["ship"], json!(["1 1", "2 2", "3 3"]));
    let mut lines = lines(&partner);
    lines.dedup();
    lines.sort_by_key(Value::as_i64);
    assert_eq!(lines, [1, 2, 3]);
}

async fn a_short_wait_inside_on_the_real_clock(store: Store) {
    let yaml = "
cycle: short
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body
      parallel: 50
      steps: { rest: { delay: 1s, next: done }, done: { set: \"${$.ship.item}\" } }
";
    let home = Home::new(store, yaml).await;
    let node = home.start(Mode::Dev).await;
    let items: Vec<u32> = (0..100).collect();
    let id = node.hit("short/placed", json!(items)).await.transaction();
    let view = eventually("it is completed", async || {
        let view = node.transaction(&id).await;
        (view["status"] == "completed").then_some(view)
    })
    .await;
    assert_eq!(view["document"]["ship"], json!(items));
    let took = view["runs"][0]["steps"][1]["duration_us"].as_u64().expect("a number");
    assert!((2_000_000..8_000_000).contains(&took), "{took}");
}

async fn a_killed_process_does_no_element_again(store: Store) {
    let partner = Partner::start().await;
    partner.usually(|asked| (200, json!({ "got": line(asked) }).to_string()));
    partner.silent_to(|asked| line(asked).as_i64() >= Some(20));
    let yaml = SHIP.replace("MORE", "parallel: 2").replace("URL", &partner.url());
    let yaml = yaml.replace("  answer: { respond: { body: \"${$.ship}\" } }", "  answer: { set: done }");
    let home = Home::new(store, &yaml).await;
    let mut node = home.start(Mode::Dev).await;
    let lines_sent: Vec<u32> = (0..40).collect();
    let id = node.hit("shipping/placed", json!({ "lines": lines_sent })).await.transaction();
    asked(&partner, 22).await;
    eventually("what is done is kept", async || {
        let view = node.transaction(&id).await;
        let elements = view["runs"][0]["steps"][1]["elements"].as_array()?.clone();
        let done = elements.iter().filter(|element| element["status"] == "completed").count();
        (done == 20).then_some(())
    })
    .await;
    node.kill().await;
    partner.silent(false);
    node.restart().await;
    let view = eventually("it is completed", async || {
        let view = node.transaction(&id).await;
        (view["status"] == "completed").then_some(view)
    })
    .await;
    assert_eq!(view["document"]["ship"], json!(lines_sent));
    let all = lines(&partner);
    let times = |n: u32| all.iter().filter(|line| **line == n).count();
    assert!((0..20).all(|n| times(n) == 1), "what was done is not done again: {all:?}");
    assert_eq!((times(20), times(21)), (2, 2), "what was in flight is: {all:?}");
    assert!((22..40).all(|n| times(n) == 1), "{all:?}");
    let keys: Vec<_> = partner.asked().into_iter().filter(|asked| line(asked) == 20).collect();
    assert_eq!(keys[0].header("idempotency-key"), keys[1].header("idempotency-key"));
}

async fn elements_go_on_while_the_store_is_away(store: Store) {
    let partner = Partner::start().await;
    partner.usually(|asked| (200, json!({ "got": line(asked) }).to_string()));
    partner.silent_to(|asked| line(asked).as_i64() >= Some(5));
    let yaml = SHIP.replace("MORE", "").replace("URL", &partner.url());
    let (world, cue) = World::start_on_cue(store, &yaml).await;
    let lines_sent: Vec<u32> = (0..10).collect();
    let caller = world.call("placed", json!({ "lines": lines_sent }));
    asked(&partner, 6).await;
    cue.fail(true);
    partner.silent_to(|asked| line(asked).as_i64() >= Some(8));
    asked(&partner, 9).await;
    cue.fail(false);
    partner.silent(false);
    assert_eq!(caller.await.expect("answered").said(), format!("200 {}", json!(lines_sent)));
    assert_eq!(lines(&partner), lines_sent.into_iter().map(Value::from).collect::<Vec<_>>());
}

async fn how_far_it_has_come_is_not_kept_too_often(store: Store) {
    let partner = Partner::start().await;
    let yaml = SHIP.replace("MORE", "parallel: 10").replace("URL", &partner.url());
    let (world, cue) = World::start_on_cue(store, &yaml).await;
    let (before, began) = (cue.committed(), std::time::Instant::now());
    world.hit("placed", json!({ "lines": vec![0; 500] })).await;
    let (commits, most) = (cue.committed() - before, 2 + began.elapsed().as_millis() as u64 / 100);
    assert!(commits <= most, "{commits} commits, {most} at most");
}

async fn a_secret_inside_is_not_shown(store: Store) {
    const CANARY: &str = "canary-of-an-each-5c1e";
    let partner = Partner::start().await;
    // It sends back what it was sent.
    partner.usually(|asked| (200, json!({ "got": asked.header("authorization") }).to_string()));
    partner.silent_to(|asked| line(asked) == 1);
    let yaml = SHIP.replace("MORE", "").replace("URL", &partner.url());
    let yaml = yaml.replace("retry:", "auth: { bearer: \"${secrets.TOKEN}\" }\n            retry:");
    let yaml = yaml.replace("answer: { respond: { body: \"${$.ship}\" } }", "answer: { set: done }");
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Dev).await;
    node.post("/api/v1/secrets", json!({ "name": "TOKEN", "value": CANARY })).await.expect(200);
    node.deploy(&yaml).await;
    let id = node.hit("shipping/placed", json!({ "lines": [0, 1] })).await.transaction();
    let shown = eventually("the first is kept", async || {
        let view = node.transaction(&id).await.to_string();
        view.contains("\"status\":\"completed\",\"steps\"").then_some(view)
    })
    .await;
    assert!(!shown.contains(CANARY), "{shown}");
    partner.silent(false);
    let shown = eventually("it is completed", async || {
        let view = node.transaction(&id).await;
        (view["status"] == "completed").then_some(view.to_string())
    })
    .await;
    assert!(!shown.contains(CANARY) && shown.contains("\"attempts\""), "{shown}");
    assert!(partner.asked().iter().all(|asked| asked.header("authorization") == format!("Bearer {CANARY}")));
}

async fn a_script_is_run_for_each(store: Store) {
    let yaml = "
cycle: scripted
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body
      parallel: 4
      partial: true
      steps:
        sum:
          script: |
            function step(document, context) {
              console.log('at ' + document.ship.index)
              if (document.ship.item === 'throw') throw new Error('no')
              return { of: document.ship.item, step: context.step, before: store.get('a') ?? null }
            }
          next: kept
        kept: { set: \"${$.sum.of}\" }
      result: \"${$.sum}\"
";
    let world = World::start(store, yaml).await;
    let id = world.hit("placed", json!([1, 2, "throw", 4])).await.transaction();
    comes_to(&world, id, "completed").await;
    let ship = world.document(id).await["ship"].clone();
    assert_eq!(ship[0], json!({ "of": 1, "step": "sum", "before": null }));
    assert_eq!(ship[3], json!({ "of": 4, "step": "sum", "before": null }));
    let why = ship[2]["error"]["message"].as_str().expect("a message");
    assert!(why.contains("no"), "{why}");
    let elements = shown(world.runs(id).await[0].steps[1].elements.as_ref());
    assert_eq!(elements[3]["steps"][0]["console"], json!(["at 3"]));
    let wrong = yaml.replace("return {", "return {{");
    world.engine.deploy("default", "x.yaml", &wrong).await.expect_err("its script is looked at");
}

async fn a_cancelled_run_begins_no_further_element(store: Store) {
    let (world, partner) = ship(store, "").await;
    partner.silent_to(|asked| line(asked) == 1);
    drop(world.call("placed", json!({ "lines": [0, 1, 2] })));
    asked(&partner, 2).await;
    let id = only(&world).await;
    world.engine.cancel("default", id).await.expect("cancelled");
    partner.silent(false);
    // Time stands still while a step is done.
    world.advance("1s").await;
    assert_eq!(world.status(id).await, "cancelled");
    assert_eq!(world.document(id).await.get("ship"), None);
}

async fn events_go_out_once_with_the_step(store: Store) {
    let yaml = "
cycle: told
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body
      parallel: 3
      steps:
        tells: { notify: { event: line.placed, data: \"${$.ship.item}\" }, next: rest }
        rest: { delay: { for: \"${$.ship.item}\" } }
";
    let world = World::start(store, yaml).await;
    let mut events = world.engine.events();
    let id = world.hit("placed", json!(["2h", "1h", "3h"])).await.transaction();
    world.advance("3h").await;
    comes_to(&world, id, "completed").await;
    let mut told = Vec::new();
    eventually("the end", async || {
        while let Ok(event) = events.try_recv() {
            if event.event == "line.placed" {
                assert_eq!(event.step.as_deref(), Some("ship"));
                told.push(event.data.expect("its data").to_string());
            } else if event.event == "transaction.completed" {
                return Some(());
            }
        }
        None
    })
    .await;
    assert_eq!(told, ["\"2h\"", "\"1h\"", "\"3h\""]);
}

async fn a_step_inside_may_stop_the_cycle(store: Store) {
    let yaml = SHIP
        .replace("MORE", "partial: true")
        .replace("retry: { attempts: 2, backoff: 10s }\n", "retry: { attempts: 1 }\n          on_error: stop\n");
    let (world, partner) = world(store, &yaml).await;
    partner.answers(400, "", "{}");
    let got = world.hit("placed", json!({ "lines": [0, 1] })).await;
    assert!(got.said().starts_with("200 [{\"error\":{\"kind\":\"status\""), "{}", got.said());
    assert_eq!(world.status(got.transaction()).await, "completed");
    let cycle = world.engine.cycle("default", "shipping").await.expect("it is there");
    assert_eq!(format!("{:?}", cycle.state), "Stopped");
}

async fn the_trace_shows_elements_and_what_it_leaves_out(store: Store) {
    let (world, partner) = ship(store, "partial: true").await;
    partner.usually(|asked| (if line(asked) == 149 { 400 } else { 200 }, "{}".to_owned()));
    let lines: Vec<u32> = (0..150).collect();
    let id = world.hit("placed", json!({ "lines": lines })).await.transaction();
    let step = world.runs(id).await[0].steps[1].clone();
    assert_eq!((step.status.as_str(), step.elements_left_out), ("completed", 59));
    let elements = shown(step.elements.as_ref());
    assert_eq!(elements.as_array().expect("a list").len(), 91);
    let first = &elements[0];
    assert_eq!(
        (&first["index"], &first["status"], &first["steps"][0]["step"]),
        (&json!(0), &json!("completed"), &json!("book"))
    );
    assert_eq!(first["steps"][0]["attempts"][0]["request"]["method"], "POST");
    assert_eq!((&elements[90]["index"], &elements[90]["status"]), (&json!(149), &json!("failed")));
    assert_eq!(elements[90]["steps"][0]["error"]["kind"], "status");
}

async fn steps_inside_count_among_those_of_the_run(store: Store) {
    let yaml = "
cycle: counted
steps:
  placed: { webhook: , next: ship }
  ship:
    each: { in: $.placed.body, partial: true, steps: { one: { set: 1, next: two }, two: { set: 2 } } }
    next: after
  after: { set: 1, next: last }
  last: { set: 1 }
";
    let limits = Limits { steps_per_run: 10, ..Limits::default() };
    let world = World::start_within(store, yaml, limits).await;
    let id = world.hit("placed", json!([1, 2, 3])).await.transaction();
    comes_to(&world, id, "completed").await;
    let id = world.hit("placed", json!([1, 2, 3, 4])).await.transaction();
    comes_to(&world, id, "failed at after").await;
    let id = world.hit("placed", json!([1, 2, 3, 4, 5])).await.transaction();
    comes_to(&world, id, "failed at ship").await;
    let error = world.error(id).await;
    assert!(error.contains("a run has at most 10 steps, those of all elements included"), "{error}");
}

async fn results_are_held_to_the_limit_of_a_document(store: Store) {
    let yaml = "
cycle: large
steps:
  placed: { webhook: , next: ship }
  ship:
    each: { in: $.placed.body.n, partial: true, steps: { one: { set: \"${$.placed.body.text}\" } } }
";
    let limits = Limits { document_bytes: 5_000, ..Limits::default() };
    let world = World::start_within(store, yaml, limits).await;
    let body = |n: usize| json!({ "n": vec![0; n], "text": "x".repeat(1_000) });
    let id = world.hit("placed", body(2)).await.transaction();
    comes_to(&world, id, "completed").await;
    let id = world.hit("placed", body(10)).await.transaction();
    comes_to(&world, id, "failed at ship").await;
    let error = world.error(id).await;
    assert!(error.contains("\"kind\":\"limit\"") && error.contains("the limit is 5000 bytes"), "{error}");
}

async fn a_thousand_elements_are_soon_done(store: Store) {
    let (world, partner) = ship(store, "parallel: 20").await;
    let lines: Vec<u32> = (0..1_000).collect();
    let began = std::time::Instant::now();
    let got = world.hit("placed", json!({ "lines": lines })).await;
    assert_eq!(got.said(), format!("200 {}", json!(lines)));
    assert_eq!(partner.asked().len(), 1_000);
    assert!(partner.at_once() <= 20);
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
