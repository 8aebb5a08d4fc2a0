//! API keys. A secret is shown once; only its SHA-256 is kept. Every request asks the store, so a
//! revoked key is refused at once on every node.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Engine, instant};
use crate::{
    Error, KeyId, KeyView, Page, PageQuery, Scope,
    admin::Admin,
    clock::{Micros, to_utc},
    id::{base32, random},
    store::KeyRecord,
};

/// What a secret begins with, so that a leaked one is recognised.
const PREFIX: &str = "hf_";
/// The account of a key for all accounts.
pub(super) const EVERY_ACCOUNT: &str = "*";

impl Engine {
    /// The secret is returned once and only its hash is stored.
    pub async fn create_key(
        &self,
        account: Option<&str>,
        name: &str,
        scopes: &[Scope],
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(KeyView, String), Error> {
        if scopes.is_empty() {
            return Err(Error::Invalid("a key needs at least one scope: read, deploy, operate or admin".into()));
        }
        if expires_at.is_some_and(|at| at <= self.now()) {
            return Err(Error::Invalid("expires_at lies in the past".into()));
        }
        let secret = format!("{PREFIX}{}", base32(&random()));
        let mut scopes: Vec<Scope> = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        let words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
        let record = KeyRecord {
            account: account.unwrap_or(EVERY_ACCOUNT).to_owned(),
            key_id: Uuid::new_v4(),
            hash: hash(&secret),
            name: name.to_owned(),
            scopes: words.join(" "),
            created_at: self.shared.clock.now(),
            expires_at: expires_at.map(instant),
            revoked_at: None,
        };
        let view = view(&record);
        let locked = account.unwrap_or("default");
        self.shared.writer.admin(locked, Admin::CreateKey { record }).await?;
        Ok((view, secret))
    }

    /// Those of the account and, with `all`, those for all accounts, oldest first.
    pub async fn keys(&self, account: &str, all: bool, page: PageQuery) -> Result<Page<KeyView>, Error> {
        let size = page.size()?;
        let mut keys = self.shared.store.keys().await?;
        keys.retain(|key| key.account == account || (all && key.account == EVERY_ACCOUNT));
        keys.sort_by_key(|key| (key.created_at, key.key_id));
        if let Some(after) = page.after.as_deref().and_then(|after| after.parse::<Uuid>().ok()) {
            let at = keys.iter().position(|key| key.key_id == after).map_or(keys.len(), |at| at + 1);
            keys.drain(..at);
        }
        let more = keys.len() > size;
        keys.truncate(size);
        let next = keys.last().filter(|_| more).map(|key| key.key_id.to_string());
        Ok(Page { data: keys.iter().map(view).collect(), next })
    }

    /// Refused everywhere from the next request on. One for all accounts is found with `all`.
    pub async fn revoke_key(&self, account: &str, all: bool, id: KeyId) -> Result<(), Error> {
        let keys = self.shared.store.keys().await?;
        let mine = |key: &&KeyRecord| key.account == account || (all && key.account == EVERY_ACCOUNT);
        let found = keys.iter().filter(mine).find(|key| key.key_id == id.0);
        let found = found.ok_or_else(|| Error::NotFound { what: "key", id: id.to_string() })?;
        let admin = Admin::RevokeKey { account: found.account.clone(), key: id.0 };
        self.shared.writer.admin(account, admin).await?;
        Ok(())
    }

    /// The key of a secret, if it is live.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<KeyView>, Error> {
        Ok(self.live_key(secret).await?.map(|key| view(&key)))
    }

    pub(super) async fn live_key(&self, secret: &str) -> Result<Option<KeyRecord>, Error> {
        if !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        let now = self.shared.clock.now();
        let Some(key) = self.shared.store.key_by_hash(&hash(secret)).await? else { return Ok(None) };
        // A removed account's keys go with it, and are refused before they are gone.
        let live = is_live(&key, now) && (key.account == EVERY_ACCOUNT || self.has_account(&key.account).await?);
        Ok(live.then_some(key))
    }

    /// Whether any key was ever made: the first start of `serve` makes an admin key.
    pub async fn has_keys(&self) -> Result<bool, Error> {
        Ok(!self.shared.store.keys().await?.is_empty())
    }
}

/// Whether it is neither revoked nor expired.
pub(super) fn is_live(key: &KeyRecord, now: Micros) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|at| now < at)
}

impl Scope {
    pub const ALL: &'static [Self] = &[Self::Read, Self::Deploy, Self::Operate, Self::Admin];

    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.word() == word)
    }
}

pub(super) fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

pub(super) fn view(key: &KeyRecord) -> KeyView {
    KeyView {
        id: KeyId(key.key_id),
        account: (key.account != EVERY_ACCOUNT).then(|| key.account.clone()),
        name: key.name.clone(),
        scopes: key.scopes.split(' ').filter_map(Scope::from_word).collect(),
        created_at: to_utc(key.created_at),
        expires_at: key.expires_at.map(to_utc),
        revoked_at: key.revoked_at.map(to_utc),
    }
}
