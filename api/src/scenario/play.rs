//! One scenario's actions, done in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Request as HttpRequest, header},
    response::Response,
};
use chrono::{DateTime, TimeDelta, Utc};
use holdfast_definitions::{
    Action, Cycle, GivenAnswers, Json, Members, Request, RequestBody, Retention, ScenarioGiven,
};
use holdfast_engine::{
    DEFAULT_ACCOUNT, Engine, Error, Hit, HitFilter, HitId, HitStatus, PageQuery, Setting, Stage, TransactionFilter,
    TransactionId, TransactionView,
};
use tokio::task::JoinSet;

use super::{
    Moment, Played, PlayedAnswer, PlayedHit, PlayedRun, PlayedStep, PlayedTransaction, edges, outside::Outside, sent,
};
use crate::{
    App, Limits, Metrics,
    hooks::{self, Rates, Vouched},
};

/// A caller whose answer is there has it long before.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer's body, at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Transactions, and hits, that are looked at.
const ROWS_MAX: u32 = 1_000;
/// What ids and scripts' random numbers are drawn from: the same in every scenario.
const SEED: u64 = 1;
/// Fields that name a hit or a transaction, or frame the message.
const LEFT_OUT: [&str; 3] = ["holdfast-hit", "holdfast-transaction", "content-length"];

/// Why the actions could not all be done. Nothing came of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// Something must be given first, or the cycle can't be deployed.
    #[error("{0}")]
    Setting(String),
    /// A step called another system, and no answer is given for it.
    #[error("{step} calls another system, and nothing is given that it answers: add `{step}` to `given.http`")]
    NoAnswer {
        /// The position of the action by which it came to that; none: by the start of the cycle.
        action: Option<usize>,
        step: String,
    },
    /// An action that can't be done as things are then.
    #[error("{message}")]
    Action { action: usize, message: String },
}

/// A cycle with what is given: what actions are played on. Made once for many plays.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub cycle: Arc<Cycle>,
    setting: Setting,
    answers: BTreeMap<String, GivenAnswers>,
}

impl Prepared {
    /// `Setting` where the cycle reads of the variables or the environment what is not given.
    pub fn new(cycle: Arc<Cycle>, given: &ScenarioGiven) -> Result<Self, Unplayable> {
        if let Some(name) = cycle.env.iter().find(|name| !given.env.contains_key(*name)) {
            let message = format!("{} reads {name} of the environment: add `{name}` to `given.env`", cycle.name);
            return Err(Unplayable::Setting(message));
        }
        let unset = |(name, value): &(&String, &Json)| **value == Json::Null && !given.vars.contains_key(*name);
        if let Some((name, _)) = cycle.vars.iter().find(unset) {
            let message = format!("{}'s variable {name} has no value: add `{name}` to `given.vars`", cycle.name);
            return Err(Unplayable::Setting(message));
        }
        // One that is not given is there all the same: a scenario's hits come from behind the verifier.
        let secret = |name: &String| given.secrets.get(name).cloned().unwrap_or_else(|| format!("secret {name}"));
        let shared = cycle.webhooks().filter_map(|(_, _, webhook)| webhook.shared.clone());
        let mut shared: Vec<String> = shared.collect();
        shared.sort();
        shared.dedup();
        let setting = Setting {
            file: format!("{}.yaml", cycle.name),
            text: cycle.source.clone(),
            at: given.at,
            vars: given.vars.clone(),
            secrets: cycle.secrets.iter().map(|name| (name.clone(), secret(name))).collect(),
            environment: given.env.clone(),
            shared,
            seed: SEED,
        };
        Ok(Self { cycle, setting, answers: given.http.clone() })
    }
}

/// Plays the actions on a cycle that has just been started, from the first to the last, each when all
/// that the one before led to is done. The stage is then free for the next play.
pub async fn play(stage: &Stage, prepared: &Prepared, actions: &[Action]) -> Result<Played, Unplayable> {
    let _alone = stage.alone().await;
    let outside = Arc::new(Outside::new(&prepared.cycle, &prepared.answers, prepared.setting.at));
    let engine = stage.play(&prepared.setting, outside.clone()).await;
    let engine = engine.map_err(|error| Unplayable::Setting(said(&error)))?;
    outside.is_of(&engine);
    let started = engine.start_connected().await;
    if outside.missing().is_some() || started.is_err() {
        engine.end().await;
        let wrong = |error: &Error| Unplayable::Setting(said(error));
        started.map_err(|error| wrong(&error))?;
    }
    if let Some(step) = outside.missing() {
        return Err(Unplayable::NoAnswer { action: None, step });
    }
    let mut app = App::new(engine.clone(), Limits::default(), "https://holdfast.example", Metrics::idle());
    app.rates = Arc::new(Rates::unkept());
    let mut player = Player {
        app,
        engine: engine.clone(),
        cycle: prepared.cycle.clone(),
        outside,
        hits: Vec::new(),
        waiting: JoinSet::new(),
        seen: BTreeMap::new(),
        first: None,
        starts_several: prepared
            .cycle
            .webhooks()
            .any(|(_, _, webhook)| webhook.connected.is_some() || webhook.shared.is_some()),
    };
    let played = player.all(actions).await;
    player.waiting.shutdown().await;
    engine.end().await;
    played
}

