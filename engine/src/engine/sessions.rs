//! Sessions of the console: begun with an API key, known by a token of which only the hash is kept.
//!
//! A session is its key's: every request asks the store for both at once, so it ends on every node with
//! the next request once it is ended, its time is over, its key is revoked or its account removed.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Engine, Shared,
    keys::{EVERY_ACCOUNT, hash, is_live, view},
};
use crate::{
    DEFAULT_ACCOUNT, Error, KeyView,
    admin::{Admin, SessionChange},
    clock::{Micros, micros, to_utc},
    id::{base32, random},
    store::{KeySession, SessionRow},
};

/// What a token begins with. No API key does.
const PREFIX: &str = "hfs_";
/// At most, and never longer than its key.
const LASTS: Duration = Duration::from_secs(12 * 3_600);
/// Expired ones that go at once, so that writes go between.
const SWEEP_CHUNK: i64 = 500;

/// A signed-in session of the console.
#[derive(Clone, Debug)]
pub struct SessionView {
    pub key: KeyView,
    pub expires_at: DateTime<Utc>,
}

impl Engine {
    /// None where the key is not live. The token is returned once and only its hash is stored. Beyond a
    /// thousand sessions of a key, its oldest ends.
    pub async fn begin_session(&self, key_secret: &str) -> Result<Option<(SessionView, String)>, Error> {
        let Some(key) = self.live_key(key_secret).await? else { return Ok(None) };
        let token = format!("{PREFIX}{}", base32(&random()));
        let created_at = self.shared.clock.now();
        let longest = created_at.saturating_add(micros(LASTS));
        let expires_at = key.expires_at.map_or(longest, |at| at.min(longest));
        let row =
            SessionRow { account: key.account.clone(), hash: hash(&token), key_id: key.key_id, created_at, expires_at };
        let locked = locked(&key.account).to_owned();
        match self.shared.writer.admin(&locked, Admin::Session(SessionChange::Begin(row))).await {
            Ok(_) => Ok(Some((SessionView { key: view(&key), expires_at: to_utc(expires_at) }, token))),
            // Revoked, or its account removed, since it was looked at.
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The session of a token, while it and its key are live.
    pub async fn session(&self, token: &str) -> Result<Option<SessionView>, Error> {
        let Some(found) = self.kept_session(token).await? else { return Ok(None) };
        let now = self.shared.clock.now();
        let live = now < found.expires_at && is_live(&found.key, now);
        Ok(live.then(|| SessionView { key: view(&found.key), expires_at: to_utc(found.expires_at) }))
    }

    /// No change where there is none.
    pub async fn end_session(&self, token: &str) -> Result<(), Error> {
        let Some(found) = self.kept_session(token).await? else { return Ok(()) };
        let account = found.key.account;
        let locked = locked(&account).to_owned();
        let change = SessionChange::End { account, hash: hash(token) };
        match self.shared.writer.admin(&locked, Admin::Session(change)).await {
            // It went with its account.
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn kept_session(&self, token: &str) -> Result<Option<KeySession>, Error> {
        if !token.starts_with(PREFIX) {
            return Ok(None);
        }
        Ok(self.shared.store.session_by_hash(&hash(token)).await?)
    }
}

impl Shared {
    /// Removes sessions that have expired, those of keys for all accounts as well.
    pub async fn sweep_sessions(&self, now: Micros) {
        for account in self.catalog().accounts().into_iter().chain([EVERY_ACCOUNT.to_owned()]) {
            loop {
                match self.store.sweep_sessions(&account, now, SWEEP_CHUNK).await {
                    Ok(true) => tokio::task::yield_now().await,
                    Ok(false) => break,
                    Err(error) => return tracing::warn!(%error, "expired sessions could not be removed yet"),
                }
            }
        }
    }
}

/// The account whose lock covers the sessions of an account's keys.
fn locked(account: &str) -> &str {
    if account == EVERY_ACCOUNT { DEFAULT_ACCOUNT } else { account }
}
