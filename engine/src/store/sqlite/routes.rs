//! Shared webhooks on SQLite.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::super::{
    HitRow, Result,
    routes::{ClaimQuery, ClaimRow, FanOutRow, HitEventRow, RouteChanges, Routes, SharedRow},
};
use super::{
    Sqlite,
    columns::{Columns, FromColumns, read_all},
    commit::SqliteCommit,
    reads::of,
    sheet::Sheet,
    sql,
};

impl FromColumns for SharedRow {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.next()?,
            webhook: c.next()?,
            name: c.next()?,
            settings: c.next()?,
            route: c.next()?,
            fan_out: c.next()?,
            created_at: c.next()?,
            paused_at: c.next()?,
            deleted_at: c.next()?,
        })
    }
}

impl FromColumns for ClaimRow {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        let (webhook, value_hash, claimant) = (c.next()?, c.next()?, c.next()?);
        Ok(Self { webhook, value_hash, claimant, value: c.next()?, created_at: c.next()? })
    }
}

impl FromColumns for FanOutRow {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { hit: c.next()?, claimant: c.next()?, webhook: c.next()?, told: c.next()? })
    }
}

impl FromColumns for HitEventRow {
    fn read(c: &mut Columns<'_>) -> Result<Self> {
        let (parent, event, webhook) = (c.next()?, c.next()?, c.next()?);
        Ok(Self { parent, event, webhook, hit: c.next()?, expires_at: c.next()? })
    }
}

#[async_trait]
impl Routes for Sqlite {
    async fn claims_of(&self, owner: &str, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>> {
        let query = of(sql::CLAIMS_OF, owner).bind(webhook.to_owned()).bind(value_hash.to_vec());
        self.all(query.bind(limit)).await
    }

    async fn claims(&self, owner: &str, query: &ClaimQuery) -> Result<Vec<ClaimRow>> {
        let (hash, after) = query.after.clone();
        let bound = match query.claimant.clone() {
            Some(claimant) => of(sql::CLAIMS_BY, owner).bind(query.webhook.clone()).bind(claimant).bind(after),
            None => of(sql::CLAIMS, owner).bind(query.webhook.clone()).bind(hash).bind(after),
        };
        self.all(bound.bind(query.limit)).await
    }

    async fn fan_outs(&self, owner: &str, after: Uuid, limit: i64) -> Result<Vec<FanOutRow>> {
        self.all(of(sql::FAN_OUTS, owner).bind(after).bind(limit)).await
    }

    async fn hit_rows(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Vec<HitRow>> {
        let names = Sheet::of(webhooks, |row, webhook| {
            row.text(webhook).id(hit);
        });
        self.all(of(sql::HITS_NAMED, account).bind(names.finish().0)).await
    }

    async fn hit_events(&self, account: &str, parent: Uuid) -> Result<Vec<HitEventRow>> {
        self.all(of(sql::HIT_EVENTS, account).bind(parent)).await
    }
}

#[async_trait]
impl RouteChanges for SqliteCommit {
    async fn put_shared(&mut self, row: &SharedRow) -> Result<()> {
        let query = sqlx::query(sql::SHARED_PUT).bind(&row.account).bind(&row.webhook).bind(&row.name);
        let query = query.bind(&row.settings).bind(&row.route).bind(row.fan_out).bind(row.created_at);
        self.execute(query.bind(row.paused_at).bind(row.deleted_at)).await.map(|_| ())
    }

    async fn claimants(&mut self, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>> {
        let text = AssertSqlSafe(self.work.text(sql::CLAIMS_OF));
        let query = sqlx::query(text).bind(&self.account).bind(webhook).bind(value_hash.to_vec()).bind(limit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn put_claim(&mut self, row: &ClaimRow) -> Result<()> {
        let query = sqlx::query(sql::CLAIM_PUT).bind(self.account.clone()).bind(&row.webhook);
        let query = query.bind(row.value_hash.clone()).bind(&row.claimant).bind(&row.value).bind(row.created_at);
        self.execute(query).await.map(|_| ())
    }

    async fn drop_claim(&mut self, webhook: &str, value_hash: &[u8], claimant: &str) -> Result<bool> {
        let query = sqlx::query(sql::CLAIM_GONE).bind(self.account.clone()).bind(webhook);
        Ok(self.execute(query.bind(value_hash.to_vec()).bind(claimant)).await? > 0)
    }

    async fn drop_claims(&mut self, webhook: &str) -> Result<()> {
        self.execute(sqlx::query(sql::CLAIMS_GONE).bind(self.account.clone()).bind(webhook)).await.map(|_| ())
    }

    async fn fan_out(&mut self, hit: Uuid) -> Result<Vec<FanOutRow>> {
        let text = AssertSqlSafe(self.work.text(sql::FAN_OUT_OF));
        let query = sqlx::query(text).bind(&self.account).bind(hit);
        let rows = query.fetch_all(self.work.connection()?).await.map_err(|cause| self.work.failed(cause))?;
        read_all(&rows)
    }

    async fn put_fan_out(&mut self, row: &FanOutRow) -> Result<()> {
        let query = sqlx::query(sql::FAN_OUT_PUT).bind(self.account.clone()).bind(row.hit);
        self.execute(query.bind(&row.claimant).bind(&row.webhook).bind(&row.told)).await.map(|_| ())
    }

    async fn drop_fan_out(&mut self, hit: Uuid) -> Result<()> {
        self.execute(sqlx::query(sql::FAN_OUT_GONE).bind(self.account.clone()).bind(hit)).await.map(|_| ())
    }

    async fn put_hit_event(&mut self, row: &HitEventRow) -> Result<()> {
        let query = sqlx::query(sql::HIT_EVENT_PUT).bind(self.account.clone()).bind(row.parent).bind(row.event);
        self.execute(query.bind(&row.webhook).bind(row.hit).bind(row.expires_at)).await.map(|_| ())
    }
}