struct Player {
    app: App,
    engine: Engine,
    cycle: Arc<Cycle>,
    outside: Arc<Outside>,
    hits: Vec<HitSoFar>,
    /// Callers without an answer yet, by the position of their hit.
    waiting: JoinSet<(usize, Arrived)>,
    /// Every transaction as it was last seen, in the order of their starts.
    seen: BTreeMap<TransactionId, PlayedTransaction>,
    /// When the first hit came.
    first: Option<DateTime<Utc>>,
    /// A hit may start more transactions than its own row names.
    starts_several: bool,
}

struct HitSoFar {
    shown: PlayedHit,
    id: Option<HitId>,
    of: Option<TransactionId>,
    repeats: bool,
}

/// An answer as it came.
struct Arrived {
    hit: Option<HitId>,
    transaction: Option<TransactionId>,
    repeats: bool,
    answer: PlayedAnswer,
}

impl Player {
    async fn all(&mut self, actions: &[Action]) -> Result<Played, Unplayable> {
        let mut moments = Vec::new();
        for (at, action) in actions.iter().enumerate() {
            match action {
                Action::Expect(_) => moments.push(self.moment().await.map_err(|error| wrong(at, &error))?),
                action => self.act(at, action).await?,
            }
            if let Some(step) = self.outside.missing() {
                return Err(Unplayable::NoAnswer { action: Some(at), step });
            }
        }
        let end = match (actions.last(), moments.last()) {
            (Some(Action::Expect(_)), Some(last)) => last.clone(),
            _ => self.moment().await.map_err(|error| wrong(actions.len().saturating_sub(1), &error))?,
        };
        let runs = end.transactions.iter().flat_map(|transaction| &transaction.runs);
        let mut edges: Vec<_> = runs.flat_map(|run| edges::taken(&self.cycle, run)).collect();
        edges.sort();
        edges.dedup();
        Ok(Played { moments, end, edges })
    }

    async fn act(&mut self, at: usize, action: &Action) -> Result<(), Unplayable> {
        let name = self.cycle.name.clone();
        let done = match action {
            Action::Hit(request) => self.hit(request).await,
            Action::Advance(by) => self.advance(*by).await,
            Action::Stop => self.engine.stop(DEFAULT_ACCOUNT, &name, false).await.map(drop),
            Action::Start => self.engine.start(DEFAULT_ACCOUNT, &name).await.map(drop),
            Action::Cancel(of) => {
                let id = self.meant(at, of.as_deref()).await?;
                self.engine.cancel(DEFAULT_ACCOUNT, id).await.map(drop)
            }
            Action::Rerun { from, of } => {
                let id = self.meant(at, of.as_deref()).await?;
                self.engine.rerun(DEFAULT_ACCOUNT, id, from, None).await.map(drop)
            }
            Action::Expect(_) => Ok(()),
        };
        done.map_err(|error| wrong(at, &error))?;
        let settled = match action {
            // It is settled wherever the clock stopped.
            Action::Advance(_) => Ok(()),
            _ => self.settle().await,
        };
        settled.map_err(|error| wrong(at, &error))
    }

    /// The transaction of a hit; of the latest where none is named.
    async fn meant(&mut self, at: usize, of: Option<&str>) -> Result<TransactionId, Unplayable> {
        self.look().await.map_err(|error| wrong(at, &error))?;
        let hit = match of {
            Some(name) => self.hits.iter().rev().find(|hit| hit.shown.name.as_deref() == Some(name)),
            None => self.hits.last(),
        };
        let found = hit.and_then(|hit| hit.of);
        let latest = || self.seen.keys().next_back().copied().filter(|_| of.is_none());
        let none = || Unplayable::Action { action: at, message: "there is no transaction yet".to_owned() };
        found.or_else(latest).ok_or_else(none)
    }

