//! Partitions by time, made ahead and dropped whole.
//!
//! Ids begin with their microsecond, so a range of ids is a range of time. A partition is dropped
//! once everything in it has expired: 31 days after the last id that it can hold.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, PgExecutor, PgPool, Row, postgres::PgRow};
use tokio::sync::Mutex;

use super::{error, sql};
use crate::{
    clock::{Micros, micros},
    id::floor_of,
    limits::RETENTION_MAX,
    store::{Error, Result},
};

const HOUR: Micros = 3_600_000_000;
const DAY: Micros = 24 * HOUR;
/// Days in a partition.
const WIDTH: Micros = 4 * DAY;
/// Partitions that stand ahead of now.
const AHEAD: i64 = 3;
/// The advisory lock under which nodes make and drop partitions.
const LOCK: i64 = 0x486f_6c64_6661_7374;

/// Each partitioned table with the id that it is partitioned by.
const TABLES: [&str; 5] = ["hits", "transactions", "runs", "hold_keys", "answers"];

/// How long after a failure it is tried again, while there still are partitions.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Up to which instant partitions are known to stand, so that asking costs nothing.
#[derive(Debug, Default)]
pub struct Partitions {
    from: AtomicI64,
    until: AtomicI64,
    /// When they could not be made.
    failed: Mutex<Option<Instant>>,
}

impl Partitions {
    /// Makes those that will be needed. While what is there lasts, that they can't be made is an alert
    /// and no error: nothing is refused before it must be.
    pub async fn prepare(&self, pool: &PgPool, now: Micros) -> Result<()> {
        let (from, until) = (self.from.load(Ordering::Acquire), self.until.load(Ordering::Acquire));
        let lasts = until > 0 && now >= from && now < until;
        // A day is left before the last one is needed.
        if lasts && now < until - DAY {
            return Ok(());
        }
        let mut failed = self.failed.lock().await;
        if lasts && failed.is_some_and(|at| at.elapsed() < AGAIN_AFTER) {
            return Ok(());
        }
        match self.make(pool, now).await {
            Ok(()) => {
                *failed = None;
                Ok(())
            }
            Err(cause) if lasts => {
                tracing::error!(%cause, hours_left = (until - now) / HOUR, "no partition could be made ahead");
                *failed = Some(Instant::now());
                Ok(())
            }
            Err(cause) => Err(cause),
        }
    }

    async fn make(&self, pool: &PgPool, now: Micros) -> Result<()> {
        let first = now.div_euclid(WIDTH) - 1;
        let last = now.div_euclid(WIDTH) + AHEAD;
        let mut work = pool.begin().await.map_err(error::of)?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *work).await.map_err(error::of)?;
        for table in TABLES {
            for number in first..=last {
                let statement = create(table, number);
                sqlx::query(AssertSqlSafe(statement)).execute(&mut *work).await.map_err(error::of)?;
            }
            // A table that has the name and is none of its partitions would be in the way.
            let stand = numbers(&mut *work, table).await?;
            if let Some(number) = (first..=last).find(|number| !stand.contains(number)) {
                let name = name_of(table, number);
                return Err(Error::Refused(format!("{name} is there and is no partition of {table}")));
            }
        }
        sqlx::query(sql::GUARD).execute(&mut *work).await.map_err(error::of)?;
        work.commit().await.map_err(error::of)?;
        self.from.store(first * WIDTH, Ordering::Release);
        self.until.store((last + 1) * WIDTH, Ordering::Release);
        Ok(())
    }

    /// Drops what has wholly expired. It never waits for long behind traffic: what is busy is
    /// dropped another time.
    pub async fn drop_expired(&self, pool: &PgPool, now: Micros) -> Result<()> {
        for table in TABLES {
            for number in numbers(pool, table).await? {
                if ends(number) + micros(RETENTION_MAX) > now {
                    continue;
                }
                let mut work = pool.begin().await.map_err(error::of)?;
                sqlx::query("SET LOCAL lock_timeout = '200ms'").execute(&mut *work).await.map_err(error::of)?;
                let statement = format!("DROP TABLE {}", name_of(table, number));
                if let Err(busy) = sqlx::query(AssertSqlSafe(statement)).execute(&mut *work).await {
                    tracing::debug!(table, number, error = %busy, "an expired partition is dropped another time");
                    continue;
                }
                work.commit().await.map_err(error::of)?;
            }
        }
        Ok(())
    }
}

/// For how long from now on every table has partitions without a gap.
pub async fn ahead(pool: &PgPool, now: Micros) -> Result<Micros> {
    let mut least = Micros::MAX;
    for table in TABLES {
        let stand = numbers(pool, table).await?;
        let first = now.div_euclid(WIDTH);
        let last = (first..).take_while(|number| stand.contains(number)).last();
        least = least.min(last.map_or(0, |last| ends(last) - now));
    }
    Ok(least)
}

/// The partitions that a table has.
async fn numbers(executor: impl PgExecutor<'_>, table: &'static str) -> Result<Vec<i64>> {
    let rows = sqlx::query(sql::PARTITIONS).bind(table).fetch_all(executor).await.map_err(error::of)?;
    let number = |row: &PgRow| {
        let name: String = row.try_get(0).ok()?;
        name.rsplit_once("_p")?.1.parse().ok()
    };
    Ok(rows.iter().filter_map(number).collect())
}

fn ends(number: i64) -> Micros {
    (number + 1) * WIDTH
}

fn name_of(table: &str, number: i64) -> String {
    format!("{table}_p{number}")
}

fn create(table: &str, number: i64) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} PARTITION OF {table} FOR VALUES FROM ('{}') TO ('{}')",
        name_of(table, number),
        floor_of(number * WIDTH),
        floor_of(ends(number)),
    )
}
