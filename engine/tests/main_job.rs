//! The main job in memory of one process, on SQLite with a manual clock.

use std::time::Duration;

use bytes::Bytes;
use holdfast_definitions::{Json, Members};
use holdfast_engine::*;

const YAML: &str = r#"
cycle: job
steps:
  asked:
    webhook:
    next: ready
  ready:
    webhook:
      mapping:
        - { hit: $.body.id, transaction: $.asked.body.id }
      expires: { after: 48h, next: late }
    next: which
  which:
    decision:
      - when: { value: $.ready.body.state, equals: good }
        next: tell
      - else: end
  tell:
    respond: { status: 201, body: { id: "${$.asked.body.id}" }, to: asked }
  late:
    respond: { status: 504, body: late, to: asked }
"#;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

async fn open(dir: &std::path::Path) -> Engine {
    let options = Options {
        database: Database::Sqlite { path: dir.join("holdfast.db") },
        manual_clock: true,
        node: "test".into(),
        limits: Limits::default(),
    };
    let engine = Engine::open(options).await.unwrap();
    engine.deploy("default", "job.yaml", YAML).await.unwrap();
    engine.start("default", "job").await.unwrap();
    engine
}

fn arrival(engine: &Engine, step: &str, body: &str, wait: Duration) -> Arrival {
    let headers = [("content-type".to_owned(), Json::from("application/json"))];
    Arrival {
        webhook: engine.identifier("default", "job", step).unwrap(),
        method: "POST".into(),
        headers: Json::Object(headers.into_iter().collect()),
        query: Json::Object(Members::new()),
        body: json(body),
        raw: Bytes::from(body.to_owned()),
        repeat: None,
        wait: Some(wait),
    }
}

async fn hit(engine: &Engine, step: &str, body: &str) -> Reception {
    engine.receive(arrival(engine, step, body, Duration::ZERO)).await.unwrap()
}

#[tokio::test]
async fn a_transaction_is_held_resumed_and_answers_its_caller() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let started = hit(&engine, "asked", r#"{"id":42}"#).await;
    assert!(matches!(started.reply, Reply::Pending { status: TransactionStatus::Held }), "{started:?}");
    let id = started.transaction.unwrap();
    let caller = {
        let (engine, arrival) = (engine.clone(), arrival(&engine, "asked", r#"{"id":43}"#, Duration::from_secs(20)));
        tokio::spawn(async move { engine.receive(arrival).await.unwrap() })
    };
    while engine.gauges().await.unwrap().waiting_callers == 0 {
        tokio::task::yield_now().await;
    }
    let resumed = hit(&engine, "ready", r#"{"id":"42","state":"good"}"#).await;
    assert_eq!(resumed.transaction, Some(id));
    let view = engine.transaction("default", id).await.unwrap();
    assert_eq!(view.status, TransactionStatus::Completed);
    let document = view.detail.unwrap().document;
    assert_eq!(document.get("ready").unwrap().get("body").unwrap().to_string(), r#"{"id":"42","state":"good"}"#);
    hit(&engine, "ready", r#"{"id":"43","state":"good"}"#).await;
    let answered = caller.await.unwrap();
    let Reply::Answer(Answer::Response { status, body, .. }) = answered.reply else { panic!("{answered:?}") };
    assert_eq!((status, &body[..]), (201, &br#"{"id":43}"#[..]));
    engine.close().await;
}

#[tokio::test]
async fn a_hit_that_comes_early_waits_for_its_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let early = hit(&engine, "ready", r#"{"id":7,"state":"good"}"#).await;
    assert!(early.transaction.is_none());
    assert_eq!(engine.hit("default", early.hit).await.unwrap().status, HitStatus::Unmatched);
    let started = hit(&engine, "asked", r#"{"id":7}"#).await;
    assert!(matches!(started.reply, Reply::Answer(_)), "{started:?}");
    let applied = engine.hit("default", early.hit).await.unwrap();
    assert_eq!((applied.status, applied.transaction), (HitStatus::Applied, started.transaction));
}

#[tokio::test]
async fn a_hold_expires_at_its_time_and_no_hit_matches_it_then() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let started = hit(&engine, "asked", r#"{"id":1}"#).await;
    let id = started.transaction.unwrap();
    engine.advance(Duration::from_secs(48 * 3600) - Duration::from_micros(1)).await.unwrap();
    assert_eq!(engine.transaction("default", id).await.unwrap().status, TransactionStatus::Held);
    engine.advance(Duration::from_micros(1)).await.unwrap();
    let view = engine.transaction("default", id).await.unwrap();
    assert_eq!(view.status, TransactionStatus::Completed);
    assert_eq!(hit(&engine, "ready", r#"{"id":1}"#).await.transaction, None);
    let webhook = engine.identifier("default", "job", "asked").unwrap();
    let AnswerLookup::Ready(answer) = engine.answer(&webhook, started.hit).await.unwrap() else { panic!() };
    assert!(matches!(answer.reply, Reply::Answer(Answer::Response { status: 504, .. })), "{answer:?}");
}

#[tokio::test]
async fn state_survives_and_ends_with_retention() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let id = hit(&engine, "asked", r#"{"id":5}"#).await.transaction.unwrap();
    engine.close().await;
    drop(engine);
    let engine = open(dir.path()).await;
    let view = engine.transaction("default", id).await.unwrap();
    let left = view.expires_at - engine.now();
    hit(&engine, "ready", r#"{"id":5,"state":"bad"}"#).await;
    engine.advance((left - chrono::TimeDelta::microseconds(1)).to_std().unwrap()).await.unwrap();
    assert_eq!(hit(&engine, "ready", r#"{"id":5,"state":"bad"}"#).await.transaction, Some(id));
    engine.advance(Duration::from_micros(1)).await.unwrap();
    assert_eq!(hit(&engine, "ready", r#"{"id":5,"state":"bad"}"#).await.transaction, None);
    assert!(matches!(engine.transaction("default", id).await, Err(Error::NotFound { .. })));
}
