//! Endpoints and their deliveries on SQLite. There is one process: a line that another has is one of
//! an earlier life.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    DeliveryRow, DueRow, EndpointRow, Endpoints, LineRow, MessageRow, Outbox, Result, TakenRow, Taker, Which,
};
use super::columns::{Columns, FromColumns, in_order, read_all};
use super::commit::SqliteCommit;
use super::sheet::Sheet;
use super::writer::Work;
use super::{Sqlite, error, sql};
use crate::clock::Micros;

in_order!(EndpointRow { account, endpoint, settings, state, reason, sealed, key_id, created_at, validated_at });
in_order!(DueRow { message, kind, tries, attempts, hops, body from Vec<u8> });
in_order!(TakenRow { endpoint, claim, failing_since });
in_order!(LineRow { endpoint, due_at, node, claim, last_success_at, failing_since, hour_at, made, failed });

/// Of an endpoint that is known.
struct Delivery(DeliveryRow);

impl FromColumns for Delivery {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self(DeliveryRow {
            message: columns.next()?,
            endpoint: Uuid::nil(),
            kind: columns.next()?,
            status: columns.next()?,
            tries: columns.next()?,
            attempts: columns.next()?,
            due_at: columns.next()?,
        }))
    }
}

impl FromColumns for (Uuid,) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((columns.next()?,))
    }
}

fn ids(ids: &[Uuid]) -> Vec<u8> {
    let sheet = Sheet::of(ids, |row, id| {
        row.id(*id);
    });
    sheet.finish().0
}

