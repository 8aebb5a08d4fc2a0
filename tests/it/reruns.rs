//! A run from any step that was passed, with the document edited, where steps touch the world
//! (contract, section 5).

use holdfast_engine::{RunView, StepTrace, TransactionId};
use holdfast_tests::{Body, Partner, Store, World, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    a_run_again_from_a_call_makes_it_anew,
    a_run_again_from_a_script_makes_no_call,
    a_run_again_from_behind_a_failure_goes_on,
];

const CYCLE: &str = "
cycle: price
steps:
  asked: { webhook: , next: told }
  told:
    http:
      method: POST
      url: URL/prices
      body: { sku: \"${$.asked.body.sku}\" }
      retry: { attempts: 2, backoff: 10s }
    next: total
  total:
    script: |
      function step(document, context) {
        console.log('run ' + context.run + ' of ' + document.asked.body.sku)
        return { sum: document.asked.body.count * document.told.body.price }
      }
    next: kept
  kept: { set: { sum: \"${$.total.sum}\" } }
";

async fn world(store: Store) -> (World, Partner) {
    let partner = Partner::start().await;
    partner.usually(|asked| {
        let price = if asked.body.contains("\"A\"") { 3 } else { 5 };
        (200, json!({ "price": price }).to_string())
    });
    let world = World::start(store, &CYCLE.replace("URL", &partner.url())).await;
    (world, partner)
}

fn json_of(value: Value) -> holdfast_definitions::Json {
    Body::from(value).json()
}

async fn comes_to(world: &World, id: TransactionId, status: &str, runs: usize) {
    eventually(&format!("run {runs} is {status}"), async || {
        (world.runs(id).await.len() == runs && world.status(id).await == status).then_some(())
    })
    .await;
}

fn value(json: &holdfast_definitions::Json) -> Value {
    serde_json::from_str(&json.to_string()).expect("JSON")
}

fn step<'a>(run: &'a RunView, name: &str) -> &'a StepTrace {
    run.steps.iter().find(|step| step.step == name).expect("the step is in the trace")
}

/// Each attempt: the body that was sent, and the status that came.
fn attempts(run: &RunView) -> Vec<String> {
    let all = value(step(run, "told").attempts.as_ref().expect("its attempts"));
    let all = all.as_array().expect("a list").clone();
    all.iter()
        .map(|one| format!("{} {}", one["request"]["body"].as_str().unwrap_or_default(), one["response"]["status"]))
        .collect()
}

fn console(run: &RunView) -> Value {
    value(step(run, "total").console.as_ref().expect("what it wrote"))
}

async fn a_run_again_from_a_call_makes_it_anew(store: Store) {
    let (world, partner) = world(store).await;
    partner.answers(503, "", "{}");
    let id = world.hit("asked", json!({ "sku": "A", "count": 2 })).await.transaction();
    eventually("it is asked", async || (partner.asked().len() == 1).then_some(())).await;
    world.advance("20s").await;
    comes_to(&world, id, "completed", 1).await;
    let edited = json!({ "asked": { "body": { "sku": "B", "count": 4 } } });
    partner.answers(502, "", "{}");
    world.engine.rerun("default", id, "told", Some(json_of(edited))).await.expect("it runs again");
    eventually("it is asked again", async || (partner.asked().len() == 3).then_some(())).await;
    world.advance("20s").await;
    comes_to(&world, id, "completed", 2).await;

    let runs = world.runs(id).await;
    assert_eq!(attempts(&runs[0]), [r#"{"sku":"A"} 503"#, r#"{"sku":"A"} 200"#]);
    assert_eq!(attempts(&runs[1]), [r#"{"sku":"B"} 502"#, r#"{"sku":"B"} 200"#]);
    assert_eq!((console(&runs[0]), console(&runs[1])), (json!(["run 1 of A"]), json!(["run 2 of B"])));
    assert_eq!((runs[1].hit, runs[1].entry.as_str()), (None, "told"));
    let document = world.document(id).await;
    assert_eq!((&document["total"]["sum"], &document["kept"]["sum"]), (&json!(20), &json!(20)));
    let keys: Vec<String> = partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, [format!("{id}.1.told"), format!("{id}.1.told"), format!("{id}.2.told"), format!("{id}.2.told")]);
}

async fn a_run_again_from_a_script_makes_no_call(store: Store) {
    let (world, partner) = world(store).await;
    let id = world.hit("asked", json!({ "sku": "A", "count": 2 })).await.transaction();
    comes_to(&world, id, "completed", 1).await;
    let edited = json!({ "asked": { "body": { "sku": "A", "count": 2 } }, "told": { "body": { "price": 100 } } });
    world.engine.rerun("default", id, "total", Some(json_of(edited))).await.expect("it runs again");
    comes_to(&world, id, "completed", 2).await;
    assert_eq!(world.document(id).await["kept"]["sum"], 200);
    // Unedited, it begins with the document as it was there in the newest run: the edited one.
    world.engine.rerun("default", id, "total", None).await.expect("it runs again");
    comes_to(&world, id, "completed", 3).await;
    assert_eq!(world.ways(id).await, ["asked told total kept", "total kept", "total kept"]);
    assert_eq!(console(&world.runs(id).await[2]), json!(["run 3 of A"]));
    assert_eq!(partner.asked().len(), 1);
}

async fn a_run_again_from_behind_a_failure_goes_on(store: Store) {
    let (world, partner) = world(store).await;
    partner.answers(404, "", "{}");
    let id = world.hit("asked", json!({ "sku": "A", "count": 2 })).await.transaction();
    comes_to(&world, id, "failed at told", 1).await;
    assert_eq!(attempts(&world.runs(id).await[0]), [r#"{"sku":"A"} 404"#]);
    world.engine.rerun("default", id, "told", None).await.expect("it runs again");
    comes_to(&world, id, "completed", 2).await;
    let runs = world.runs(id).await;
    assert_eq!((runs[0].status.word(), runs[1].status.word()), ("failed", "completed"));
    assert_eq!(attempts(&runs[1]), [r#"{"sku":"A"} 200"#]);
    assert_eq!(world.document(id).await["kept"]["sum"], 6);
}
