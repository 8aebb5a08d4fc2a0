//! One account's changes, in one database transaction of the single writer.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::super::{
    Candidate, Commit, CycleRow, Error, Head, HitRow, KeptRow, KeyName, KeyRecord, KeyRow, LastTurn, RepeatRow, Result,
    RunRow, RunWithHit, SecretRow, Seek, TransactionRow, TurnsRow, UnderwayRow, VersionRow, WebhookRow, Writes,
};
use super::columns::{FromColumns, read_all};
use super::sheet::{Row, Sheet};
use super::sql;
use super::write::{self, either_state};
use super::writer::{Work, Writer};
use crate::clock::{Micros, system_now};

pub struct SqliteCommit {
    pub(super) account: String,
    head: Head,
    /// The account's revision is another by now.
    bumped: bool,
    pub(super) work: Work,
}

impl SqliteCommit {
    pub async fn begin(writer: &Arc<Mutex<Writer>>, account: &str, manual: Option<Micros>) -> Result<Self> {
        let (work, head) = Work::begin_at(writer, account).await?;
        let Some((last_instant, revision)) = head else {
            return Err(Error::Refused(format!("no such account: {account}")));
        };
        let now = match manual {
            // A manual clock stands still between commits: ids tell them apart.
            Some(instant) => instant.max(last_instant),
            None => system_now().max(last_instant + 1),
        };
        Ok(Self { account: account.to_owned(), head: Head { now, revision }, bumped: false, work })
    }

