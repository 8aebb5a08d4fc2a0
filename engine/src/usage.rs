//! How much an account has, where it has a limit: transactions that have not ended, and stored bytes.
//!
//! Invariant: an account without a limit costs nothing here. What is counted is what is in the store,
//! so a crash leaves nothing that was counted and is not there; between two counts a node adds what
//! it lets in itself, and learns of the other nodes' at the next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{Error, TransactionStatus, engine::Shared, limits::RETRY_SOON};

/// Transactions are counted at most this often.
const TRANSACTIONS_FRESH: Duration = Duration::from_secs(1);
/// Bytes are counted at most this often: it reads through all that the account has.
const BYTES_FRESH: Duration = Duration::from_secs(10);
/// And not before so many times as long as the last count took.
const REST: u32 = 50;
/// Nor, where something is about to be refused, before so many times as long.
const REST_BEFORE_REFUSAL: u32 = 4;
/// A hit that is about to be refused waits no longer than this for another count.
const PATIENCE: Duration = Duration::from_millis(100);
/// Rows that one look takes.
const CHUNK: i64 = 5_000;

/// What is counted of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Transactions,
    Bytes,
}

/// How things stood at the last count.
#[derive(Clone, Copy, Debug)]
struct Counted {
    began: Instant,
    at: Instant,
    took: Duration,
    count: u64,
    /// What this node has committed since the count began.
    since: u64,
    /// What it has let in and not committed yet: the count may have missed it.
    pending: u64,
    counting: bool,
}

/// The counts of this node.
#[derive(Debug, Default)]
pub struct Usage {
    counts: Mutex<HashMap<(String, What), Counted>>,
    /// One count that a hit waits for at a time.
    awaited: tokio::sync::Mutex<()>,
}

impl What {
    fn fresh(self) -> Duration {
        match self {
            Self::Transactions => TRANSACTIONS_FRESH,
            Self::Bytes => BYTES_FRESH,
        }
    }

    fn limit(self) -> &'static str {
        match self {
            Self::Transactions => "transactions of the account",
            Self::Bytes => "stored bytes of the account",
        }
    }
}

impl Usage {
    fn counts(&self) -> MutexGuard<'_, HashMap<(String, What), Counted>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where it is time for another count, which the caller now makes.
    fn is_due(&self, account: &str, what: What) -> bool {
        let mut counts = self.counts();
        let Some(known) = counts.get_mut(&(account.to_owned(), what)) else { return false };
        let due = !known.counting && known.at.elapsed() >= what.fresh().max(known.took * REST);
        known.counting |= due;
        due
    }

    /// How long to wait before another count, for one who came at an instant: none, where what is known
    /// was counted since.
    fn rest(&self, account: &str, what: What, came: Instant) -> Option<Duration> {
        let counts = self.counts();
        let known = counts.get(&(account.to_owned(), what)).filter(|known| known.began < came)?;
        Some((known.took * REST_BEFORE_REFUSAL).saturating_sub(known.at.elapsed()))
    }

    /// What is there, as far as this node knows; none before the first count.
    fn known(&self, account: &str, what: What) -> Option<u64> {
        self.counts().get(&(account.to_owned(), what)).map(|known| known.all())
    }

    /// Adds to what this node has let in. False where `most` would be passed: nothing is added then.
    fn add(&self, account: &str, what: What, by: u64, most: u64) -> bool {
        let mut counts = self.counts();
        let Some(known) = counts.get_mut(&(account.to_owned(), what)) else { return true };
        if known.all().saturating_add(by) > most {
            return false;
        }
        known.pending = known.pending.saturating_add(by);
        true
    }

    /// What was let in is committed, or came to nothing.
    fn settle(&self, account: &str, what: What, by: u64, committed: bool) {
        if let Some(known) = self.counts().get_mut(&(account.to_owned(), what)) {
            known.pending = known.pending.saturating_sub(by);
            if committed {
                known.since = known.since.saturating_add(by);
            }
        }
    }
}

impl Counted {
    fn all(&self) -> u64 {
        self.count.saturating_add(self.since).saturating_add(self.pending)
    }
}

/// A place that a hit was given beneath its account's limits. Dropped without [`Place::kept`], it is
/// given back.
#[derive(Debug)]
pub struct Place<'a> {
    usage: &'a Usage,
    account: &'a str,
    taken: Vec<(What, u64)>,
}

impl Place<'_> {
    /// What it was given for is committed.
    pub fn kept(mut self) {
        self.settle(true);
    }

    fn settle(&mut self, committed: bool) {
        for (what, by) in self.taken.drain(..) {
            self.usage.settle(self.account, what, by, committed);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.settle(false);
    }
}

impl Shared {
    /// `Limit` where the account has had its share. Asked before a hit is read; `starts`: it would start
    /// a transaction.
    pub async fn has_share(self: &Arc<Self>, account: &str, starts: bool) -> Result<(), Error> {
        let limits = self.catalog().limits(account);
        let transactions = limits.transactions.filter(|_| starts);
        for (what, most) in [(What::Transactions, transactions), (What::Bytes, limits.stored_bytes)] {
            let Some(most) = most else { continue };
            if self.counted(account, what, most).await? >= most && self.again(account, what, most).await? >= most {
                return Err(reached(what, most));
            }
        }
        Ok(())
    }

