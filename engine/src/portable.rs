//! An account as a text that another server takes: everything of it but its transactions and hits.
//!
//! Invariant: what is not known is refused, so that nothing is left out unseen. Nothing here is open:
//! secrets are as they are sealed, of keys there is the hash. (What a connector keeps of a subscription
//! is as open as in the database.)

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use holdfast_definitions::Given;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountLimits, Error};

/// The form that is written, and the only one that is read.
pub const FORM: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portable {
    /// [`FORM`].
    pub holdfast_account: u32,
    pub name: String,
    pub exported_at: DateTime<Utc>,
    pub sections: Sections,
}

/// One a noun. A section that is not there is empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sections {
    pub limits: PortableLimits,
    pub cycles: Vec<PortableCycle>,
    pub secrets: Vec<PortableSecret>,
    pub keys: Vec<PortableKey>,
    pub endpoints: Vec<PortableEndpoint>,
    pub shared_webhooks: Vec<PortableShared>,
    pub connectors: Vec<PortableConnector>,
    pub subscriptions: Vec<PortableSubscription>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortableLimits {
    pub hits_per_second: Option<u32>,
    pub transactions: Option<u64>,
    pub stored_bytes: Option<u64>,
}

/// Its newest version: transactions, which could need an older one, do not come along.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableCycle {
    pub id: Uuid,
    pub name: String,
    /// `draft`, `running` or `stopped`.
    pub state: String,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub stopped_at: Option<DateTime<Utc>>,
    pub deployed_at: DateTime<Utc>,
    pub source: String,
    /// Of its variables, those that were given at the deploy: JSON.
    pub vars: String,
    pub webhooks: Vec<PortableWebhook>,
    /// What its scripts keep.
    pub store: Vec<PortableValue>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableWebhook {
    pub identifier: String,
    pub step: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableValue {
    pub key: String,
    /// JSON.
    pub value: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableSecret {
    pub name: String,
    /// In base64.
    pub sealed: String,
    /// The master key that it is sealed with.
    pub master_key: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableKey {
    pub id: Uuid,
    pub name: String,
    pub scopes: String,
    /// Of its secret, in base64.
    pub hash: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableEndpoint {
    pub id: Uuid,
    /// What people set.
    pub settings: serde_json::Value,
    /// `pending`, `active` or `disabled`.
    pub state: String,
    pub reason: Option<String>,
    /// Its secrets, in base64.
    pub sealed: String,
    /// The master key that they are sealed with.
    pub master_key: String,
    pub created_at: DateTime<Utc>,
    pub validated_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableShared {
    pub identifier: String,
    pub name: String,
    /// YAML.
    pub settings: String,
    pub route: Option<String>,
    pub fan_out: bool,
    pub created_at: DateTime<Utc>,
    pub paused_at: Option<DateTime<Utc>>,
    /// Of all accounts.
    pub claims: Vec<PortableClaim>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableClaim {
    /// JSON.
    pub value: String,
    /// Whose it is; it may come, or be made, later.
    pub account: String,
    pub claimed_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableConnector {
    pub name: String,
    pub version: i32,
    pub source: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortableSubscription {
    pub id: Uuid,
    pub cycle: Uuid,
    pub webhook: String,
    pub step: String,
    pub connector: String,
    pub event: String,
    /// The connector that it was made with.
    pub source: String,
    /// In base64.
    pub fingerprint: String,
    /// JSON.
    pub parameters: String,
    /// JSON.
    pub state: Option<String>,
    pub seq: i64,
    /// `subscribing`, `active`, `failed` or `ending`.
    pub status: String,
    pub reason: Option<String>,
    pub attempts: i32,
    /// A call was out for it, of which nobody knows what came.
    pub calling: bool,
    pub made_at: Option<DateTime<Utc>>,
    pub refresh_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Portable {
    /// `Invalid` says where.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let read: Self = serde_json::from_slice(text)
            .map_err(|error| Error::Invalid(format!("this is no export of an account: {error}")))?;
        if read.holdfast_account != FORM {
            let form = read.holdfast_account;
            return Err(Error::Invalid(format!("the export has the form {form}; this program reads {FORM}")));
        }
        Ok(read)
    }
}

impl From<AccountLimits> for PortableLimits {
    fn from(limits: AccountLimits) -> Self {
        let AccountLimits { hits_per_second, transactions, stored_bytes } = limits;
        Self { hits_per_second, transactions, stored_bytes }
    }
}

impl From<PortableLimits> for AccountLimits {
    fn from(limits: PortableLimits) -> Self {
        let PortableLimits { hits_per_second, transactions, stored_bytes } = limits;
        Self { hits_per_second, transactions, stored_bytes }
    }
}

impl PortableCycle {
    /// The variables that were given, as a deploy takes them.
    pub fn given(&self) -> Result<Given, Error> {
        match holdfast_definitions::Json::parse(self.vars.as_bytes()) {
            Ok(holdfast_definitions::Json::Object(members)) => {
                Ok(members.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
            }
            _ => Err(Error::Invalid(format!("cycle {}: vars is no JSON object", self.name))),
        }
    }
}

/// Bytes as they stand in an export.
pub fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn decoded(what: &str, text: &str) -> Result<Vec<u8>, Error> {
    STANDARD.decode(text).map_err(|_| Error::Invalid(format!("{what} is no base64")))
}
