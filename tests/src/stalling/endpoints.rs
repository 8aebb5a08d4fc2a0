//! Endpoints, as the store within has them.

use async_trait::async_trait;
use holdfast_engine::store::*;

use super::{Micros, Stalling, StallingCommit, Uuid};

#[async_trait]
impl Endpoints for Stalling {
    async fn take_lines(&self, account: &str, taker: &Taker<'_>, limit: i64) -> Result<Vec<TakenRow>> {
        self.inner.take_lines(account, taker, limit).await
    }

    async fn free_lines(&self, account: &str, live: &[String]) -> Result<()> {
        self.inner.free_lines(account, live).await
    }

    async fn next_line(&self, account: &str) -> Result<Option<Micros>> {
        self.inner.next_line(account).await
    }

    async fn lines(&self, account: &str, endpoints: &[Uuid]) -> Result<Vec<LineRow>> {
        self.inner.lines(account, endpoints).await
    }

    async fn due_deliveries(&self, account: &str, endpoint: Uuid, now: Micros, limit: i64) -> Result<Vec<DueRow>> {
        self.inner.due_deliveries(account, endpoint, now, limit).await
    }

    async fn deliveries(
        &self,
        account: &str,
        endpoint: Uuid,
        which: Which,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>> {
        self.inner.deliveries(account, endpoint, which, before, limit).await
    }

    async fn forget_deliveries(&self, account: &str, before: Uuid, limit: i64) -> Result<bool> {
        self.inner.forget_deliveries(account, before, limit).await
    }
}

#[async_trait]
impl Outbox for StallingCommit {
    async fn put_endpoint(&mut self, row: &EndpointRow) -> Result<()> {
        self.inner.put_endpoint(row).await
    }

    async fn delete_endpoint(&mut self, endpoint: Uuid) -> Result<()> {
        self.inner.delete_endpoint(endpoint).await
    }

    async fn put_messages(&mut self, rows: &[MessageRow]) -> Result<()> {
        self.inner.put_messages(rows).await
    }

    async fn put_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()> {
        self.inner.put_deliveries(rows).await
    }

    async fn ring_lines(&mut self, lines: &[(Uuid, Micros)]) -> Result<()> {
        self.inner.ring_lines(lines).await
    }

    async fn lines(&mut self, endpoints: &[Uuid]) -> Result<Vec<LineRow>> {
        self.inner.lines(endpoints).await
    }

    async fn settle_lines(&mut self, rows: &[(LineRow, bool)]) -> Result<()> {
        self.inner.settle_lines(rows).await
    }

    async fn settle_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()> {
        self.inner.settle_deliveries(rows).await
    }

    async fn drop_deliveries(&mut self, endpoint: Uuid, limit: i64) -> Result<bool> {
        self.inner.drop_deliveries(endpoint, limit).await
    }

    async fn messages_of(&mut self, endpoint: Uuid, which: Which, from: Uuid, limit: i64) -> Result<Vec<Uuid>> {
        self.inner.messages_of(endpoint, which, from, limit).await
    }

    async fn resend(&mut self, endpoint: Uuid, messages: &[Uuid], now: Micros) -> Result<()> {
        self.inner.resend(endpoint, messages, now).await
    }
}
