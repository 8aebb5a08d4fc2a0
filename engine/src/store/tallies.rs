//! What cycles did, hour by hour, as it is kept: figures, not records.
//!
//! Written outside of any commit of the account, and added to what stands: a node's rows are its own,
//! so that nobody waits for them. A write whose outcome is unknown may count twice or not at all.

use async_trait::async_trait;
use uuid::Uuid;

use super::Result;
use crate::clock::Micros;

/// Counts of an hour: of a cycle as a whole, or of one of its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TallyCounts {
    pub hits: i64,
    pub started: i64,
    pub completed: i64,
    /// Of a step: runs that passed it.
    pub passed: i64,
    pub failed: i64,
}

impl TallyCounts {
    pub fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.started += other.started;
        self.completed += other.completed;
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyRow {
    pub cycle_id: Uuid,
    /// Empty: the cycle as a whole.
    pub step: String,
    /// When the hour began.
    pub hour: Micros,
    pub counts: TallyCounts,
}

#[async_trait]
pub trait Tallies: Send + Sync {
    /// Adds these to the node's own, by account: all of them or none. No place stands in them twice.
    async fn add_tallies(&self, node: &str, tallies: &[(String, Vec<TallyRow>)]) -> Result<()>;
    /// Of these cycles as wholes, from that hour on; a row for each node.
    async fn tallies(&self, account: &str, cycles: &[Uuid], from: Micros) -> Result<Vec<TallyRow>>;
    /// (step, passed, failed), from that hour on.
    async fn step_tallies(&self, account: &str, cycle_id: Uuid, from: Micros) -> Result<Vec<(String, i64, i64)>>;
    /// Removes what is of hours before; true where more is left.
    async fn forget_tallies(&self, account: &str, before: Micros, limit: i64) -> Result<bool>;
}
