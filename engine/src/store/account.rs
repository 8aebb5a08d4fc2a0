//! Accounts as rows: made, limited, counted and removed.

use async_trait::async_trait;
use uuid::Uuid;

use super::{KeptRow, Result};
use crate::{AccountLimits, clock::Micros};

/// An account with its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub account: String,
    pub created_at: Micros,
    pub limits: AccountLimits,
    /// From then on it is nobody's; the row stays until everything of it is gone.
    pub deleted_at: Option<Micros>,
}

/// Where a count of bytes stands: the last row that was counted, and what there was up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured<K> {
    pub last: Option<K>,
    pub rows: usize,
    pub bytes: u64,
}

/// What a [`super::Store`] knows of its accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// All of them, also those that are being removed, by name.
    async fn accounts(&self) -> Result<Vec<AccountRow>>;
    /// The instant of each account's last commit: one that has not moved has nothing new.
    async fn instants(&self) -> Result<Vec<(String, Micros)>>;
    /// False where there is one of this name, also one that is being removed. `revision` is one that
    /// no earlier account of this name can have had.
    async fn add_account(&self, row: &AccountRow, revision: i64) -> Result<bool>;
    /// Removes what a removed account leaves, a bounded number of rows, and at last the account; true
    /// where more is left.
    async fn forget(&self, account: &str, limit: i64) -> Result<bool>;
    /// Transactions of a cycle in that status, counted up to `limit`.
    async fn open_transactions(
        &self,
        account: &str,
        cycle_id: Uuid,
        status: &str,
        now: Micros,
        limit: i64,
    ) -> Result<u64>;
    /// All that a cycle's scripts keep, by key.
    async fn all_kept(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<Vec<KeptRow>>;
    /// The bytes of the hits that come after this one.
    async fn hits_bytes(&self, account: &str, after: &(String, Uuid), limit: i64) -> Result<Measured<(String, Uuid)>>;
    /// The bytes of the runs that come after this one.
    async fn runs_bytes(&self, account: &str, after: (Uuid, i32), limit: i64) -> Result<Measured<(Uuid, i32)>>;
}

/// What a [`super::Commit`] changes of its account.
#[async_trait]
pub trait AccountCommit: Send {
    async fn put_limits(&mut self, limits: &AccountLimits) -> Result<()>;
    /// No commit of the account comes after this one.
    async fn leave_account(&mut self) -> Result<()>;
}

impl<K> Measured<K> {
    pub(super) fn of(rows: Vec<(K, i64)>) -> Self {
        let (count, bytes) = (rows.len(), rows.iter().map(|(_, bytes)| (*bytes).max(0) as u64).sum());
        Self { last: rows.into_iter().last().map(|(key, _)| key), rows: count, bytes }
    }
}
