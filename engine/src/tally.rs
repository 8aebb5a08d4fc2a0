//! What cycles do, hour by hour: figures for people who look, not records.
//!
//! Counted in memory after each commit, and added to the store's together, every two seconds and at the
//! end: a crash loses at most what was not written yet. Nobody waits for it, and nothing is decided by it.
//! Invariant: what [`Tallies::reading`] holds while it reads is all there is, each once: what is being
//! written is neither missed nor seen twice.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use holdfast_definitions::Cycle;
use tokio::sync::{RwLock, RwLockReadGuard};
use uuid::Uuid;

use crate::{
    LiveEvent, TransactionStatus,
    clock::Micros,
    engine::Shared,
    machine::Trace,
    store::{self, Hint, TallyCounts, TallyRow},
};

pub const HOUR: Micros = 3_600_000_000;
/// How long an hour's figures are kept.
pub const KEPT: Micros = 48 * HOUR;
/// How often what was counted is written, and other nodes are told of it.
const FLUSH: Duration = Duration::from_secs(2);
/// Accounts whose figures one database transaction writes.
const ACCOUNTS_AT_ONCE: usize = 500;
/// How long the end of an engine waits for the last figures to be written.
const LAST: Duration = Duration::from_secs(2);

/// When the hour of an instant began.
pub fn hour_of(instant: Micros) -> Micros {
    instant - instant.rem_euclid(HOUR)
}

/// What one commit did. It costs a few additions a step, and allocates for each cycle, not for each run.
#[derive(Debug, Default)]
pub struct Tally {
    /// The commit's instant.
    at: Micros,
    cycles: HashMap<Uuid, OfCycle>,
}

#[derive(Debug, Default)]
struct OfCycle {
    whole: TallyCounts,
    versions: Vec<OfVersion>,
}

#[derive(Debug)]
struct OfVersion {
    cycle: Arc<Cycle>,
    /// What passed and failed at each step, by its position.
    steps: Vec<(i64, i64)>,
}

impl Tally {
    pub fn at(instant: Micros) -> Self {
        Self { at: instant, ..Self::default() }
    }

    pub fn hit(&mut self, cycle_id: Uuid) {
        self.cycles.entry(cycle_id).or_default().whole.hits += 1;
    }

    pub fn started(&mut self, cycle_id: Uuid) {
        self.cycles.entry(cycle_id).or_default().whole.started += 1;
    }

    /// A pass of a run, and how the run ended, if it did.
    pub fn pass(&mut self, cycle_id: Uuid, cycle: &Arc<Cycle>, trace: &[Trace], end: TransactionStatus) {
        let of = self.cycles.entry(cycle_id).or_default();
        match end {
            TransactionStatus::Completed => of.whole.completed += 1,
            TransactionStatus::Failed => of.whole.failed += 1,
            _ => {}
        }
        let known = of.versions.iter().position(|version| Arc::ptr_eq(&version.cycle, cycle));
        let at = known.unwrap_or_else(|| {
            of.versions.push(OfVersion { cycle: cycle.clone(), steps: vec![(0, 0); cycle.steps.len()] });
            of.versions.len() - 1
        });
        let Some(OfVersion { steps, .. }) = of.versions.get_mut(at) else { return };
        for trace in trace {
            let Some((passed, failed)) = steps.get_mut(trace.step.position()) else { continue };
            match trace.status {
                "failed" => *failed += 1,
                "completed" => *passed += 1,
                _ => {}
            }
        }
    }
}

type Counted = HashMap<(Uuid, Micros), HashMap<String, TallyCounts>>;

/// What this node has counted and not yet written.
#[derive(Debug)]
pub struct Tallies {
    /// Held to add to, or to take or copy what there is.
    counted: Mutex<HashMap<String, Counted>>,
    /// Held while what was taken is being written, so that who reads sees it once.
    flushing: RwLock<()>,
    /// Tells this process's hints from the others'.
    token: Uuid,
}

impl Default for Tallies {
    fn default() -> Self {
        Self { counted: Mutex::default(), flushing: RwLock::default(), token: Uuid::new_v4() }
    }
}

impl Tallies {
    /// After the commit.
    pub fn add(&self, account: &str, tally: Tally) {
        if tally.cycles.is_empty() {
            return;
        }
        let hour = hour_of(tally.at);
        let mut counted = self.counted();
        for (cycle_id, of) in tally.cycles {
            put(&mut counted, account, (cycle_id, hour), "", of.whole);
            for OfVersion { cycle, steps } in of.versions {
                for (step, (passed, failed)) in cycle.steps.iter().zip(steps) {
                    if passed != 0 || failed != 0 {
                        let counts = TallyCounts { passed, failed, ..TallyCounts::default() };
                        put(&mut counted, account, (cycle_id, hour), &step.id, counts);
                    }
                }
            }
        }
    }

