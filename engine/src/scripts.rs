//! The workers that scripts run in, and whose turn it is at a cycle's store.
//!
//! Invariant: no script runs in this process, and a worker has nothing of its environment.

use std::{path::PathBuf, sync::OnceLock};

use holdfast_sandbox::{Limits, Pool};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Cycles that share a turn lose time by it, and nothing else.
const TURNS: usize = 64;
/// A script that loops holds its worker to the end of its time: another is there meanwhile.
const WORKERS_MIN: usize = 2;

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
    /// Held by a script that came too late at its cycle's store, until it has written.
    turns: [Mutex<()>; TURNS],
}

impl Scripts {
    pub fn new(worker: Option<ScriptWorker>) -> Self {
        Self { worker, pool: OnceLock::new(), turns: std::array::from_fn(|_| Mutex::new(())) }
    }

    /// None where there is no program to run scripts with.
    pub fn pool(&self) -> Option<&Pool> {
        let ScriptWorker { program, arguments } = self.worker.as_ref()?;
        Some(self.pool.get_or_init(|| {
            let size = std::thread::available_parallelism().map_or(WORKERS_MIN, |cores| cores.get().max(WORKERS_MIN));
            Pool::new(program.clone(), arguments.clone(), Limits::default(), size)
        }))
    }

    pub fn turn(&self, cycle: Uuid) -> &Mutex<()> {
        &self.turns[cycle.as_bytes()[15] as usize % TURNS]
    }
}
