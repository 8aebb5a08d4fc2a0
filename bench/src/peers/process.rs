//! A peer's process and what it started, ended together and by their own ids.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::drive::call;

const READY_WITHIN: Duration = Duration::from_secs(120);
const GONE_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("{:?} does not start", command.get_program()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Until a request is answered with 200 and a body that has `holds` in it. Nothing else counts
    /// as ready, so a peer that was set up wrongly is not measured.
    pub async fn ready(&mut self, host: &str, request: (&str, &str, &str), holds: &str) -> Result<()> {
        let (method, path, body) = request;
        let began = Instant::now();
        loop {
            let answer = call(host, method, path, body).await;
            if answer.as_ref().is_ok_and(|(status, body)| *status == 200 && body.contains(holds)) {
                return Ok(());
            }
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}:\n{}", log());
            }
            ensure!(began.elapsed() < READY_WITHIN, "{method} {path}: {answer:?}\n{}", log());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut all = Vec::new();
        family(self.child.id(), &mut all);
        signal(&all, Signal::TERM);
        let began = Instant::now();
        while began.elapsed() < GONE_WITHIN && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_EVERY);
        }
        signal(&all, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A process by its id and when it began: an id may be another's later.
type Name = (u32, String);

fn began(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in brackets, may hold anything; the start is field 22 (proc(5)).
    Some(stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.to_owned())
}

/// A process and all that it started, the children of its threads included.
fn family(id: u32, all: &mut Vec<Name>) {
    let Some(began) = began(id) else { return };
    all.push((id, began));
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else { return };
    for thread in threads.flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            family(child, all);
        }
    }
}

fn signal(all: &[Name], signal: Signal) {
    for (id, start) in all {
        let pid = i32::try_from(*id).ok().and_then(Pid::from_raw);
        if let (Some(pid), true) = (pid, began(*id).as_ref() == Some(start)) {
            let _ = kill_process(pid, signal);
        }
    }
}
