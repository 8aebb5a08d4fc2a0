//! Accounts, on PostgreSQL.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{AccountCommit, AccountRow, Accounts, KeptRow, Measured, Result};
use super::columns::{Columns, FromColumns, instant};
use super::commit::PostgresCommit;
use super::readers::EVERYBODY;
use super::{Postgres, error, sql};
use crate::{AccountLimits, clock::Micros};

impl FromColumns for AccountRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        let (account, created_at) = (c.get()?, c.instant()?);
        let limits = AccountLimits::from_columns(c.get()?, c.get()?, c.get()?);
        Ok(Self { account, created_at, limits, deleted_at: c.some_instant()? })
    }
}

impl FromColumns for ((String, Uuid), i64) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(((c.get()?, c.get()?), i64::from(c.get::<i32>()?)))
    }
}

impl FromColumns for ((Uuid, i32), i64) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(((c.get()?, c.get()?), i64::from(c.get::<i32>()?)))
    }
}

impl FromColumns for (i64,) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.get()?,))
    }
}

#[async_trait]
impl Accounts for Postgres {
    async fn accounts(&self) -> Result<Vec<AccountRow>> {
        self.all(EVERYBODY, sqlx::query(sql::ACCOUNTS)).await
    }

    async fn instants(&self) -> Result<Vec<(String, Micros)>> {
        self.all(EVERYBODY, sqlx::query(sql::INSTANTS)).await
    }

    async fn add_account(&self, row: &AccountRow, revision: i64) -> Result<bool> {
        let [hits, transactions, bytes] = row.limits.columns();
        let query = sqlx::query(sql::ACCOUNT_ADD).bind(&row.account).bind(instant(row.created_at)).bind(revision);
        let query = query.bind(hits).bind(transactions).bind(bytes);
        query.execute(&self.keepers).await.map(|done| done.rows_affected() > 0).map_err(error::of)
    }

    async fn forget(&self, account: &str, limit: i64) -> Result<bool> {
        let limit = limit.max(1);
        for (_, statement) in sql::FORGET {
            let query = sqlx::query(*statement).bind(account).bind(limit);
            let done = query.execute(&self.keepers).await.map_err(error::of)?;
            if done.rows_affected() >= limit as u64 {
                return Ok(true);
            }
        }
        let query = sqlx::query(sql::ACCOUNT_GONE).bind(account);
        query.execute(&self.keepers).await.map(|_| false).map_err(error::of)
    }

    async fn open_transactions(
        &self,
        account: &str,
        cycle_id: Uuid,
        status: &str,
        now: Micros,
        limit: i64,
    ) -> Result<u64> {
        let query = sqlx::query(sql::OPEN_TRANSACTIONS).bind(account).bind(cycle_id).bind(status);
        let counted: Option<(i64,)> = self.first(account, query.bind(instant(now)).bind(limit)).await?;
        Ok(counted.map_or(0, |(count,)| count.max(0) as u64))
    }

    async fn all_kept(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<Vec<KeptRow>> {
        self.all(account, sqlx::query(sql::ALL_KEPT).bind(account).bind(cycle_id).bind(limit)).await
    }

    async fn hits_bytes(&self, account: &str, after: &(String, Uuid), limit: i64) -> Result<Measured<(String, Uuid)>> {
        let query = sqlx::query(sql::HITS_BYTES).bind(account).bind(&after.0).bind(after.1).bind(limit);
        Ok(Measured::of(self.all(account, query).await?))
    }

    async fn runs_bytes(&self, account: &str, after: (Uuid, i32), limit: i64) -> Result<Measured<(Uuid, i32)>> {
        let query = sqlx::query(sql::RUNS_BYTES).bind(account).bind(after.0).bind(after.1).bind(limit);
        Ok(Measured::of(self.all(account, query).await?))
    }
}

#[async_trait]
impl AccountCommit for PostgresCommit {
    async fn put_limits(&mut self, limits: &AccountLimits) -> Result<()> {
        let [hits, transactions, bytes] = limits.columns();
        let query = sqlx::query(sql::ACCOUNT_LIMITS).bind(self.account());
        self.execute(query.bind(hits).bind(transactions).bind(bytes)).await.map(|_| ())
    }

    async fn leave_account(&mut self) -> Result<()> {
        let query = sqlx::query(sql::ACCOUNT_LEAVES).bind(self.account()).bind(instant(self.now()));
        self.execute(query).await.map(|_| ())
    }
}
