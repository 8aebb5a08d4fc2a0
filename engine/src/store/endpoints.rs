//! Endpoints and what they are told: the outbox, and the lines out of which it is delivered.
//!
//! Invariant: a message and its deliveries are written in the commit that made the event. What came of
//! a delivery is written in a commit too, so that whoever lets go of a line sees every delivery of it;
//! only taking a line goes without the account's lock.

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use super::Result;
use crate::clock::Micros;

#[derive(Clone, Debug, PartialEq)]
pub struct EndpointRow {
    pub account: String,
    pub endpoint: Uuid,
    /// JSON.
    pub settings: String,
    pub state: String,
    pub reason: Option<String>,
    pub sealed: Vec<u8>,
    pub key_id: String,
    pub created_at: Micros,
    pub validated_at: Option<Micros>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    pub message: Uuid,
    pub kind: String,
    pub at: Micros,
    pub hops: i32,
    pub body: Bytes,
}

/// A delivery as it is made or shown.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRow {
    pub message: Uuid,
    pub endpoint: Uuid,
    pub kind: String,
    pub status: String,
    pub tries: i32,
    /// JSON.
    pub attempts: String,
    pub due_at: Option<Micros>,
}

/// A delivery whose time has come, with what is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct DueRow {
    pub message: Uuid,
    pub kind: String,
    pub tries: i32,
    pub attempts: String,
    pub hops: i32,
    pub body: Bytes,
}

/// Who takes lines, and until when at most.
#[derive(Clone, Debug)]
pub struct Taker<'a> {
    pub node: &'a str,
    pub now: Micros,
    pub until_at: Micros,
    /// Lines of endpoints that are failing too.
    pub failing: bool,
}

/// A line that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenRow {
    pub endpoint: Uuid,
    pub claim: i64,
    pub failing_since: Option<Micros>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LineRow {
    pub endpoint: Uuid,
    pub due_at: Option<Micros>,
    pub node: Option<String>,
    pub claim: i64,
    pub last_success_at: Option<Micros>,
    pub failing_since: Option<Micros>,
    pub hour_at: Option<Micros>,
    pub made: i32,
    pub failed: i32,
}

/// Which deliveries of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Failed, or not made since the endpoint was not active.
    Missed,
}

/// The part of [`super::Store`] that is about endpoints.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Takes lines that are due and that nobody has.
    async fn take_lines(&self, account: &str, taker: &Taker<'_>, limit: i64) -> Result<Vec<TakenRow>>;
    /// Frees the lines of processes that are none of these.
    async fn free_lines(&self, account: &str, live: &[String]) -> Result<()>;
    /// The instant of the earliest line.
    async fn next_line(&self, account: &str) -> Result<Option<Micros>>;
    /// Those of these endpoints.
    async fn lines(&self, account: &str, endpoints: &[Uuid]) -> Result<Vec<LineRow>>;
    /// In the order in which they fell due.
    async fn due_deliveries(&self, account: &str, endpoint: Uuid, now: Micros, limit: i64) -> Result<Vec<DueRow>>;
    /// Newest first, ids below `before`.
    async fn deliveries(
        &self,
        account: &str,
        endpoint: Uuid,
        which: Which,
        before: Uuid,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>>;
    /// Removes messages and deliveries with ids below this one, a bounded number; true where more is left.
    async fn forget_deliveries(&self, account: &str, before: Uuid, limit: i64) -> Result<bool>;
}

/// The part of [`super::Commit`] that is about endpoints.
#[async_trait]
pub trait Outbox: Send {
    async fn put_endpoint(&mut self, row: &EndpointRow) -> Result<()>;
    /// With its line.
    async fn delete_endpoint(&mut self, endpoint: Uuid) -> Result<()>;
    async fn put_messages(&mut self, rows: &[MessageRow]) -> Result<()>;
    async fn put_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()>;
    /// These lines are due then at the latest.
    async fn ring_lines(&mut self, lines: &[(Uuid, Micros)]) -> Result<()>;
    async fn lines(&mut self, endpoints: &[Uuid]) -> Result<Vec<LineRow>>;
    /// Lets go of lines; `true` beside one whose endpoint is active: it is due with its first delivery.
    async fn settle_lines(&mut self, rows: &[(LineRow, bool)]) -> Result<()>;
    async fn settle_deliveries(&mut self, rows: &[DeliveryRow]) -> Result<()>;
    /// Marks what is still to be delivered as missed, a bounded number; true where more is left.
    async fn drop_deliveries(&mut self, endpoint: Uuid, limit: i64) -> Result<bool>;
    /// Oldest first, ids from `from` on.
    async fn messages_of(&mut self, endpoint: Uuid, which: Which, from: Uuid, limit: i64) -> Result<Vec<Uuid>>;
    /// Due again now, from the start of the schedule.
    async fn resend(&mut self, endpoint: Uuid, messages: &[Uuid], now: Micros) -> Result<()>;
}
