//! Tallies, as the store within has them.

use async_trait::async_trait;
use holdfast_engine::store::*;

use super::{Micros, Stalling, Uuid};

#[async_trait]
impl Tallies for Stalling {
    async fn add_tallies(&self, node: &str, tallies: &[(String, Vec<TallyRow>)]) -> Result<()> {
        self.inner.add_tallies(node, tallies).await
    }

    async fn tallies(&self, account: &str, cycles: &[Uuid], from: Micros) -> Result<Vec<TallyRow>> {
        self.inner.tallies(account, cycles, from).await
    }

    async fn step_tallies(&self, account: &str, cycle_id: Uuid, from: Micros) -> Result<Vec<(String, i64, i64)>> {
        self.inner.step_tallies(account, cycle_id, from).await
    }

    async fn forget_tallies(&self, account: &str, before: Micros, limit: i64) -> Result<bool> {
        self.inner.forget_tallies(account, before, limit).await
    }
}
