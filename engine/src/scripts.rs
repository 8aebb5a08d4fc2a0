//! The workers that scripts run in, and whose turn it is at a cycle's store.
//!
//! Invariant: no script runs in this process, and a worker has nothing of its environment.

mod check;

use std::{
    hash::{Hash as _, Hasher as _},
    path::PathBuf,
    sync::OnceLock,
};

use holdfast_sandbox::{Call, ErrorKind, Limits, Pool, Returned, ScriptError};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use uuid::Uuid;

use crate::{Error, limits::RETRY_SOON};
pub use check::{ScriptReader, scripts};

/// Cycles that share a turn, or a share, lose time by it and nothing else.
const TURNS: usize = 64;
const REQUESTS_MAX: usize = 256;

/// The program that runs scripts, as a child of this process: it must end in `holdfast_sandbox::serve`.
#[derive(Clone, Debug)]
pub struct ScriptWorker {
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

pub struct Scripts {
    worker: Option<ScriptWorker>,
    /// Started with the first script that there is.
    pool: OnceLock<Pool>,
    /// What one cycle may have under way: all workers but one. A script that does not end holds its
    /// worker to the end of its time, and there may be many of them.
    shares: [Semaphore; TURNS],
    /// Requests whose script waits, or runs: each holds its body.
    requests: Semaphore,
    /// Held by a script that came too late at its cycle's store, until it has written.
    turns: [Mutex<()>; TURNS],
}

impl Scripts {
    pub fn new(worker: Option<ScriptWorker>) -> Self {
        let pool = OnceLock::new();
        let shares = std::array::from_fn(|_| Semaphore::new(cores()));
        let requests = Semaphore::new(REQUESTS_MAX);
        Self { worker, pool, shares, requests, turns: std::array::from_fn(|_| Mutex::new(())) }
    }

    /// Runs a cycle's script in its turn among those of the cycle. None where there is no program to
    /// run scripts with.
    pub async fn run(&self, account: &str, cycle: &str, call: Call) -> Option<Result<Returned, ScriptError>> {
        let pool = self.pool()?;
        let mut hasher = std::hash::DefaultHasher::new();
        (account, cycle).hash(&mut hasher);
        let share = &self.shares[usize::try_from(hasher.finish() % TURNS as u64).unwrap_or_default()];
        // A share is never closed.
        let _share = share.acquire().await.ok();
        let ran = pool.run(call).await;
        if let Some(limit) = ran.as_ref().err().and_then(limit) {
            metrics::counter!("holdfast_limit_reached_total", "limit" => limit).increment(1);
            tracing::warn!(account, cycle, limit, "a script is ended: a limit is reached");
        }
        Some(ran)
    }

    /// A request's place among those whose script waits or runs; `Limit` where there are too many.
    pub fn request(&self) -> Result<SemaphorePermit<'_>, Error> {
        let limit = "requests that wait for a script";
        let full = |_| Error::Limit { limit, max: REQUESTS_MAX as u64, retry_after: RETRY_SOON };
        self.requests.try_acquire().map_err(full)
    }

    /// None where there is no program to run scripts with.
    pub fn pool(&self) -> Option<&Pool> {
        let ScriptWorker { program, arguments } = self.worker.as_ref()?;
        Some(self.pool.get_or_init(|| Pool::new(program.clone(), arguments.clone(), Limits::default(), cores() + 1)))
    }

    pub fn turn(&self, cycle: Uuid) -> &Mutex<()> {
        &self.turns[cycle.as_bytes()[15] as usize % TURNS]
    }
}

/// The limit that ended a script, if one did.
fn limit(error: &ScriptError) -> Option<&'static str> {
    match error.kind {
        ErrorKind::Time => Some("script time"),
        ErrorKind::Memory => Some("script memory"),
        ErrorKind::Stack => Some("script stack"),
        _ => None,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
