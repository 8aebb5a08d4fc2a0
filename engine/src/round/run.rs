//! A task: one run of one transaction, ready for the machine.

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::{Cycle, Json, Members, Retention, StepIndex};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Batch, Surroundings,
    early::NewHold,
    incoming::Incoming,
    turns::{Begins, Turn},
    underway::is_busy,
};
use crate::{
    Error, TransactionId, TransactionStatus,
    catalog::Deployment,
    clock::{Micros, micros, to_utc},
    history::{History, parse},
    limits::{Limits, RETENTION_MAX, RETRY_SOON},
    machine::{Done, Effect, Event, Pass, Setting, advance},
    store::{Candidate, RunRow, TransactionRow, UnderwayRow},
};

#[derive(Debug)]
pub struct Task {
    pub ticket: Option<usize>,
    pub deployment: Arc<Deployment>,
    pub version: i32,
    pub cycle: Arc<Cycle>,
    /// None: a new transaction.
    pub row: Option<TransactionRow>,
    /// The run whose hold it begins from.
    pub base: Option<i32>,
    pub entry: StepIndex,
    pub kind: Kind,
    pub ambiguous: bool,
    /// The hold had not been resumed: from now on it has.
    pub first_resume: bool,
    /// It has its number already: it waited, or was under way.
    pub number: Option<i32>,
    /// The row of its wait.
    pub waited: Option<Box<UnderwayRow>>,
}

#[derive(Debug)]
pub enum Kind {
    Hit(Box<Incoming>),
    Expired,
    Rerun(Arc<Json>),
    /// A step was done: the run goes on.
    Done {
        row: Box<UnderwayRow>,
        document: Arc<Json>,
        lineage: Vec<(String, Uuid)>,
        done: Box<Done>,
    },
}

/// A task after the machine: what is left is to write it down.
#[derive(Debug)]
pub struct Ran {
    pub task: Task,
    pub transaction: Uuid,
    pub run: i32,
    /// Of a cycle with `concurrency`.
    pub turn: Option<Turn>,
    pub lineage: Vec<(String, Uuid)>,
    pub pass: Pass,
    /// The hold that it resumed, as stored.
    pub resumed: Option<RunRow>,
    /// As the pass left it.
    pub document: Json,
}

impl Task {
    pub fn start(hit: Incoming) -> Self {
        Self {
            ticket: hit.ticket,
            version: hit.deployment.row.version,
            cycle: hit.hook.cycle.clone(),
            deployment: hit.deployment.clone(),
            row: None,
            base: None,
            entry: hit.hook.index,
            ambiguous: false,
            first_resume: false,
            number: None,
            waited: None,
            kind: Kind::Hit(Box::new(hit)),
        }
    }

    /// The error comes with the ticket that it is for.
    pub fn resume(
        around: &Surroundings<'_>,
        hit: Incoming,
        winner: &Candidate,
        ambiguous: bool,
    ) -> Result<Self, (Option<usize>, Error)> {
        let ticket = hit.ticket;
        let mut task = Self::by_hand(hit, ticket, winner.transaction.clone(), winner.run, around.limits)
            .map_err(|error| (ticket, error))?;
        task.ambiguous = ambiguous;
        task.first_resume = !winner.resumed;
        Ok(task)
    }

    /// A hit for a hold of a known transaction, whatever its key.
    pub fn by_hand(
        hit: Incoming,
        ticket: Option<usize>,
        row: TransactionRow,
        hold: i32,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let (cycle, entry) = pinned(&hit.deployment, row.version, &hit.hook.step)?;
        may_run_again(&row, limits)?;
        Ok(Self {
            ticket,
            version: row.version,
            cycle,
            deployment: hit.deployment.clone(),
            row: Some(row),
            base: Some(hold),
            entry,
            ambiguous: false,
            first_resume: true,
            number: None,
            waited: None,
            kind: Kind::Hit(Box::new(hit)),
        })
    }

    pub fn expire(
        deployment: Arc<Deployment>,
        row: TransactionRow,
        hold: &RunRow,
        ticket: Option<usize>,
    ) -> Result<Self, Error> {
        let step = hold.step.as_deref().unwrap_or_default();
        let (cycle, entry) = pinned(&deployment, row.version, step)?;
        Ok(Self {
            ticket,
            version: row.version,
            cycle,
            deployment,
            row: Some(row),
            base: Some(hold.run),
            entry,
            kind: Kind::Expired,
            ambiguous: false,
            first_resume: false,
            number: None,
            waited: None,
        })
    }

