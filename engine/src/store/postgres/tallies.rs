//! Tallies on PostgreSQL: on a keeper's connection, which holds no account's lock.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    Result,
    tallies::{Tallies, TallyCounts, TallyRow},
};
use super::{
    Postgres,
    columns::{Columns, FromColumns, instant},
    error, sql,
};
use crate::clock::Micros;

impl FromColumns for TallyRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            cycle_id: c.get()?,
            step: String::new(),
            hour: c.instant()?,
            counts: TallyCounts { hits: c.get()?, started: c.get()?, completed: c.get()?, passed: 0, failed: c.get()? },
        })
    }
}

impl FromColumns for (String, i64, i64) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.get()?, c.get()?, c.get()?))
    }
}

#[async_trait]
impl Tallies for Postgres {
    async fn add_tallies(&self, node: &str, tallies: &[(String, Vec<TallyRow>)]) -> Result<()> {
        let mut work = self.keepers.begin().await.map_err(error::of)?;
        for (account, rows) in tallies {
            let column = |of: fn(&TallyCounts) -> i64| rows.iter().map(|row| of(&row.counts)).collect::<Vec<i64>>();
            let query = sqlx::query(sql::TALLIES_ADD)
                .bind(account)
                .bind(rows.iter().map(|row| row.cycle_id).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.step.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| instant(row.hour)).collect::<Vec<_>>())
                .bind(column(|counts| counts.hits))
                .bind(column(|counts| counts.started))
                .bind(column(|counts| counts.completed))
                .bind(column(|counts| counts.passed))
                .bind(column(|counts| counts.failed))
                .bind(node);
            query.execute(&mut *work).await.map_err(error::of)?;
        }
        work.commit().await.map_err(error::of)
    }

    async fn tallies(&self, account: &str, cycles: &[Uuid], from: Micros) -> Result<Vec<TallyRow>> {
        self.all(account, sqlx::query(sql::TALLIES).bind(account).bind(cycles).bind(instant(from))).await
    }

    async fn step_tallies(&self, account: &str, cycle_id: Uuid, from: Micros) -> Result<Vec<(String, i64, i64)>> {
        self.all(account, sqlx::query(sql::STEP_TALLIES).bind(account).bind(cycle_id).bind(instant(from))).await
    }

    async fn forget_tallies(&self, account: &str, before: Micros, limit: i64) -> Result<bool> {
        let query = sqlx::query(sql::TALLIES_GONE).bind(account).bind(instant(before)).bind(limit);
        let done = query.execute(&self.keepers).await.map_err(error::of)?;
        Ok(done.rows_affected() >= limit as u64)
    }
}
