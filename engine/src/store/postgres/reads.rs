//! What is read without the account's lock: each read sees the last commit before it began.

use async_trait::async_trait;
use sqlx::{
    Postgres as Database,
    postgres::{PgArguments, PgPool},
    query::Query,
};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{
    super::{
        AnswerRow, Candidate, CatalogRows, Commit, Hint, HitRow, KeptRow, KeyName, KeyRecord, KeyRow, RepeatRow,
        Result, RunRow, RunWithHit, SecretRow, Seek, Store, TimerRow, TransactionRow, TurnsRow, UnderwayRow,
    },
    Postgres,
    columns::{Columns, FromColumns, instant, read_all},
    commit::{PostgresCommit, by_name},
    error, hints, partitions,
    readers::EVERYBODY,
    sql,
};
use crate::{
    clock::{Micros, micros},
    id::floor_of,
    limits::{REPEAT_WINDOW, RETENTION_MAX},
};

type Statement<'q> = Query<'q, Database, PgArguments>;

impl Postgres {
    /// On a session that is the account's.
    pub(super) async fn all<T: FromColumns>(&self, account: &str, query: Statement<'_>) -> Result<Vec<T>> {
        let mut reader = self.readers.of(account).await?;
        let rows = query.fetch_all(reader.connection()?).await.map_err(error::of)?;
        read_all(&rows)
    }

    pub(super) async fn first<T: FromColumns>(&self, account: &str, query: Statement<'_>) -> Result<Option<T>> {
        Ok(self.all(account, query).await?.into_iter().next())
    }
}

#[async_trait]
impl Store for Postgres {
    async fn begin(&self, account: &str, manual: Option<Micros>) -> Result<Box<dyn Commit>> {
        Ok(Box::new(PostgresCommit::begin(&self.writers, account, manual).await?))
    }

    async fn prepare(&self, now: Micros) -> Result<()> {
        self.partitions.prepare(&self.keepers, now).await
    }

    async fn ping(&self) -> Result<()> {
        // Whoever is lent a reader has heard from the server.
        let mut reader = self.readers.of(EVERYBODY).await?;
        sqlx::query(sql::PING).execute(reader.connection()?).await.map(|_| ()).map_err(error::of)
    }

    async fn clock(&self) -> Result<Option<Micros>> {
        let mut reader = self.readers.of(EVERYBODY).await?;
        let row = sqlx::query(sql::CLOCK).fetch_optional(reader.connection()?).await.map_err(error::of)?;
        row.map(|row| Columns::of(&row).instant()).transpose()
    }

    async fn set_clock(&self, at: Micros) -> Result<()> {
        sqlx::query(sql::CLOCK_SET).bind(instant(at)).execute(&self.keepers).await.map(|_| ()).map_err(error::of)
    }

    async fn revisions(&self) -> Result<Vec<(String, i64)>> {
        self.all(EVERYBODY, sqlx::query(sql::REVISIONS)).await
    }

    async fn catalog(&self) -> Result<CatalogRows> {
        // Revisions first: should a deploy come between, they are older than the rows, and the
        // catalog is read again.
        Ok(CatalogRows {
            revisions: self.revisions().await?,
            accounts: self.all(EVERYBODY, sqlx::query(sql::ACCOUNTS)).await?,
            cycles: self.all(EVERYBODY, sqlx::query(sql::CYCLES)).await?,
            versions: self.all(EVERYBODY, sqlx::query(sql::VERSIONS)).await?,
            webhooks: self.all(EVERYBODY, sqlx::query(sql::WEBHOOKS)).await?,
            shared: self.all(EVERYBODY, sqlx::query(sql::SHARED)).await?,
            endpoints: self.all(EVERYBODY, sqlx::query(sql::ENDPOINTS)).await?,
        })
    }

