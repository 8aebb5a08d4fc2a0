//! Callers that wait at this node for an answer.
//!
//! Invariant: a caller is registered before the commit that could answer it, and told only after a
//! commit, from what was committed. Being told is a hint: the stored answer is the truth, and a
//! caller that no hint reaches is found by polling.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::{Answer, clock::Micros};

#[derive(Debug, Default)]
pub struct Waiters {
    /// By hit. Held only for the length of a look-up.
    waiting: Mutex<HashMap<Uuid, Waiting>>,
    /// How many have been kept by the engine's clock so far.
    kept: watch::Sender<u64>,
    /// Those kept by the engine's clock who have not made up their answer yet.
    staying: watch::Sender<usize>,
}

/// Over when it is dropped.
pub struct Stay<'a>(&'a watch::Sender<usize>);

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|staying| *staying -= 1);
    }
}

#[derive(Debug)]
struct Waiting {
    account: String,
    /// The transaction and when its retention runs out; none while the hit is still queued.
    transaction: Option<(Uuid, Micros)>,
    tell: Vec<oneshot::Sender<Answer>>,
    /// By the engine's clock: where that is what callers wait by.
    until: Option<Micros>,
}

impl Waiters {
    pub fn register(&self, account: &str, hit: Uuid, transaction: Option<(Uuid, Micros)>) -> oneshot::Receiver<Answer> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.lock();
        let entry = waiting.entry(hit).or_insert_with(|| Waiting {
            account: account.to_owned(),
            transaction,
            tell: Vec::new(),
            until: None,
        });
        entry.transaction = transaction.or(entry.transaction);
        entry.tell.retain(|tell| !tell.is_closed());
        entry.tell.push(tell);
        told
    }

    /// Whether anybody waited here.
    pub fn tell(&self, hit: Uuid, answer: &Answer) -> bool {
        let Some(entry) = self.lock().remove(&hit) else { return false };
        // All of them, whoever has gone.
        entry.tell.into_iter().filter_map(|tell| tell.send(answer.clone()).ok()).count() > 0
    }

    /// Those who still wait, by account; callers that have gone are forgotten.
    pub fn pending(&self) -> HashMap<String, Vec<Uuid>> {
        let mut pending: HashMap<String, Vec<Uuid>> = HashMap::new();
        self.lock().retain(|hit, entry| {
            entry.tell.retain(|tell| !tell.is_closed());
            if entry.tell.is_empty() {
                return false;
            }
            pending.entry(entry.account.clone()).or_default().push(*hit);
            true
        });
        pending
    }

    /// (account, transaction) of those whose retention has run out by `now`.
    pub fn expired(&self, now: Micros) -> Vec<(String, Uuid)> {
        self.lock()
            .values()
            .filter_map(|entry| {
                let (transaction, at) = entry.transaction?;
                (at <= now).then(|| (entry.account.clone(), transaction))
            })
            .collect()
    }

    /// The earliest instant at which the retention of one that is waited for runs out.
    pub fn next_expiry(&self) -> Option<Micros> {
        self.lock().values().filter_map(|entry| entry.transaction.map(|(_, at)| at)).min()
    }

    /// One that is registered waits by the engine's clock, and [`Self::let_go`] ends its wait. What is
    /// returned is dropped when its answer is made up.
    pub fn keep_until(&self, hit: Uuid, until: Micros) -> Stay<'_> {
        self.staying.send_modify(|staying| *staying += 1);
        if let Some(entry) = self.lock().get_mut(&hit) {
            entry.until = entry.until.max(Some(until));
        }
        self.kept.send_modify(|kept| *kept += 1);
        Stay(&self.staying)
    }

    /// Changes with every caller that is kept.
    pub fn kept(&self) -> watch::Receiver<u64> {
        self.kept.subscribe()
    }

    /// Those whose time has passed get no answer here.
    pub fn let_go(&self, now: Micros) {
        self.lock().retain(|_, entry| entry.until.is_none_or(|until| until > now));
    }

    /// Returns once all that were told or let go have made up their answer: what it says is of that
    /// instant, and the clock may go on.
    pub async fn left(&self) {
        let stay = || self.lock().values().filter(|entry| entry.until.is_some()).map(|entry| entry.tell.len()).sum();
        let mut staying = self.staying.subscribe();
        let _ = staying.wait_for(|staying| *staying <= stay()).await;
    }

    /// The earliest instant at which one is let go.
    pub fn next_let_go(&self) -> Option<Micros> {
        self.lock().values().filter_map(|entry| entry.until).min()
    }

    pub fn waits(&self, hit: Uuid) -> bool {
        self.lock().contains_key(&hit)
    }

    pub fn count(&self) -> u64 {
        self.lock().values().map(|entry| entry.tell.len() as u64).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "waiters_tests.rs"]
mod tests;
