//! Connectors and subscriptions on PostgreSQL.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    Result,
    connections::{ConnectionChanges, Connections, ConnectorRow, SubscriptionRow},
};
use super::{
    Postgres,
    columns::{Columns, FromColumns, instant},
    commit::PostgresCommit,
    sql,
};
use crate::clock::Micros;

impl FromColumns for ConnectorRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            name: c.get()?,
            version: c.get()?,
            source: c.get()?,
            created_at: c.instant()?,
            updated_at: c.instant()?,
        })
    }
}

impl FromColumns for SubscriptionRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            webhook: c.get()?,
            subscription: c.get()?,
            cycle_id: c.get()?,
            step: c.get()?,
            connector: c.get()?,
            event: c.get()?,
            source: c.get()?,
            fingerprint: c.get()?,
            parameters: c.get()?,
            state: c.get()?,
            seq: c.get()?,
            status: c.get()?,
            reason: c.get()?,
            attempts: c.get()?,
            made_at: c.some_instant()?,
            refresh_at: c.some_instant()?,
            due_at: c.some_instant()?,
            node: c.get()?,
            claim: c.get()?,
            created_at: c.instant()?,
            updated_at: c.instant()?,
        })
    }
}

/// When the next one is due.
struct Due(Micros);

impl FromColumns for Due {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self(c.instant()?))
    }
}

#[async_trait]
impl Connections for Postgres {
    async fn connectors(&self, account: &str, limit: i64) -> Result<Vec<ConnectorRow>> {
        self.all(account, sqlx::query(sql::CONNECTORS).bind(account).bind(limit)).await
    }

    async fn subscriptions(&self, account: &str, limit: i64) -> Result<Vec<SubscriptionRow>> {
        self.all(account, sqlx::query(sql::SUBSCRIPTIONS).bind(account).bind(limit)).await
    }

    async fn subscriptions_at(&self, account: &str, webhook: &str) -> Result<Vec<SubscriptionRow>> {
        self.all(account, sqlx::query(sql::SUBSCRIPTIONS_AT).bind(account).bind(webhook)).await
    }

    async fn subscriptions_due(&self, account: &str, now: Micros, limit: i64) -> Result<Vec<SubscriptionRow>> {
        self.all(account, sqlx::query(sql::SUBSCRIPTIONS_DUE).bind(account).bind(instant(now)).bind(limit)).await
    }

    async fn next_subscription(&self, account: &str) -> Result<Option<Micros>> {
        let next: Vec<Due> = self.all(account, sqlx::query(sql::SUBSCRIPTION_NEXT).bind(account)).await?;
        Ok(next.first().map(|due| due.0))
    }
}

#[async_trait]
impl ConnectionChanges for PostgresCommit {
    async fn kept_connectors(&mut self, limit: i64) -> Result<Vec<ConnectorRow>> {
        let query = sqlx::query(sql::CONNECTORS).bind(self.account());
        self.read(query.bind(limit)).await
    }

    async fn put_connector(&mut self, row: &ConnectorRow) -> Result<()> {
        let query = sqlx::query(sql::CONNECTOR_PUT).bind(self.account()).bind(&row.name).bind(row.version);
        let query = query.bind(&row.source).bind(instant(row.created_at)).bind(instant(row.updated_at));
        self.execute(query).await.map(|_| ())
    }

    async fn all_subscriptions(&mut self, limit: i64) -> Result<Vec<SubscriptionRow>> {
        let query = sqlx::query(sql::SUBSCRIPTIONS).bind(self.account());
        self.read(query.bind(limit)).await
    }

    async fn webhook_subscriptions(&mut self, webhook: &str) -> Result<Vec<SubscriptionRow>> {
        let query = sqlx::query(sql::SUBSCRIPTIONS_AT).bind(self.account());
        self.read(query.bind(webhook)).await
    }

    async fn put_subscription(&mut self, row: &SubscriptionRow) -> Result<()> {
        let query = sqlx::query(sql::SUBSCRIPTION_PUT)
            .bind(self.account())
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
            .bind(row.made_at.map(instant))
            .bind(row.refresh_at.map(instant))
            .bind(row.due_at.map(instant))
            .bind(&row.node)
            .bind(row.claim)
            .bind(instant(row.created_at))
            .bind(instant(row.updated_at));
        self.execute(query).await.map(|_| ())
    }

    async fn drop_subscription(&mut self, webhook: &str, subscription: Uuid) -> Result<()> {
        let query = sqlx::query(sql::SUBSCRIPTION_GONE).bind(self.account()).bind(webhook);
        self.execute(query.bind(subscription)).await.map(|_| ())
    }
}