    async fn hit(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Option<HitRow>> {
        self.first(account, sqlx::query(sql::HIT_OF).bind(account).bind(webhooks).bind(hit)).await
    }

    async fn transaction(&self, account: &str, id: Uuid) -> Result<Option<TransactionRow>> {
        Ok(self.transactions(account, &[id]).await?.pop())
    }

    async fn transactions(&self, account: &str, ids: &[Uuid]) -> Result<Vec<TransactionRow>> {
        self.all(account, sqlx::query(sql::TRANSACTIONS_NAMED).bind(account).bind(ids)).await
    }

    async fn runs(&self, account: &str, id: Uuid, before: i32, limit: i64) -> Result<Vec<RunWithHit>> {
        self.all(account, sqlx::query(sql::RUNS).bind(account).bind(id).bind(before).bind(limit)).await
    }

    async fn run(&self, account: &str, id: Uuid, run: i32) -> Result<Option<RunWithHit>> {
        self.first(account, sqlx::query(sql::RUNS_NAMED).bind(account).bind(vec![id]).bind(vec![run])).await
    }

    async fn answers(&self, account: &str, hits: &[Uuid]) -> Result<Vec<AnswerRow>> {
        self.all(account, sqlx::query(sql::ANSWERS_NAMED).bind(account).bind(hits)).await
    }

    async fn repeat(&self, account: &str, webhook: &str, key_hash: &[u8]) -> Result<Option<RepeatRow>> {
        self.first(account, sqlx::query(sql::REPEATS).bind(account).bind(vec![webhook]).bind(vec![key_hash])).await
    }

    async fn seek(&self, account: &str, seek: &Seek, now: Micros, limit: i64) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for resumed in [false, true] {
            let query = sqlx::query(sql::SEEK_READ)
                .bind(account)
                .bind(&seek.webhook)
                .bind(&seek.key_hash)
                .bind(resumed)
                .bind(&seek.key)
                .bind(instant(now))
                .bind(limit);
            found.extend(self.all::<Candidate>(account, query).await?);
        }
        Ok(found)
    }

