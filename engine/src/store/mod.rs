//! The store: what must be true on disk, on SQLite and PostgreSQL alike.
//!
//! Changes go through [`Commit`], one account at a time, under that account's lock: commits of an
//! account happen one after another on all nodes, and each sees all earlier ones. That is what makes
//! "the most recent", "before" and "once" mean something without a protocol of their own. Reads go
//! through [`Store`] and never wait for a writer.

mod account;
#[cfg(test)]
mod accounts;
#[cfg(test)]
pub(crate) mod conformance;
mod connections;
mod endpoints;
mod lists;
mod postgres;
mod routes;
mod rows;
mod sessions;
mod sqlite;
mod statements;
mod tallies;

use async_trait::async_trait;
use uuid::Uuid;

pub use account::{AccountCommit, AccountRow, Accounts, Measured};
pub use connections::*;
pub use endpoints::*;
pub use lists::*;
pub use postgres::Postgres;
pub use routes::*;
pub use rows::*;
pub use sessions::*;
pub use sqlite::Sqlite;
pub use tallies::*;

use crate::clock::Micros;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store can't be reached, is full, read-only or busy: the same call may succeed later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// A row that the store refuses: the same call never succeeds.
    #[error("the store refused a row: {0}")]
    Refused(String),
    /// The store went away during a commit and could not be asked since: it may have happened.
    #[error("the store went away during a commit: {0}")]
    Unknown(String),
}

/// What one node tells the others after a commit. It may be lost: polling is the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The answer to this hit is there.
    Answered { account: String, hit: Uuid },
    /// What is deployed has changed.
    Catalog,
    /// Something happened in a cycle, lately, on the node that says so by its own token.
    Changed { account: String, cycle: Uuid, by: Uuid },
}