    pub fn rerun(
        deployment: Arc<Deployment>,
        row: TransactionRow,
        step: &str,
        document: Arc<Json>,
        ticket: Option<usize>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let (cycle, entry) = pinned(&deployment, row.version, step)?;
        may_run_again(&row, limits)?;
        Ok(Self {
            ticket,
            version: row.version,
            cycle,
            deployment,
            row: Some(row),
            base: None,
            entry,
            kind: Kind::Rerun(document),
            ambiguous: false,
            first_resume: false,
            number: None,
            waited: None,
        })
    }
}

pub fn pinned(deployment: &Deployment, version: i32, step: &str) -> Result<(Arc<Cycle>, StepIndex), Error> {
    let found = deployment.versions.get(&version).and_then(|version| {
        let index = version.cycle.find(step)?;
        Some((version.cycle.clone(), index))
    });
    found.ok_or_else(|| Error::Internal(format!("step {step} of version {version} is not there").into()))
}

fn may_run_again(row: &TransactionRow, limits: &Limits) -> Result<(), Error> {
    let max = limits.runs_per_transaction;
    if i64::from(row.runs) >= i64::from(max) {
        return Err(Error::Limit { limit: "runs per transaction", max: u64::from(max), retry_after: RETRY_SOON });
    }
    Ok(())
}

impl Batch<'_> {
    /// Runs the tasks and writes what they did. The holds that they made come back.
    pub(super) async fn run(&mut self, tasks: Vec<Task>) -> Result<Vec<NewHold>, Error> {
        let histories = self.histories(&tasks).await?;
        let mut lines = self.lines(&tasks, &histories).await?;
        let mut ran = Vec::with_capacity(tasks.len());
        for (at, task) in tasks.into_iter().enumerate() {
            let history = task.row.as_ref().and_then(|row| histories.get(&row.transaction));
            if task.row.as_ref().is_some_and(is_busy) && task.number.is_none() {
                self.wait(task, history, None)?;
                continue;
            }
            match self.may_begin(&mut lines, at, &task) {
                Begins::Later(place, turn) => self.wait(task, history, Some((place, turn)))?,
                Begins::Now(turn) => {
                    let now = self.pass(task, history, turn)?;
                    lines.has_begun(&now);
                    ran.push(now);
                }
            }
        }
        let older = self.older_holds(&ran).await?;
        let mut holds = Vec::new();
        for ran in ran {
            let older = older.get(&ran.transaction).map(Vec::as_slice).unwrap_or_default();
            holds.extend(self.finish(ran, older)?);
        }
        Ok(holds)
    }

    /// The runs from which the tasks' documents are told: a seek for each, all tasks at once, as
    /// often as the longest chain of holds is long.
    async fn histories(&mut self, tasks: &[Task]) -> Result<HashMap<Uuid, History>, Error> {
        let mut histories: HashMap<Uuid, History> = HashMap::new();
        let wanted: Vec<(Uuid, i32)> = tasks
            .iter()
            .filter_map(|task| {
                // One that goes on has its document with it.
                let base = task.base.filter(|_| !matches!(task.kind, Kind::Done { .. }))?;
                Some((task.row.as_ref()?.transaction, base))
            })
            .collect();
        loop {
            let names: Vec<(Uuid, i32)> = wanted
                .iter()
                .filter_map(|(id, base)| Some((*id, histories.entry(*id).or_default().missing(*base)?)))
                .collect();
            if names.is_empty() {
                return Ok(histories);
            }
            let runs = self.commit.runs(&names).await?;
            if runs.is_empty() {
                return Err(Error::Internal("a hold's run is not there".into()));
            }
            for run in runs {
                histories.entry(run.run.transaction).or_default().add(run);
            }
        }
    }

    fn pass(&mut self, mut task: Task, history: Option<&History>, turn: Option<Turn>) -> Result<Ran, Error> {
        let now = self.head.now;
        let transaction = task.row.as_ref().map_or_else(|| self.ids.next(now), |row| row.transaction);
        let run = task.number.unwrap_or_else(|| task.row.as_ref().map_or(1, |row| row.runs + 1));
        let empty = || Json::from(Members::new());
        let (mut document, mut lineage) = match (task.base, history) {
            (Some(base), Some(history)) => (history.document(base)?, history.lineage(base)),
            _ => (empty(), Vec::new()),
        };
        let resumed = task.base.and_then(|base| Some(history?.get(base)?.run.clone()));
        let mut steps_before = 0;
        let event = match &mut task.kind {
            Kind::Done { row, document: given, lineage: led, done } => {
                document = (**given).clone();
                lineage = std::mem::take(led);
                steps_before = crate::steps::count(&row.steps)?;
                Event::Done { step: task.entry, done: (**done).clone() }
            }
            Kind::Hit(hit) => {
                lineage.push((hit.hook.step.clone(), hit.row.hit));
                Event::Hit { step: task.entry, output: std::mem::take(&mut hit.data) }
            }
            Kind::Expired => Event::Expired { step: task.entry },
            Kind::Rerun(given) => {
                document = (**given).clone();
                rerun_event(&task.cycle, task.entry, &document)
            }
        };
        let id = TransactionId(transaction).to_string();
        let (limits, env) = (self.around.limits, self.around.env);
        let setting = Setting { now: to_utc(now), transaction_id: &id, limits, env, steps_before };
        let pass = advance(&task.cycle, &mut document, event, &setting);
        Ok(Ran { task, transaction, run, turn, lineage, pass, resumed, document })
    }

    /// Holds that the new ones may take the place of. Only a transaction that has run twice before
    /// can come to a step once more.
    async fn older_holds(&mut self, ran: &[Ran]) -> Result<HashMap<Uuid, Vec<RunRow>>, Error> {
        let ids: Vec<Uuid> = ran
            .iter()
            .filter(|ran| ran.run > 1 && matches!(ran.pass.effects.last(), Some(Effect::Hold { .. })))
            .filter(|ran| ran.run > 2 || matches!(ran.task.kind, Kind::Rerun(_) | Kind::Done { .. }))
            .map(|ran| ran.transaction)
            .collect();
        let mut older: HashMap<Uuid, Vec<RunRow>> = HashMap::new();
        if !ids.is_empty() {
            for run in self.commit.holds(&ids).await? {
                older.entry(run.transaction).or_default().push(run);
            }
        }
        Ok(older)
    }
}