    async fn holds(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<RunRow>> {
        self.all(account, sqlx::query(sql::HOLDS).bind(account).bind(transactions)).await
    }

    async fn key_rows(&self, account: &str, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>> {
        self.all(account, by_name(sql::KEY_ROWS, account.to_owned(), names)).await
    }

    async fn underway(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>> {
        self.all(account, sqlx::query(sql::UNDERWAY).bind(account).bind(transactions)).await
    }

    async fn turns(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<TurnsRow> {
        let row = self.first(account, sqlx::query(sql::TURNS).bind(account).bind(cycle_id).bind(limit)).await?;
        Ok(row.unwrap_or_default())
    }

    async fn waiting(
        &self,
        account: &str,
        cycle_id: Uuid,
        after: Uuid,
        until: Micros,
        limit: i64,
    ) -> Result<Vec<Uuid>> {
        let query = sqlx::query(sql::WAITING).bind(account).bind(cycle_id).bind(after);
        let rows: Vec<(Uuid,)> = self.all(account, query.bind(instant(until)).bind(limit)).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn lapsed(&self, account: &str, cycle_id: Uuid, now: Micros, limit: i64) -> Result<Vec<Uuid>> {
        let query = sqlx::query(sql::LAPSED).bind(account).bind(cycle_id).bind(instant(now)).bind(limit);
        let rows: Vec<(Uuid,)> = self.all(account, query).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn left(&self, account: &str, live: &[String], limit: i64) -> Result<Vec<UnderwayRow>> {
        self.all(account, sqlx::query(sql::UNDERWAY_LEFT).bind(account).bind(live).bind(limit)).await
    }

    async fn beat(&self, node: &str) -> Result<Vec<String>> {
        done(&self.keepers, sqlx::query(sql::NODE_SEEN).bind(node)).await?;
        let rows = sqlx::query(sql::NODES_LIVE).fetch_all(&self.keepers).await.map_err(error::of)?;
        rows.iter().map(|row| Columns::of(row).get()).collect()
    }

    async fn leave(&self, node: &str) -> Result<()> {
        done(&self.keepers, sqlx::query(sql::NODE_LEAVES).bind(node)).await.map(|_| ())
    }

    async fn next_due(&self, account: &str) -> Result<Option<Micros>> {
        let query = sqlx::query(sql::TIMER_NEXT).bind(account);
        let mut reader = self.readers.of(account).await?;
        let row = query.fetch_optional(reader.connection()?).await.map_err(error::of)?;
        row.map(|row| Columns::of(&row).instant()).transpose()
    }

    async fn due(&self, account: &str, now: Micros, limit: i64) -> Result<Vec<TimerRow>> {
        self.all(account, sqlx::query(sql::TIMERS_DUE).bind(account).bind(instant(now)).bind(limit)).await
    }

    async fn held(&self, account: &str, now: Micros) -> Result<Vec<(Uuid, String, i64)>> {
        self.all(account, sqlx::query(sql::HELD).bind(account).bind(instant(now))).await
    }

    async fn queued(&self, account: &str) -> Result<Vec<(String, i64)>> {
        self.all(account, sqlx::query(sql::QUEUED_COUNTS).bind(account)).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>> {
        self.all(EVERYBODY, sqlx::query(sql::KEYS)).await
    }

    async fn key_by_hash(&self, hash: &[u8]) -> Result<Option<KeyRecord>> {
        self.first(EVERYBODY, sqlx::query(sql::KEY_BY_HASH).bind(hash)).await
    }

    async fn secrets(&self, account: &str, limit: i64) -> Result<Vec<SecretRow>> {
        self.all(account, sqlx::query(sql::SECRETS).bind(account).bind(limit)).await
    }

    async fn kept(&self, account: &str, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>> {
        self.all(account, sqlx::query(sql::KEPT).bind(account).bind(cycle_id).bind(keys)).await
    }

    async fn sweep(&self, account: &str, now: Micros, limit: i64) -> Result<bool> {
        self.partitions.drop_expired(&self.keepers, now).await?;
        let ahead = partitions::ahead(&self.keepers, now).await?;
        metrics::gauge!("holdfast_partitions_ahead_seconds").set((ahead / 1_000_000) as f64);
        let oldest = now - micros(RETENTION_MAX);
        let mut more = false;
        let gone = |statement, until: Micros| sqlx::query(statement).bind(account).bind(instant(until)).bind(limit);
        for query in [
            gone(sql::EXPIRED_EARLY_GONE, now),
            gone(sql::EXPIRED_REPEATS_GONE, now - micros(REPEAT_WINDOW)),
            gone(sql::EXPIRED_HIT_EVENTS_GONE, now),
            gone(sql::EXPIRED_TIMERS_GONE, now).bind(floor_of(oldest)),
            sqlx::query(sql::EXPIRED_QUEUE_GONE).bind(account).bind(floor_of(oldest)).bind(limit),
            sqlx::query(sql::EXPIRED_UNDERWAY_GONE).bind(account).bind(floor_of(oldest)).bind(limit),
        ] {
            more |= done(&self.keepers, query).await? == limit as u64;
        }
        done(&self.keepers, sqlx::query(sql::NODES_GONE)).await?;
        done(&self.keepers, sqlx::query(sql::SHARED_GONE).bind(account).bind(instant(oldest))).await?;
        done(&self.keepers, sqlx::query(sql::VERSIONS_UNNEEDED).bind(account).bind(instant(oldest))).await?;
        let query = sqlx::query(sql::CYCLES_FORGOTTEN).bind(account).bind(instant(oldest));
        for row in query.fetch_all(&self.keepers).await.map_err(error::of)? {
            let cycle: Uuid = Columns::of(&row).get()?;
            for statement in
                [sql::CYCLE_QUEUE_GONE, sql::CYCLE_WEBHOOKS_GONE, sql::CYCLE_VERSIONS_GONE, sql::CYCLE_GONE]
            {
                done(&self.keepers, sqlx::query(statement).bind(account).bind(cycle)).await?;
            }
        }
        Ok(more)
    }

    async fn notify(&self, told: &[Hint]) {
        hints::notify(&self.keepers, told).await;
    }

    fn hints(&self) -> Option<broadcast::Receiver<Hint>> {
        Some(self.hints.subscribe())
    }

    async fn close(&self) {
        self.listening.abort();
        self.readers.close().await;
        self.writers.close().await;
        self.keepers.close().await;
    }
}

async fn done(pool: &PgPool, query: Statement<'_>) -> Result<u64> {
    query.execute(pool).await.map(|done| done.rows_affected()).map_err(error::of)
}
