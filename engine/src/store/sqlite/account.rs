//! Accounts, on SQLite.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{AccountCommit, AccountRow, Accounts, KeptRow, Measured, Result};
use super::columns::{Columns, FromColumns};
use super::commit::SqliteCommit;
use super::writer::Work;
use super::{Sqlite, sql};
use crate::{AccountLimits, clock::Micros};

impl FromColumns for AccountRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        let (account, created_at) = (columns.next()?, columns.next()?);
        let limits = AccountLimits::from_columns(columns.next()?, columns.next()?, columns.next()?);
        Ok(Self { account, created_at, limits, deleted_at: columns.next()? })
    }
}

impl FromColumns for ((String, Uuid), i64) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(((columns.next()?, columns.next()?), columns.next()?))
    }
}

impl FromColumns for ((Uuid, i32), i64) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(((columns.next()?, columns.next()?), columns.next()?))
    }
}

impl FromColumns for (i64,) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((columns.next()?,))
    }
}

#[async_trait]
impl Accounts for Sqlite {
    async fn accounts(&self) -> Result<Vec<AccountRow>> {
        self.all(sqlx::query(sql::ACCOUNTS)).await
    }

    async fn instants(&self) -> Result<Vec<(String, Micros)>> {
        self.all(sqlx::query(sql::INSTANTS)).await
    }

    async fn add_account(&self, row: &AccountRow, revision: i64) -> Result<bool> {
        let mut work = Work::begin(&self.writer).await?;
        let [hits, transactions, bytes] = row.limits.columns();
        let query = sqlx::query(sql::ACCOUNT_ADD).bind(&row.account).bind(row.created_at).bind(revision);
        let query = query.bind(hits).bind(transactions).bind(bytes);
        let done = query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        work.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    async fn forget(&self, account: &str, limit: i64) -> Result<bool> {
        let limit = limit.max(1);
        for (_, statement) in sql::FORGET {
            let mut work = Work::begin(&self.writer).await?;
            let query = sqlx::query(*statement).bind(account).bind(limit);
            let done = query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
            work.commit().await?;
            if done.rows_affected() >= limit as u64 {
                return Ok(true);
            }
        }
        let mut work = Work::begin(&self.writer).await?;
        let query = sqlx::query(sql::ACCOUNT_GONE).bind(account);
        query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        work.commit().await.map(|()| false)
    }

    async fn open_transactions(
        &self,
        account: &str,
        cycle_id: Uuid,
        status: &str,
        now: Micros,
        limit: i64,
    ) -> Result<u64> {
        let query = sqlx::query(sql::OPEN_TRANSACTIONS).bind(account.to_owned()).bind(cycle_id);
        let query = query.bind(status.to_owned()).bind(now).bind(limit);
        let counted: Option<(i64,)> = self.first(query).await?;
        Ok(counted.map_or(0, |(count,)| count.max(0) as u64))
    }

    async fn all_kept(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<Vec<KeptRow>> {
        self.all(sqlx::query(sql::ALL_KEPT).bind(account.to_owned()).bind(cycle_id).bind(limit)).await
    }

    async fn hits_bytes(&self, account: &str, after: &(String, Uuid), limit: i64) -> Result<Measured<(String, Uuid)>> {
        let query = sqlx::query(sql::HITS_BYTES).bind(account.to_owned()).bind(after.0.clone()).bind(after.1);
        Ok(Measured::of(self.all(query.bind(limit)).await?))
    }

    async fn runs_bytes(&self, account: &str, after: (Uuid, i32), limit: i64) -> Result<Measured<(Uuid, i32)>> {
        let query = sqlx::query(sql::RUNS_BYTES).bind(account.to_owned()).bind(after.0).bind(after.1).bind(limit);
        Ok(Measured::of(self.all(query).await?))
    }
}

#[async_trait]
impl AccountCommit for SqliteCommit {
    async fn put_limits(&mut self, limits: &AccountLimits) -> Result<()> {
        let [hits, transactions, bytes] = limits.columns();
        let query = sqlx::query(sql::ACCOUNT_LIMITS).bind(self.account().to_owned());
        self.execute(query.bind(hits).bind(transactions).bind(bytes)).await.map(|_| ())
    }

    async fn leave_account(&mut self) -> Result<()> {
        let query = sqlx::query(sql::ACCOUNT_LEAVES).bind(self.account().to_owned()).bind(self.now());
        // The next to begin reads the row, and finds it gone.
        self.forget_head();
        self.execute(query).await.map(|_| ())
    }
}
