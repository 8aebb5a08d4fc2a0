//! Endpoints and their deliveries in PostgreSQL. Lines are taken without the account's lock: one that
//! a commit has in hand is passed over.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    DeliveryRow, DueRow, EndpointRow, Endpoints, LineRow, MessageRow, Outbox, Result, TakenRow, Taker, Which,
};
use super::columns::{Columns, FromColumns, instant, read_all};
use super::commit::{PostgresCommit, column};
use super::{Postgres, error, sql};
use crate::clock::Micros;

impl FromColumns for EndpointRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            endpoint: c.get()?,
            settings: c.get()?,
            state: c.get()?,
            reason: c.get()?,
            sealed: c.get()?,
            key_id: c.get()?,
            created_at: c.instant()?,
            validated_at: c.some_instant()?,
        })
    }
}

impl FromColumns for DueRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            message: c.get()?,
            kind: c.get()?,
            tries: c.get()?,
            attempts: c.get()?,
            hops: c.get()?,
            body: c.get::<Vec<u8>>()?.into(),
        })
    }
}

impl FromColumns for TakenRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { endpoint: c.get()?, claim: c.get()?, failing_since: c.some_instant()? })
    }
}

impl FromColumns for LineRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            endpoint: c.get()?,
            due_at: c.some_instant()?,
            node: c.get()?,
            claim: c.get()?,
            last_success_at: c.some_instant()?,
            failing_since: c.some_instant()?,
            hour_at: c.some_instant()?,
            made: c.get()?,
            failed: c.get()?,
        })
    }
}

/// Of an endpoint that is known.
struct Delivery(DeliveryRow);

impl FromColumns for Delivery {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self(DeliveryRow {
            message: c.get()?,
            endpoint: Uuid::nil(),
            kind: c.get()?,
            status: c.get()?,
            tries: c.get()?,
            attempts: c.get()?,
            due_at: c.some_instant()?,
        }))
    }
}

#[async_trait]
impl Endpoints for Postgres {
    async fn take_lines(&self, account: &str, taker: &Taker<'_>, limit: i64) -> Result<Vec<TakenRow>> {
        let ready = sqlx::query(sql::LINES_READY).bind(account).bind(instant(taker.now)).bind(taker.failing);
        let mut reader = self.readers.of(account).await?;
        if ready.fetch_optional(reader.connection()?).await.map_err(error::of)?.is_none() {
            return Ok(Vec::new());
        }
        drop(reader);
        let query = sqlx::query(sql::LINES_TAKE).bind(account).bind(instant(taker.now)).bind(taker.node);
        let query = query.bind(instant(taker.until_at)).bind(limit).bind(taker.failing);
        read_all(&query.fetch_all(&self.keepers).await.map_err(error::of)?)
    }

    async fn free_lines(&self, account: &str, live: &[String]) -> Result<()> {
        let query = sqlx::query(sql::LINES_LEFT).bind(account).bind(live);
        query.execute(&self.keepers).await.map(|_| ()).map_err(error::of)
    }

    async fn next_line(&self, account: &str) -> Result<Option<Micros>> {
        let mut reader = self.readers.of(account).await?;
        let query = sqlx::query(sql::LINE_NEXT).bind(account);
        let row = query.fetch_optional(reader.connection()?).await.map_err(error::of)?;
        row.map(|row| Columns::of(&row).instant()).transpose()
    }

    async fn lines(&self, account: &str, endpoints: &[Uuid]) -> Result<Vec<LineRow>> {
        self.all(account, sqlx::query(sql::LINES_NAMED).bind(account).bind(endpoints)).await
    }

    async fn due_deliveries(&self, account: &str, endpoint: Uuid, now: Micros, limit: i64) -> Result<Vec<DueRow>> {
        let query = sqlx::query(sql::DELIVERIES_DUE).bind(account).bind(endpoint);
        self.all(account, query.bind(instant(now)).bind(limit)).await
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
        let query = sqlx::query(statement).bind(account).bind(endpoint).bind(before).bind(limit);
        let rows: Vec<Delivery> = self.all(account, query).await?;
        Ok(rows.into_iter().map(|Delivery(row)| DeliveryRow { endpoint, ..row }).collect())
    }

    async fn forget_deliveries(&self, account: &str, before: Uuid, limit: i64) -> Result<bool> {
        let mut more = false;
        for statement in [sql::OLD_DELIVERIES_GONE, sql::OLD_MESSAGES_GONE] {
            let query = sqlx::query(statement).bind(account).bind(before).bind(limit);
            let done = query.execute(&self.keepers).await.map_err(error::of)?;
            more |= done.rows_affected() >= limit as u64;
        }
        Ok(more)
    }
}