#[async_trait]
impl Endpoints for Sqlite {
    async fn take_lines(&self, account: &str, taker: &Taker<'_>, limit: i64) -> Result<Vec<TakenRow>> {
        // Without the writer, where there is nothing.
        let ready = sqlx::query(sql::LINES_READY).bind(account.to_owned()).bind(taker.now).bind(taker.failing);
        if self.all::<(Uuid,)>(ready).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut work = Work::begin(&self.writer).await?;
        let query = sqlx::query(sql::LINES_TAKE).bind(account.to_owned()).bind(taker.now).bind(taker.node.to_owned());
        let query = query.bind(taker.until_at).bind(limit).bind(taker.failing);
        let rows = query.fetch_all(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        work.commit().await?;
        read_all(&rows)
    }

    async fn free_lines(&self, account: &str, live: &[String]) -> Result<()> {
        let mut work = Work::begin(&self.writer).await?;
        let query = sqlx::query(sql::LINES_LEFT).bind(account.to_owned()).bind(live.first().cloned());
        query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
        work.commit().await
    }

    async fn next_line(&self, account: &str) -> Result<Option<Micros>> {
        let mut reader = self.reader().await?;
        let query = sqlx::query_scalar(sql::LINE_NEXT).bind(account);
        query.fetch_optional(&mut *reader).await.map_err(error::of)
    }

    async fn lines(&self, account: &str, endpoints: &[Uuid]) -> Result<Vec<LineRow>> {
        self.all(sqlx::query(sql::LINES_NAMED).bind(account.to_owned()).bind(ids(endpoints))).await
    }

    async fn due_deliveries(&self, account: &str, endpoint: Uuid, now: Micros, limit: i64) -> Result<Vec<DueRow>> {
        let query = sqlx::query(sql::DELIVERIES_DUE).bind(account.to_owned()).bind(endpoint);
        self.all(query.bind(now).bind(limit)).await
    }

    async fn deliveries(
        &self,
        account: &str,
        endpoint: Uuid,
        which: Which,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>> {
        let statement = match which {
            Which::All => sql::DELIVERIES,
            Which::Missed => sql::DELIVERIES_MISSED,
        };
        let query = sqlx::query(statement).bind(account.to_owned()).bind(endpoint).bind(before).bind(limit);
        let rows: Vec<Delivery> = self.all(query).await?;
        Ok(rows.into_iter().map(|Delivery(row)| DeliveryRow { endpoint, ..row }).collect())
    }

    async fn forget_deliveries(&self, account: &str, before: Uuid, limit: i64) -> Result<bool> {
        let mut more = false;
        for statement in [sql::OLD_DELIVERIES_GONE, sql::OLD_MESSAGES_GONE] {
            let mut work = Work::begin(&self.writer).await?;
            let query = sqlx::query(statement).bind(account.to_owned()).bind(before).bind(limit);
            let done = query.execute(work.connection()?).await.map_err(|cause| work.failed(cause))?;
            work.commit().await?;
            more |= done.rows_affected() >= limit as u64;
        }
        Ok(more)
    }
}

#[async_trait]
impl Outbox for SqliteCommit {
    async fn put_endpoint(&mut self, row: &EndpointRow) -> Result<()> {
        let query = sqlx::query(sql::ENDPOINT_PUT).bind(row.account.clone()).bind(row.endpoint);
        let query = query.bind(row.settings.clone()).bind(row.state.clone()).bind(row.reason.clone());
        let query = query.bind(row.sealed.clone()).bind(row.key_id.clone());
        self.execute(query.bind(row.created_at).bind(row.validated_at)).await?;
        self.execute(sqlx::query(sql::LINE_PUT).bind(row.account.clone()).bind(row.endpoint)).await.map(|_| ())
    }

    async fn delete_endpoint(&mut self, endpoint: Uuid) -> Result<()> {
        for statement in [sql::ENDPOINT_GONE, sql::LINE_GONE] {
            self.execute(sqlx::query(statement).bind(self.account()).bind(endpoint)).await?;
        }
        Ok(())
    }

    async fn put_messages(&mut self, rows: &[MessageRow]) -> Result<()> {
        let sheet = Sheet::of(rows, |row, message| {
            row.id(message.message).text(&message.kind).int(message.at).int(message.hops).large(&message.body);
        });
        self.execute_sheet(sql::MESSAGES_ADD, sheet).await
    }

    async fn put_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()> {
        let sheet = Sheet::of(rows, |row, delivery| {
            row.id(delivery.message).id(delivery.endpoint).text(&delivery.kind).text(&delivery.status);
            row.int(delivery.tries).large(delivery.attempts.as_bytes()).maybe_instant(delivery.due_at);
        });
        self.execute_sheet(sql::DELIVERIES_ADD, sheet).await
    }

    async fn ring_lines(&mut self, lines: &[(Uuid, Micros)]) -> Result<()> {
        let sheet = Sheet::of(lines, |row, (endpoint, due_at)| {
            row.id(*endpoint).int(*due_at);
        });
        let query = sqlx::query(sql::LINES_RING).bind(self.account()).bind(sheet.finish().0);
        self.execute(query).await.map(|_| ())
    }

    async fn lines(&mut self, endpoints: &[Uuid]) -> Result<Vec<LineRow>> {
        let sheet = Sheet::of(endpoints, |row, id| {
            row.id(*id);
        });
        self.read(sql::LINES_NAMED, sheet).await
    }

    async fn settle_lines(&mut self, rows: &[(LineRow, bool)]) -> Result<()> {
        let sheet = Sheet::of(rows, |row, (line, active)| {
            row.id(line.endpoint).int(*active).maybe_instant(line.last_success_at);
            row.maybe_instant(line.failing_since).maybe_instant(line.hour_at).int(line.made).int(line.failed);
        });
        let query = sqlx::query(sql::LINES_SETTLE).bind(self.account()).bind(sheet.finish().0);
        self.execute(query).await.map(|_| ())
    }

    async fn settle_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()> {
        let sheet = Sheet::of(rows, |row, delivery| {
            row.id(delivery.endpoint).id(delivery.message).text(&delivery.status).int(delivery.tries);
            row.large(delivery.attempts.as_bytes()).maybe_instant(delivery.due_at);
        });
        self.execute_sheet(sql::DELIVERIES_SETTLE, sheet).await
    }

    async fn drop_deliveries(&mut self, endpoint: Uuid, limit: i64) -> Result<bool> {
        let query = sqlx::query(sql::DELIVERIES_DROP).bind(self.account()).bind(endpoint).bind(limit);
        Ok(self.execute(query).await? >= limit as u64)
    }

    async fn messages_of(&mut self, endpoint: Uuid, which: Which, from: Uuid, limit: i64) -> Result<Vec<Uuid>> {
        let statement = match which {
            Which::All => sql::DELIVERIES_FROM,
            Which::Missed => sql::MISSED_FROM,
        };
        let query = sqlx::query(statement).bind(self.account()).bind(endpoint).bind(from).bind(limit);
        Ok(self.rows::<(Uuid,)>(query).await?.into_iter().map(|(id,)| id).collect())
    }

    async fn resend(&mut self, endpoint: Uuid, messages: &[Uuid], now: Micros) -> Result<()> {
        let sheet = Sheet::of(messages, |row, message| {
            row.id(endpoint).id(*message);
        });
        let query = sqlx::query(sql::DELIVERIES_RESEND).bind(self.account()).bind(sheet.finish().0).bind(now);
        self.execute(query).await.map(|_| ())
    }
}
