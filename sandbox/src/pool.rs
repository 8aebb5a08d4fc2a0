//! A few warm workers, and calls that wait their turn for one.
//!
//! Invariant: at most `size` calls run at once, and a worker serves one call at a time.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::{
    Call, ErrorKind, Kept, Limits, Returned, ScriptError,
    frame::{self, Run, ToWorker},
    worker::{Failed, Worker},
};

/// A worker may have been killed from outside while it was idle, and all others with it; a fresh one
/// that ends too is no accident.
const TRIES: u32 = 2;

/// Cheap to clone; the workers end with the last clone.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    program: PathBuf,
    arguments: Vec<String>,
    limits: Limits,
    size: usize,
    turns: Semaphore,
    /// Held for a push or a pop, never across an await.
    idle: Mutex<Vec<Worker>>,
}

impl Pool {
    /// A pool of `size` workers, each the program run with these arguments, which must end in
    /// [`crate::serve`]. Starts them when inside a tokio runtime; those that can't start are tried
    /// again by the call that needs them.
    pub fn new(program: impl Into<PathBuf>, arguments: Vec<String>, limits: Limits, size: usize) -> Self {
        let size = size.max(1);
        let pool = Self {
            inner: Arc::new(Inner {
                program: program.into(),
                arguments,
                limits,
                size,
                turns: Semaphore::new(size),
                idle: Mutex::new(Vec::new()),
            }),
        };
        if tokio::runtime::Handle::try_current().is_ok() {
            for _ in 0..size {
                pool.start_one();
            }
        }
        pool
    }

    /// Runs a call and returns what the script did. Waits for a worker as long as it takes; the
    /// call's own time begins when it has one. Dropping the future kills the worker.
    pub async fn run(&self, call: Call) -> Result<Returned, ScriptError> {
        self.work(call, false).await
    }

    /// Reads a script without running its functions: is it JavaScript, and is the function there?
    /// What stands outside functions does run, under the same limits and with an empty store.
    pub async fn check(&self, source: Arc<str>, name: &str, first_line: u32) -> Result<(), ScriptError> {
        let (name, store) = (name.to_owned(), Some(Arc::new(Empty) as Arc<dyn Kept>));
        let call = Call { source, name, arguments: Vec::new(), now_ms: 0, seed: 0, first_line, store };
        self.work(call, true).await.map(|_| ())
    }

    /// The process ids of the workers that are idle now.
    pub fn idle_ids(&self) -> Vec<u32> {
        self.idle().iter().filter_map(Worker::id).collect()
    }

    async fn work(&self, call: Call, check: bool) -> Result<Returned, ScriptError> {
        let limits = self.inner.limits;
        let store = call.store;
        let run = Run {
            source: call.source.to_string(),
            name: call.name,
            arguments: call.arguments,
            now_ms: call.now_ms,
            seed: call.seed,
            first_line: call.first_line,
            store: store.is_some(),
            check,
            limits,
        };
        let frame = frame::encode(&ToWorker::Run(Box::new(run))).map_err(|error| failed(&error))?;
        let _turn = self.inner.turns.acquire().await.map_err(|error| failed(&error))?;
        let mut gone = String::new();
        for attempt in 0..TRIES {
            let popped = if attempt == 0 { self.idle().pop() } else { None };
            let mut worker = match popped {
                Some(worker) => worker,
                None => Worker::start(&self.inner.program, &self.inner.arguments).map_err(|error| failed(&error))?,
            };
            match worker.run(&frame, limits.time, store.as_ref()).await {
                Ok(done) => {
                    if worker.is_worn() {
                        self.start_one();
                    } else {
                        self.idle().push(worker);
                    }
                    return done;
                }
                Err(Failed::Gone(why)) => gone = why,
                Err(Failed::Call(error)) => {
                    drop(worker);
                    self.start_one();
                    return Err(error);
                }
            }
        }
        Err(ScriptError::new(ErrorKind::Worker, format!("the worker ended: {gone}")))
    }

    fn start_one(&self) {
        let Ok(worker) = Worker::start(&self.inner.program, &self.inner.arguments) else { return };
        let mut idle = self.idle();
        if idle.len() < self.inner.size {
            idle.push(worker);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store with nothing in it.
struct Empty;

#[async_trait]
impl Kept for Empty {
    async fn get(&self, _key: &str) -> Result<Option<(String, i64)>, String> {
        Ok(None)
    }
}

fn failed(error: &dyn std::fmt::Display) -> ScriptError {
    ScriptError::new(ErrorKind::Worker, error.to_string())
}
