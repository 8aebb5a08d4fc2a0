//! Webhooks that subscribe themselves at other systems (contract, section 11).
//!
//! Invariants: what is meant is on disk before a call goes out, and each try of a call carries the same
//! `Idempotency-Key`, so that a crash between a call and its commit makes no second subscription at a
//! partner that heeds the key. A subscription's state changes only over the `seq` that was read: what
//! came in between is seen, and what is to become of it is worked out again.

mod keeper;
mod method;
mod start;
mod subscription;

pub use keeper::{due, is_kept, next_due, reconcile};
pub use method::{Caller as MethodCaller, Failure, perform, take};
pub use start::{retried, subscribed};
pub use subscription::{Made, amend, current};

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use uuid::Uuid;

/// Subscriptions of an account.
pub const SUBSCRIPTIONS_MAX: i64 = 10_000;
/// Connectors of an account.
pub const CONNECTORS_MAX: i64 = 1_000;
const TURNS: usize = 64;

/// What this process is doing for connectors.
pub struct Connections {
    /// Where partners reach this server; set once it is known.
    url: OnceLock<String>,
    /// Subscriptions that a call is out for.
    at_work: Mutex<HashSet<Uuid>>,
    /// Accounts with subscriptions, and the revision that they were last compared with.
    accounts: Mutex<std::collections::HashMap<String, (i64, bool)>>,
    /// Held by a request whose handling came too late at its subscription's state, until it is kept.
    turns: [tokio::sync::Mutex<()>; TURNS],
    crowds: [AtomicU32; TURNS],
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            url: OnceLock::new(),
            at_work: Mutex::default(),
            accounts: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            crowds: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }
}

impl Connections {
    pub fn is_at(&self, url: &str) {
        let _ = self.url.set(url.trim_end_matches('/').to_owned());
    }

    /// An account that has no subscription at this revision.
    pub fn has_none(&self, account: &str, revision: i64) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(account.to_owned(), (revision, false));
    }

    /// The address that a partner is given of a webhook.
    fn webhook_uri(&self, webhook: &str) -> Option<String> {
        self.url.get().map(|url| format!("{url}/hooks/{webhook}"))
    }

    fn working(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None where this process is at it already.
    fn begin(&self, subscription: Uuid) -> Option<AtWork<'_>> {
        self.working().insert(subscription).then_some(AtWork(self, subscription))
    }

    /// Whose turn it is at a webhook's state, where requests outrun each other; each waits for its own.
    pub async fn turn(&self, webhook: &str, outrun: bool) -> Option<Turn<'_>> {
        let at =
            webhook.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % TURNS;
        let crowd = &self.crowds[at];
        if !outrun && crowd.load(Ordering::Acquire) == 0 {
            return None;
        }
        crowd.fetch_add(1, Ordering::AcqRel);
        let counted = Counted(crowd);
        Some(Turn { _guard: self.turns[at].lock().await, _counted: counted })
    }
}

struct AtWork<'a>(&'a Connections, Uuid);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.working().remove(&self.1);
    }
}

pub struct Turn<'a> {
    _guard: tokio::sync::MutexGuard<'a, ()>,
    _counted: Counted<'a>,
}

struct Counted<'a>(&'a AtomicU32);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
