//! Sessions of the console, as the store within has them.

use async_trait::async_trait;
use holdfast_engine::store::*;

use super::{Micros, Stalling, StallingCommit, Uuid};

#[async_trait]
impl Sessions for Stalling {
    async fn session_by_hash(&self, hash: &[u8]) -> Result<Option<KeySession>> {
        self.inner.session_by_hash(hash).await
    }

    async fn sweep_sessions(&self, account: &str, now: Micros, limit: i64) -> Result<bool> {
        self.inner.sweep_sessions(account, now, limit).await
    }
}

#[async_trait]
impl SessionChanges for StallingCommit {
    async fn put_session(&mut self, row: &SessionRow, most: i64) -> Result<bool> {
        self.inner.put_session(row, most).await
    }

    async fn drop_session(&mut self, account: &str, hash: &[u8]) -> Result<()> {
        self.inner.drop_session(account, hash).await
    }

    async fn drop_sessions(&mut self, account: &str, key_id: Uuid) -> Result<()> {
        self.inner.drop_sessions(account, key_id).await
    }
}
