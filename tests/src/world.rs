//! The engine in this process, on a clock that the test moves: what a test of the rules stands on.

use std::time::Duration;

use bytes::Bytes;
use holdfast_definitions::{Json, Members};
use std::sync::Arc;

use holdfast_engine::{
    Answer, Arrival, Database, Engine, Error, Hit, HitFilter, HitId, Limits, MasterKeys, Options, Page, PageQuery,
    Reception, RepeatHeader, Reply, RunView, ScriptWorker, TransactionDetail, TransactionFilter, TransactionId,
    TransactionView,
};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::stalling::{Cue, Stalling};
use crate::{Body, Store, StoreHome, body::value, wait::eventually};

pub const ACCOUNT: &str = "default";

pub struct World {
    pub engine: Engine,
    /// The cycle deployed first: steps without a cycle's name are its.
    pub cycle: String,
    home: StoreHome,
}

/// What the sender of a hit got.
#[derive(Clone, Debug)]
pub struct Got(pub Reception);

impl World {
    /// Every cycle of the text deployed and running, on a database of its own.
    pub async fn start(store: Store, yaml: &str) -> Self {
        Self::start_within(store, yaml, Limits::default()).await
    }

    /// As [`Self::start`], with limits that a test can reach.
    pub async fn start_within(store: Store, yaml: &str, limits: Limits) -> Self {
        let world = Self::draft_within(store, yaml, limits).await;
        for cycle in world.engine.cycles(ACCOUNT, PageQuery::default()).await.expect("cycles").data {
            world.engine.start(ACCOUNT, &cycle.name).await.expect("it starts");
        }
        world
    }

    /// As [`Self::start`], on a store whose commits the test has in its hand.
    pub async fn start_on_cue(store: Store, yaml: &str) -> (Self, Arc<Cue>) {
        let home = StoreHome::new(store).await;
        let inner: Arc<dyn holdfast_engine::store::Store> = match home.database() {
            Database::Sqlite { path } => Arc::new(holdfast_engine::store::Sqlite::open(&path).await.expect("it opens")),
            Database::Postgres { url } => {
                Arc::new(holdfast_engine::store::Postgres::open(&url).await.expect("it opens"))
            }
        };
        let (stalling, cue) = Stalling::around(inner);
        let options = Options {
            database: home.database(),
            manual_clock: true,
            node: "test".to_owned(),
            limits: Limits::default(),
            master_keys: MasterKeys::none(),
            egress: holdfast_engine::egress::Network::loopback().to_vec().into(),
            environment: std::collections::BTreeMap::new(),
            script_worker: script_worker(),
        };
        let engine = Engine::with_store(stalling, options).await.expect("the engine opens");
        let deployed = engine.deploy(ACCOUNT, "test.yaml", yaml).await.unwrap_or_else(|error| refused(&error));
        let cycle = deployed[0].cycle.name.clone();
        engine.start(ACCOUNT, &cycle).await.expect("it starts");
        (Self { engine, cycle, home }, cue)
    }

    /// Deployed and not started.
    pub async fn draft(store: Store, yaml: &str) -> Self {
        Self::draft_within(store, yaml, Limits::default()).await
    }

    async fn draft_within(store: Store, yaml: &str, limits: Limits) -> Self {
        let home = StoreHome::new(store).await;
        let engine = open(&home, limits).await;
        let deployed = engine.deploy(ACCOUNT, "test.yaml", yaml).await.unwrap_or_else(|error| refused(&error));
        let cycle = deployed[0].cycle.name.clone();
        Self { engine, cycle, home }
    }

    /// The newest text of a cycle deployed over the one that runs.
    pub async fn deploy(&self, yaml: &str) {
        self.engine.deploy(ACCOUNT, "test.yaml", yaml).await.unwrap_or_else(|error| refused(&error));
    }

    /// Another account, with nothing in it.
    pub async fn account(&self, name: &str) {
        self.home.account(name).await;
    }

    /// The process ends and another opens the same data.
    pub async fn reopen(&mut self) {
        self.engine.close().await;
        self.engine = open(&self.home, Limits::default()).await;
    }