/// From a webhook whose hit the document holds already, a re-run goes on as after that hit.
fn rerun_event(cycle: &Cycle, step: StepIndex, document: &Json) -> Event {
    let id = &cycle.step(step).id;
    match (crate::catalog::webhook_of(cycle, step), document.get(id)) {
        (Some(_), Some(output)) => Event::Hit { step, output: output.clone() },
        _ => Event::Rerun { step },
    }
}

/// When a transaction's retention runs out, by its status as it is (contract, sections 16 and 17).
pub fn expires_at(deployment: &Deployment, row: &TransactionRow) -> Micros {
    let latest = row.started_at + micros(RETENTION_MAX);
    let Some(version) = deployment.versions.get(&row.version) else { return latest };
    match version.cycle.retention {
        Retention::FromStart(kept) => row.started_at + micros(kept).min(micros(RETENTION_MAX)),
        Retention::ByOutcome { completed, failed } => {
            let (from, kept) = match TransactionStatus::from_word(&row.status) {
                Some(TransactionStatus::Completed) => (row.completed_at, completed),
                Some(TransactionStatus::Failed) => (row.failed_at, failed),
                _ => (None, RETENTION_MAX),
            };
            from.map_or(latest, |from| from + micros(kept)).min(latest)
        }
    }
}

/// The latest that a transaction's retention can come to run out, whatever it does next.
pub fn latest_expiry(deployment: &Deployment, row: &TransactionRow) -> Micros {
    let by_outcome = deployment
        .versions
        .get(&row.version)
        .is_some_and(|version| matches!(version.cycle.retention, Retention::ByOutcome { .. }));
    if by_outcome { row.started_at + micros(RETENTION_MAX) } else { row.expires_at }
}

/// The earliest that a transaction's retention can come to run out, whatever it does next.
pub fn earliest_expiry(deployment: &Deployment, row: &TransactionRow) -> Micros {
    match deployment.versions.get(&row.version).map(|version| version.cycle.retention) {
        Some(Retention::ByOutcome { completed, failed }) => row.started_at + micros(completed.min(failed)),
        _ => row.expires_at,
    }
}

/// The index rows of a hold, as its run keeps them.
#[derive(Debug)]
pub struct HoldKeys {
    pub identifier: String,
    pub key_hashes: Vec<Vec<u8>>,
}

/// As stored: `{ "webhook": …, "keys": [hex, …] }`.
pub fn hold_keys_text(identifier: &str, keys: &[Vec<u8>]) -> String {
    let keys = keys.iter().map(|key| Json::from(hex(key))).collect();
    Json::from(Members::from_iter([("webhook".to_owned(), Json::from(identifier)), ("keys".to_owned(), keys)]))
        .to_string()
}

pub fn hold_webhook(run: &RunRow) -> Result<Option<HoldKeys>, Error> {
    let Some(text) = &run.hold_keys else { return Ok(None) };
    let stored = parse(text)?;
    let identifier = stored.get("webhook").and_then(Json::as_text).unwrap_or_default().to_owned();
    let Some(Json::Array(keys)) = stored.get("keys") else { return Ok(None) };
    let key_hashes = keys.iter().filter_map(|key| unhex(key.as_text()?)).map(|key| key_hash(&key)).collect();
    Ok(Some(HoldKeys { identifier, key_hashes }))
}

pub fn key_hash(key: &[u8]) -> Vec<u8> {
    Sha256::digest(key)[..16].to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