    /// Reads by a set of names.
    pub(super) async fn read<T: FromColumns>(&mut self, statement: &'static str, names: Sheet) -> Result<Vec<T>> {
        let (names, _) = names.finish();
        let text = AssertSqlSafe(self.work.text(statement));
        let query = sqlx::query(text).bind(&self.account).bind(names);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    /// Reads by a set of seeks, as of this commit's instant.
    async fn read_seeks<T: FromColumns>(&mut self, statement: &'static str, seeks: &[Seek]) -> Result<Vec<T>> {
        if seeks.is_empty() {
            return Ok(Vec::new());
        }
        let (seeks, _) = Sheet::of(seeks, |row, seek| {
            row.text(&seek.webhook).bytes(&seek.key_hash).bytes(&seek.key);
        })
        .finish();
        let text = AssertSqlSafe(self.work.text(statement));
        let query = sqlx::query(text).bind(&self.account).bind(seeks).bind(self.head.now);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    pub(super) fn now(&self) -> Micros {
        self.head.now
    }

    /// The account's row is read anew by the next to begin.
    pub(super) fn forget_head(&mut self) {
        self.bumped = true;
    }

    pub(super) async fn execute(
        &mut self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<u64> {
        // By itself: rows counted for `BEGIN` are those of the statement before it.
        self.work.begun().await?;
        let done = query.execute(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        Ok(done.rows_affected())
    }
}

impl SqliteCommit {
    pub(super) fn account(&self) -> String {
        self.account.clone()
    }

    /// Writes a set of rows.
    pub(super) async fn execute_sheet(&mut self, statement: &'static str, sheet: Sheet) -> Result<()> {
        let (rows, blob) = sheet.finish();
        self.execute(sqlx::query(statement).bind(self.account()).bind(rows).bind(blob)).await.map(|_| ())
    }

    /// Reads, as of this commit.
    pub(super) async fn rows<T: FromColumns>(
        &mut self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<Vec<T>> {
        self.work.begun().await?;
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }
}

/// Keys of a cycle's store.
pub fn kept_names(cycle_id: Uuid, keys: &[String]) -> Sheet {
    Sheet::of(keys, |row, key| {
        row.id(cycle_id).text(key);
    })
}

fn id(row: &mut Row<'_>, id: &Uuid) {
    row.id(*id);
}

#[async_trait]
impl Commit for SqliteCommit {
    fn head(&self) -> Head {
        self.head
    }

    async fn repeats(&mut self, names: &[(String, Vec<u8>)]) -> Result<Vec<RepeatRow>> {
        let names = Sheet::of(names, |row, (webhook, hash)| {
            row.text(webhook).bytes(hash);
        });
        self.read(sql::REPEATS, names).await
    }

    async fn seek(&mut self, seeks: &[Seek]) -> Result<Vec<Candidate>> {
        let mut found: Vec<Candidate> = self.read_seeks(sql::SEEK, seeks).await?;
        found.sort_by_key(|one| (one.seek, one.resumed, std::cmp::Reverse(one.transaction.transaction)));
        Ok(found)
    }

    async fn transactions(&mut self, ids: &[Uuid]) -> Result<Vec<TransactionRow>> {
        let mut rows: Vec<TransactionRow> = self.read(sql::TRANSACTIONS_NAMED, Sheet::of(ids, id)).await?;
        rows.sort_by_key(|row| row.transaction);
        Ok(rows)
    }

    async fn runs(&mut self, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>> {
        let names = Sheet::of(names, |row, (transaction, run)| {
            row.id(*transaction).int(*run);
        });
        let mut rows: Vec<RunWithHit> = self.read(sql::RUNS_NAMED, names).await?;
        rows.sort_by_key(|row| (row.run.transaction, row.run.run));
        Ok(rows)
    }

    async fn holds(&mut self, transactions: &[Uuid]) -> Result<Vec<RunRow>> {
        let mut rows: Vec<RunRow> = self.read(sql::HOLDS, Sheet::of(transactions, id)).await?;
        rows.sort_by_key(|row| (row.transaction, row.run));
        Ok(rows)
    }

    async fn underway(&mut self, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>> {
        let mut rows: Vec<UnderwayRow> = self.read(sql::UNDERWAY, Sheet::of(transactions, id)).await?;
        rows.sort_by_key(|row| (row.transaction, row.run));
        Ok(rows)
    }

    async fn turns(&mut self, cycle_id: Uuid, limit: i64) -> Result<TurnsRow> {
        let text = AssertSqlSafe(self.work.text(sql::TURNS));
        let query = sqlx::query(text).bind(&self.account).bind(cycle_id).bind(limit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        Ok(read_all(&rows)?.into_iter().next().unwrap_or_default())
    }

    async fn turns_next(&mut self, cycle_id: Uuid, place: i32, limit: i64) -> Result<Vec<UnderwayRow>> {
        let text = AssertSqlSafe(self.work.text(sql::TURNS_NEXT));
        let query = sqlx::query(text).bind(&self.account).bind(cycle_id).bind(place).bind(limit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn turn_first(&mut self, cycle_id: Uuid, key: &[u8]) -> Result<Option<UnderwayRow>> {
        let text = AssertSqlSafe(self.work.text(sql::TURN_FIRST));
        let query = sqlx::query(text).bind(&self.account).bind(cycle_id).bind(key);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        Ok(read_all(&rows)?.pop())
    }

    async fn turns_last(&mut self, keys: &[(Uuid, Vec<u8>)]) -> Result<Vec<LastTurn>> {
        let names = Sheet::of(keys, |row, (cycle_id, key)| {
            row.id(*cycle_id).bytes(key);
        });
        let mut found: Vec<LastTurn> = self.read(sql::TURNS_LAST, names).await?;
        found.retain(|last| last.turn.is_some());
        Ok(found)
    }

    async fn waiting(&mut self, cycle_id: Uuid, after: Uuid, limit: i64) -> Result<Vec<Uuid>> {
        let text = AssertSqlSafe(self.work.text(sql::WAITING));
        let query = sqlx::query_scalar(text).bind(&self.account).bind(cycle_id).bind(after);
        let query = query.bind(self.head.now).bind(limit);
        query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))
    }

    async fn key_rows(&mut self, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>> {
        self.read(sql::KEY_ROWS, either_state(names)).await
    }

    async fn early(&mut self, seeks: &[Seek]) -> Result<Vec<(i32, HitRow)>> {
        let mut found: Vec<(i32, HitRow)> = self.read_seeks(sql::EARLY, seeks).await?;
        found.sort_by_key(|(seek, hit)| (hit.hit, *seek));
        Ok(found)
    }

    async fn hits(&mut self, names: &[(String, Uuid)]) -> Result<Vec<HitRow>> {
        let names = Sheet::of(names, |row, (webhook, hit)| {
            row.text(webhook).id(*hit);
        });
        let mut rows: Vec<HitRow> = self.read(sql::HITS_NAMED, names).await?;
        rows.sort_by_key(|row| row.hit);
        Ok(rows)
    }

    async fn queued(&mut self, cycle_id: Uuid, limit: i64) -> Result<Vec<HitRow>> {
        let text = AssertSqlSafe(self.work.text(sql::QUEUED));
        let query = sqlx::query(text).bind(&self.account).bind(cycle_id).bind(limit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn queued_counts(&mut self) -> Result<Vec<(String, i64)>> {
        let text = AssertSqlSafe(self.work.text(sql::QUEUED_COUNTS));
        let query = sqlx::query(text).bind(&self.account);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn write(&mut self, writes: &Writes) -> Result<()> {
        write::write(&mut self.work, &self.account, writes).await
    }

    async fn put_cycle(&mut self, row: &CycleRow) -> Result<()> {
        let query = sqlx::query(sql::CYCLE_PUT).bind(&row.account).bind(row.cycle_id).bind(&row.name);
        let query = query.bind(&row.state).bind(row.version).bind(row.created_at).bind(row.started_at);
        let query = query.bind(row.stopped_at).bind(row.deleted_at).bind(row.backlog);
        self.execute(query).await.map(|_| ())
    }

    async fn put_version(&mut self, row: &VersionRow) -> Result<()> {
        let query = sqlx::query(sql::VERSION_PUT).bind(&row.account).bind(row.cycle_id).bind(row.version);
        let query = query.bind(row.digest.clone()).bind(&row.source).bind(row.created_at).bind(&row.vars);
        self.execute(query).await.map(|_| ())
    }

    async fn put_webhook(&mut self, row: &WebhookRow) -> Result<()> {
        let query = sqlx::query(sql::WEBHOOK_PUT).bind(&row.account).bind(&row.webhook).bind(row.cycle_id);
        let query = query.bind(&row.step).bind(row.created_at).bind(row.queued);
        self.execute(query).await.map(|_| ())
    }

    async fn bump_revision(&mut self) -> Result<()> {
        self.bumped = true;
        let account = self.account.clone();
        self.execute(sqlx::query(sql::REVISION_BUMP).bind(account)).await.map(|_| ())
    }

    async fn put_key(&mut self, row: &KeyRecord) -> Result<()> {
        let query = sqlx::query(sql::KEY_PUT).bind(&row.account).bind(row.key_id).bind(row.hash.clone());
        let query = query.bind(&row.name).bind(&row.scopes).bind(row.created_at);
        let query = query.bind(row.expires_at).bind(row.revoked_at);
        self.execute(query).await.map(|_| ())
    }

    async fn revoke_key(&mut self, account: &str, key_id: Uuid) -> Result<bool> {
        let query = sqlx::query(sql::KEY_REVOKE).bind(account).bind(key_id).bind(self.head.now);
        Ok(self.execute(query).await? > 0)
    }

    async fn secrets(&mut self, limit: i64) -> Result<Vec<SecretRow>> {
        let text = AssertSqlSafe(self.work.text(sql::SECRETS));
        let query = sqlx::query(text).bind(&self.account).bind(limit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn put_secret(&mut self, row: &SecretRow) -> Result<()> {
        let query = sqlx::query(sql::SECRET_PUT).bind(&row.account).bind(&row.name).bind(row.sealed.clone());
        let query = query.bind(&row.key_id).bind(row.created_at).bind(row.updated_at);
        self.execute(query).await.map(|_| ())
    }

    async fn reseal_secret(&mut self, name: &str, sealed: &[u8], key_id: &str) -> Result<bool> {
        let query = sqlx::query(sql::SECRET_RESEAL).bind(self.account.clone()).bind(name);
        Ok(self.execute(query.bind(sealed.to_vec()).bind(key_id)).await? > 0)
    }

    async fn secret_used(&mut self, name: &str) -> Result<()> {
        let query = sqlx::query(sql::SECRET_USED).bind(self.account.clone()).bind(name).bind(self.head.now);
        self.execute(query).await.map(|_| ())
    }

    async fn delete_secret(&mut self, name: &str) -> Result<bool> {
        let query = sqlx::query(sql::SECRET_GONE).bind(self.account.clone()).bind(name);
        Ok(self.execute(query).await? > 0)
    }

    async fn kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>> {
        self.read(sql::KEPT, kept_names(cycle_id, keys)).await
    }

    async fn kept_count(&mut self, cycle_id: Uuid) -> Result<i64> {
        let text = AssertSqlSafe(self.work.text(sql::KEPT_COUNT));
        let query = sqlx::query_scalar(text).bind(&self.account).bind(cycle_id);
        query.fetch_one(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))
    }

    async fn put_kept(&mut self, cycle_id: Uuid, rows: &[KeptRow]) -> Result<()> {
        let (rows, _) = Sheet::of(rows, |row, kept| {
            row.id(cycle_id).text(&kept.key).text(&kept.value).int(kept.version);
        })
        .finish();
        let query = sqlx::query(sql::KEPT_PUT).bind(self.account.clone()).bind(rows);
        self.execute(query).await.map(|_| ())
    }

    async fn drop_kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<()> {
        let (names, _) = kept_names(cycle_id, keys).finish();
        self.execute(sqlx::query(sql::KEPT_GONE).bind(self.account.clone()).bind(names)).await.map(|_| ())
    }

    async fn forget_kept(&mut self, cycle_id: Uuid) -> Result<()> {
        self.execute(sqlx::query(sql::CYCLE_KEPT_GONE).bind(self.account.clone()).bind(cycle_id)).await.map(|_| ())
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        self.commit_with(&Writes::default()).await
    }

    async fn commit_with(self: Box<Self>, writes: &Writes) -> Result<()> {
        let Self { account, head, bumped, work } = *self;
        write::commit(work, account, writes, head.now, (!bumped).then_some(head.revision)).await
    }
}
