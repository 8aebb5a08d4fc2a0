//! Connectors and subscriptions on SQLite.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::super::{
    Result,
    connections::{ConnectionChanges, Connections, ConnectorRow, SubscriptionRow},
};
use super::{
    Sqlite,
    columns::{Columns, FromColumns, read_all},
    commit::SqliteCommit,
    reads::of,
    sql,
};
use crate::clock::Micros;

impl FromColumns for ConnectorRow {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.next()?,
            name: c.next()?,
            version: c.next()?,
            source: c.next()?,
            created_at: c.next()?,
            updated_at: c.next()?,
        })
    }
}

impl FromColumns for SubscriptionRow {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            webhook: c.next()?,
            subscription: c.next()?,
            cycle_id: c.next()?,
            step: c.next()?,
            connector: c.next()?,
            event: c.next()?,
            source: c.next()?,
            fingerprint: c.next()?,
            parameters: c.next()?,
            state: c.next()?,
            seq: c.next()?,
            status: c.next()?,
            reason: c.next()?,
            attempts: c.next()?,
            made_at: c.next()?,
            refresh_at: c.next()?,
            due_at: c.next()?,
            node: c.next()?,
            claim: c.next()?,
            created_at: c.next()?,
            updated_at: c.next()?,
        })
    }
}

/// When the next one is due.
struct Due(Micros);

impl FromColumns for Due {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self(c.next()?))
    }
}

#[async_trait]
impl Connections for Sqlite {
    async fn connectors(&self, account: &str, limit: i64) -> Result<Vec<ConnectorRow>> {
        self.all(of(sql::CONNECTORS, account).bind(limit)).await
    }

    async fn subscriptions(&self, account: &str, limit: i64) -> Result<Vec<SubscriptionRow>> {
        self.all(of(sql::SUBSCRIPTIONS, account).bind(limit)).await
    }

    async fn subscriptions_at(&self, account: &str, webhook: &str) -> Result<Vec<SubscriptionRow>> {
        self.all(of(sql::SUBSCRIPTIONS_AT, account).bind(webhook.to_owned())).await
    }

    async fn subscriptions_due(&self, account: &str, now: Micros, limit: i64) -> Result<Vec<SubscriptionRow>> {
        self.all(of(sql::SUBSCRIPTIONS_DUE, account).bind(now).bind(limit)).await
    }

    async fn next_subscription(&self, account: &str) -> Result<Option<Micros>> {
        let next: Vec<Due> = self.all(of(sql::SUBSCRIPTION_NEXT, account)).await?;
        Ok(next.first().map(|due| due.0))
    }
}

#[async_trait]
impl ConnectionChanges for SqliteCommit {
    async fn kept_connectors(&mut self, limit: i64) -> Result<Vec<ConnectorRow>> {
        let text = AssertSqlSafe(self.work.text(sql::CONNECTORS));
        let query = sqlx::query(text).bind(&self.account).bind(limit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn put_connector(&mut self, row: &ConnectorRow) -> Result<()> {
        let query = sqlx::query(sql::CONNECTOR_PUT).bind(self.account.clone()).bind(&row.name).bind(row.version);
        self.execute(query.bind(&row.source).bind(row.created_at).bind(row.updated_at)).await.map(|_| ())
    }

    async fn all_subscriptions(&mut self, limit: i64) -> Result<Vec<SubscriptionRow>> {
        let text = AssertSqlSafe(self.work.text(sql::SUBSCRIPTIONS));
        let query = sqlx::query(text).bind(&self.account).bind(limit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn webhook_subscriptions(&mut self, webhook: &str) -> Result<Vec<SubscriptionRow>> {
        let text = AssertSqlSafe(self.work.text(sql::SUBSCRIPTIONS_AT));
        let query = sqlx::query(text).bind(&self.account).bind(webhook);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn put_subscription(&mut self, row: &SubscriptionRow) -> Result<()> {
        let query = sqlx::query(sql::SUBSCRIPTION_PUT)
            .bind(self.account.clone())
            .bind(&row.webhook)
            .bind(row.subscription)
            .bind(row.cycle_id)
            .bind(&row.step)
            .bind(&row.connector)
            .bind(&row.event)
            .bind(&row.source)
            .bind(&row.fingerprint)
            .bind(&row.parameters)
            .bind(&row.state)
            .bind(row.seq)
            .bind(&row.status)
            .bind(&row.reason)
            .bind(row.attempts)
            .bind(row.made_at)
            .bind(row.refresh_at)
            .bind(row.due_at)
            .bind(&row.node)
            .bind(row.claim)
            .bind(row.created_at)
            .bind(row.updated_at);
        self.execute(query).await.map(|_| ())
    }

    async fn drop_subscription(&mut self, webhook: &str, subscription: Uuid) -> Result<()> {
        let query = sqlx::query(sql::SUBSCRIPTION_GONE).bind(self.account.clone()).bind(webhook);
        self.execute(query.bind(subscription)).await.map(|_| ())
    }
}
