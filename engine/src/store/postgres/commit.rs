//! One account's changes, in one database transaction that holds the account's lock.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres as Database,
    pool::PoolConnection,
    postgres::{PgArguments, PgPool},
    query::Query,
};
use uuid::Uuid;

use super::super::{
    Candidate, Commit, CycleRow, Error, Head, HitRow, KeptRow, KeyName, KeyRecord, KeyRow, LastTurn, RepeatRow, Result,
    RunRow, RunWithHit, SecretRow, Seek, TransactionRow, TurnsRow, UnderwayRow, VersionRow, WebhookRow, Writes,
};
use super::{
    HEAD_PREPARED,
    columns::{Columns, FromColumns, instant, read_all},
    error, sql, write,
};
use crate::clock::Micros;

/// How long a commit whose end was not heard is asked after, before its callers are told that nobody
/// knows. They wait meanwhile: to be told "not done" of what was done would make them do it twice.
const FATE_WITHIN: Duration = Duration::from_secs(10);
const FATE_EVERY: Duration = Duration::from_millis(50);
/// Connections that may turn out to be dead before a commit begins on a live one.
const BEGINS: u32 = super::WRITERS + 1;

pub struct PostgresCommit {
    account: String,
    head: Head,
    work: Work,
    name: Name,
    pool: PgPool,
    /// A statement failed: nothing of this commit can stand.
    failed: bool,
}

/// What a commit is asked after by.
#[derive(Clone, Debug)]
pub struct Name {
    /// The database's number for the transaction (`xid8`).
    pub xid: String,
    /// Which of the account's commits it is, and what no other has.
    pub number: i64,
    pub mark: i64,
}

/// A connection inside a transaction. One that is dropped there is closed, which rolls back.
struct Work(Option<PoolConnection<Database>>);

impl Work {
    fn connection(&mut self) -> Result<&mut PgConnection> {
        self.0.as_deref_mut().ok_or_else(|| Error::Unavailable("the connection is gone".into()))
    }

