//! Lists, as the store within has them.

use async_trait::async_trait;
use holdfast_engine::store::*;

use super::{Stalling, Uuid};

#[async_trait]
impl Lists for Stalling {
    async fn list_hits(&self, account: &str, query: &HitQuery) -> Result<Vec<ListedHit>> {
        self.inner.list_hits(account, query).await
    }

    async fn hits_named(&self, account: &str, names: &[(String, Uuid)]) -> Result<Vec<HitRow>> {
        self.inner.hits_named(account, names).await
    }

    async fn list_transactions(&self, account: &str, query: &TransactionQuery) -> Result<Vec<TransactionRow>> {
        self.inner.list_transactions(account, query).await
    }

    async fn newest_transactions(
        &self,
        account: &str,
        before: Uuid,
        from: Uuid,
        limit: i64,
    ) -> Result<Vec<TransactionRow>> {
        self.inner.newest_transactions(account, before, from, limit).await
    }

    async fn runs_named(&self, account: &str, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>> {
        self.inner.runs_named(account, names).await
    }
}
