//! Retention: what has expired is removed here, a bounded number of rows at a time.
//!
//! Each kind goes in a database transaction of its own, and the writer is given up between them: it
//! is handed on in the order of asking, so a commit waits for one small range at most. Nothing here
//! decides visibility: what has expired is invisible already.

use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::Uuid;

use super::super::Result;
use super::columns::Columns;
use super::sheet::Sheet;
use super::sql;
use super::writer::{Work, Writer};
use crate::{
    clock::{Micros, micros},
    id::floor_of,
    limits::RETENTION_MAX,
};

/// How long a repeated delivery is recognised.
const REPEATS_KEPT: Micros = 72 * 3_600 * 1_000_000;

/// Ids made one after another at one instant run ahead of it by far less than this.
const ID_SLACK: Micros = 1_000_000;

/// True where more is left.
pub async fn sweep(writer: &Arc<Mutex<Writer>>, account: &str, now: Micros, limit: i64) -> Result<bool> {
    let limit = limit.max(1);
    let mut more = runs(writer, account, now, limit).await?;
    more |= transactions(writer, account, now, limit).await?;
    more |= hits(writer, account, now, limit).await?;
    more |= rows(writer, account, sql::EXPIRED_ANSWERS_GONE, now, limit).await?;
    more |= rows(writer, account, sql::EXPIRED_EARLY_GONE, now, limit).await?;
    more |= rows(writer, account, sql::EXPIRED_REPEATS_GONE, now - REPEATS_KEPT, limit).await?;
    more |= rows(writer, account, sql::EXPIRED_HIT_EVENTS_GONE, now, limit).await?;
    more |= rows(writer, account, sql::SHARED_GONE, now - micros(RETENTION_MAX), limit).await?;
    if !more {
        definitions(writer, account).await?;
    }
    Ok(more)
}

async fn rows(
    writer: &Arc<Mutex<Writer>>,
    account: &str,
    statement: &'static str,
    until: Micros,
    limit: i64,
) -> Result<bool> {
    let mut work = Work::begin(writer).await?;
    let query = sqlx::query(statement).bind(account).bind(until).bind(limit);
    let done = query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
    work.commit().await?;
    Ok(done.rows_affected() >= limit as u64)
}

async fn find(
    work: &mut Work,
    account: &str,
    statement: &'static str,
    now: Micros,
    limit: i64,
) -> Result<Vec<sqlx::sqlite::SqliteRow>> {
    let query = sqlx::query(statement).bind(account).bind(now).bind(limit);
    query.fetch_all(work.connection()?).await.map_err(|cause| work.failed(cause))
}

/// By the index of what is kept for less than the longest, or else by age; and whether more is left.
async fn find_either(
    work: &mut Work,
    account: &str,
    (expired, oldest): (&'static str, &'static str),
    now: Micros,
    limit: i64,
) -> Result<(Vec<sqlx::sqlite::SqliteRow>, bool)> {
    let found = find(work, account, expired, now, limit).await?;
    if !found.is_empty() {
        return Ok((found, true));
    }
    let started_before = floor_of(now - micros(RETENTION_MAX) + 1);
    let query = sqlx::query(oldest).bind(account).bind(now).bind(limit).bind(started_before);
    let found = query.fetch_all(work.connection()?).await.map_err(|cause| work.failed(cause))?;
    let more = found.len() as i64 >= limit;
    Ok((found, more))
}

async fn remove(work: &mut Work, account: &str, statement: &'static str, names: &[u8]) -> Result<()> {
    let query = sqlx::query(statement).bind(account).bind(names.to_owned());
    query.execute(work.connection()?).await.map(|_| ()).map_err(|cause| work.failed(cause))
}

/// The runs of expired transactions, each with the hit that began it.
async fn runs(writer: &Arc<Mutex<Writer>>, account: &str, now: Micros, limit: i64) -> Result<bool> {
    let mut work = Work::begin(writer).await?;
    let (found, more) = find_either(&mut work, account, (sql::EXPIRED_RUNS, sql::OLDEST_RUNS), now, limit).await?;
    if found.is_empty() {
        return Ok(false);
    }
    let (mut runs, mut hits) = (Sheet::new(), Sheet::new());
    for row in &found {
        let mut columns = Columns::of(row);
        runs.row().id(columns.next()?).int(columns.next::<i32>()?);
        let (webhook, hit): (Option<String>, Option<Uuid>) = (columns.next()?, columns.next()?);
        if let (Some(webhook), Some(hit)) = (webhook, hit) {
            hits.row().text(&webhook).id(hit);
        }
    }
    remove(&mut work, account, sql::HITS_GONE, &hits.finish().0).await?;
    remove(&mut work, account, sql::RUNS_GONE, &runs.finish().0).await?;
    work.commit().await?;
    Ok(more)
}