    /// The transaction is over: the connection may go back to its pool.
    fn over(&mut self) {
        self.0 = None;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

type Statement<'q> = Query<'q, Database, PgArguments>;

impl PostgresCommit {
    /// One call begins, locks and reads the head.
    pub async fn begin(pool: &PgPool, account: &str, manual: Option<Micros>) -> Result<Self> {
        let manual = manual.map_or("NULL".to_owned(), |at| literal(&instant(at).to_rfc3339()));
        let (mark, _) = uuid::Uuid::new_v4().as_u64_pair();
        let mark = mark.cast_signed();
        let account_text = literal(account);
        let text = format!(
            "BEGIN; SET LOCAL holdfast.account = {account_text}; EXECUTE {HEAD_PREPARED}({account_text}, {manual}, {mark})"
        );
        let mut begins = 1;
        let (work, row) = loop {
            let mut work = Work(Some(pool.acquire().await.map_err(error::of)?));
            let found = sqlx::raw_sql(AssertSqlSafe(text.as_str())).fetch_optional(work.connection()?).await;
            match found.map_err(error::of) {
                Ok(row) => break (work, row),
                // The server closed it while it was idle; nothing has been done on it.
                Err(Error::Unavailable(_)) if begins < BEGINS => begins += 1,
                Err(cause) => return Err(cause),
            }
        };
        let Some(row) = row else { return Err(Error::Refused(format!("no such account: {account}"))) };
        let mut columns = Columns::of(&row);
        let head = Head { now: columns.instant()?, revision: columns.get()? };
        let name = Name { xid: columns.get()?, number: columns.get()?, mark };
        Ok(Self { account: account.to_owned(), head, work, name, pool: pool.clone(), failed: false })
    }

    pub(super) async fn execute(&mut self, query: Statement<'_>) -> Result<u64> {
        match query.execute(self.work.connection()?).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(cause) => Err(self.fail(cause)),
        }
    }

    /// On a row that may be everybody's.
    pub(super) async fn execute_for(&mut self, account: &str, query: Statement<'_>) -> Result<u64> {
        self.execute(sqlx::query(sql::WORK_OF).bind(account.to_owned())).await?;
        let done = self.execute(query).await?;
        self.execute(sqlx::query(sql::WORK_OF).bind(self.account())).await?;
        Ok(done)
    }

    pub(super) async fn read<T: FromColumns>(&mut self, query: Statement<'_>) -> Result<Vec<T>> {
        match query.fetch_all(self.work.connection()?).await {
            Ok(rows) => read_all(&rows),
            Err(cause) => Err(self.fail(cause)),
        }
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    fn fail(&mut self, cause: sqlx::Error) -> Error {
        self.failed = true;
        error::of(cause)
    }

    pub(super) fn now(&self) -> Micros {
        self.head.now
    }

    pub(super) fn account(&self) -> String {
        self.account.clone()
    }
}

/// A column of the rows, as an array.
pub fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

#[async_trait]
impl Commit for PostgresCommit {
    fn head(&self) -> Head {
        self.head
    }

    async fn repeats(&mut self, names: &[(String, Vec<u8>)]) -> Result<Vec<RepeatRow>> {
        let query = sqlx::query(sql::REPEATS)
            .bind(self.account())
            .bind(column(names, |(webhook, _)| webhook.as_str()))
            .bind(column(names, |(_, hash)| hash.as_slice()));
        self.read(query).await
    }

    async fn seek(&mut self, seeks: &[Seek]) -> Result<Vec<Candidate>> {
        if seeks.is_empty() {
            return Ok(Vec::new());
        }
        let query = by_seek(sql::SEEK, self.account(), seeks).bind(instant(self.head.now));
        let mut found: Vec<Candidate> = self.read(query).await?;
        found.sort_by_key(|one| (one.seek, one.resumed, std::cmp::Reverse(one.transaction.transaction)));
        Ok(found)
    }

    async fn transactions(&mut self, ids: &[Uuid]) -> Result<Vec<TransactionRow>> {
        self.read(sqlx::query(sql::TRANSACTIONS_NAMED).bind(self.account()).bind(ids)).await
    }

    async fn runs(&mut self, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>> {
        let query = sqlx::query(sql::RUNS_NAMED)
            .bind(self.account())
            .bind(column(names, |(id, _)| *id))
            .bind(column(names, |(_, run)| *run));
        self.read(query).await
    }

    async fn holds(&mut self, transactions: &[Uuid]) -> Result<Vec<RunRow>> {
        self.read(sqlx::query(sql::HOLDS).bind(self.account()).bind(transactions)).await
    }

    async fn underway(&mut self, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>> {
        self.read(sqlx::query(sql::UNDERWAY).bind(self.account()).bind(transactions)).await
    }

    async fn turns(&mut self, cycle_id: Uuid, limit: i64) -> Result<TurnsRow> {
        let rows = self.read(sqlx::query(sql::TURNS).bind(self.account()).bind(cycle_id).bind(limit)).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    async fn turns_next(&mut self, cycle_id: Uuid, place: i32, limit: i64) -> Result<Vec<UnderwayRow>> {
        let query = sqlx::query(sql::TURNS_NEXT).bind(self.account()).bind(cycle_id).bind(place).bind(limit);
        self.read(query).await
    }

    async fn turn_first(&mut self, cycle_id: Uuid, key: &[u8]) -> Result<Option<UnderwayRow>> {
        let query = sqlx::query(sql::TURN_FIRST).bind(self.account()).bind(cycle_id).bind(key);
        Ok(self.read(query).await?.pop())
    }

    async fn turns_last(&mut self, keys: &[(Uuid, Vec<u8>)]) -> Result<Vec<LastTurn>> {
        let query = sqlx::query(sql::TURNS_LAST)
            .bind(self.account())
            .bind(column(keys, |(cycle_id, _)| *cycle_id))
            .bind(column(keys, |(_, key)| key.as_slice()));
        self.read(query).await
    }

    async fn waiting(&mut self, cycle_id: Uuid, after: Uuid, limit: i64) -> Result<Vec<Uuid>> {
        let query = sqlx::query(sql::WAITING).bind(self.account()).bind(cycle_id).bind(after);
        let rows: Vec<(Uuid,)> = self.read(query.bind(instant(self.head.now)).bind(limit)).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn key_rows(&mut self, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>> {
        self.read(by_name(sql::KEY_ROWS, self.account(), names)).await
    }

    async fn early(&mut self, seeks: &[Seek]) -> Result<Vec<(i32, HitRow)>> {
        if seeks.is_empty() {
            return Ok(Vec::new());
        }
        let query = by_seek(sql::EARLY, self.account(), seeks).bind(instant(self.head.now));
        self.read(query).await
    }

    async fn hits(&mut self, names: &[(String, Uuid)]) -> Result<Vec<HitRow>> {
        let query = sqlx::query(sql::HITS_NAMED)
            .bind(self.account())
            .bind(column(names, |(webhook, _)| webhook.as_str()))
            .bind(column(names, |(_, hit)| *hit));
        self.read(query).await
    }

    async fn queued(&mut self, cycle_id: Uuid, limit: i64) -> Result<Vec<HitRow>> {
        self.read(sqlx::query(sql::QUEUED).bind(self.account()).bind(cycle_id).bind(limit)).await
    }

    async fn queued_counts(&mut self) -> Result<Vec<(String, i64)>> {
        self.read(sqlx::query(sql::QUEUED_COUNTS).bind(self.account())).await
    }

    async fn write(&mut self, writes: &Writes) -> Result<()> {
        write::write(self, writes).await
    }

    async fn put_cycle(&mut self, row: &CycleRow) -> Result<()> {
        let query = sqlx::query(sql::CYCLE_PUT)
            .bind(&row.account)
            .bind(row.cycle_id)
            .bind(&row.name)
            .bind(&row.state)
            .bind(row.version)
            .bind(instant(row.created_at))
            .bind(row.started_at.map(instant))
            .bind(row.stopped_at.map(instant))
            .bind(row.deleted_at.map(instant))
            .bind(row.backlog);
        self.execute(query).await.map(|_| ())
    }

    async fn put_version(&mut self, row: &VersionRow) -> Result<()> {
        let query = sqlx::query(sql::VERSION_PUT)
            .bind(&row.account)
            .bind(row.cycle_id)
            .bind(row.version)
            .bind(&row.digest)
            .bind(&row.source)
            .bind(instant(row.created_at))
            .bind(&row.vars);
        self.execute(query).await.map(|_| ())
    }

    async fn put_webhook(&mut self, row: &WebhookRow) -> Result<()> {
        let query = sqlx::query(sql::WEBHOOK_PUT)
            .bind(&row.account)
            .bind(&row.webhook)
            .bind(row.cycle_id)
            .bind(&row.step)
            .bind(instant(row.created_at))
            .bind(row.queued);
        self.execute(query).await.map(|_| ())
    }

    async fn bump_revision(&mut self) -> Result<()> {
        self.execute(sqlx::query(sql::REVISION_BUMP).bind(self.account())).await.map(|_| ())
    }

    async fn put_key(&mut self, row: &KeyRecord) -> Result<()> {
        let query = sqlx::query(sql::KEY_PUT)
            .bind(&row.account)
            .bind(row.key_id)
            .bind(&row.hash)
            .bind(&row.name)
            .bind(&row.scopes)
            .bind(instant(row.created_at))
            .bind(row.expires_at.map(instant))
            .bind(row.revoked_at.map(instant));
        self.execute_for(&row.account, query).await.map(|_| ())
    }

    async fn revoke_key(&mut self, account: &str, key_id: Uuid) -> Result<bool> {
        let query = sqlx::query(sql::KEY_REVOKE).bind(account).bind(key_id).bind(instant(self.head.now));
        Ok(self.execute_for(account, query).await? > 0)
    }

    async fn secrets(&mut self, limit: i64) -> Result<Vec<SecretRow>> {
        self.read(sqlx::query(sql::SECRETS).bind(self.account()).bind(limit)).await
    }

    async fn put_secret(&mut self, row: &SecretRow) -> Result<()> {
        let query = sqlx::query(sql::SECRET_PUT)
            .bind(&row.account)
            .bind(&row.name)
            .bind(&row.sealed)
            .bind(&row.key_id)
            .bind(instant(row.created_at))
            .bind(instant(row.updated_at));
        self.execute(query).await.map(|_| ())
    }

    async fn reseal_secret(&mut self, name: &str, sealed: &[u8], key_id: &str) -> Result<bool> {
        let query = sqlx::query(sql::SECRET_RESEAL).bind(self.account()).bind(name).bind(sealed).bind(key_id);
        Ok(self.execute(query).await? > 0)
    }

    async fn secret_used(&mut self, name: &str) -> Result<()> {
        let query = sqlx::query(sql::SECRET_USED).bind(self.account()).bind(name).bind(instant(self.head.now));
        self.execute(query).await.map(|_| ())
    }

    async fn delete_secret(&mut self, name: &str) -> Result<bool> {
        let query = sqlx::query(sql::SECRET_GONE).bind(self.account()).bind(name);
        Ok(self.execute(query).await? > 0)
    }

    async fn kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>> {
        self.read(sqlx::query(sql::KEPT).bind(self.account()).bind(cycle_id).bind(keys)).await
    }

    async fn kept_count(&mut self, cycle_id: Uuid) -> Result<i64> {
        let query = sqlx::query_scalar(sql::KEPT_COUNT).bind(self.account()).bind(cycle_id);
        query.fetch_one(self.work.connection()?).await.map_err(|cause| self.fail(cause))
    }

    async fn put_kept(&mut self, cycle_id: Uuid, rows: &[KeptRow]) -> Result<()> {
        let query = sqlx::query(sql::KEPT_PUT)
            .bind(self.account())
            .bind(cycle_id)
            .bind(column(rows, |row| row.key.as_str()))
            .bind(column(rows, |row| row.value.as_str()))
            .bind(column(rows, |row| row.version));
        self.execute(query).await.map(|_| ())
    }

    async fn drop_kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<()> {
        self.execute(sqlx::query(sql::KEPT_GONE).bind(self.account()).bind(cycle_id).bind(keys)).await.map(|_| ())
    }

    async fn forget_kept(&mut self, cycle_id: Uuid) -> Result<()> {
        self.execute(sqlx::query(sql::CYCLE_KEPT_GONE).bind(self.account()).bind(cycle_id)).await.map(|_| ())
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        if self.failed {
            return Err(Error::Unavailable("a statement of this commit failed".into()));
        }
        match sqlx::raw_sql("COMMIT").execute(self.work.connection()?).await {
            Ok(_) => {
                self.work.over();
                Ok(())
            }
            Err(cause) => {
                // The connection broke: only the server knows on which side of the commit.
                drop(self.work);
                fate(&self.pool, &self.account, &self.name, &cause).await
            }
        }
    }
}

/// No transaction had this number yet: a crash took the one that had.
const IN_THE_FUTURE: &str = "22023";

pub(super) async fn fate(pool: &PgPool, account: &str, name: &Name, cause: &sqlx::Error) -> Result<()> {
    let deadline = Instant::now() + FATE_WITHIN;
    loop {
        match told(pool, account, name).await {
            Told::Committed => return Ok(()),
            Told::Aborted => return Err(Error::Unavailable(format!("the commit was lost: {cause}"))),
            Told::TooLate => return Err(Error::Unknown(format!("the commit's end was not heard: {cause}"))),
            Told::NotYet if Instant::now() > deadline => {
                return Err(Error::Unknown(format!("the commit's end was not heard: {cause}")));
            }
            Told::NotYet => tokio::time::sleep(FATE_EVERY).await,
        }
    }
}

enum Told {
    Committed,
    Aborted,
    NotYet,
    /// Too many commits came after it.
    TooLate,
}

/// The server knows the number of a transaction that is over. That it was committed counts only with
/// this commit's mark: a number that was lost in a crash is given away again.
async fn told(pool: &PgPool, account: &str, name: &Name) -> Told {
    let by_number = sqlx::query_scalar::<_, Option<String>>(sql::FATE).bind(&name.xid).fetch_one(pool).await;
    match by_number.as_ref().map(Option::as_deref) {
        Ok(Some("aborted")) => return Told::Aborted,
        Ok(Some("committed")) => {}
        Err(sqlx::Error::Database(cause)) if cause.code().as_deref() == Some(IN_THE_FUTURE) => return Told::Aborted,
        _ => return Told::NotYet,
    }
    match marked(pool, account, name).await {
        Ok(Some(true)) => Told::Committed,
        Ok(Some(false)) => Told::Aborted,
        Ok(None) => Told::TooLate,
        Err(_) => Told::NotYet,
    }
}

/// Whether the account's commit of that number has that mark.
async fn marked(pool: &PgPool, account: &str, name: &Name) -> sqlx::Result<Option<bool>> {
    let mut work = pool.begin().await?;
    sqlx::query(sql::WORK_OF).bind(account).execute(&mut *work).await?;
    let by_mark = sqlx::query_scalar::<_, Option<bool>>(sql::FATE_BY_MARK);
    by_mark.bind(account).bind(name.number).bind(name.mark).fetch_one(&mut *work).await
}

/// A string constant (PostgreSQL, section 4.1.2.1, with `standard_conforming_strings` on).
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn by_seek<'q>(statement: &'static str, account: String, seeks: &'q [Seek]) -> Statement<'q> {
    sqlx::query(statement)
        .bind(account)
        .bind(column(seeks, |seek| seek.webhook.as_str()))
        .bind(column(seeks, |seek| seek.key_hash.as_slice()))
        .bind(column(seeks, |seek| seek.key.as_slice()))
}

pub fn by_name<'q>(statement: &'static str, account: String, names: &'q [KeyName]) -> Statement<'q> {
    sqlx::query(statement)
        .bind(account)
        .bind(column(names, |name| name.webhook.as_str()))
        .bind(column(names, |name| name.key_hash.as_slice()))
        .bind(column(names, |name| name.transaction))
}
