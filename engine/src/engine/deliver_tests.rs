//! Groups: several events of one request, all of them or none, with what they must find unchanged.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use holdfast_definitions::{Json, Members};
use tempfile::TempDir;
use uuid::Uuid;

use super::{Destination, Engine, Guard, RepeatName, Several};
use crate::{
    Arrival, Database, Error, HitFilter, HitId, HitStatus, Limits, MasterKeys, Options, PageQuery, TransactionFilter,
    store::{Commit, FanOutRow},
    work::{OutcomeReply, Work},
};

const ACCOUNT: &str = "default";
const CYCLE: &str = "
cycle: changes
steps:
  asked: { webhook: , next: told }
  told:
    webhook: { early: 0s, mapping: [{ hit: $.body.id, transaction: $.asked.body.id }] }
    next: seen
  seen: { set: \"${$.told.body.n}\" }
";

async fn engine(limits: Limits) -> (TempDir, Engine) {
    let home = TempDir::new().expect("a directory");
    let options = Options {
        database: Database::Sqlite { path: home.path().join("holdfast.db") },
        manual_clock: true,
        node: "test".to_owned(),
        limits,
        master_keys: MasterKeys::none(),
        egress: Vec::new().into(),
        environment: std::collections::BTreeMap::new(),
        script_worker: None,
    };
    let engine = Engine::open(options).await.expect("it opens");
    engine.deploy(ACCOUNT, "test.yaml", CYCLE).await.expect("deployed");
    engine.start(ACCOUNT, "changes").await.expect("started");
    (home, engine)
}

fn arrival(text: &str) -> Arc<Arrival> {
    let nothing = Json::from(Members::new());
    let body = Json::parse(text.as_bytes()).expect("JSON");
    Arc::new(Arrival {
        webhook: String::new(),
        method: "POST".into(),
        headers: nothing.clone(),
        query: nothing,
        body,
        raw: text.to_owned().into(),
        repeat: None,
        wait: None,
        by_script: None,
    })
}

fn several(engine: &Engine, step: &str, events: &[&str]) -> Several {
    let webhook = engine.identifier(ACCOUNT, "changes", step).expect("a webhook");
    Several {
        to: Destination::Step(webhook.clone()),
        webhook,
        repeats: Vec::new(),
        request: arrival("[]"),
        events: events.iter().map(|event| arrival(event)).collect(),
        alone: (HitStatus::Filtered, Some("the request is of no event".into())),
        hit: None,
        replay_of: None,
        guard: None,
        answer: None,
    }
}

async fn send(engine: &Engine, several: Several) -> Result<crate::work::Outcome, Error> {
    engine.shared.writer.ask(ACCOUNT, Work::Several(Arc::new(several))).await
}

/// The status of each part, by event.
async fn statuses(engine: &Engine, several: Several) -> (HitId, Vec<(usize, &'static str)>) {
    let outcome = send(engine, several).await.expect("accepted");
    let OutcomeReply::Several(applied) = outcome.reply else { panic!("{outcome:?}") };
    let hit = HitId(outcome.hit.expect("an id"));
    assert!(applied.iter().all(|part| part.cycle == "changes" && matches!(part.reply, OutcomeReply::Accepted)));
    assert!(applied.iter().all(|part| (part.event == 0) == (part.hit == hit.0)), "each event has a hit of its own");
    (hit, applied.iter().map(|part| (part.event, part.status)).collect())
}

async fn transactions(engine: &Engine) -> usize {
    let page = PageQuery { limit: Some(1_000), after: None };
    engine.transactions(ACCOUNT, TransactionFilter::default(), page).await.expect("a list").data.len()
}

#[tokio::test]
async fn events_are_applied_each_and_the_request_shows_them() {
    let (_home, engine) = engine(Limits::default()).await;
    let started = several(&engine, "asked", &["{\"id\":1}", "{\"id\":2}", "{\"id\":3}"]);
    let (_, status) = statuses(&engine, started).await;
    assert_eq!(status, [(0, "held"), (1, "held"), (2, "held")]);
    // Two of one transaction, one after the other; and one that matches nothing.
    let resumed =
        several(&engine, "told", &["{\"id\":2,\"n\":1}", "{\"id\":9}", "{\"id\":2,\"n\":2}", "{\"id\":3,\"n\":3}"]);
    let (hit, status) = statuses(&engine, resumed).await;
    assert_eq!(status, [(0, "completed"), (1, "unmatched"), (2, "completed"), (3, "completed")]);
    let view = engine.hit(ACCOUNT, hit).await.expect("it is there");
    let events: Vec<_> = view.applications.iter().map(|one| (one.event, one.status.word(), one.run)).collect();
    assert_eq!(
        events,
        [(0, "applied", Some(2)), (1, "unmatched", None), (2, "applied", Some(3)), (3, "applied", Some(2))]
    );
    assert_eq!(view.applications[0].transaction, view.applications[2].transaction);
}

#[tokio::test]
async fn one_that_is_refused_leaves_nothing_of_the_others() {
    let (_home, engine) = engine(Limits { runs_per_transaction: 2, ..Limits::default() }).await;
    statuses(&engine, several(&engine, "asked", &["{\"id\":1}", "{\"id\":2}"])).await;
    let name = RepeatName { key_hash: vec![1], strict: false };
    let one_too_many = |engine: &Engine| Several {
        repeats: vec![name.clone()],
        ..several(engine, "told", &["{\"id\":1}", "{\"id\":2}", "{\"id\":2}"])
    };
    let refused = send(&engine, one_too_many(&engine)).await;
    assert!(matches!(refused, Err(Error::Limit { limit: "runs per transaction", .. })), "{refused:?}");
    let page = engine.hits(ACCOUNT, HitFilter::default(), PageQuery::default()).await.expect("a list");
    assert_eq!(page.data.len(), 2, "no hit of it is kept");
    // Nor is it remembered: the same name is free.
    let again = Several { repeats: vec![name.clone()], ..several(&engine, "told", &["{\"id\":1}", "{\"id\":2}"]) };
    let (first, status) = statuses(&engine, again).await;
    assert_eq!(status, [(0, "completed"), (1, "completed")]);
    let repeated = send(&engine, one_too_many(&engine)).await.expect("a repeat");
    assert!(matches!(repeated.reply, OutcomeReply::Repeat));
    assert_eq!(repeated.hit, Some(first.0));
}

/// Compares with what it was made of, and sets.
#[derive(Debug)]
struct Set {
    state: Arc<AtomicU64>,
    seen: u64,
}

#[async_trait]
impl Guard for Set {
    async fn pass(&self, commit: &mut dyn Commit, hit: Uuid) -> Result<bool, Error> {
        let row = FanOutRow { hit, claimant: "guard".into(), webhook: "guard".into(), told: Some("[]".into()) };
        let stands = self.state.compare_exchange(self.seen, self.seen + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if stands {
            commit.put_fan_out(&row).await?;
        }
        Ok(stands)
    }
}

#[tokio::test]
async fn what_must_be_unchanged_is_looked_at_in_the_same_commit() {
    let (_home, engine) = engine(Limits::default()).await;
    let state = Arc::new(AtomicU64::new(0));
    let guarded = |seen: u64, events: &[&str]| Several {
        guard: Some(Arc::new(Set { state: state.clone(), seen })),
        ..several(&engine, "asked", events)
    };
    let written = async || engine.shared.store.fan_outs(ACCOUNT, Uuid::nil(), 10).await.expect("read").len();
    statuses(&engine, guarded(0, &["{\"id\":1}"])).await;
    assert_eq!((transactions(&engine).await, written().await), (1, 1));
    let stale = send(&engine, guarded(0, &["{\"id\":2}"])).await.expect("told");
    assert!(matches!(stale.reply, OutcomeReply::Stale) && stale.hit.is_none());
    assert_eq!((transactions(&engine).await, written().await), (1, 1), "nothing of it is done");
    // Of no event: the request is kept, and what the guard writes.
    let (hit, status) = statuses(&engine, guarded(1, &[])).await;
    assert_eq!((status, written().await), (Vec::new(), 2));
    let kept = engine.hit(ACCOUNT, hit).await.expect("it is kept");
    assert_eq!((kept.status, kept.reason.as_deref()), (HitStatus::Filtered, Some("the request is of no event")));
    // What a refused group's guard wrote is gone with it.
    engine.stop(ACCOUNT, "changes", false).await.expect("stopped");
    engine.advance(std::time::Duration::from_secs(25 * 3_600)).await.expect("moved");
    let refused = send(&engine, guarded(2, &["{\"id\":3}"])).await;
    assert!(matches!(refused, Err(Error::Inactive)), "{refused:?}");
    assert_eq!(written().await, 2);
}

#[tokio::test]
async fn two_at_once_see_each_other() {
    let (_home, engine) = engine(Limits::default()).await;
    let state = Arc::new(AtomicU64::new(0));
    let mut sent = tokio::task::JoinSet::new();
    for n in 0..20 {
        let guard: Arc<dyn Guard> = Arc::new(Set { state: state.clone(), seen: 0 });
        let one = Several { guard: Some(guard), ..several(&engine, "asked", &[&format!("{{\"id\":{n}}}")]) };
        let engine = engine.clone();
        sent.spawn(async move { send(&engine, one).await.expect("told").hit.is_some() });
    }
    assert_eq!(sent.join_all().await.into_iter().filter(|passed| *passed).count(), 1);
    assert_eq!(transactions(&engine).await, 1);
}
