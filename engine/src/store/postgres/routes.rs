//! Shared webhooks on PostgreSQL.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    HitRow, Result,
    routes::{ClaimQuery, ClaimRow, FanOutRow, HitEventRow, RouteChanges, Routes, SharedRow},
};
use super::{
    Postgres,
    columns::{Columns, FromColumns, instant},
    commit::PostgresCommit,
    sql,
};

impl FromColumns for SharedRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            webhook: c.get()?,
            name: c.get()?,
            settings: c.get()?,
            route: c.get()?,
            fan_out: c.get()?,
            created_at: c.instant()?,
            paused_at: c.some_instant()?,
            deleted_at: c.some_instant()?,
        })
    }
}

impl FromColumns for ClaimRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        let (webhook, value_hash, claimant) = (c.get()?, c.get()?, c.get()?);
        Ok(Self { webhook, value_hash, claimant, value: c.get()?, created_at: c.instant()? })
    }
}

impl FromColumns for FanOutRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { hit: c.get()?, claimant: c.get()?, webhook: c.get()?, told: c.get()? })
    }
}

impl FromColumns for HitEventRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        let (parent, event, webhook) = (c.get()?, c.get()?, c.get()?);
        Ok(Self { parent, event, webhook, hit: c.get()?, expires_at: c.instant()? })
    }
}

#[async_trait]
impl Routes for Postgres {
    async fn claims_of(&self, owner: &str, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>> {
        self.all(owner, sqlx::query(sql::CLAIMS_OF).bind(owner).bind(webhook).bind(value_hash).bind(limit)).await
    }

    async fn claims(&self, owner: &str, query: &ClaimQuery) -> Result<Vec<ClaimRow>> {
        let (hash, after) = &query.after;
        let bound = match &query.claimant {
            Some(claimant) => sqlx::query(sql::CLAIMS_BY).bind(owner).bind(&query.webhook).bind(claimant).bind(after),
            None => sqlx::query(sql::CLAIMS).bind(owner).bind(&query.webhook).bind(hash).bind(after),
        };
        self.all(owner, bound.bind(query.limit)).await
    }

    async fn fan_outs(&self, owner: &str, after: Uuid, limit: i64) -> Result<Vec<FanOutRow>> {
        self.all(owner, sqlx::query(sql::FAN_OUTS).bind(owner).bind(after).bind(limit)).await
    }

    async fn hit_rows(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Vec<HitRow>> {
        self.all(account, sqlx::query(sql::HIT_OF).bind(account).bind(webhooks).bind(hit)).await
    }

    async fn hit_events(&self, account: &str, parent: Uuid) -> Result<Vec<HitEventRow>> {
        self.all(account, sqlx::query(sql::HIT_EVENTS).bind(account).bind(parent)).await
    }
}

#[async_trait]
impl RouteChanges for PostgresCommit {
    async fn put_shared(&mut self, row: &SharedRow) -> Result<()> {
        let query = sqlx::query(sql::SHARED_PUT)
            .bind(&row.account)
            .bind(&row.webhook)
            .bind(&row.name)
            .bind(&row.settings)
            .bind(&row.route)
            .bind(row.fan_out)
            .bind(instant(row.created_at))
            .bind(row.paused_at.map(instant))
            .bind(row.deleted_at.map(instant));
        self.execute(query).await.map(|_| ())
    }

    async fn claimants(&mut self, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>> {
        let query = sqlx::query(sql::CLAIMS_OF).bind(self.account()).bind(webhook).bind(value_hash);
        self.read(query.bind(limit)).await
    }

    async fn put_claim(&mut self, row: &ClaimRow) -> Result<()> {
        let query = sqlx::query(sql::CLAIM_PUT).bind(self.account()).bind(&row.webhook).bind(&row.value_hash);
        self.execute(query.bind(&row.claimant).bind(&row.value).bind(instant(row.created_at))).await.map(|_| ())
    }

    async fn drop_claim(&mut self, webhook: &str, value_hash: &[u8], claimant: &str) -> Result<bool> {
        let query = sqlx::query(sql::CLAIM_GONE).bind(self.account()).bind(webhook).bind(value_hash);
        Ok(self.execute(query.bind(claimant)).await? > 0)
    }

    async fn drop_claims(&mut self, webhook: &str) -> Result<()> {
        self.execute(sqlx::query(sql::CLAIMS_GONE).bind(self.account()).bind(webhook)).await.map(|_| ())
    }

    async fn fan_out(&mut self, hit: Uuid) -> Result<Vec<FanOutRow>> {
        self.read(sqlx::query(sql::FAN_OUT_OF).bind(self.account()).bind(hit)).await
    }

    async fn put_fan_out(&mut self, row: &FanOutRow) -> Result<()> {
        let query = sqlx::query(sql::FAN_OUT_PUT).bind(self.account()).bind(row.hit).bind(&row.claimant);
        self.execute(query.bind(&row.webhook).bind(&row.told)).await.map(|_| ())
    }

    async fn drop_fan_out(&mut self, hit: Uuid) -> Result<()> {
        self.execute(sqlx::query(sql::FAN_OUT_GONE).bind(self.account()).bind(hit)).await.map(|_| ())
    }

    async fn put_hit_event(&mut self, row: &HitEventRow) -> Result<()> {
        let query = sqlx::query(sql::HIT_EVENT_PUT).bind(self.account()).bind(row.parent).bind(row.event);
        self.execute(query.bind(&row.webhook).bind(row.hit).bind(instant(row.expires_at))).await.map(|_| ())
    }
}