#[async_trait]
impl Outbox for PostgresCommit {
    async fn put_endpoint(&mut self, row: &EndpointRow) -> Result<()> {
        let query = sqlx::query(sql::ENDPOINT_PUT)
            .bind(&row.account)
            .bind(row.endpoint)
            .bind(&row.settings)
            .bind(&row.state)
            .bind(&row.reason)
            .bind(&row.sealed)
            .bind(&row.key_id)
            .bind(instant(row.created_at))
            .bind(row.validated_at.map(instant));
        self.execute(query).await?;
        self.execute(sqlx::query(sql::LINE_PUT).bind(&row.account).bind(row.endpoint)).await.map(|_| ())
    }

    async fn delete_endpoint(&mut self, endpoint: Uuid) -> Result<()> {
        for statement in [sql::ENDPOINT_GONE, sql::LINE_GONE] {
            self.execute(sqlx::query(statement).bind(self.account()).bind(endpoint)).await?;
        }
        Ok(())
    }

    async fn put_messages(&mut self, rows: &[MessageRow]) -> Result<()> {
        let query = sqlx::query(sql::MESSAGES_ADD)
            .bind(self.account())
            .bind(column(rows, |row| row.message))
            .bind(column(rows, |row| row.kind.as_str()))
            .bind(column(rows, |row| instant(row.at)))
            .bind(column(rows, |row| row.hops))
            .bind(column(rows, |row| row.body.as_ref()));
        self.execute(query).await.map(|_| ())
    }

    async fn put_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()> {
        let query = sqlx::query(sql::DELIVERIES_ADD)
            .bind(self.account())
            .bind(column(rows, |row| row.message))
            .bind(column(rows, |row| row.endpoint))
            .bind(column(rows, |row| row.kind.as_str()))
            .bind(column(rows, |row| row.status.as_str()))
            .bind(column(rows, |row| row.tries))
            .bind(column(rows, |row| row.attempts.as_str()))
            .bind(column(rows, |row| row.due_at.map(instant)));
        self.execute(query).await.map(|_| ())
    }

    async fn ring_lines(&mut self, lines: &[(Uuid, Micros)]) -> Result<()> {
        let query = sqlx::query(sql::LINES_RING)
            .bind(self.account())
            .bind(column(lines, |(endpoint, _)| *endpoint))
            .bind(column(lines, |(_, due_at)| instant(*due_at)));
        self.execute(query).await.map(|_| ())
    }

    async fn lines(&mut self, endpoints: &[Uuid]) -> Result<Vec<LineRow>> {
        self.read(sqlx::query(sql::LINES_NAMED).bind(self.account()).bind(endpoints)).await
    }

    async fn settle_lines(&mut self, rows: &[(LineRow, bool)]) -> Result<()> {
        let query = sqlx::query(sql::LINES_SETTLE)
            .bind(self.account())
            .bind(column(rows, |(line, _)| line.endpoint))
            .bind(column(rows, |(_, active)| *active))
            .bind(column(rows, |(line, _)| line.last_success_at.map(instant)))
            .bind(column(rows, |(line, _)| line.failing_since.map(instant)))
            .bind(column(rows, |(line, _)| line.hour_at.map(instant)))
            .bind(column(rows, |(line, _)| line.made))
            .bind(column(rows, |(line, _)| line.failed));
        self.execute(query).await.map(|_| ())
    }

    async fn settle_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()> {
        let query = sqlx::query(sql::DELIVERIES_SETTLE)
            .bind(self.account())
            .bind(column(rows, |row| row.endpoint))
            .bind(column(rows, |row| row.message))
            .bind(column(rows, |row| row.status.as_str()))
            .bind(column(rows, |row| row.tries))
            .bind(column(rows, |row| row.attempts.as_str()))
            .bind(column(rows, |row| row.due_at.map(instant)));
        self.execute(query).await.map(|_| ())
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
        let rows: Vec<(Uuid,)> = self.read(query).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn resend(&mut self, endpoint: Uuid, messages: &[Uuid], now: Micros) -> Result<()> {
        let query = sqlx::query(sql::DELIVERIES_RESEND).bind(self.account()).bind(endpoint);
        self.execute(query.bind(messages).bind(instant(now))).await.map(|_| ())
    }
}
