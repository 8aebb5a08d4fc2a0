//! One scenario's actions, done in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use holdfast_definitions::{Action, Cycle, Request, Retention};
use holdfast_engine::{
    DEFAULT_ACCOUNT, Engine, Error, Hit, HitFilter, HitId, HitStatus, INSTANT_MAX, PageQuery, Stage, TransactionFilter,
    TransactionId, TransactionView,
};
use tokio::task::JoinSet;

use super::{
    Moment, Played, PlayedHit, PlayedRun, PlayedStep, PlayedTransaction, Prepared, Unplayable, edges,
    outside::Outside,
    sent,
    wire::{self, Arrived},
};
use crate::{
    App, Limits, Metrics,
    hooks::{self, Rates},
};

/// A caller whose answer is there has it long before.
const PATIENCE: Duration = Duration::from_secs(10);
/// Transactions, and hits, that are looked at.
const ROWS_MAX: u32 = 1_000;

/// Plays the actions on a cycle that has just been started, from the first to the last, each when all
/// that the one before led to is done. The stage is then free for the next play.
pub async fn play(stage: &Stage, prepared: &Prepared, actions: &[Action]) -> Result<Played, Unplayable> {
    let _alone = stage.alone().await;
    let outside = Arc::new(Outside::new(&prepared.cycle, &prepared.answers, prepared.setting.at));
    let engine = stage.play(&prepared.setting, outside.clone()).await;
    let engine = engine.map_err(|error| Unplayable::Setting(said(&error)))?;
    outside.is_of(&engine);
    let started = engine.start_connected().await;
    let unanswered = outside.missing().map(|step| Unplayable::NoAnswer { action: None, step });
    let refused = started.err().map(|error| Unplayable::Setting(said(&error)));
    if let Some(unplayable) = unanswered.or(refused) {
        engine.end().await;
        return Err(unplayable);
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
        let sent = wire::request(&identifier, request)?;
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
        self.waiting.spawn(async move { (at, wire::arrived(hooks::take(State(app), sent).await).await) });
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
        let last = DateTime::from_timestamp_micros(INSTANT_MAX).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let target = self.engine.now().checked_add_signed(by).unwrap_or(last).min(last);
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
