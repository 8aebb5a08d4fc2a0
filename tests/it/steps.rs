//! Steps that touch the world: calls, delays, and what comes of their failures (contract, sections 2
//! and 5).

use holdfast_engine::TransactionId;
use holdfast_tests::{Partner, Store, World, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    a_call_goes_out_and_its_answer_is_read,
    a_body_goes_out_as_its_type_says,
    a_caller_waits_for_what_a_call_brings,
    another_attempt_is_made_with_the_same_key,
    the_schedule_of_attempts_survives_a_restart,
    a_partner_says_when_to_come_again,
    attempts_end,
    what_another_attempt_cannot_change_fails_at_once,
    a_failed_step_goes_where_it_says,
    a_failed_step_may_be_ignored,
    a_failed_step_may_stop_the_cycle,
    a_call_goes_to_public_addresses_only,
    a_delay_ends_to_the_microsecond,
    a_delay_outlives_a_restart,
    a_delay_until_a_time,
    many_delays_end_at_once,
    a_hit_waits_for_the_run_under_way,
    a_cancelled_run_leaves_what_waited_unmatched,
    a_run_under_way_is_shown,
    a_rerun_calls_again_under_a_key_of_its_own,
    a_slow_partner_delays_no_other,
    an_event_of_the_accounts_own,
];

