//! What is read without the writer: each read sees the last commit before it began.

use async_trait::async_trait;
use sqlx::{SqliteConnection, pool::PoolConnection};
use uuid::Uuid;

use super::super::{
    AnswerRow, Candidate, CatalogRows, Commit, HitRow, KeptRow, KeyName, KeyRecord, KeyRow, RepeatRow, Result, RunRow,
    RunWithHit, SecretRow, Seek, Store, TimerRow, TransactionRow, TurnsRow, UnderwayRow,
};
use super::columns::{FromColumns, read_all};
use super::commit::{SqliteCommit, kept_names};
use super::sheet::Sheet;
use super::write::either_state;
use super::{Sqlite, error, sql, sweep};
use crate::clock::Micros;

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

impl Sqlite {
    pub(super) async fn reader(&self) -> Result<PoolConnection<sqlx::Sqlite>> {
        self.readers.acquire().await.map_err(error::of)
    }

    pub(super) async fn all<T: FromColumns>(&self, query: Query) -> Result<Vec<T>> {
        let mut reader = self.reader().await?;
        all(&mut reader, query).await
    }

    pub(super) async fn first<T: FromColumns>(&self, query: Query) -> Result<Option<T>> {
        Ok(self.all(query).await?.pop())
    }
}

async fn all<T: FromColumns>(reader: &mut SqliteConnection, query: Query) -> Result<Vec<T>> {
    let rows = query.fetch_all(reader).await.map_err(error::of)?;
    read_all(&rows)
}

pub fn of(statement: &'static str, account: &str) -> Query {
    sqlx::query(statement).bind(account)
}

#[async_trait]
impl Store for Sqlite {
    async fn begin(&self, account: &str, manual: Option<Micros>) -> Result<Box<dyn Commit>> {
        Ok(Box::new(SqliteCommit::begin(&self.writer, account, manual).await?))
    }

    async fn prepare(&self, _now: Micros) -> Result<()> {
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        let mut reader = self.reader().await?;
        sqlx::query(sql::PING).execute(&mut *reader).await.map(|_| ()).map_err(error::of)
    }

    async fn clock(&self) -> Result<Option<Micros>> {
        let mut reader = self.reader().await?;
        sqlx::query_scalar(sql::CLOCK).fetch_optional(&mut *reader).await.map_err(error::of)
    }

    async fn set_clock(&self, instant: Micros) -> Result<()> {
        let mut work = super::writer::Work::begin(&self.writer).await?;
        let query = sqlx::query(sql::CLOCK_SET).bind(instant);
        query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        work.commit().await
    }

    async fn revisions(&self) -> Result<Vec<(String, i64)>> {
        self.all(sqlx::query(sql::REVISIONS)).await
    }

    async fn catalog(&self) -> Result<CatalogRows> {
        // One snapshot: the revisions are those of the rows.
        let mut reader = self.readers.begin().await.map_err(error::of)?;
        Ok(CatalogRows {
            revisions: all(&mut reader, sqlx::query(sql::REVISIONS)).await?,
            accounts: all(&mut reader, sqlx::query(sql::ACCOUNTS)).await?,
            cycles: all(&mut reader, sqlx::query(sql::CYCLES)).await?,
            versions: all(&mut reader, sqlx::query(sql::VERSIONS)).await?,
            webhooks: all(&mut reader, sqlx::query(sql::WEBHOOKS)).await?,
            shared: all(&mut reader, sqlx::query(sql::SHARED)).await?,
            endpoints: all(&mut reader, sqlx::query(sql::ENDPOINTS)).await?,
        })
    }

    async fn hit(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Option<HitRow>> {
        let names = Sheet::of(webhooks, |row, webhook| {
            row.text(webhook).id(hit);
        });
        self.first(of(sql::HITS_NAMED, account).bind(names.finish().0)).await
    }

    async fn transaction(&self, account: &str, id: Uuid) -> Result<Option<TransactionRow>> {
        Ok(self.transactions(account, &[id]).await?.pop())
    }

    async fn transactions(&self, account: &str, ids: &[Uuid]) -> Result<Vec<TransactionRow>> {
        let names = Sheet::of(ids, |row, id| {
            row.id(*id);
        });
        let mut rows: Vec<TransactionRow> =
            self.all(of(sql::TRANSACTIONS_NAMED, account).bind(names.finish().0)).await?;
        rows.sort_by_key(|row| row.transaction);
        Ok(rows)
    }

    async fn runs(&self, account: &str, id: Uuid, before: i32, limit: i64) -> Result<Vec<RunWithHit>> {
        self.all(of(sql::RUNS, account).bind(id).bind(before).bind(limit)).await
    }

    async fn run(&self, account: &str, id: Uuid, run: i32) -> Result<Option<RunWithHit>> {
        let mut name = Sheet::new();
        name.row().id(id).int(run);
        self.first(of(sql::RUNS_NAMED, account).bind(name.finish().0)).await
    }

    async fn answers(&self, account: &str, hits: &[Uuid]) -> Result<Vec<AnswerRow>> {
        let names = Sheet::of(hits, |row, hit| {
            row.id(*hit);
        });
        let mut rows: Vec<AnswerRow> = self.all(of(sql::ANSWERS_NAMED, account).bind(names.finish().0)).await?;
        rows.sort_by_key(|row| row.hit);
        Ok(rows)
    }

    async fn repeat(&self, account: &str, webhook: &str, key_hash: &[u8]) -> Result<Option<RepeatRow>> {
        let mut name = Sheet::new();
        name.row().text(webhook).bytes(key_hash);
        self.first(of(sql::REPEATS, account).bind(name.finish().0)).await
    }

    async fn seek(&self, account: &str, seek: &Seek, now: Micros, limit: i64) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for resumed in [false, true] {
            let bound = of(sql::SEEK_READ, account).bind(seek.webhook.clone()).bind(seek.key_hash.clone());
            found.extend(self.all(bound.bind(resumed).bind(seek.key.clone()).bind(now).bind(limit)).await?);
        }
        Ok(found)
    }