    /// A hit's place beneath the limits, taken before it is committed: two that come at once do not both
    /// get the last one.
    pub async fn place<'a>(
        self: &'a Arc<Self>,
        account: &'a str,
        starts: impl Fn() -> bool + Send,
        bytes: u64,
    ) -> Result<Place<'a>, Error> {
        let limits = self.catalog().limits(account);
        let mut place = Place { usage: &self.usage, account, taken: Vec::new() };
        let transactions = limits.transactions.filter(|_| starts());
        for (what, most, by) in [(What::Transactions, transactions, 1), (What::Bytes, limits.stored_bytes, bytes)] {
            let Some(most) = most else { continue };
            self.counted(account, what, most).await?;
            if !self.usage.add(account, what, by, most) {
                self.again(account, what, most).await?;
                if !self.usage.add(account, what, by, most) {
                    return Err(reached(what, most));
                }
            }
            place.taken.push((what, by));
        }
        Ok(place)
    }

    /// The count as it is known. The first is waited for; later ones are made beside the hits.
    async fn counted(self: &Arc<Self>, account: &str, what: What, most: u64) -> Result<u64, Error> {
        if self.usage.is_due(account, what) {
            let (shared, account) = (self.clone(), account.to_owned());
            tokio::spawn(async move { shared.count_or_warn(&account, what, most).await });
        }
        if let Some(known) = self.usage.known(account, what) {
            return Ok(known);
        }
        let _one = self.usage.awaited.lock().await;
        if self.usage.known(account, what).is_none() {
            self.count(account, what, most).await?;
        }
        Ok(self.usage.known(account, what).unwrap_or_default())
    }

    /// Before a refusal: transactions that this node let in may have ended since. Those who wait at once
    /// share a count.
    async fn again(&self, account: &str, what: What, most: u64) -> Result<u64, Error> {
        let came = Instant::now();
        if what == What::Transactions {
            let _one = self.usage.awaited.lock().await;
            if let Some(rest) = self.usage.rest(account, what, came).filter(|rest| *rest <= PATIENCE) {
                tokio::time::sleep(rest).await;
                self.count(account, what, most).await?;
            }
        }
        Ok(self.usage.known(account, what).unwrap_or_default())
    }

    async fn count_or_warn(&self, account: &str, what: What, most: u64) {
        if let Err(error) = self.count(account, what, most).await {
            tracing::warn!(account, error = %error.for_log(), "what the account has could not be counted yet");
            if let Some(known) = self.usage.counts().get_mut(&(account.to_owned(), what)) {
                known.counting = false;
                known.at = Instant::now();
            }
        }
    }

    async fn count(&self, account: &str, what: What, most: u64) -> Result<(), Error> {
        let began = Instant::now();
        let key = (account.to_owned(), what);
        let before = self.usage.counts().get(&key).map_or(0, |known| known.since);
        let count = match what {
            What::Transactions => self.count_transactions(account, most).await?,
            What::Bytes => self.count_bytes(account).await?,
        };
        let mut counts = self.usage.counts();
        // What was committed while it was counted may have been missed: it is added, at worst twice, until
        // the next count.
        let (since, pending) =
            counts.get(&key).map_or((0, 0), |known| (known.since.saturating_sub(before), known.pending));
        counts.insert(
            key,
            Counted { began, at: Instant::now(), took: began.elapsed(), count, since, pending, counting: false },
        );
        Ok(())
    }

    /// No further than the limit.
    async fn count_transactions(&self, account: &str, most: u64) -> Result<u64, Error> {
        let catalog = self.catalog();
        let now = self.clock.now();
        let mut count = 0;
        for cycle in catalog.cycles(account).filter(|cycle| cycle.row.deleted_at.is_none()) {
            for status in [TransactionStatus::Queued, TransactionStatus::Running, TransactionStatus::Held] {
                let left = i64::try_from(most.saturating_sub(count)).unwrap_or(i64::MAX);
                if left == 0 {
                    return Ok(count);
                }
                let id = cycle.row.cycle_id;
                count += self.store.open_transactions(account, id, status.word(), now, left).await?;
            }
        }
        Ok(count)
    }

    async fn count_bytes(&self, account: &str) -> Result<u64, Error> {
        let mut bytes = 0;
        let mut after = (String::new(), Uuid::nil());
        loop {
            let measured = self.store.hits_bytes(account, &after, CHUNK).await?;
            bytes += measured.bytes;
            match measured.last {
                Some(last) if measured.rows >= CHUNK as usize => after = last,
                _ => break,
            }
        }
        let mut after = (Uuid::nil(), 0);
        loop {
            let measured = self.store.runs_bytes(account, after, CHUNK).await?;
            bytes += measured.bytes;
            match measured.last {
                Some(last) if measured.rows >= CHUNK as usize => after = last,
                _ => break,
            }
        }
        Ok(bytes)
    }
}

fn reached(what: What, most: u64) -> Error {
    Error::Limit { limit: what.limit(), max: most, retry_after: RETRY_SOON }
}
