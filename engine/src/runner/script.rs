//! A `script` step: run in a worker, and again where another was quicker at its cycle's store.
//!
//! Invariant: a run begins a step's script with the same document and the same seed however often it
//! is done, and nothing that it kept is there before the commit that has its result.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use holdfast_definitions::{Json, Members, Script, StepKind};
use holdfast_sandbox::{ErrorKind, Kept, Returned, ScriptError};
use sha2::{Digest as _, Sha256};
use tokio::sync::MutexGuard;
use uuid::Uuid;

use super::{BRING_AGAIN, Call, failed, step_of};
use crate::{
    Error,
    engine::Shared,
    history::timestamp,
    machine::{Done, Shown, StepError},
    ongoing::{Keeping, Ongoing, Progress},
    store::{self, Store, UnderwayRow},
};

/// How often a script is run whose keys others change meanwhile, before its step fails.
pub const TRIES: u32 = 20;
/// How often a call is made whose worker, or whose store, failed.
const WORKER_TRIES: u32 = 8;

pub async fn run(call: &Call<'_>, script: &Script) -> Result<Progress, Error> {
    let began = Instant::now();
    let ran = called(call, script).await;
    let duration_us = call.shared.took(began);
    let shown = |console: Vec<String>| Shown {
        at: Some(call.now),
        duration_us,
        console: (!console.is_empty()).then(|| console.into_iter().map(Json::from).collect::<Vec<_>>().into()),
        ..Shown::default()
    };
    Ok(match ran {
        Ok(mut returned) => {
            let console = std::mem::take(&mut returned.console);
            returned_progress(call, returned, shown(console))
        }
        Err(mut error) => {
            let console = std::mem::take(&mut error.console);
            failed(said(&error), None, shown(console))
        }
    })
}

async fn called(call: &Call<'_>, script: &Script) -> Result<Returned, ScriptError> {
    let kept: Arc<dyn Kept> = Arc::new(CycleStore {
        store: call.shared.store.clone(),
        account: call.account.to_owned(),
        cycle: call.row.cycle_id,
    });
    let mut tries = 0;
    loop {
        tries += 1;
        let made = holdfast_sandbox::Call {
            source: script.source.clone(),
            name: "step".to_owned(),
            arguments: vec![call.document.to_string(), context(call).to_string()],
            now_ms: call.now.div_euclid(1_000),
            seed: seed(call),
            first_line: script.line,
            store: Some(kept.clone()),
        };
        let ran = call.shared.scripts.run(call.account, &call.cycle.name, made).await;
        match ran.ok_or_else(|| fault("scripts can't be run here: the server has no program to run them with"))? {
            Err(error) if error.kind == ErrorKind::Worker && tries < WORKER_TRIES => {
                tracing::warn!(%error, "a script's worker failed; the script is run again");
                tokio::time::sleep(BRING_AGAIN).await;
            }
            ran => return ran,
        }
    }
}

/// `context`, the second argument.
fn context(call: &Call<'_>) -> Json {
    let object = |members: Vec<(&str, Json)>| {
        Json::from(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Members>())
    };
    let id = crate::TransactionId(call.row.transaction).to_string();
    let vars = call.cycle.vars.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    object(vec![
        ("transaction", object(vec![("id", Json::from(id.as_str()))])),
        (
            "cycle",
            object(vec![
                ("name", Json::from(call.cycle.name.as_str())),
                ("version", Json::from(u64::from(call.row.version.unsigned_abs()))),
            ]),
        ),
        ("run", Json::from(u64::from(call.row.run.unsigned_abs()))),
        ("step", Json::from(call.cycle.step(call.step).id.as_str())),
        ("now", Json::from(timestamp(call.now).as_str())),
        ("vars", object(vars)),
    ])
}

/// The same each time that a run does the step.
fn seed(call: &Call<'_>) -> u64 {
    let digest = Sha256::digest(call.idempotency_key().as_bytes());
    digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

fn returned_progress(call: &Call<'_>, returned: Returned, shown: Shown) -> Progress {
    let value = returned.value.as_deref().unwrap_or("null");
    let output = match Json::parse(value.as_bytes()) {
        Ok(output) => output,
        Err(error) => {
            let error = StepError::new("script", format!("what the script returned can't be kept: {error}"));
            return failed(error, None, shown);
        }
    };
    let step = &call.cycle.step(call.step).id;
    let grown = call.document.written_len() + output.written_len() + step.len() + 4;
    let fits = grown <= call.shared.limits.document_bytes;
    let done = Done { output: Some(output), shown, ..Done::default() };
    // One that the document has no room for fails, and so keeps nothing.
    match returned.kept.is_empty() || !fits {
        true => Progress::Done(done),
        false => Progress::Scripted { done, keeping: Keeping { read: returned.read, changes: returned.kept } },
    }
}

fn said(error: &ScriptError) -> StepError {
    let message = match error.line {
        Some(line) => format!("line {line}: {error}"),
        None => error.to_string(),
    };
    StepError::new("script", message)
}

fn fault(message: &str) -> ScriptError {
    ScriptError { kind: ErrorKind::Syntax, message: message.to_owned(), line: None, console: Vec::new() }
}

/// A cycle's store as its scripts read it.
struct CycleStore {
    store: Arc<dyn Store>,
    account: String,
    cycle: Uuid,
}

#[async_trait]
impl Kept for CycleStore {
    async fn get(&self, key: &str) -> Result<Option<(String, i64)>, String> {
        let keys = [key.to_owned()];
        loop {
            match self.store.kept(&self.account, self.cycle, &keys).await {
                Ok(mut found) => return Ok(found.pop().map(|row| (row.value, row.version))),
                // The script waits with everything else; its time does not run on.
                Err(store::Error::Unavailable(_)) => tokio::time::sleep(BRING_AGAIN).await,
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Waits while a script of the cycle that came too late has its turn, where this one may use the store
/// too: to run it now would be in vain.
pub async fn turn<'a>(shared: &'a Shared, ongoing: &Ongoing) -> Option<MutexGuard<'a, ()>> {
    let (cycle, step) = step_of(shared, &ongoing.row).ok()?;
    let StepKind::Script(script) = &cycle.step(step).kind else { return None };
    let turn = shared.scripts.turn(ongoing.row.cycle_id);
    if !script.source.contains("store") || turn.try_lock().is_ok() {
        return None;
    }
    Some(turn.lock().await)
}

/// As [`turn`], for an element of an `each`, which does not keep the turn. One that came too late has it.
pub async fn room(call: &Call<'_>, late: u32) {
    let StepKind::Script(script) = &call.cycle.step(call.step).kind else { return };
    if late > 0 {
        tokio::time::sleep(pause(call.row, late)).await;
    } else if script.source.contains("store") {
        drop(call.shared.scripts.turn(call.row.cycle_id).lock().await);
    }
}

/// Before it is run again.
pub fn pause(row: &UnderwayRow, attempt: u32) -> Duration {
    let apart = u64::from(row.transaction.as_bytes()[15] % 16);
    Duration::from_millis(apart + 4 * u64::from(attempt))
}

/// A script that was never quick enough.
pub fn outrun() -> StepError {
    let message = format!(
        "others changed what the script read of the store each of the {TRIES} times that it was run: \
         spread it over more keys"
    );
    StepError::new("script", message)
}
