//! Lists, newest first: of several lanes at once, each one descending seek.
//!
//! Invariant: no read goes through more rows than its lanes times its limit, whatever is stored. What a
//! filter leaves out, or has expired, is left out by who asks, who knows how far it has looked.

use async_trait::async_trait;
use uuid::Uuid;

use super::{HitRow, Result, RunWithHit, TransactionRow};

/// Which transactions: of each lane at most `limit`.
#[derive(Clone, Debug)]
pub struct TransactionQuery {
    /// (cycle, status, only ids below)
    pub lanes: Vec<(Uuid, &'static str, Uuid)>,
    /// Only those that failed at this step: every lane's status is `failed`.
    pub failed_at: Option<String>,
    /// Only ids from here on.
    pub from: Uuid,
    pub limit: i64,
}

/// Which hits: of each lane at most `limit`.
#[derive(Clone, Debug)]
pub struct HitQuery {
    /// (webhook, only ids below)
    pub lanes: Vec<(String, Uuid)>,
    pub which: WhichHits,
    /// Only ids from here on.
    pub from: Uuid,
    pub limit: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichHits {
    /// Whatever became of them, without a look at that.
    All,
    /// With their status, and what they are replays of.
    AllByStatus,
    /// Of any status but `applied`.
    Status(&'static str),
    Ambiguous,
}

/// A hit in a list, without what it brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedHit {
    pub webhook: String,
    pub hit: Uuid,
    /// Where it was asked for.
    pub status: Option<String>,
    pub replay_of: Option<Uuid>,
}

#[async_trait]
pub trait Lists: Send + Sync {
    /// In no order among the lanes.
    async fn list_hits(&self, account: &str, query: &HitQuery) -> Result<Vec<ListedHit>>;
    async fn hits_named(&self, account: &str, names: &[(String, Uuid)]) -> Result<Vec<HitRow>>;
    /// In no order; expired ones too.
    async fn list_transactions(&self, account: &str, query: &TransactionQuery) -> Result<Vec<TransactionRow>>;
    /// Of all cycles and statuses, ids below `before` and from `from` on; expired ones too.
    async fn newest_transactions(
        &self,
        account: &str,
        before: Uuid,
        from: Uuid,
        limit: i64,
    ) -> Result<Vec<TransactionRow>>;
    async fn runs_named(&self, account: &str, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>>;
}