    /// `step`, or `cycle/step`.
    pub fn identifier(&self, step: &str) -> String {
        let (cycle, step) = step.split_once('/').unwrap_or((&self.cycle, step));
        self.engine.identifier(ACCOUNT, cycle, step).unwrap_or_else(|| panic!("{cycle} has a webhook {step}"))
    }

    /// A request that the test may change before it sends it.
    pub fn arrival(&self, step: &str, body: impl Into<Body>) -> Arrival {
        arrival(self.identifier(step), body)
    }

    /// Sent, and its answer waited for. Panics where the engine refuses it.
    pub async fn hit(&self, step: &str, body: impl Into<Body>) -> Got {
        self.send(self.arrival(step, body)).await
    }

    /// As [`Self::hit`], with an `Idempotency-Key`.
    pub async fn hit_with_key(&self, key: &str, step: &str, body: impl Into<Body>) -> Result<Got, Error> {
        let mut arrival = self.arrival(step, body);
        arrival.repeat = Some(RepeatHeader::IdempotencyKey(key.to_owned()));
        if let Some(earlier) = self.engine.recall(&arrival).await? {
            return Ok(Got(earlier));
        }
        self.engine.receive(arrival).await.map(Got)
    }

    pub async fn send(&self, arrival: Arrival) -> Got {
        Got(self.engine.receive(arrival).await.expect("it is accepted"))
    }

    /// Sent by a caller who waits for the answer while the test goes on.
    pub fn call(&self, step: &str, body: impl Into<Body>) -> JoinHandle<Got> {
        let (engine, arrival) = (self.engine.clone(), self.arrival(step, body));
        tokio::spawn(async move { Got(engine.receive(arrival).await.expect("it is accepted")) })
    }

    /// Time goes on: `31d`, `2h`, `30m`, `5s`, `1ms`, `1us`. What falls due on the way has happened.
    pub async fn advance(&self, by: &str) {
        self.engine.advance(duration(by)).await.expect("the clock is manual");
    }

    pub async fn transaction(&self, id: TransactionId) -> TransactionView {
        self.engine.transaction(ACCOUNT, id).await.expect("the transaction is there")
    }

    /// `completed`, `held at status`, `failed at look`…, or `gone`.
    pub async fn status(&self, id: TransactionId) -> String {
        match self.engine.transaction(ACCOUNT, id).await {
            Err(Error::NotFound { .. }) => "gone".to_owned(),
            Err(error) => panic!("{error}"),
            Ok(view) => match view.step {
                Some(step) => format!("{} at {step}", view.status.word()),
                None => view.status.word().to_owned(),
            },
        }
    }

    pub async fn detail(&self, id: TransactionId) -> TransactionDetail {
        self.transaction(id).await.detail.expect("a single transaction has its detail")
    }

    pub async fn document(&self, id: TransactionId) -> Value {
        value(&self.detail(id).await.document)
    }

    /// Oldest first.
    pub async fn runs(&self, id: TransactionId) -> Vec<RunView> {
        self.detail(id).await.runs
    }

    /// The steps that each run took, oldest run first: `placed status`, `status tell`.
    pub async fn ways(&self, id: TransactionId) -> Vec<String> {
        let way = |run: &RunView| run.steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>().join(" ");
        self.runs(id).await.iter().map(way).collect()
    }

    /// The error of a failed transaction, as text.
    pub async fn error(&self, id: TransactionId) -> String {
        self.transaction(id).await.error.map(|error| error.to_string()).unwrap_or_default()
    }

    /// Every transaction that is visible, newest first.
    pub async fn all(&self) -> Vec<TransactionView> {
        let query = PageQuery { limit: Some(1000), after: None };
        self.engine.transactions(ACCOUNT, TransactionFilter::default(), query).await.expect("a list").data
    }

    /// The only transaction, once it is held at this step: what a caller who waits has started.
    pub async fn held_at(&self, step: &str) -> TransactionId {
        let wanted = format!("held at {step}");
        eventually(&wanted, async || {
            let all = self.all().await;
            let held = all.iter().find(|view| view.step.as_deref() == Some(step) && view.status.word() == "held")?;
            Some(held.id)
        })
        .await
    }

