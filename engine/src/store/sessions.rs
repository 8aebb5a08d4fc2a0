//! Sessions of the console as they are kept: by the hash of their token, each with the key that it was
//! begun with.
//!
//! No key that is revoked has one: whoever begins one sees the key as it is, and whoever revokes the key
//! ends them.

use async_trait::async_trait;
use uuid::Uuid;

use super::{KeyRecord, Result};
use crate::clock::Micros;

/// Of the key's account: `*` where the key is for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub account: String,
    pub hash: Vec<u8>,
    pub key_id: Uuid,
    pub created_at: Micros,
    pub expires_at: Micros,
}

/// A session with its key.
#[derive(Clone, Debug)]
pub struct KeySession {
    pub expires_at: Micros,
    pub key: KeyRecord,
}

/// What is read and swept of them without a lock.
#[async_trait]
pub trait Sessions {
    /// None where its account has been removed. Whether it and its key are live is the caller's to say.
    async fn session_by_hash(&self, hash: &[u8]) -> Result<Option<KeySession>>;
    /// Removes what has expired, a bounded number of rows; true where more is left.
    async fn sweep_sessions(&self, account: &str, now: Micros, limit: i64) -> Result<bool>;
}

/// What changes of them in a commit: of the commit's account, or of `*`.
#[async_trait]
pub trait SessionChanges {
    /// False where the key is revoked. Of the key's sessions the newest `most` stay, this one among them.
    async fn put_session(&mut self, row: &SessionRow, most: i64) -> Result<bool>;
    async fn drop_session(&mut self, account: &str, hash: &[u8]) -> Result<()>;
    /// All of a key's.
    async fn drop_sessions(&mut self, account: &str, key_id: Uuid) -> Result<()>;
}
