//! Connectors as they are kept, and the subscriptions that cycles have made with them.
//!
//! Invariant: a subscription changes under its account's lock alone, and its `seq` grows with each
//! change of its state: who read an older one has lost nothing that it does not see.

use async_trait::async_trait;
use uuid::Uuid;

use super::Result;
use crate::clock::Micros;

#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorRow {
    pub account: String,
    pub name: String,
    /// Grows with each deploy that changed it.
    pub version: i32,
    /// YAML.
    pub source: String,
    pub created_at: Micros,
    pub updated_at: Micros,
}

/// A webhook's subscription at another system. A webhook has one that is not `ending`.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionRow {
    pub webhook: String,
    pub subscription: Uuid,
    pub cycle_id: Uuid,
    pub step: String,
    pub connector: String,
    pub event: String,
    /// The connector that it was made with: YAML.
    pub source: String,
    pub fingerprint: Vec<u8>,
    /// JSON.
    pub parameters: String,
    /// JSON.
    pub state: Option<String>,
    pub seq: i64,
    /// `subscribing`, `active`, `failed` or `ending`.
    pub status: String,
    pub reason: Option<String>,
    /// At the call that is being tried.
    pub attempts: i32,
    pub made_at: Option<Micros>,
    pub refresh_at: Option<Micros>,
    /// When it is next looked at.
    pub due_at: Option<Micros>,
    /// The process that calls, and under which claim.
    pub node: Option<String>,
    pub claim: i64,
    pub created_at: Micros,
    pub updated_at: Micros,
}

#[async_trait]
pub trait Connections: Send + Sync {
    /// By name.
    async fn connectors(&self, account: &str, limit: i64) -> Result<Vec<ConnectorRow>>;
    /// By webhook.
    async fn subscriptions(&self, account: &str, limit: i64) -> Result<Vec<SubscriptionRow>>;
    /// Of one webhook.
    async fn subscriptions_at(&self, account: &str, webhook: &str) -> Result<Vec<SubscriptionRow>>;
    /// Those to be looked at, in order.
    async fn subscriptions_due(&self, account: &str, now: Micros, limit: i64) -> Result<Vec<SubscriptionRow>>;
    /// When the next one is to be looked at.
    async fn next_subscription(&self, account: &str) -> Result<Option<Micros>>;
}

#[async_trait]
pub trait ConnectionChanges: Send {
    async fn kept_connectors(&mut self, limit: i64) -> Result<Vec<ConnectorRow>>;
    async fn put_connector(&mut self, row: &ConnectorRow) -> Result<()>;
    /// By webhook, as of this commit.
    async fn all_subscriptions(&mut self, limit: i64) -> Result<Vec<SubscriptionRow>>;
    async fn webhook_subscriptions(&mut self, webhook: &str) -> Result<Vec<SubscriptionRow>>;
    /// Made, or put in the place of what stands.
    async fn put_subscription(&mut self, row: &SubscriptionRow) -> Result<()>;
    async fn drop_subscription(&mut self, webhook: &str, subscription: Uuid) -> Result<()>;
}