    async fn hit(&mut self, request: &Request) -> Result<(), Error> {
        let name = &self.cycle.name;
        let identifier = self.engine.identifier(DEFAULT_ACCOUNT, name, &request.step);
        let identifier = identifier.ok_or_else(|| Error::Invalid(format!("{name} has no webhook {}", request.step)))?;
        let sent = http_request(&identifier, request)?;
        self.outside.hits(&request.step);
        self.first = self.first.or_else(|| Some(self.engine.now()));
        let mut kept = self.engine.kept_callers();
        kept.mark_unchanged();
        let (app, at) = (self.app.clone(), self.hits.len());
        self.hits.push(HitSoFar {
            shown: PlayedHit {
                name: request.name.clone(),
                step: request.step.clone(),
                status: None,
                reason: None,
                ambiguous: false,
                transaction: None,
                run: None,
                answer: None,
            },
            id: None,
            of: None,
            repeats: false,
        });
        self.waiting.spawn(async move { (at, arrived(hooks::take(State(app), sent).await).await) });
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.waiting.join_next() => {
                    self.take(ended)?;
                    if self.hits[at].shown.answer.is_some() {
                        break;
                    }
                }
                _ = kept.changed() => break,
            }
        }
        if self.hits[at].shown.answer.is_none() {
            let page = PageQuery { limit: Some(1), after: None };
            let of = HitFilter { webhook: Some(identifier.clone()), ..HitFilter::default() };
            let newest = self.engine.hits(DEFAULT_ACCOUNT, of, page).await?;
            self.hits[at].id = newest.data.first().map(|hit| hit.id);
        }
        Ok(())
    }

    /// All that goes on by itself is done, and callers have what answers there are.
    async fn settle(&mut self) -> Result<(), Error> {
        self.engine.settle().await?;
        self.collect().await
    }

    async fn collect(&mut self) -> Result<(), Error> {
        while self.waiting.len() > self.engine.waiting_callers() {
            let ended = tokio::time::timeout(PATIENCE, self.waiting.join_next()).await;
            match ended {
                Ok(Some(ended)) => self.take(ended)?,
                Ok(None) => break,
                Err(_) => return Err(Error::Internal("a caller waits whose answer is there".into())),
            }
        }
        Ok(())
    }

    fn take(&mut self, ended: Result<(usize, Arrived), tokio::task::JoinError>) -> Result<(), Error> {
        let (at, arrived) = ended.map_err(|error| Error::Internal(error.into()))?;
        let hit = &mut self.hits[at];
        hit.id = hit.id.or(arrived.hit);
        hit.of = hit.of.or(arrived.transaction);
        hit.repeats = arrived.repeats;
        hit.shown.answer = Some(arrived.answer);
        Ok(())
    }

    /// Looks at each transaction before its retention is over.
    async fn advance(&mut self, by: Duration) -> Result<(), Error> {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        let target = self.engine.now().checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let instant = TimeDelta::microseconds(1);
        while self.first.is_some_and(|first| first + self.least_kept() <= target) {
            let all = self.list().await?;
            let Some(over) = all.iter().map(|one| one.expires_at).min().filter(|over| *over <= target) else { break };
            let eve = over - instant;
            if eve > self.engine.now() {
                self.go_to(eve).await?;
                continue;
            }
            self.look().await?;
            self.go_to(over).await?;
            self.look().await?;
        }
        self.go_to(target).await
    }

    async fn go_to(&mut self, target: DateTime<Utc>) -> Result<(), Error> {
        let by = (target - self.engine.now()).to_std().unwrap_or_default();
        self.engine.advance(by).await?;
        self.collect().await
    }

    /// No transaction's retention is over sooner after its start.
    fn least_kept(&self) -> TimeDelta {
        let least = match self.cycle.retention {
            Retention::FromStart(kept) => kept,
            Retention::ByOutcome { completed, failed } => completed.min(failed),
        };
        TimeDelta::from_std(least).unwrap_or(TimeDelta::MAX)
    }

    async fn list(&self) -> Result<Vec<TransactionView>, Error> {
        let query = PageQuery { limit: Some(ROWS_MAX), after: None };
        Ok(self.engine.transactions(DEFAULT_ACCOUNT, TransactionFilter::default(), query).await?.data)
    }

    /// At every transaction and every hit.
    async fn look(&mut self) -> Result<(), Error> {
        let page = PageQuery { limit: Some(ROWS_MAX), after: None };
        let rows = self.engine.hits(DEFAULT_ACCOUNT, HitFilter::default(), page).await?.data;
        let rows: BTreeMap<HitId, Hit> = rows.into_iter().map(|row| (row.id, row)).collect();
        let applied = |row: &Hit| row.applications.iter().filter_map(|one| one.transaction).collect::<Vec<_>>();
        let mut ids: BTreeSet<TransactionId> =
            rows.values().flat_map(|row| row.transaction.into_iter().chain(applied(row))).collect();
        ids.extend(self.seen.keys());
        if self.starts_several {
            ids.extend(self.list().await?.into_iter().map(|view| view.id));
        }
        let mut runs = BTreeMap::new();
        for (at, hit) in self.hits.iter().enumerate().filter(|(_, hit)| !hit.repeats) {
            runs.extend(hit.id.map(|id| (id, at)));
        }
        for id in ids {
            match self.engine.transaction(DEFAULT_ACCOUNT, id).await {
                Ok(view) => drop(self.seen.insert(id, transaction(view, &runs))),
                Err(Error::NotFound { .. }) => {
                    if let Some(seen) = self.seen.get_mut(&id) {
                        seen.gone = true;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let positions: Vec<TransactionId> = self.seen.keys().copied().collect();
        for hit in &mut self.hits {
            let Some(id) = hit.id else { continue };
            // One whose retention is over is as it was.
            if let Some(row) = rows.get(&id) {
                hit.of = row.transaction.or(hit.of);
                hit.shown.status = Some(if hit.repeats { HitStatus::Duplicate } else { row.status });
                hit.shown.reason.clone_from(&row.reason);
                (hit.shown.ambiguous, hit.shown.run) = (row.ambiguous, row.run);
            }
            hit.shown.transaction = hit.of.and_then(|id| positions.binary_search(&id).ok());
        }
        Ok(())
    }

    async fn moment(&mut self) -> Result<Moment, Error> {
        self.look().await?;
        let positions: BTreeMap<TransactionId, usize> =
            self.seen.keys().enumerate().map(|(at, id)| (*id, at)).collect();
        let transactions: Vec<PlayedTransaction> = self.seen.values().cloned().collect();
        let sent = sent::all(&self.cycle, self.outside.called(), &positions, &transactions);
        let hits = self.hits.iter().map(|hit| hit.shown.clone()).collect();
        Ok(Moment { at: self.engine.now(), transactions, hits, sent })
    }
}

fn wrong(action: usize, error: &Error) -> Unplayable {
    Unplayable::Action { action, message: said(error) }
}

fn said(error: &Error) -> String {
    match error {
        Error::Definition(diagnostics) => {
            let lines: Vec<String> = diagnostics.iter().map(holdfast_definitions::render_line).collect();
            lines.join("\n")
        }
        error => error.for_log(),
    }
}

fn transaction(view: TransactionView, hits: &BTreeMap<HitId, usize>) -> PlayedTransaction {
    let (document, runs) = view.detail.map_or_else(Default::default, |detail| (detail.document, detail.runs));
    let step = |step: holdfast_engine::StepTrace| PlayedStep {
        step: step.step,
        kind: step.kind,
        status: step.status,
        at: step.started_at,
        output: step.output,
        error: step.error,
        elements: step.elements,
    };
    let run = |run: holdfast_engine::RunView| PlayedRun {
        number: run.number,
        hit: run.hit.and_then(|hit| hits.get(&hit).copied()),
        entry: run.entry,
        status: run.status,
        error: run.error,
        steps: run.steps.into_iter().map(step).collect(),
    };
    PlayedTransaction {
        status: view.status,
        step: view.step,
        error: view.error,
        document,
        runs: runs.into_iter().map(run).collect(),
        gone: false,
    }
}

fn http_request(identifier: &str, request: &Request) -> Result<HttpRequest<Body>, Error> {
    let mut target = format!("/hooks/{identifier}");
    if !request.query.is_empty() {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&request.query);
        target = format!("{target}?{}", query.finish());
    }
    let mut built = HttpRequest::builder().method(request.method.as_str()).uri(target);
    for (name, value) in &request.headers {
        built = built.header(name, value);
    }
    let typed = request.headers.iter().any(|(name, _)| name == header::CONTENT_TYPE.as_str());
    let body = match &request.body {
        RequestBody::None => String::new(),
        RequestBody::Json(body) => {
            if !typed {
                built = built.header(header::CONTENT_TYPE, "application/json");
            }
            body.to_string()
        }
        RequestBody::Raw(text) => text.clone(),
    };
    if request.verified {
        built = built.extension(Vouched);
    }
    built.body(Body::from(body)).map_err(|error| Error::Invalid(format!("the hit can't be sent: {error}")))
}

async fn arrived(response: Response) -> Arrived {
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
    let field = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let essence = field("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let text = || Json::from(String::from_utf8_lossy(&body).into_owned());
    let body = match body.is_empty() {
        true => Json::Null,
        false if is_json => Json::parse(&body).unwrap_or_else(|_| text()),
        false => text(),
    };
    Arrived {
        hit: field("holdfast-hit").and_then(|id| id.parse().ok()),
        transaction: field("holdfast-transaction").and_then(|id| id.parse().ok()),
        repeats: field("idempotency-replayed").is_some(),
        answer: PlayedAnswer { status: head.status.as_u16(), headers: fields(&head.headers), body },
    }
}

fn fields(headers: &HeaderMap) -> Json {
    let mut members = Members::new();
    for name in headers.keys().filter(|name| !LEFT_OUT.contains(&name.as_str())) {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        members.insert(name.as_str().to_owned(), Json::from(values.collect::<Vec<_>>().join(", ")));
    }
    Json::from(members)
}
