//! An `each` step: its elements, so many at a time, each on the cycle inside.
//!
//! Invariants: how far it has come is kept on disk, at most a moment behind while the store keeps
//! up; where every element under way waits for a time that is not near, the row is given back
//! and takes no process. Whoever takes it on goes on from what is kept. A script that changes its
//! cycle's store is over only once that is kept.

mod element;
mod keep;
mod scripted;

use std::{sync::Arc, time::Duration};

use holdfast_definitions::{Cycle, ELEMENTS_MAX, Each, Json, StepIndex, StepKind};
use tokio::task::JoinSet;

use self::{
    keep::{Keeping, Turn},
    scripted::Scripted,
};
use crate::{
    Error,
    clock::{Micros, micros},
    elements::{self, Ended, object},
    engine::Shared,
    machine::{Done, Shown, StepError},
    ongoing::{Ongoing, Progress},
    store::UnderwayRow,
};

/// A wait longer than this takes no process.
const WAITED_FOR: Duration = Duration::from_secs(2);
/// Elements begun before others get a turn.
const TURN: usize = 64;

/// An `each` at work.
struct Running<'a> {
    shared: &'a Arc<Shared>,
    account: Arc<str>,
    ongoing: &'a Arc<Ongoing>,
    cycle: &'a Arc<Cycle>,
    step: StepIndex,
    each: &'a Each,
    id: &'a str,
    items: Arc<Vec<Json>>,
    /// The document before the step, and its bytes.
    document: Json,
    bytes: usize,
    /// The run's row without what is large.
    row: Arc<UnderwayRow>,
    transaction: String,
    /// Steps of the run before this one, and this one.
    steps_before: usize,
    progress: elements::Progress,
    calls: JoinSet<(usize, Result<Progress, Error>)>,
    scripted: Scripted<'a>,
    /// No element below it is left to begin.
    next: usize,
    /// The step fails with it, whatever `partial` says.
    fatal: Option<StepError>,
    /// There is more than what is kept.
    dirty: bool,
}

pub async fn run(
    shared: &Arc<Shared>,
    account: &str,
    ongoing: &Arc<Ongoing>,
    (cycle, step): (&Arc<Cycle>, StepIndex),
) -> Result<Progress, Error> {
    let StepKind::Each(each) = &cycle.step(step).kind else { return Err(Error::Internal("no `each`".into())) };
    let document = ongoing.before.as_ref().map_or(Json::Null, |before| before.document.as_ref().clone());
    let now = shared.clock.now();
    let items = match items(each, &document) {
        Ok(items) => items,
        Err(error) => return Ok(super::failed(error, None, Shown { at: Some(now), ..Shown::default() })),
    };
    let progress = elements::Progress::read(&ongoing.row.attempts)?;
    let mut running = Running {
        shared,
        account: account.into(),
        ongoing,
        cycle,
        step,
        each,
        id: &cycle.step(step).id,
        items,
        bytes: document.written_len(),
        document,
        row: Arc::new(UnderwayRow { steps: "[]".into(), document: None, attempts: "[]".into(), ..ongoing.row.clone() }),
        transaction: crate::TransactionId(ongoing.row.transaction).to_string(),
        steps_before: crate::steps::count(&ongoing.row.steps)? + 1,
        progress: progress.unwrap_or_else(|| elements::Progress::begun(now)),
        calls: JoinSet::new(),
        scripted: Scripted::default(),
        next: 0,
        fatal: None,
        dirty: false,
    };
    running.go().await
}

/// The array.
fn items(each: &Each, document: &Json) -> Result<Arc<Vec<Json>>, StepError> {
    let path = each.elements.text();
    let value = each.elements.value(document).map_err(|error| StepError::new("limit", format!("`{path}`: {error}")))?;
    match value {
        Json::Array(items) if items.len() > ELEMENTS_MAX => {
            let count = items.len();
            let message = format!("`{path}` has {count} elements; the limit is {ELEMENTS_MAX} (elements of an `each`)");
            metrics::counter!("holdfast_limit_reached_total", "limit" => "elements of an each").increment(1);
            tracing::warn!(
                limit = "elements of an each",
                count,
                max = ELEMENTS_MAX,
                "a step fails: a limit is reached"
            );
            Err(StepError::new("limit", message))
        }
        Json::Array(items) => Ok(items),
        Json::Null => Err(StepError::new("each", format!("`{path}` is null or not there: it must be an array"))),
        other => Err(StepError::new("each", format!("`{path}` is of the kind {}: it must be an array", other.kind()))),
    }
}

