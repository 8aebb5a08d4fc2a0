//! Scenarios played side by side, each worker on a stage of its own.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use holdfast_definitions::{Action, Cycle, Scenario};
use holdfast_engine::{Stage, StageScripts};

use super::Found;
use crate::scenario::{Prepared, TakenEdge, Unmet, Unplayable, judge, play};

/// A stage takes about as long to open as so many scenarios take to play.
const JOBS_EACH: usize = 8;

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Result {
    /// Its file's position, and its own in the file.
    pub file: usize,
    pub scenario: usize,
    pub outcome: Outcome,
    pub took: Duration,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Played {
        unmet: Vec<Unmet>,
        edges: Vec<TakenEdge>,
    },
    Unplayable {
        /// Where it came to that.
        line: usize,
        message: String,
    },
}

impl Result {
    pub fn passed(&self) -> bool {
        matches!(&self.outcome, Outcome::Played { unmet, .. } if unmet.is_empty())
    }
}

/// A scenario and what it plays on, apart from the files: a worker has its own.
struct Job {
    file: usize,
    at: usize,
    scenario: Scenario,
    cycle: Arc<Cycle>,
}

/// In the order of the files.
pub async fn all(found: &Found, scripts: &StageScripts) -> anyhow::Result<Vec<Result>> {
    let jobs: Arc<Vec<Job>> = Arc::new(jobs(found));
    let next = Arc::new(AtomicUsize::new(0));
    let results = Arc::new(Mutex::new(Vec::with_capacity(jobs.len())));
    // While one waits for its database, another has the core.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = jobs.len().div_ceil(JOBS_EACH).min(2 * cores);
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let (jobs, next, results, scripts) = (jobs.clone(), next.clone(), results.clone(), scripts.clone());
        working.spawn(async move {
            let stage = Stage::open(scripts).await?;
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = one(&stage, job).await;
                results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
            }
            anyhow::Ok(())
        });
    }
    while let Some(worked) = working.join_next().await {
        worked??;
    }
    let mut results = std::mem::take(&mut *results.lock().unwrap_or_else(PoisonError::into_inner));
    results.sort_by_key(|result| (result.file, result.scenario));
    Ok(results)
}

fn jobs(found: &Found) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (file, one) in found.files.iter().enumerate() {
        let Some(place) = found.places.get(one.place) else { continue };
        for (at, scenario) in one.scenarios.iter().enumerate() {
            if let Some(cycle) = place.cycle(&scenario.cycle) {
                jobs.push(Job { file, at, scenario: scenario.clone(), cycle: cycle.clone() });
            }
        }
    }
    jobs
}

async fn one(stage: &Stage, job: &Job) -> Result {
    let began = Instant::now();
    let scenario = &job.scenario;
    let outcome = match played(stage, scenario, job.cycle.clone()).await {
        Ok(outcome) => outcome,
        Err(unplayable) => {
            let action = match &unplayable {
                Unplayable::Setting(_) => None,
                Unplayable::NoAnswer { action, .. } => *action,
                Unplayable::Action { action, .. } => Some(*action),
            };
            let step = action.and_then(|action| scenario.steps.get(action));
            let line = step.map_or(scenario.span.line, |step| step.span.line);
            Outcome::Unplayable { line, message: unplayable.to_string() }
        }
    };
    Result { file: job.file, scenario: job.at, outcome, took: began.elapsed() }
}

async fn played(stage: &Stage, scenario: &Scenario, cycle: Arc<Cycle>) -> std::result::Result<Outcome, Unplayable> {
    let prepared = Prepared::new(cycle, &scenario.given)?;
    let actions: Vec<Action> = scenario.steps.iter().map(|step| step.action.clone()).collect();
    let played = play(stage, &prepared, &actions).await?;
    Ok(Outcome::Played { unmet: judge(scenario, &played), edges: played.edges })
}