    pub async fn hit_view(&self, id: HitId) -> Hit {
        self.engine.hit(ACCOUNT, id).await.expect("the hit is there")
    }

    /// `applied`, `queued`, or `unmatched: why`.
    pub async fn hit_status(&self, id: HitId) -> String {
        let hit = self.hit_view(id).await;
        match hit.reason {
            Some(reason) => format!("{}: {reason}", hit.status.word()),
            None => hit.status.word().to_owned(),
        }
    }

    /// The newest hits at a step.
    pub async fn hits(&self, step: &str) -> Page<Hit> {
        let identifier = self.identifier(step);
        self.engine
            .hits(ACCOUNT, HitFilter { webhook: Some(identifier), ..HitFilter::default() }, PageQuery::default())
            .await
            .expect("a list")
    }
}

impl Got {
    /// Panics where it neither started nor resumed one.
    pub fn transaction(&self) -> TransactionId {
        self.0.transaction.unwrap_or_else(|| panic!("no transaction: {self:?}"))
    }

    pub fn hit(&self) -> HitId {
        self.0.hit
    }

    /// What the caller is told, in a line: `200 Webhook accepted.`, `404 text`, `202 held`.
    pub fn said(&self) -> String {
        match &self.0.reply {
            Reply::Accepted | Reply::Answer(Answer::Accepted) => "200 Webhook accepted.".to_owned(),
            Reply::Answer(Answer::Response { status, body, .. }) => {
                format!("{status} {}", String::from_utf8_lossy(body))
            }
            Reply::Answer(Answer::Failed { step, message, .. }) => format!("500 {step}: {message}"),
            Reply::Answer(Answer::Cancelled { .. }) => "409 cancelled".to_owned(),
            Reply::Answer(Answer::Expired { .. }) => "410 expired".to_owned(),
            Reply::Pending { status } => format!("202 {}", status.word()),
            Reply::NoMatch { .. } => "404 no match".to_owned(),
            Reply::Ambiguous => "409 ambiguous".to_owned(),
        }
    }
}

/// The binary that was built beside the tests.
fn script_worker() -> Option<ScriptWorker> {
    Some(ScriptWorker { program: crate::node::binary(), arguments: vec!["sandbox".to_owned()] })
}

/// A request at a webhook.
pub fn arrival(webhook: String, body: impl Into<Body>) -> Arrival {
    let body = body.into();
    Arrival {
        webhook,
        method: "POST".to_owned(),
        headers: object(&[("content-type", "application/json")]),
        query: object(&[]),
        body: body.json(),
        raw: Bytes::from(body.0),
        repeat: None,
        wait: None,
        by_script: None,
    }
}

async fn open(home: &StoreHome, limits: Limits) -> Engine {
    let options = Options {
        database: home.database(),
        manual_clock: true,
        node: "test".to_owned(),
        limits,
        master_keys: MasterKeys::none(),
        egress: holdfast_engine::egress::Network::loopback().to_vec().into(),
        environment: std::collections::BTreeMap::new(),
        script_worker: script_worker(),
    };
    Engine::open(options).await.expect("the engine opens")
}

fn refused<T>(error: &Error) -> T {
    match error {
        Error::Definition(diagnostics) => panic!("the test's cycle is refused: {diagnostics:#?}"),
        error => panic!("{error}"),
    }
}

/// An object of texts.
pub fn object(members: &[(&str, &str)]) -> Json {
    Json::from(
        members.iter().map(|(name, text)| ((*name).to_owned(), Json::Text((*text).to_owned()))).collect::<Members>(),
    )
}

/// Panics on what is no duration: the test is wrong.
pub fn duration(text: &str) -> Duration {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).expect("a unit");
    let (digits, unit) = text.split_at(unit_at);
    let micros = match unit {
        "d" => 86_400_000_000,
        "h" => 3_600_000_000,
        "m" => 60_000_000,
        "s" => 1_000_000,
        "ms" => 1_000,
        "us" => 1,
        _ => panic!("{text} is no duration"),
    };
    Duration::from_micros(digits.parse::<u64>().expect("a number") * micros)
}
