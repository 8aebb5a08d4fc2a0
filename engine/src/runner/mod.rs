//! The only place where steps touch the world: a step of a run under way is done here, and what came
//! of it is brought to the writer.
//!
//! Invariants: a step is begun only once the run's row says so on disk, under this process's claim.
//! What it brings counts only under that claim; should it be lost on the way (the process dies, the
//! store is away), the step is done again, with the same `Idempotency-Key`.

mod counted;
mod each;
pub mod http;
mod masks;
mod script;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use holdfast_definitions::{Cycle, Json, StepIndex, StepKind};

use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Error,
    engine::Shared,
    history::{History, parse},
    machine::{Done, Shown, StepError},
    ongoing::{Before, Ongoing, Progress},
    play::OneAtATime,
    store::{RunWithHit, UnderwayRow},
    work::{OutcomeReply, Work},
};

/// Between two attempts at bringing what came of a step, while the store is away.
const BRING_AGAIN: Duration = Duration::from_millis(250);

/// A step at work: what it may read.
pub struct Call<'a> {
    pub shared: &'a Shared,
    pub account: &'a str,
    pub cycle: &'a Cycle,
    pub step: StepIndex,
    pub row: &'a UnderwayRow,
    pub document: &'a Json,
    /// The clock when it was begun.
    pub now: crate::clock::Micros,
    /// Inside an `each`: its id and the element's index.
    pub element: Option<(&'a str, usize)>,
}

impl Call<'_> {
    /// The same for every attempt of a run at a step.
    pub fn idempotency_key(&self) -> String {
        let (row, step) = (self.row, &self.cycle.step(self.step).id);
        match self.element {
            Some((each, index)) => format!("{}.{}.{each}.{index}.{step}", row.transaction, row.run),
            None => format!("{}.{}.{step}", row.transaction, row.run),
        }
    }

    /// What spreads the attempts of several over time.
    pub fn seed(&self) -> u64 {
        let bytes = self.row.transaction.as_bytes()[8..16].try_into().unwrap_or_default();
        u64::from_le_bytes(bytes) ^ self.element.map_or(0, |(_, index)| index as u64)
    }
}

/// Does the step, and brings what came of it.
pub fn perform(shared: &Arc<Shared>, account: &str, ongoing: Ongoing) {
    let (shared, account) = (shared.clone(), account.to_owned());
    let one = AtWork::begin(&shared, &ongoing.row);
    let mut turn = shared.played.as_ref().map(OneAtATime::next);
    tokio::spawn(async move {
        let _one = one;
        if let Some(turn) = &mut turn {
            turn.comes().await;
        }
        let mut closing = shared.closing.subscribe();
        tokio::select! {
            () = performed(&shared, &account, ongoing) => {}
            // Whoever serves the database next finds it.
            _ = closing.wait_for(|closing| *closing) => {}
        }
    });
}

async fn performed(shared: &Arc<Shared>, account: &str, ongoing: Ongoing) {
    let ongoing = match told(shared, account, ongoing).await {
        Ok(ongoing) => Arc::new(ongoing),
        // It stays under this process's claim, and is read again when the process begins anew.
        Err(error) => return tracing::error!(error = %error.for_log(), "a run under way could not be read"),
    };
    let mut turn = script::turn(shared, &ongoing).await;
    for attempt in 1..=script::TRIES {
        let began = std::time::Instant::now();
        let progress = one(shared, account, &ongoing).await.unwrap_or_else(|error| {
            tracing::error!(error = %error.for_log(), "a step could not be done");
            let error = StepError::new("internal", "the step could not be done: see the log");
            failed(error, None, Shown::default())
        });
        metrics::histogram!("holdfast_step_seconds").record(began.elapsed().as_secs_f64());
        if !bring(shared, account, ongoing.clone(), progress).await {
            return;
        }
        match turn {
            None => turn = Some(shared.scripts.turn(ongoing.row.cycle_id).lock().await),
            // Another node's script was quicker.
            Some(_) => tokio::time::sleep(script::pause(&ongoing.row, attempt)).await,
        }
    }
    bring(shared, account, ongoing, failed(script::outrun(), None, Shown::default())).await;
}

/// Steps that this process is doing.
#[derive(Default)]
pub struct AtWork {
    count: watch::Sender<u64>,
    /// Held for a look or a change, never across an await.
    claims: Mutex<HashSet<Claim>>,
    /// How often it is looked yet for steps that a commit has begun without anybody's hearing of it.
    looks: AtomicU32,
}

/// (transaction, run, claim)
pub type Claim = (Uuid, i32, i64);

pub fn claim_of(row: &UnderwayRow) -> Claim {
    (row.transaction, row.run, row.claim)
}

/// After a commit whose end was not heard: it may still happen.
const LOOKS: u32 = 10;

impl AtWork {
    /// One more, until it is dropped.
    fn begin(shared: &Arc<Shared>, row: &UnderwayRow) -> OneAtWork {
        let claim = claim_of(row);
        shared.at_work.claims().insert(claim);
        shared.at_work.count.send_modify(|count| *count += 1);
        OneAtWork(shared.clone(), claim)
    }

