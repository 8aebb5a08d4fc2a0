//! Partitions by time, made ahead and dropped whole.
//!
//! Ids begin with their microsecond, so a range of ids is a range of time. A partition is dropped
//! once everything in it has expired: 31 days after the last id that it can hold.

use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::{AssertSqlSafe, PgPool, Row};

use super::{error, sql};
use crate::{
    clock::{Micros, micros},
    id::floor_of,
    limits::RETENTION_MAX,
    store::Result,
};

const DAY: Micros = 86_400_000_000;
/// Days in a partition.
const WIDTH: Micros = 4 * DAY;
/// Partitions that stand ahead of now.
const AHEAD: i64 = 3;
/// The advisory lock under which nodes make and drop partitions.
const LOCK: i64 = 0x486f_6c64_6661_7374;

/// Each partitioned table with the id that it is partitioned by.
const TABLES: [&str; 5] = ["hits", "transactions", "runs", "hold_keys", "answers"];

/// Up to which instant partitions are known to stand, so that asking costs nothing.
#[derive(Debug, Default)]
pub struct Partitions {
    from: AtomicI64,
    until: AtomicI64,
}

impl Partitions {
    pub async fn prepare(&self, pool: &PgPool, now: Micros) -> Result<()> {
        let (from, until) = (self.from.load(Ordering::Acquire), self.until.load(Ordering::Acquire));
        // A day is left before the last one is needed.
        if until > 0 && now >= from && now < until - DAY {
            return Ok(());
        }
        let first = now.div_euclid(WIDTH) - 1;
        let last = now.div_euclid(WIDTH) + AHEAD;
        let mut work = pool.begin().await.map_err(error::of)?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *work).await.map_err(error::of)?;
        for table in TABLES {
            for number in first..=last {
                let statement = create(table, number);
                sqlx::query(AssertSqlSafe(statement)).execute(&mut *work).await.map_err(error::of)?;
            }
        }
        work.commit().await.map_err(error::of)?;
        self.from.store(first * WIDTH, Ordering::Release);
        self.until.store((last + 1) * WIDTH, Ordering::Release);
        Ok(())
    }

    /// Drops what has wholly expired. It never waits for long behind traffic: what is busy is
    /// dropped another time.
    pub async fn drop_expired(&self, pool: &PgPool, now: Micros) -> Result<()> {
        for table in TABLES {
            let rows = sqlx::query(sql::PARTITIONS).bind(table).fetch_all(pool).await.map_err(error::of)?;
            for row in rows {
                let name: String = row.try_get(0).map_err(error::of)?;
                let number = name.rsplit_once("_p").and_then(|(_, number)| number.parse::<i64>().ok());
                let Some(number) = number.filter(|number| ends(*number) + micros(RETENTION_MAX) <= now) else {
                    continue;
                };
                let mut work = pool.begin().await.map_err(error::of)?;
                sqlx::query("SET LOCAL lock_timeout = '200ms'").execute(&mut *work).await.map_err(error::of)?;
                let statement = format!("DROP TABLE {}", name_of(table, number));
                if let Err(busy) = sqlx::query(AssertSqlSafe(statement)).execute(&mut *work).await {
                    tracing::debug!(partition = name, error = %busy, "an expired partition is dropped another time");
                    continue;
                }
                work.commit().await.map_err(error::of)?;
            }
        }
        Ok(())
    }
}

fn ends(number: i64) -> Micros {
    (number + 1) * WIDTH
}

fn name_of(table: &str, number: i64) -> String {
    format!("{table}_p{number}")
}

fn create(table: &str, number: i64) -> String {
    // Updated rows find room on their own page.
    let options = if table == "transactions" { " WITH (fillfactor = 80)" } else { "" };
    format!(
        "CREATE TABLE IF NOT EXISTS {} PARTITION OF {table} FOR VALUES FROM ('{}') TO ('{}'){options}",
        name_of(table, number),
        floor_of(number * WIDTH),
        floor_of(ends(number)),
    )
}