/// Reads, and the way to a commit.
#[async_trait]
pub trait Store:
    Accounts + Connections + Endpoints + Lists + Routes + Sessions + Tallies + Send + Sync + 'static
{
    /// Begins a database transaction and takes the account's lock. With a manual clock its instant
    /// is given; otherwise the database's clock says what time it is, never going back.
    async fn begin(&self, account: &str, manual: Option<Micros>) -> Result<Box<dyn Commit>>;

    /// Makes ready for rows of this instant (on PostgreSQL: partitions, made ahead).
    async fn prepare(&self, now: Micros) -> Result<()>;

    /// Ok where the store answers.
    async fn ping(&self) -> Result<()>;

    async fn clock(&self) -> Result<Option<Micros>>;
    async fn set_clock(&self, instant: Micros) -> Result<()>;

    async fn revisions(&self) -> Result<Vec<(String, i64)>>;
    async fn catalog(&self) -> Result<CatalogRows>;

    async fn hit(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Option<HitRow>>;

    async fn transaction(&self, account: &str, id: Uuid) -> Result<Option<TransactionRow>>;
    async fn transactions(&self, account: &str, ids: &[Uuid]) -> Result<Vec<TransactionRow>>;
    /// Newest first, numbers below `before`.
    async fn runs(&self, account: &str, id: Uuid, before: i32, limit: i64) -> Result<Vec<RunWithHit>>;
    async fn run(&self, account: &str, id: Uuid, run: i32) -> Result<Option<RunWithHit>>;

    async fn answers(&self, account: &str, hits: &[Uuid]) -> Result<Vec<AnswerRow>>;
    async fn repeat(&self, account: &str, webhook: &str, key_hash: &[u8]) -> Result<Option<RepeatRow>>;

    /// The look-up of a hit, without its lock: for `explain` and lists. At most `limit` of each
    /// state, newest first, expired ones left out.
    async fn seek(&self, account: &str, seek: &Seek, now: Micros, limit: i64) -> Result<Vec<Candidate>>;
    /// As [`Commit::holds`].
    async fn holds(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<RunRow>>;
    /// As [`Commit::key_rows`].
    async fn key_rows(&self, account: &str, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>>;

    /// The runs under way of these transactions, and those that wait.
    async fn underway(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>>;
    /// As [`Commit::turns`].
    async fn turns(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<TurnsRow>;
    /// Transactions after this one with a run that has not begun, of those accepted by an instant.
    async fn waiting(&self, account: &str, cycle_id: Uuid, after: Uuid, until: Micros, limit: i64)
    -> Result<Vec<Uuid>>;
    /// Transactions in a line of the cycle, or with a place in it, whose retention has run out.
    async fn lapsed(&self, account: &str, cycle_id: Uuid, now: Micros, limit: i64) -> Result<Vec<Uuid>>;
    /// Runs whose step was being done by a process that is none of these.
    async fn left(&self, account: &str, live: &[String], limit: i64) -> Result<Vec<UnderwayRow>>;
    /// Notes that this process is alive; the names of all that are, itself included.
    async fn beat(&self, node: &str) -> Result<Vec<String>>;
    /// This process ends: what it was doing is the others' from now on.
    async fn leave(&self, node: &str) -> Result<()>;

    /// The instant of the account's earliest timer.
    async fn next_due(&self, account: &str) -> Result<Option<Micros>>;
    /// Timers due at or before `now`, in order.
    async fn due(&self, account: &str, now: Micros, limit: i64) -> Result<Vec<TimerRow>>;

    /// (cycle, step, transactions held there).
    async fn held(&self, account: &str, now: Micros) -> Result<Vec<(Uuid, String, i64)>>;

    /// (webhook, hits queued by a stop), where there are any.
    async fn queued(&self, account: &str) -> Result<Vec<(String, i64)>>;

    async fn keys(&self) -> Result<Vec<KeyRecord>>;
    async fn key_by_hash(&self, hash: &[u8]) -> Result<Option<KeyRecord>>;

    /// By name.
    async fn secrets(&self, account: &str, limit: i64) -> Result<Vec<SecretRow>>;

    /// What a cycle's scripts keep under these keys.
    async fn kept(&self, account: &str, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>>;

    /// Removes what has expired, a bounded number of rows; true where more is left.
    async fn sweep(&self, account: &str, now: Micros, limit: i64) -> Result<bool>;

    /// Tells the other nodes, batched, from a connection of its own. Never an error.
    async fn notify(&self, _hints: &[Hint]) {}

    /// What the other nodes tell; none where there is only one node.
    fn hints(&self) -> Option<tokio::sync::broadcast::Receiver<Hint>> {
        None
    }

    async fn close(&self);
}

/// A database transaction that holds an account's lock. Dropped without [`Commit::commit`], it
/// leaves nothing.
#[async_trait]
pub trait Commit: AccountCommit + ConnectionChanges + Outbox + RouteChanges + SessionChanges + Send {
    fn head(&self) -> Head;

    async fn repeats(&mut self, names: &[(String, Vec<u8>)]) -> Result<Vec<RepeatRow>>;
    /// For each seek: the newest two that no hit has resumed, and the newest one that one has;
    /// neither expired nor past its `expires`. One index seek each, no scan, no sort.
    async fn seek(&mut self, seeks: &[Seek]) -> Result<Vec<Candidate>>;
    async fn transactions(&mut self, ids: &[Uuid]) -> Result<Vec<TransactionRow>>;
    async fn runs(&mut self, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>>;
    /// Every run of these transactions that ended in a hold.
    async fn holds(&mut self, transactions: &[Uuid]) -> Result<Vec<RunRow>>;
    /// The runs under way of these transactions, and those that wait, by number.
    async fn underway(&mut self, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>>;
    /// A cycle's places and turns; places are counted up to `limit`.
    async fn turns(&mut self, cycle_id: Uuid, limit: i64) -> Result<TurnsRow>;
    /// The runs of a cycle in that place, by turn.
    async fn turns_next(&mut self, cycle_id: Uuid, place: i32, limit: i64) -> Result<Vec<UnderwayRow>>;
    /// The first run of a key, by turn.
    async fn turn_first(&mut self, cycle_id: Uuid, key: &[u8]) -> Result<Option<UnderwayRow>>;
    /// The last turn of each of these keys of cycles; of one with no run there is none.
    async fn turns_last(&mut self, keys: &[(Uuid, Vec<u8>)]) -> Result<Vec<LastTurn>>;
    /// As [`Store::waiting`], as of this commit.
    async fn waiting(&mut self, cycle_id: Uuid, after: Uuid, limit: i64) -> Result<Vec<Uuid>>;
    /// The key rows of these names.
    async fn key_rows(&mut self, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>>;
    /// Pending early hits with these keys, oldest first: (position in `seeks`, hit).
    async fn early(&mut self, seeks: &[Seek]) -> Result<Vec<(i32, HitRow)>>;
    async fn hits(&mut self, names: &[(String, Uuid)]) -> Result<Vec<HitRow>>;
    /// Oldest first.
    async fn queued(&mut self, cycle_id: Uuid, limit: i64) -> Result<Vec<HitRow>>;

    /// (webhook, hits queued by a stop), where there are any, by webhook.
    async fn queued_counts(&mut self) -> Result<Vec<(String, i64)>>;

    async fn write(&mut self, writes: &Writes) -> Result<()>;

    async fn put_cycle(&mut self, row: &CycleRow) -> Result<()>;
    async fn put_version(&mut self, row: &VersionRow) -> Result<()>;
    async fn put_webhook(&mut self, row: &WebhookRow) -> Result<()>;
    /// The account's catalog changed.
    async fn bump_revision(&mut self) -> Result<()>;
    async fn put_key(&mut self, row: &KeyRecord) -> Result<()>;
    async fn revoke_key(&mut self, account: &str, key_id: Uuid) -> Result<bool>;

    /// Of the commit's own account, by name.
    async fn secrets(&mut self, limit: i64) -> Result<Vec<SecretRow>>;
    /// Made, or its value replaced: it keeps when it was made and when it was last used.
    async fn put_secret(&mut self, row: &SecretRow) -> Result<()>;
    /// The same value sealed with another master key; false where there is no such secret.
    async fn reseal_secret(&mut self, name: &str, sealed: &[u8], key_id: &str) -> Result<bool>;
    async fn secret_used(&mut self, name: &str) -> Result<()>;
    async fn delete_secret(&mut self, name: &str) -> Result<bool>;

    /// What a cycle's scripts keep under these keys, and under how many there are.
    async fn kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>>;
    async fn kept_count(&mut self, cycle_id: Uuid) -> Result<i64>;
    async fn put_kept(&mut self, cycle_id: Uuid, rows: &[KeptRow]) -> Result<()>;
    async fn drop_kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<()>;
    /// All of it.
    async fn forget_kept(&mut self, cycle_id: Uuid) -> Result<()>;

    /// Rows are durable once this returns.
    async fn commit(self: Box<Self>) -> Result<()>;

    /// Writes, and commits: in one call to the database where that can be.
    async fn commit_with(mut self: Box<Self>, writes: &Writes) -> Result<()> {
        self.write(writes).await?;
        self.commit().await
    }
}

/// The rows of one round, written set by set. Where sets touch the same row, what stands is changed
/// first (`keys_resumed`), then what is gone goes, then what is new comes: a newer hold under the
/// key of an older one stands unresumed.
#[derive(Debug, Default)]
pub struct Writes {
    pub hits: Vec<HitRow>,
    pub hit_updates: Vec<HitUpdate>,
    pub transactions: Vec<TransactionRow>,
    /// Rows that stand already: status, step, runs, ends and callers change.
    pub transaction_updates: Vec<TransactionRow>,
    /// Of those, the ones whose `expires_at` changes, and what it is then.
    pub expiries: Vec<(Uuid, Micros)>,
    pub runs: Vec<RunRow>,
    /// Put in the place of what stands.
    pub underway: Vec<UnderwayRow>,
    pub underway_gone: Vec<(Uuid, i32)>,
    pub keys: Vec<KeyRow>,
    pub keys_resumed: Vec<KeyName>,
    pub keys_gone: Vec<KeyName>,
    pub timers: Vec<TimerRow>,
    pub timers_gone: Vec<TimerRow>,
    pub early: Vec<EarlyRow>,
    pub early_gone: Vec<EarlyRow>,
    pub repeats: Vec<RepeatRow>,
    pub answers: Vec<AnswerRow>,
    pub queue: Vec<QueueRow>,
    pub queue_gone: Vec<QueueRow>,
    /// (webhook, change of its count of queued hits)
    pub queued: Vec<(String, i64)>,
}

impl Writes {
    /// A row that stands already, as it is from now on. `before`: its `expires_at` until now.
    pub fn change(&mut self, row: TransactionRow, before: Micros) {
        if row.expires_at != before {
            self.expiries.push((row.transaction, row.expires_at));
        }
        self.transaction_updates.push(row);
    }

    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
            && self.hit_updates.is_empty()
            && self.transactions.is_empty()
            && self.transaction_updates.is_empty()
            && self.expiries.is_empty()
            && self.runs.is_empty()
            && self.underway.is_empty()
            && self.underway_gone.is_empty()
            && self.keys.is_empty()
            && self.keys_resumed.is_empty()
            && self.keys_gone.is_empty()
            && self.timers.is_empty()
            && self.timers_gone.is_empty()
            && self.early.is_empty()
            && self.early_gone.is_empty()
            && self.repeats.is_empty()
            && self.answers.is_empty()
            && self.queue.is_empty()
            && self.queue_gone.is_empty()
            && self.queued.is_empty()
    }
}
