//! Sessions of the console, on PostgreSQL.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{KeyRecord, KeySession, Result, SessionChanges, SessionRow, Sessions};
use super::columns::{Columns, FromColumns, instant};
use super::commit::PostgresCommit;
use super::readers::EVERYBODY;
use super::{Postgres, error, sql};
use crate::clock::Micros;

impl FromColumns for KeySession {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { expires_at: c.instant()?, key: KeyRecord::from_columns(c)? })
    }
}

#[async_trait]
impl Sessions for Postgres {
    async fn session_by_hash(&self, hash: &[u8]) -> Result<Option<KeySession>> {
        self.first(EVERYBODY, sqlx::query(sql::SESSION_BY_HASH).bind(hash)).await
    }

    async fn sweep_sessions(&self, account: &str, now: Micros, limit: i64) -> Result<bool> {
        let limit = limit.max(1);
        let query = sqlx::query(sql::EXPIRED_SESSIONS_GONE).bind(account).bind(instant(now)).bind(limit);
        let done = query.execute(&self.keepers).await.map_err(error::of)?;
        Ok(done.rows_affected() >= limit as u64)
    }
}

#[async_trait]
impl SessionChanges for PostgresCommit {
    async fn put_session(&mut self, row: &SessionRow, most: i64) -> Result<bool> {
        let oldest = sqlx::query(sql::OLDEST_SESSIONS_GONE).bind(&row.account).bind(row.key_id).bind(most - 1);
        self.execute_for(&row.account, oldest).await?;
        let query = sqlx::query(sql::SESSION_PUT)
            .bind(&row.account)
            .bind(&row.hash)
            .bind(row.key_id)
            .bind(instant(row.created_at))
            .bind(instant(row.expires_at));
        Ok(self.execute_for(&row.account, query).await? > 0)
    }

    async fn drop_session(&mut self, account: &str, hash: &[u8]) -> Result<()> {
        self.execute_for(account, sqlx::query(sql::SESSION_GONE).bind(account).bind(hash)).await.map(|_| ())
    }

    async fn drop_sessions(&mut self, account: &str, key_id: Uuid) -> Result<()> {
        self.execute_for(account, sqlx::query(sql::KEY_SESSIONS_GONE).bind(account).bind(key_id)).await.map(|_| ())
    }
}
