//! Shared webhooks as they are kept: what they are, who claims which value of a routed one, hits on
//! their way to several accounts, and the hits of a request that was several events.
//!
//! All of it stands in the owner's account, and changes under that account's lock: a value is never
//! claimed by two accounts where one alone may have it.

use async_trait::async_trait;
use uuid::Uuid;

use super::{HitRow, Result};
use crate::clock::Micros;

/// A webhook that belongs to no cycle.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedRow {
    pub account: String,
    pub webhook: String,
    pub name: String,
    /// YAML.
    pub settings: String,
    /// JSONPath: where in a hit the value stands that accounts claim.
    pub route: Option<String>,
    pub fan_out: bool,
    pub created_at: Micros,
    pub paused_at: Option<Micros>,
    pub deleted_at: Option<Micros>,
}

/// An account's claim to a value.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRow {
    pub webhook: String,
    pub value_hash: Vec<u8>,
    pub claimant: String,
    /// JSON.
    pub value: String,
    pub created_at: Micros,
}

/// A hit on its way to one of several accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct FanOutRow {
    pub hit: Uuid,
    pub claimant: String,
    pub webhook: String,
    /// JSON: what came of it there, once it has come there.
    pub told: Option<String>,
}

/// The hit of an event of a request, from the second event on.
#[derive(Clone, Debug, PartialEq)]
pub struct HitEventRow {
    pub parent: Uuid,
    pub event: i32,
    pub webhook: String,
    pub hit: Uuid,
    pub expires_at: Micros,
}

/// Which claims a list wants: one account's by value, or all by the value's hash and claimant.
#[derive(Clone, Debug)]
pub struct ClaimQuery {
    pub webhook: String,
    /// This account's alone.
    pub claimant: Option<String>,
    /// Only those after this value of the account's; or after this hash and claimant.
    pub after: (Vec<u8>, String),
    pub limit: i64,
}

/// What is read of it without a lock.
#[async_trait]
pub trait Routes {
    /// Who claims a value: one index seek, whatever the number of claims.
    async fn claims_of(&self, owner: &str, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>>;
    async fn claims(&self, owner: &str, query: &ClaimQuery) -> Result<Vec<ClaimRow>>;
    /// Of hits after this one, in order.
    async fn fan_outs(&self, owner: &str, after: Uuid, limit: i64) -> Result<Vec<FanOutRow>>;
    /// Every row of a hit under these webhooks: a hit of a shared webhook has one for each cycle.
    async fn hit_rows(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Vec<HitRow>>;
    /// In order of the events.
    async fn hit_events(&self, account: &str, parent: Uuid) -> Result<Vec<HitEventRow>>;
}

/// What changes of it in a commit, whose account is the owner's.
#[async_trait]
pub trait RouteChanges {
    /// Made, or changed.
    async fn put_shared(&mut self, row: &SharedRow) -> Result<()>;
    async fn claimants(&mut self, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>>;
    /// One that stands already stays as it is.
    async fn put_claim(&mut self, row: &ClaimRow) -> Result<()>;
    async fn drop_claim(&mut self, webhook: &str, value_hash: &[u8], claimant: &str) -> Result<bool>;
    /// All of a webhook's.
    async fn drop_claims(&mut self, webhook: &str) -> Result<()>;
    /// Of one hit.
    async fn fan_out(&mut self, hit: Uuid) -> Result<Vec<FanOutRow>>;
    /// Made, or what it tells changed.
    async fn put_fan_out(&mut self, row: &FanOutRow) -> Result<()>;
    /// All of a hit's.
    async fn drop_fan_out(&mut self, hit: Uuid) -> Result<()>;
    async fn put_hit_event(&mut self, row: &HitEventRow) -> Result<()>;
}
