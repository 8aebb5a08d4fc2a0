//! One worker process, from the pool's side.
//!
//! Invariant: a worker that is dropped is killed, and only this process's own children are.

use std::{
    io,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{
    ErrorKind, Kept, Returned, ScriptError,
    frame::{self, FromWorker, ToWorker},
};

/// From the start of a process to its first word, on a machine under load.
const START_MAX: Duration = Duration::from_secs(10);
/// A worker that stands this many calls has earned its end: what it may have leaked goes with it.
const CALLS_MAX: u32 = 10_000;
/// Beyond a call's own time, before its worker is killed.
const GRACE: Duration = Duration::from_millis(250);

pub struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    ready: bool,
    calls: u32,
}

/// How a call failed at the worker.
pub enum Failed {
    /// The worker was gone: another may do it.
    Gone(String),
    /// The call is at fault, or would be again.
    Call(ScriptError),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

impl Worker {
    pub fn start(program: &std::path::Path, arguments: &[String]) -> io::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().ok_or_else(|| io::Error::other("no input"))?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        Ok(Self { child, input, output, ready: false, calls: 0 })
    }

    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub fn is_worn(&self) -> bool {
        self.calls >= CALLS_MAX
    }

    /// Runs one call. After an error the worker is to be dropped: it may still be at it.
    pub async fn run(
        &mut self,
        call: &[u8],
        time: Duration,
        store: Option<&Arc<dyn Kept>>,
    ) -> Result<Result<Returned, ScriptError>, Failed> {
        if !self.ready {
            match timeout(START_MAX, self.read()).await {
                Ok(Ok(FromWorker::Ready)) => self.ready = true,
                Ok(Ok(_)) => return Err(Failed::Gone("the worker spoke out of turn".to_owned())),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(Failed::Gone("the worker did not start in time".to_owned())),
            }
        }
        self.calls += 1;
        let mut end = Instant::now() + time + GRACE;
        let killed = format!("the script ran for longer than {} ms and was killed", time.as_millis());
        within(end, &killed, self.write(call)).await?;
        loop {
            match within(end, &killed, self.read()).await? {
                FromWorker::Done(done) => return Ok(done),
                FromWorker::Get(key) => {
                    let asked = Instant::now();
                    let found = match store {
                        Some(store) => store.get(&key).await,
                        None => Ok(None),
                    };
                    let found = found.map_err(|error| {
                        Failed::Call(ScriptError::new(ErrorKind::Worker, format!("store: {error}")))
                    })?;
                    end += asked.elapsed();
                    let answer = frame::encode(&ToWorker::Found(found))?;
                    within(end, &killed, self.write(&answer)).await?;
                }
                FromWorker::Ready => return Err(Failed::Gone("the worker spoke out of turn".to_owned())),
            }
        }
    }

    async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.input.write_all(frame).await?;
        self.input.flush().await
    }

    async fn read(&mut self) -> io::Result<FromWorker> {
        let mut head = [0; 4];
        self.output.read_exact(&mut head).await?;
        let mut body = vec![0; frame::length(head)?];
        self.output.read_exact(&mut body).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

async fn within<T>(end: Instant, killed: &str, work: impl Future<Output = io::Result<T>>) -> Result<T, Failed> {
    match timeout(end.saturating_duration_since(Instant::now()), work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Failed::Call(ScriptError::new(ErrorKind::Time, killed))),
    }
}