/// Expired transactions whose runs are gone, with their holds and timers.
async fn transactions(writer: &Arc<Mutex<Writer>>, account: &str, now: Micros, limit: i64) -> Result<bool> {
    let mut work = Work::begin(writer).await?;
    let statements = (sql::EXPIRED_TRANSACTIONS, sql::OLDEST_TRANSACTIONS);
    let (found, more) = find_either(&mut work, account, statements, now, limit).await?;
    if found.is_empty() {
        return Ok(false);
    }
    let mut ids = Sheet::new();
    for row in &found {
        ids.row().id(Columns::of(row).next()?);
    }
    let (ids, _) = ids.finish();
    remove(&mut work, account, sql::TRANSACTION_KEYS_GONE, &ids).await?;
    remove(&mut work, account, sql::TRANSACTION_TIMERS_GONE, &ids).await?;
    remove(&mut work, account, sql::UNDERWAY_HITS_GONE, &ids).await?;
    remove(&mut work, account, sql::TRANSACTION_UNDERWAY_GONE, &ids).await?;
    remove(&mut work, account, sql::TRANSACTIONS_GONE, &ids).await?;
    work.commit().await?;
    Ok(more)
}

/// Hits of no transaction, and their places in a queue.
async fn hits(writer: &Arc<Mutex<Writer>>, account: &str, now: Micros, limit: i64) -> Result<bool> {
    let mut work = Work::begin(writer).await?;
    let found = find(&mut work, account, sql::EXPIRED_HITS, now, limit).await?;
    if found.is_empty() {
        return Ok(false);
    }
    let mut names = Sheet::new();
    for row in &found {
        let mut columns = Columns::of(row);
        names.row().text(&columns.next::<String>()?).id(columns.next()?);
    }
    let (names, _) = names.finish();
    remove(&mut work, account, sql::EXPIRED_QUEUE_GONE, &names).await?;
    remove(&mut work, account, sql::HITS_GONE, &names).await?;
    work.commit().await?;
    Ok(found.len() as i64 >= limit)
}

/// Versions that no retained transaction needs and that are not the newest; deleted cycles of which
/// nothing is left. Identifiers are random and never come again, so a webhook's row may go.
async fn definitions(writer: &Arc<Mutex<Writer>>, account: &str) -> Result<()> {
    let mut work = Work::begin(writer).await?;
    let replaced = sqlx::query(sql::VERSIONS_REPLACED).bind(account);
    let replaced = replaced.fetch_all(work.connection()?).await.map_err(|cause| work.failed(cause))?;
    for row in &replaced {
        let mut columns = Columns::of(row);
        let (cycle_id, version): (Uuid, i32) = (columns.next()?, columns.next()?);
        let (from, until): (Micros, Option<Micros>) = (columns.next()?, columns.next()?);
        let until = until.map_or(Uuid::max(), |until| floor_of(until + ID_SLACK));
        let needed = sqlx::query(sql::VERSION_NEEDED).bind(account).bind(cycle_id).bind(version);
        let needed = needed.bind(floor_of(from - ID_SLACK)).bind(until).fetch_optional(work.connection()?).await;
        if needed.map_err(|cause| work.failed(cause))?.is_none() {
            let gone = sqlx::query(sql::VERSION_GONE).bind(account).bind(cycle_id).bind(version);
            gone.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        }
    }
    let forgotten = sqlx::query_scalar::<_, Uuid>(sql::CYCLES_FORGOTTEN).bind(account);
    let forgotten = forgotten.fetch_all(work.connection()?).await.map_err(|cause| work.failed(cause))?;
    let statements = [sql::CYCLE_VERSIONS_GONE, sql::CYCLE_WEBHOOKS_GONE, sql::CYCLE_QUEUE_GONE, sql::CYCLE_GONE];
    for cycle_id in &forgotten {
        for statement in statements {
            let gone = sqlx::query(statement).bind(account).bind(*cycle_id);
            gone.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        }
    }
    if replaced.is_empty() && forgotten.is_empty() {
        return Ok(());
    }
    work.commit().await
}
