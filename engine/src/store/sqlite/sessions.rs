//! Sessions of the console, on SQLite.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{KeyRecord, KeySession, Result, SessionChanges, SessionRow, Sessions};
use super::columns::{Columns, FromColumns};
use super::commit::SqliteCommit;
use super::writer::Work;
use super::{Sqlite, sql};
use crate::clock::Micros;

impl FromColumns for KeySession {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { expires_at: columns.next()?, key: KeyRecord::read(columns)? })
    }
}

#[async_trait]
impl Sessions for Sqlite {
    async fn session_by_hash(&self, hash: &[u8]) -> Result<Option<KeySession>> {
        self.first(sqlx::query(sql::SESSION_BY_HASH).bind(hash.to_vec())).await
    }

    async fn sweep_sessions(&self, account: &str, now: Micros, limit: i64) -> Result<bool> {
        let limit = limit.max(1);
        let mut work = Work::begin(&self.writer).await?;
        let query = sqlx::query(sql::EXPIRED_SESSIONS_GONE).bind(account).bind(now).bind(limit);
        let done = query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        work.commit().await?;
        Ok(done.rows_affected() >= limit as u64)
    }
}

#[async_trait]
impl SessionChanges for SqliteCommit {
    async fn put_session(&mut self, row: &SessionRow, most: i64) -> Result<bool> {
        let oldest = sqlx::query(sql::OLDEST_SESSIONS_GONE).bind(&row.account).bind(row.key_id);
        self.execute(oldest.bind(most - 1)).await?;
        let query = sqlx::query(sql::SESSION_PUT).bind(&row.account).bind(row.hash.clone()).bind(row.key_id);
        Ok(self.execute(query.bind(row.created_at).bind(row.expires_at)).await? > 0)
    }

    async fn drop_session(&mut self, account: &str, hash: &[u8]) -> Result<()> {
        self.execute(sqlx::query(sql::SESSION_GONE).bind(account).bind(hash.to_vec())).await.map(|_| ())
    }

    async fn drop_sessions(&mut self, account: &str, key_id: Uuid) -> Result<()> {
        self.execute(sqlx::query(sql::KEY_SESSIONS_GONE).bind(account).bind(key_id)).await.map(|_| ())
    }
}