const CALL: &str = "
cycle: call
steps:
  asked: { webhook: , next: told }
  told:
    http:
      url: URL/orders/${$.asked.body.id}?a=b
      query: { tag: [x, \"y z\"], none: \"${$.asked.body.none}\" }
      headers: { X-Trace: \"${transaction.id}\" }
      body: { id: \"${$.asked.body.id}\" }
      retry: { attempts: 3, backoff: 10s }
    next: after
  after: { respond: { body: \"${$.told.body}\" } }
";

/// The cycle with the partner's address in it.
async fn world(store: Store, yaml: &str) -> (World, Partner) {
    let partner = Partner::start().await;
    let world = World::start(store, &yaml.replace("URL", &partner.url())).await;
    (world, partner)
}

/// Once it is so.
async fn comes_to(world: &World, id: TransactionId, status: &str) {
    let what = format!("{id} is {status}");
    eventually(&what, async || (world.status(id).await == status).then_some(())).await;
}

async fn asked(partner: &Partner, count: usize) {
    eventually("the partner is asked", async || (partner.asked().len() >= count).then_some(())).await;
}

async fn a_call_goes_out_and_its_answer_is_read(store: Store) {
    let (world, partner) = world(store, CALL).await;
    partner.answers(201, "x-more: 1\r\nx-more: 2\r\n", "{\"price\":99999999999999999999}");
    let got = world.hit("asked", json!({ "id": "A 1" })).await;
    assert_eq!(got.said(), "200 {\"price\":99999999999999999999}");
    let asked = &partner.asked()[0];
    assert_eq!(asked.line, "POST /orders/A%201?a=b&tag=x&tag=y+z");
    assert_eq!(asked.body, "{\"id\":\"A 1\"}");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("x-trace"), got.transaction().to_string());
    let detail = world.detail(got.transaction()).await;
    let told = detail.document.get("told").expect("its output").to_string();
    assert!(told.starts_with("{\"status\":201,") && told.contains("\"x-more\":\"1, 2\""), "{told}");
    let attempts = detail.runs[0].steps[1].attempts.as_ref().expect("its attempts").to_string();
    assert!(attempts.contains("\"method\":\"POST\"") && attempts.contains("\"status\":201"), "{attempts}");
    assert_eq!(world.ways(got.transaction()).await, ["asked told after"]);
}

async fn a_body_goes_out_as_its_type_says(store: Store) {
    let (world, partner) = world(store, CALL).await;
    let value = r#"{ order: { "@id": "${$.asked.body.id}", line: [a & b, "2"] } }"#;
    let form = r#"{ "a b": ["1", "ä"], none: null, id: "${$.asked.body.id}" }"#;
    for (kind, body, content_type, sent) in [
        ("xml", value, "application/xml", "<order id=\"7\"><line>a &amp; b</line><line>2</line></order>"),
        ("form", form, "application/x-www-form-urlencoded", "a+b=1&a+b=%C3%A4&id=7"),
        ("text", "\"id ${$.asked.body.id}\"", "text/plain; charset=utf-8", "id 7"),
        ("json", value, "application/json", r#"{"order":{"@id":7,"line":["a & b","2"]}}"#),
    ] {
        let yaml = format!(
            "cycle: typed\nsteps:\n  asked: {{ webhook: , next: told }}\n  told:\n    http: {{ url: {}/x, type: {kind}, \
             body: {body} }}\n    next: answered\n  answered: {{ respond: {{ body: done }} }}\n",
            partner.url()
        );
        world.deploy(&yaml).await;
        world.engine.start("default", "typed").await.expect("started");
        assert_eq!(world.hit("typed/asked", json!({ "id": 7 })).await.said(), "200 done", "{kind}");
        let asked = partner.asked().pop().expect("it was asked");
        assert_eq!(asked.header("content-type"), content_type);
        let body = asked.body.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap_or(&asked.body);
        assert_eq!(body, sent, "{kind}");
    }
}

async fn a_caller_waits_for_what_a_call_brings(store: Store) {
    let (world, partner) = world(store, CALL).await;
    partner.silent(true);
    let caller = world.call("asked", json!({ "id": 1 }));
    asked(&partner, 1).await;
    assert!(!caller.is_finished());
    partner.silent(false);
    assert_eq!(caller.await.expect("answered").said(), "200 {\"ok\":true}");
}

async fn another_attempt_is_made_with_the_same_key(store: Store) {
    let (world, partner) = world(store, CALL).await;
    partner.answers(503, "", "{}");
    partner.answers(429, "", "{}");
    let caller = world.call("asked", json!({ "id": 1 }));
    asked(&partner, 1).await;
    let id = world.all().await[0].id;
    world.advance("7s").await;
    assert_eq!((partner.asked().len(), world.status(id).await.as_str()), (1, "running at told"));
    world.advance("6s").await;
    assert_eq!(partner.asked().len(), 2);
    // 8 s to 12 s after the first, 16 s to 24 s after the second.
    world.advance("10s").await;
    assert_eq!(partner.asked().len(), 2);
    world.advance("14s").await;
    assert_eq!(caller.await.expect("answered").said(), "200 {\"ok\":true}");
    let keys: Vec<String> = partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert!(!keys[0].is_empty() && keys.iter().all(|key| *key == keys[0]) && keys.len() == 3, "{keys:?}");
    let attempts = world.runs(id).await[0].steps[1].attempts.clone().expect("its attempts").to_string();
    let attempts: Value = serde_json::from_str(&attempts).expect("JSON");
    let statuses: Vec<_> = attempts.as_array().expect("a list").iter().map(|one| &one["response"]["status"]).collect();
    assert_eq!(statuses, [503, 429, 200]);
}

async fn the_schedule_of_attempts_survives_a_restart(store: Store) {
    let (mut world, partner) = world(store, CALL).await;
    partner.answers(500, "", "{}");
    drop(world.call("asked", json!({ "id": 1 })));
    asked(&partner, 1).await;
    let id = world.all().await[0].id;
    eventually("the attempt is kept", async || {
        let steps = world.runs(id).await[0].steps.clone();
        steps.last()?.attempts.as_ref().filter(|attempts| attempts.to_string().contains("500")).map(|_| ())
    })
    .await;
    world.reopen().await;
    world.advance("13s").await;
    comes_to(&world, id, "completed").await;
    let asked = partner.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

async fn a_partner_says_when_to_come_again(store: Store) {
    let (world, partner) = world(store, CALL).await;
    partner.answers(503, "retry-after: 900\r\n", "{}");
    drop(world.call("asked", json!({ "id": 1 })));
    asked(&partner, 1).await;
    // Longer than the longest delay between its own attempts.
    world.advance("899s").await;
    assert_eq!(partner.asked().len(), 1);
    world.advance("1s").await;
    assert_eq!(partner.asked().len(), 2);
}

async fn attempts_end(store: Store) {
    let (world, partner) = world(store, CALL).await;
    for _ in 0..3 {
        partner.answers(502, "", "{\"why\":\"down\"}");
    }
    let caller = world.call("asked", json!({ "id": 1 }));
    asked(&partner, 1).await;
    world.advance("1h").await;
    assert_eq!(caller.await.expect("answered").said(), "500 told: the answer's status is 502 (attempt 3 of 3)");
    let id = world.all().await[0].id;
    assert_eq!(world.status(id).await, "failed at told");
    let error = world.error(id).await;
    assert!(error.contains("\"kind\":\"status\"") && error.contains("\"status\":502"), "{error}");
    assert_eq!(partner.asked().len(), 3);
}

async fn what_another_attempt_cannot_change_fails_at_once(store: Store) {
    let (world, partner) = world(store, CALL).await;
    partner.answers(404, "", "{}");
    let got = world.hit("asked", json!({ "id": 1 })).await;
    assert_eq!(got.said(), "500 told: the answer's status is 404 (attempt 1 of 3)");
    assert_eq!(partner.asked().len(), 1);
}

const FAILING: &str = "
cycle: failing
steps:
  asked: { webhook: , next: told }
  told:
    http: { url: URL, retry: { attempts: 1 } }
    on_error: WHERE
    next: after
  after: { respond: { body: \"${$.told.status}\" } }
  instead: { respond: { status: 502, body: \"${$.told.error.kind} ${$.told.error.status} ${$.told.body.why}\" } }
";

async fn failing(store: Store, on_error: &str) -> (World, Partner) {
    let yaml = FAILING.replace("WHERE", on_error);
    // A step that nothing leads to is no cycle.
    let yaml =
        if on_error == "instead" { yaml } else { yaml.split("  instead:").next().unwrap_or_default().to_owned() };
    let (world, partner) = world(store, &yaml).await;
    partner.answers(400, "", "{\"why\":\"no\"}");
    (world, partner)
}

async fn a_failed_step_goes_where_it_says(store: Store) {
    let (world, _partner) = failing(store, "instead").await;
    let got = world.hit("asked", json!({})).await;
    assert_eq!(got.said(), "502 status 400 no");
    assert_eq!(world.status(got.transaction()).await, "completed");
    assert_eq!(world.ways(got.transaction()).await, ["asked told instead"]);
}

async fn a_failed_step_may_be_ignored(store: Store) {
    let (world, _partner) = failing(store, "ignore").await;
    let got = world.hit("asked", json!({})).await;
    assert_eq!(got.said(), "200 400");
    assert_eq!(world.document(got.transaction()).await["told"]["error"]["status"], 400);
}

async fn a_failed_step_may_stop_the_cycle(store: Store) {
    let (world, partner) = failing(store, "stop").await;
    let got = world.hit("asked", json!({})).await;
    assert!(got.said().starts_with("500 told"), "{}", got.said());
    let cycle = world.engine.cycle("default", "failing").await.expect("it is there");
    assert_eq!(format!("{:?}", cycle.state), "Stopped");
    assert_eq!(world.hit("asked", json!({})).await.said(), "200 Webhook accepted.", "queued");
    assert_eq!(partner.asked().len(), 1);
}

async fn a_call_goes_to_public_addresses_only(store: Store) {
    let yaml = CALL.replace("URL", "http://10.0.0.1:1");
    let world = World::start(store, &yaml).await;
    let got = world.hit("asked", json!({ "id": 1 })).await;
    assert!(got.said().starts_with("500 told: "), "{}", got.said());
    assert!(world.error(got.transaction()).await.contains("\"kind\":\"address\""));
}

const DELAY: &str = "
cycle: delay
steps:
  asked: { webhook: , next: waits }
  waits: { delay: 2h, next: done }
  done: { set: \"${$.asked.body.id}\" }
";

async fn a_delay_ends_to_the_microsecond(store: Store) {
    let world = World::start(store, DELAY).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    assert_eq!(world.status(id).await, "running at waits");
    world.advance("7199999999us").await;
    assert_eq!(world.status(id).await, "running at waits");
    world.advance("1us").await;
    assert_eq!(world.status(id).await, "completed");
    let run = world.runs(id).await.remove(0);
    assert_eq!(run.ended_at.expect("ended") - run.started_at, chrono::Duration::hours(2));
    assert_eq!(world.document(id).await["done"], 1);
}

async fn a_delay_outlives_a_restart(store: Store) {
    let mut world = World::start(store, DELAY).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.reopen().await;
    world.advance("1h").await;
    world.reopen().await;
    world.advance("1h").await;
    assert_eq!(world.status(id).await, "completed");
}

async fn a_delay_until_a_time(store: Store) {
    let yaml = DELAY.replace("delay: 2h", "delay: { until: \"${$.asked.body.at}\" }");
    let world = World::start(store, &yaml).await;
    let at = (world.engine.now() + chrono::Duration::days(3)).to_rfc3339();
    let id = world.hit("asked", json!({ "id": 1, "at": at })).await.transaction();
    let past = world.hit("asked", json!({ "id": 1, "at": "2001-01-01T00:00:00Z" })).await.transaction();
    let wrong = world.hit("asked", json!({ "id": 1, "at": "soon" })).await.transaction();
    world.advance("1us").await;
    assert_eq!(world.status(past).await, "completed");
    assert_eq!(world.status(wrong).await, "failed at waits");
    assert_eq!(world.status(id).await, "running at waits");
    world.advance("3d").await;
    assert_eq!(world.status(id).await, "completed");
}

async fn many_delays_end_at_once(store: Store) {
    let world = World::start(store, DELAY).await;
    let mut calls = Vec::new();
    for id in 0..1_500 {
        calls.push(world.call("asked", json!({ "id": id })));
    }
    for call in calls {
        call.await.expect("accepted");
    }
    world.advance("2h").await;
    let all = world.all().await;
    assert!(all.iter().all(|view| view.status.word() == "completed"), "all are done");
}

const RESUMED: &str = "
cycle: resumed
steps:
  asked: { webhook: , next: told }
  told:
    webhook: { mapping: [{ hit: $.body.id, transaction: $.asked.body.id }] }
    next: waits
  waits: { delay: 1h, next: done }
  done: { set: \"${$.told.body.n}\" }
";

async fn a_hit_waits_for_the_run_under_way(store: Store) {
    let world = World::start(store, RESUMED).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    for n in 1..=3 {
        assert_eq!(world.hit("told", json!({ "id": 1, "n": n })).await.transaction(), id);
    }
    let shown = async |world: &World| -> Vec<String> {
        world.runs(id).await.iter().map(|run| format!("{} {}", run.number, run.status.word())).collect()
    };
    assert_eq!(shown(&world).await, ["1 held", "2 running", "3 queued", "4 queued"]);
    world.advance("1h").await;
    assert_eq!(shown(&world).await, ["1 held", "2 completed", "3 running", "4 queued"]);
    assert_eq!(world.status(id).await, "running at waits");
    world.advance("2h").await;
    assert_eq!(shown(&world).await, ["1 held", "2 completed", "3 completed", "4 completed"]);
    assert_eq!(world.document(id).await["done"], 3);
}

async fn a_cancelled_run_leaves_what_waited_unmatched(store: Store) {
    let world = World::start(store, RESUMED).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.hit("told", json!({ "id": 1, "n": 1 })).await;
    let second = world.hit("told", json!({ "id": 1, "n": 2 })).await.hit();
    world.engine.cancel("default", id).await.expect("cancelled");
    assert_eq!(world.status(id).await, "cancelled");
    let status = world.hit_status(second).await;
    assert!(status.starts_with("unmatched: the transaction was cancelled"), "{status}");
    world.advance("1d").await;
    assert_eq!(world.ways(id).await, ["asked told", "told waits"]);
    assert_eq!(world.status(id).await, "cancelled");
}

async fn a_run_under_way_is_shown(store: Store) {
    let (world, partner) = world(store, CALL).await;
    partner.silent(true);
    let caller = world.call("asked", json!({ "id": 1 }));
    asked(&partner, 1).await;
    let view = world.all().await.remove(0);
    assert_eq!((view.status.word(), view.step.as_deref()), ("running", Some("told")));
    let run = world.runs(view.id).await.remove(0);
    let steps: Vec<_> = run.steps.iter().map(|step| format!("{} {}", step.step, step.status)).collect();
    assert_eq!((steps.join(", ").as_str(), run.ended_at), ("asked completed, told running", None));
    assert_eq!(world.document(view.id).await["asked"]["body"]["id"], 1);
    partner.silent(false);
    caller.await.expect("answered");
}

async fn a_rerun_calls_again_under_a_key_of_its_own(store: Store) {
    let (world, partner) = world(store, CALL).await;
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    world.engine.rerun("default", id, "told", None).await.expect("run again");
    comes_to(&world, id, "completed").await;
    eventually("it is asked again", async || (partner.asked().len() == 2).then_some(())).await;
    let asked = partner.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

async fn a_slow_partner_delays_no_other(store: Store) {
    let (world, slow) = world(store, CALL).await;
    let quick = Partner::start().await;
    let yaml = CALL.replace("URL", &quick.url()).replace("cycle: call", "cycle: other");
    world.deploy(&yaml).await;
    world.engine.start("default", "other").await.expect("started");
    slow.silent(true);
    let callers: Vec<_> = (0..100).map(|id| world.call("asked", json!({ "id": id }))).collect();
    asked(&slow, 100).await;
    let got = world.hit("other/asked", json!({ "id": 1 })).await;
    assert_eq!(got.said(), "200 {\"ok\":true}");
    slow.silent(false);
    for caller in callers {
        assert_eq!(caller.await.expect("answered").said(), "200 {\"ok\":true}");
    }
}

async fn an_event_of_the_accounts_own(store: Store) {
    let yaml = "
cycle: told
steps:
  asked: { webhook: , next: tells }
  tells: { notify: { event: order.placed, data: { id: \"${$.asked.body.id}\" } } }
";
    let world = World::start(store, yaml).await;
    let mut events = world.engine.events();
    world.hit("asked", json!({ "id": 7 })).await;
    let event =
        eventually("the event", async || events.try_recv().ok().filter(|event| event.event == "order.placed")).await;
    assert_eq!(event.data.expect("its data").to_string(), "{\"id\":7}");
    assert_eq!((event.cycle.as_str(), event.step.as_deref()), ("told", Some("tells")));
}