impl Running<'_> {
    async fn go(&mut self) -> Result<Progress, Error> {
        let mut keeping = Keeping::new();
        self.resume();
        loop {
            self.begin().await;
            self.wake();
            if self.fatal.is_some() || self.progress.places.is_empty() && !self.has_more() {
                return Ok(self.done());
            }
            let due = self.progress.places.values().filter_map(|place| place.due).min();
            let wait = due.map(|due| due.saturating_sub(self.shared.clock.now()));
            let idle = self.has_more() && self.has_room();
            let at_work = !self.calls.is_empty() || !self.scripted.is_empty();
            if let (false, Some(at), Some(wait)) = (at_work || idle, due, wait)
                && wait > 0
                && (self.shared.clock.is_manual() || wait > micros(WAITED_FOR))
            {
                return Ok(Progress::Again { at, attempts: self.progress.write() });
            }
            keeping.keep(self);
            tokio::select! {
                // First, or quick partners would keep it from its turn.
                biased;
                turn = keeping.turn(self.dirty, self.scripted.is_ready()) => match turn {
                    // Cancelled, or another's by now: what comes of it counts no more.
                    Ok(Turn::Lost) => return Ok(Progress::Kept { attempts: self.progress.write(), scripts: None }),
                    Ok(Turn::May) => {}
                    Ok(Turn::Saved(kept)) => self.saved(kept),
                    Err(error) => self.not_saved(&error),
                },
                turn = self.scripted.turn(self.shared, self.row.cycle_id) => self.again(turn),
                Some(ended) = self.calls.join_next(), if !self.calls.is_empty() => self.came(ended)?,
                () = waited(wait), if wait.is_some_and(|wait| wait <= 0 || !self.shared.clock.is_manual()) => {}
                () = std::future::ready(()), if idle => {}
            }
        }
    }

    /// What was under way when it was kept.
    fn resume(&mut self) {
        let came = std::mem::take(&mut self.progress.came);
        let places = self.progress.places.iter();
        let at_work = places.filter(|(index, place)| place.due.is_none() && !came.contains_key(index));
        let at_work: Vec<usize> = at_work.map(|(index, _)| *index).collect();
        at_work.into_iter().for_each(|index| self.call(index));
        for (index, came) in came {
            self.go_on(index, elements::done(&came));
        }
    }

    async fn begin(&mut self) {
        let mut begun = 0;
        while self.has_more() && self.has_room() {
            let index = self.next;
            self.next += 1;
            self.begin_one(index);
            begun += 1;
            if begun == TURN {
                // Elements that touch nothing end at once: others get a turn, and it is kept.
                return tokio::task::yield_now().await;
            }
        }
    }

    fn has_room(&self) -> bool {
        self.progress.places.len() < self.each.parallel as usize
    }

    /// Whether an element is left that may begin.
    fn has_more(&mut self) -> bool {
        while self.next < self.items.len() && self.progress.is_begun(self.next) {
            self.next += 1;
        }
        self.next < self.items.len() && !self.is_ending()
    }

    /// No further element begins.
    fn is_ending(&self) -> bool {
        self.fatal.is_some() || !self.each.partial && self.progress.failures > 0
    }

    /// What came of a call.
    fn came(&mut self, ended: Result<(usize, Result<Progress, Error>), tokio::task::JoinError>) -> Result<(), Error> {
        let (index, progress) = ended.map_err(|error| Error::Internal(Box::new(error)))?;
        self.dirty = true;
        if !matches!(progress, Ok(Progress::Scripted { .. })) {
            self.scripted.forget(index);
        }
        match progress {
            Ok(Progress::Done(done)) => self.go_on(index, done),
            Ok(Progress::Again { at, attempts }) => {
                let attempts = crate::history::parse(&attempts)?;
                if let Some(place) = self.progress.places.get_mut(&index) {
                    (place.due, place.attempts) = (Some(at), attempts);
                }
            }
            Ok(Progress::Scripted { done, keeping }) => self.scripted.came(index, done, keeping),
            Ok(Progress::Kept { .. }) => return Err(Error::Internal("a call that was kept".into())),
            Err(error) => {
                tracing::error!(error = %error.for_log(), "a step could not be done");
                let error = StepError::new("internal", "the step could not be done: see the log");
                self.go_on(index, Done { error: Some(error), ..Done::default() });
            }
        }
        Ok(())
    }

    /// Those whose time has come; where the step is about to fail, those that wait are dropped.
    fn wake(&mut self) {
        let now = self.shared.clock.now();
        let ending = self.is_ending();
        let waiting = self.progress.places.iter().filter_map(|(index, place)| Some((*index, place.due?)));
        let waiting: Vec<(usize, Micros)> = waiting.filter(|(_, due)| ending || *due <= now).collect();
        for (index, due) in waiting {
            if ending {
                self.progress.places.remove(&index);
                continue;
            }
            self.dirty = true;
            let Some(place) = self.progress.places.get_mut(&index) else { continue };
            place.due = None;
            let inner = self.each.body.find(&place.step);
            match inner.map(|inner| &self.each.body.step(inner).kind) {
                Some(StepKind::Delay(_)) => {
                    let shown = Shown { at: Some(due), ..Shown::default() };
                    self.go_on(index, Done { shown, ..Done::default() });
                }
                _ => self.call(index),
            }
        }
    }

    fn done(&mut self) -> Progress {
        let began = self.progress.began;
        let duration_us = u64::try_from(self.shared.clock.now() - began).unwrap_or_default();
        let elements = Some(self.progress.shown());
        let mut done = Done {
            shown: Shown { at: Some(began), duration_us, elements, ..Shown::default() },
            raised: self.progress.take_raised(),
            stop: self.progress.stop,
            ..Done::default()
        };
        done.error = self.fatal.take().or_else(|| self.failure());
        let results = (0..self.items.len()).map(|index| match self.progress.ended.get(&index) {
            Some(Ended::Result(result)) => result.clone(),
            Some(Ended::Failed(error)) => object([("error", error.clone())]),
            None => Json::Null,
        });
        let results: Json = results.collect();
        done.output = Some(if done.error.is_some() { object([("results", results)]) } else { results });
        Progress::Done(done)
    }

    fn failure(&self) -> Option<StepError> {
        let (index, error) = self.progress.failed().filter(|_| !self.each.partial)?;
        let text = |name: &str| error.get(name).and_then(Json::as_text).unwrap_or_default();
        let message = format!("element {index} failed at `{}`: {}", text("step"), text("message"));
        Some(StepError::new("each", message))
    }
}

async fn waited(wait: Option<Micros>) {
    let wait = wait.and_then(|wait| u64::try_from(wait).ok()).unwrap_or_default();
    tokio::time::sleep(Duration::from_micros(wait)).await;
}