    async fn holds(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<RunRow>> {
        let names = Sheet::of(transactions, |row, id| {
            row.id(*id);
        });
        let mut rows: Vec<RunRow> = self.all(of(sql::HOLDS, account).bind(names.finish().0)).await?;
        rows.sort_by_key(|row| (row.transaction, row.run));
        Ok(rows)
    }

    async fn key_rows(&self, account: &str, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>> {
        self.all(of(sql::KEY_ROWS, account).bind(either_state(names).finish().0)).await
    }

    async fn underway(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>> {
        let names = Sheet::of(transactions, |row, id| {
            row.id(*id);
        });
        let mut rows: Vec<UnderwayRow> = self.all(of(sql::UNDERWAY, account).bind(names.finish().0)).await?;
        rows.sort_by_key(|row| (row.transaction, row.run));
        Ok(rows)
    }

    async fn turns(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<TurnsRow> {
        Ok(self.first(of(sql::TURNS, account).bind(cycle_id).bind(limit)).await?.unwrap_or_default())
    }

    async fn waiting(
        &self,
        account: &str,
        cycle_id: Uuid,
        after: Uuid,
        until: Micros,
        limit: i64,
    ) -> Result<Vec<Uuid>> {
        let mut reader = self.reader().await?;
        let query = sqlx::query_scalar(sql::WAITING).bind(account).bind(cycle_id).bind(after).bind(until).bind(limit);
        query.fetch_all(&mut *reader).await.map_err(error::of)
    }

    async fn lapsed(&self, account: &str, cycle_id: Uuid, now: Micros, limit: i64) -> Result<Vec<Uuid>> {
        let mut reader = self.reader().await?;
        let query = sqlx::query_scalar(sql::LAPSED).bind(account).bind(cycle_id).bind(now).bind(limit);
        query.fetch_all(&mut *reader).await.map_err(error::of)
    }

    async fn left(&self, account: &str, live: &[String], limit: i64) -> Result<Vec<UnderwayRow>> {
        let own = live.first().cloned().unwrap_or_default();
        self.all(of(sql::UNDERWAY_LEFT, account).bind(own).bind(limit)).await
    }

    /// The file is one process's alone.
    async fn beat(&self, node: &str) -> Result<Vec<String>> {
        Ok(vec![node.to_owned()])
    }

    async fn leave(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn next_due(&self, account: &str) -> Result<Option<Micros>> {
        let mut reader = self.reader().await?;
        sqlx::query_scalar(sql::TIMER_NEXT).bind(account).fetch_optional(&mut *reader).await.map_err(error::of)
    }

    async fn due(&self, account: &str, now: Micros, limit: i64) -> Result<Vec<TimerRow>> {
        self.all(of(sql::TIMERS_DUE, account).bind(now).bind(limit)).await
    }

    async fn held(&self, account: &str, now: Micros) -> Result<Vec<(Uuid, String, i64)>> {
        self.all(of(sql::HELD, account).bind(now)).await
    }

    async fn queued(&self, account: &str) -> Result<Vec<(String, i64)>> {
        self.all(of(sql::QUEUED_COUNTS, account)).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>> {
        self.all(sqlx::query(sql::KEYS)).await
    }

    async fn key_by_hash(&self, hash: &[u8]) -> Result<Option<KeyRecord>> {
        self.first(sqlx::query(sql::KEY_BY_HASH).bind(hash.to_vec())).await
    }

    async fn secrets(&self, account: &str, limit: i64) -> Result<Vec<SecretRow>> {
        self.all(of(sql::SECRETS, account).bind(limit)).await
    }

    async fn kept(&self, account: &str, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>> {
        let (names, _) = kept_names(cycle_id, keys).finish();
        self.all(of(sql::KEPT, account).bind(names)).await
    }

    async fn sweep(&self, account: &str, now: Micros, limit: i64) -> Result<bool> {
        sweep::sweep(&self.writer, account, now, limit).await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.lock().await.close().await;
        if let Some(lock) = &self.lock {
            lock.release();
        }
    }
}