    /// Nothing moves from here to the store while this is held.
    pub async fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.flushing.read().await
    }

    /// What is not written yet of these cycles, from that hour on.
    pub fn unwritten(&self, account: &str, cycles: &[Uuid], from: Micros) -> Vec<TallyRow> {
        let counted = self.counted();
        let places = counted.get(account).into_iter().flatten();
        let wanted = places.filter(|((cycle, hour), _)| *hour >= from && cycles.contains(cycle));
        wanted.flat_map(|(place, steps)| rows(*place, steps)).collect()
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<String, Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What could not be written is counted again.
    fn put_back(&self, tallies: Vec<(String, Vec<TallyRow>)>) {
        let mut counted = self.counted();
        for (account, rows) in tallies {
            for row in rows {
                put(&mut counted, &account, (row.cycle_id, row.hour), &row.step, row.counts);
            }
        }
    }

    /// Another node's figures have changed, or this one's own, which it knows.
    pub fn is_own(&self, by: Uuid) -> bool {
        by == self.token
    }
}

fn put(counted: &mut HashMap<String, Counted>, account: &str, place: (Uuid, Micros), step: &str, counts: TallyCounts) {
    let of = match counted.get_mut(account) {
        Some(of) => of,
        None => counted.entry(account.to_owned()).or_default(),
    };
    let steps = of.entry(place).or_default();
    match steps.get_mut(step) {
        Some(known) => known.add(counts),
        None => drop(steps.insert(step.to_owned(), counts)),
    }
}

fn rows((cycle_id, hour): (Uuid, Micros), steps: &HashMap<String, TallyCounts>) -> Vec<TallyRow> {
    steps.iter().map(|(step, counts)| TallyRow { cycle_id, step: step.clone(), hour, counts: *counts }).collect()
}

/// Writes every two seconds, for as long as the engine is open.
pub async fn run(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(FLUSH);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        flush(&shared).await;
    }
}

/// Once nothing is counted any more.
pub async fn last(shared: &Shared) {
    if tokio::time::timeout(LAST, flush(shared)).await.is_err() {
        tracing::debug!("the last figures could not be written in time");
    }
}

async fn flush(shared: &Shared) {
    let changed = write(shared).await;
    tell(shared, changed).await;
}

/// (account, cycle) of what was written.
async fn write(shared: &Shared) -> Vec<(String, Uuid)> {
    let mut changed = Vec::new();
    let tallies = &shared.tallies;
    let _flushing = tallies.flushing.write().await;
    let taken = std::mem::take(&mut *tallies.counted());
    let mut taken: Vec<(String, Vec<TallyRow>)> = taken
        .into_iter()
        .map(|(account, of)| (account, of.iter().flat_map(|(place, steps)| rows(*place, steps)).collect()))
        .collect();
    while !taken.is_empty() {
        let rest = taken.split_off(taken.len().min(ACCOUNTS_AT_ONCE));
        let now = std::mem::replace(&mut taken, rest);
        match shared.store.add_tallies(&shared.node, &now).await {
            // Whether it was written is not always known: rather not at all than twice.
            Ok(()) | Err(store::Error::Unknown(_)) => changed.extend(cycles(&now)),
            Err(store::Error::Refused(cause)) => tracing::warn!(%cause, "figures could not be written and are lost"),
            Err(store::Error::Unavailable(cause)) => {
                tracing::debug!(%cause, "figures could not be written yet");
                tallies.put_back(now);
                tallies.put_back(taken);
                break;
            }
        }
    }
    changed
}

fn cycles(written: &[(String, Vec<TallyRow>)]) -> Vec<(String, Uuid)> {
    let all = written.iter().flat_map(|(account, rows)| rows.iter().map(|row| (account.clone(), row.cycle_id)));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Pages on this node and on others may look again.
async fn tell(shared: &Shared, changed: Vec<(String, Uuid)>) {
    let mut hints = Vec::with_capacity(changed.len());
    for (account, cycle) in changed {
        tell_changed(shared, &account, cycle);
        hints.push(Hint::Changed { account, cycle, by: shared.tallies.token });
    }
    if !hints.is_empty() {
        shared.store.notify(&hints).await;
    }
}

/// `cycle.changed`, for who listens here.
pub fn tell_changed(shared: &Shared, account: &str, cycle: Uuid) {
    if !shared.is_heard() {
        return;
    }
    let catalog = shared.catalog();
    let Some(cycle) = catalog.cycle_by_id(cycle).filter(|cycle| cycle.row.account == account) else { return };
    shared.tell_event(LiveEvent {
        account: account.to_owned(),
        event: "cycle.changed".into(),
        cycle: cycle.row.name.clone(),
        ..LiveEvent::default()
    });
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