    fn claims(&self) -> std::sync::MutexGuard<'_, HashSet<Claim>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn has(&self, row: &UnderwayRow) -> bool {
        self.claims().contains(&claim_of(row))
    }

    /// The end of a commit was not heard.
    pub fn unheard(&self) {
        self.looks.store(LOOKS, Ordering::Release);
    }

    /// Whether it is to be looked for what such a commit has begun.
    pub fn looks(&self) -> bool {
        self.looks.fetch_update(Ordering::AcqRel, Ordering::Acquire, |looks| looks.checked_sub(1)).is_ok()
    }

    /// Returns once there is none.
    pub async fn none(&self) {
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}

struct OneAtWork(Arc<Shared>, Claim);

impl Drop for OneAtWork {
    fn drop(&mut self) {
        self.0.at_work.claims().remove(&self.1);
        self.0.at_work.count.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// With its document: told from its runs where it is not in memory.
pub async fn told(shared: &Shared, account: &str, mut ongoing: Ongoing) -> Result<Ongoing, Error> {
    if ongoing.before.is_none() {
        let history = history(shared, account, &ongoing.row).await?;
        let run = ongoing.row.run;
        ongoing.before = Some(Before { document: Arc::new(history.document(run)?), lineage: history.lineage(run) });
    }
    Ok(ongoing)
}

/// The runs from which the document of a run under way is told, itself included.
pub async fn history(shared: &Shared, account: &str, row: &UnderwayRow) -> Result<History, Error> {
    let hit = match row.webhook.as_ref().zip(row.hit) {
        Some((webhook, hit)) => shared.store.hit(account, std::slice::from_ref(webhook), hit).await?,
        None => None,
    };
    let mut history = History::default();
    history.add(RunWithHit { run: row.as_run(), hit });
    while let Some(missing) = history.missing(row.run) {
        let run = shared.store.run(account, row.transaction, missing).await?;
        history.add(run.ok_or_else(|| Error::Internal(format!("run {missing} is not there").into()))?);
    }
    Ok(history)
}

async fn one(shared: &Arc<Shared>, account: &str, ongoing: &Arc<Ongoing>) -> Result<Progress, Error> {
    let (cycle, step) = step_of(shared, &ongoing.row)?;
    let empty = Json::Null;
    let document = ongoing.before.as_ref().map_or(&empty, |before| before.document.as_ref());
    let now = shared.clock.now();
    match &cycle.step(step).kind {
        StepKind::Each(_) => each::run(shared, account, ongoing, (&cycle, step)).await,
        // Its time has come.
        StepKind::Delay(_) => Ok(Progress::Done(nothing(now, &ongoing.row))),
        _ => {
            let row = &ongoing.row;
            acted(&Call { shared, account, cycle: &cycle, step, row, document, now, element: None }).await
        }
    }
}

/// A step that touches the world at once, in a cycle or inside an `each`.
async fn acted(call: &Call<'_>) -> Result<Progress, Error> {
    let kind = &call.cycle.step(call.step).kind;
    let progress = match kind {
        StepKind::Http(http) => http::attempt(call, http).await,
        StepKind::Script(script) => script::run(call, script).await,
        _ => Err(Error::Internal("a step that is not done outside of a commit".into())),
    }?;
    counted::attempt(kind, &progress);
    Ok(progress)
}

/// A delay that is over.
pub fn nothing(now: crate::clock::Micros, row: &UnderwayRow) -> Done {
    let at = row.due_at.unwrap_or(now);
    Done { shown: Shown { at: Some(at), ..Shown::default() }, ..Done::default() }
}

/// The step that a run under way is at.
pub fn step_of(shared: &Shared, row: &UnderwayRow) -> Result<(Arc<Cycle>, StepIndex), Error> {
    let catalog = shared.catalog();
    let found =
        catalog.cycle_by_id(row.cycle_id).and_then(|cycle| cycle.versions.get(&row.version)).and_then(|version| {
            let step = version.cycle.find(row.step.as_deref()?)?;
            Some((version.cycle.clone(), step))
        });
    found.ok_or_else(|| Error::Internal("the step of a run under way is not there".into()))
}

pub fn is_delay(shared: &Shared, row: &UnderwayRow) -> bool {
    step_of(shared, row).is_ok_and(|(cycle, step)| matches!(cycle.step(step).kind, StepKind::Delay(_)))
}

/// Until it is on disk, or the store says that it never will be. True where the step is to be done
/// again: what it read has changed.
pub async fn bring(shared: &Shared, account: &str, ongoing: Arc<Ongoing>, progress: Progress) -> bool {
    loop {
        let work = Work::Proceed { ongoing: ongoing.clone(), progress: Box::new(progress.clone()) };
        match shared.writer.own(account, work).await {
            Ok(outcome) => return matches!(outcome.reply, OutcomeReply::Stale),
            Err(Error::Unavailable { .. } | Error::Unknown) => tokio::time::sleep(BRING_AGAIN).await,
            Err(error) => {
                tracing::error!(error = %error.for_log(), "what came of a step could not be kept");
                return false;
            }
        }
    }
}

pub fn failed(error: StepError, output: Option<Json>, shown: Shown) -> Progress {
    Progress::Done(Done { output, error: Some(error), shown, ..Done::default() })
}

/// The attempts so far, and one more: a JSON list.
pub fn with_attempt(row: &UnderwayRow, attempt: Json) -> Result<Json, Error> {
    let mut all: Vec<Json> = match parse(&row.attempts)? {
        Json::Array(attempts) => attempts.iter().cloned().collect(),
        _ => Vec::new(),
    };
    all.push(attempt);
    Ok(Json::from(all))
}
