//! Tallies on SQLite: between commits, through the one writer.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    Result,
    tallies::{Tallies, TallyCounts, TallyRow},
};
use super::{
    Sqlite,
    columns::{Columns, FromColumns},
    reads::of,
    sheet::Sheet,
    sql,
    writer::Work,
};
use crate::clock::Micros;

impl FromColumns for TallyRow {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            cycle_id: c.next()?,
            step: String::new(),
            hour: c.next()?,
            counts: TallyCounts {
                hits: c.next()?,
                started: c.next()?,
                completed: c.next()?,
                passed: 0,
                failed: c.next()?,
            },
        })
    }
}

impl FromColumns for (String, i64, i64) {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.next()?, c.next()?, c.next()?))
    }
}

#[async_trait]
impl Tallies for Sqlite {
    async fn add_tallies(&self, node: &str, tallies: &[(String, Vec<TallyRow>)]) -> Result<()> {
        let mut work = Work::begin(&self.writer).await?;
        for (account, rows) in tallies {
            let rows = Sheet::of(rows, |row, tally| {
                let counts = &tally.counts;
                row.id(tally.cycle_id).text(&tally.step).int(tally.hour).int(counts.hits).int(counts.started);
                row.int(counts.completed).int(counts.passed).int(counts.failed);
            });
            let query = sqlx::query(sql::TALLIES_ADD).bind(account.clone()).bind(rows.finish().0);
            let query = query.bind(node.to_owned());
            query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        }
        work.commit().await
    }

    async fn tallies(&self, account: &str, cycles: &[Uuid], from: Micros) -> Result<Vec<TallyRow>> {
        let names = Sheet::of(cycles, |row, id| {
            row.id(*id);
        });
        self.all(of(sql::TALLIES, account).bind(names.finish().0).bind(from)).await
    }

    async fn step_tallies(&self, account: &str, cycle_id: Uuid, from: Micros) -> Result<Vec<(String, i64, i64)>> {
        self.all(of(sql::STEP_TALLIES, account).bind(cycle_id).bind(from)).await
    }

    async fn forget_tallies(&self, account: &str, before: Micros, limit: i64) -> Result<bool> {
        // Most often there is nothing, and the writer is left alone.
        let mut reader = self.reader().await?;
        let oldest = sqlx::query_scalar::<_, Micros>(sql::TALLIES_OLDEST).bind(account);
        let oldest = oldest.fetch_optional(&mut *reader).await.map_err(super::error::of)?;
        if oldest.is_none_or(|oldest| oldest >= before) {
            return Ok(false);
        }
        let mut work = Work::begin(&self.writer).await?;
        let query = sqlx::query(sql::TALLIES_GONE).bind(account).bind(before).bind(limit);
        let done = query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        work.commit().await?;
        Ok(done.rows_affected() >= limit as u64)
    }
}
