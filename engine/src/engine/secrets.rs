//! An account's secrets: put, listed by name, deleted, sealed anew. Their values go in and are never
//! given out; steps read them through [`Shared::secret_values`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Engine, Shared};
use crate::{
    Error, Page, PageQuery, SecretValues, SecretView,
    admin::{Admin, Done},
    clock::{Micros, to_utc},
    notify,
    secret::{MasterKeys, SECRETS_MAX, VALUES_BYTES_MAX, check_name, check_value, no_key},
    store::SecretRow,
};

/// Last use is noted to this.
const USED_EVERY: Micros = 60_000_000;

/// The master keys, and what was opened with them.
#[derive(Debug, Default)]
pub struct Secrets {
    pub keys: MasterKeys,
    /// By account, with the catalog's revision that they are of.
    opened: Mutex<HashMap<String, (i64, Arc<SecretValues>)>>,
    /// When each was last noted as used.
    used: Mutex<HashMap<(String, String), Micros>>,
}

impl Secrets {
    pub fn new(keys: MasterKeys) -> Self {
        Self { keys, ..Self::default() }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Made, or its value replaced; every node reads it within a second. `MasterKey` without a key.
    pub async fn put_secret(&self, account: &str, name: &str, value: SecretString) -> Result<SecretView, Error> {
        check_name(name)?;
        check_value(&value)?;
        let shared = &self.shared;
        let known = shared.store.secrets(account, SECRETS_MAX as i64 + 1).await?;
        if known.len() >= SECRETS_MAX && !known.iter().any(|row| row.name == name) {
            return Err(Error::Conflict(format!("the account has {SECRETS_MAX} secrets already: delete one first")));
        }
        let (sealed, key_id) = shared.secrets.keys.seal(account, name, &value)?;
        let others: Vec<SecretRow> = known.into_iter().filter(|row| row.name != name).collect();
        let held = SecretValues::open(&shared.secrets.keys, &others)?.bytes_without(name);
        if held + value.expose_secret().len() > VALUES_BYTES_MAX {
            let message = format!("the account's secrets would have over {VALUES_BYTES_MAX} bytes: delete some first");
            return Err(Error::Conflict(message));
        }
        let admin = Admin::PutSecret { name: name.to_owned(), sealed, key_id };
        shared.writer.admin(account, admin).await?;
        let stored = shared.store.secrets(account, SECRETS_MAX as i64).await?;
        let row = stored.into_iter().find(|row| row.name == name);
        row.map(|row| view(&row)).ok_or_else(|| Error::NotFound { what: "secret", id: name.to_owned() })
    }

    /// Whether there is a master key: without one, no secret can be put.
    pub fn seals(&self) -> bool {
        !self.shared.secrets.keys.is_empty()
    }

    /// By name, never with their values.
    pub async fn secrets(&self, account: &str, page: PageQuery) -> Result<Page<SecretView>, Error> {
        let rows = self.shared.store.secrets(account, SECRETS_MAX as i64).await?;
        page.cut(rows.iter().map(|row| (row.name.clone(), view(row))).collect())
    }

    /// A cycle that reads it fails there from then on.
    pub async fn delete_secret(&self, account: &str, name: &str) -> Result<(), Error> {
        self.shared.writer.admin(account, Admin::DeleteSecret { name: name.to_owned() }).await?;
        Ok(())
    }

    /// Seals every secret of every account with the current master key. How many were sealed with an
    /// older one; none is left on return.
    pub async fn reseal(&self) -> Result<usize, Error> {
        if self.shared.secrets.keys.is_empty() {
            return Err(no_key());
        }
        let mut resealed = 0;
        for account in self.shared.catalog().accounts() {
            match self.shared.writer.admin(&account, Admin::Reseal).await? {
                Done::Resealed(count) => resealed += count,
                _ => return Err(Error::Internal("a resealing that was none".into())),
            }
        }
        Ok(resealed)
    }
}

impl Engine {
    /// The account's secrets, opened: for what verifies and what calls out. Never for an answer.
    pub async fn secret_values(&self, account: &str) -> Result<Arc<SecretValues>, Error> {
        self.shared.secret_values(account).await
    }

    /// Notes that these were used, at most once a minute each and beside the caller's way.
    pub fn secrets_used(&self, account: &str, names: &[&str]) {
        self.shared.secrets_used(account, names);
    }
}

impl Shared {
    /// The account's secrets, opened: from memory, as long as its catalog's revision is the same.
    pub async fn secret_values(&self, account: &str) -> Result<Arc<SecretValues>, Error> {
        let revision = self.catalog().revision(account);
        if let Some((known, values)) = locked(&self.secrets.opened).get(account)
            && *known == revision
        {
            return Ok(values.clone());
        }
        let rows = self.store.secrets(account, SECRETS_MAX as i64).await?;
        let values = Arc::new(SecretValues::open(&self.secrets.keys, &rows)?);
        locked(&self.secrets.opened).insert(account.to_owned(), (revision, values.clone()));
        Ok(values)
    }

    /// Notes that these were used, at most once a minute each and beside the caller's way.
    pub fn secrets_used(self: &Arc<Self>, account: &str, names: &[&str]) {
        let now = self.clock.now();
        let due: Vec<String> = {
            let mut used = locked(&self.secrets.used);
            let mut is_due = |name: &&str| {
                let last = used.entry((account.to_owned(), (*name).to_owned())).or_insert(Micros::MIN);
                let due = now.saturating_sub(*last) >= USED_EVERY;
                if due {
                    *last = now;
                }
                due
            };
            names.iter().copied().filter(|name| is_due(name)).map(str::to_owned).collect()
        };
        if due.is_empty() {
            return;
        }
        let (shared, account) = (self.clone(), account.to_owned());
        tokio::spawn(async move {
            if let Err(error) = shared.writer.admin(&account, Admin::SecretsUsed { names: due }).await {
                tracing::debug!(account, error = %error.for_log(), "the last use of secrets was not noted");
            }
        });
    }

    /// At the start: what is stored must open, or its cycles would fail one by one.
    pub async fn check_secrets(&self) -> Result<(), Error> {
        for account in self.catalog().accounts() {
            let rows = self.store.secrets(&account, SECRETS_MAX as i64).await?;
            let catalog = self.catalog();
            let endpoints = catalog.watched().of(&account);
            if self.secrets.keys.is_empty() {
                if !rows.is_empty() || !endpoints.is_empty() {
                    tracing::warn!(
                        account,
                        "secrets are stored and there is no master key: steps that read them fail, and endpoints are told nothing"
                    );
                }
                continue;
            }
            SecretValues::open(&self.secrets.keys, &rows)?;
            for endpoint in endpoints {
                notify::Secrets::open(&self.secrets.keys, &account, endpoint.id(), &endpoint.row.sealed)?;
            }
        }
        Ok(())
    }
}

fn view(row: &SecretRow) -> SecretView {
    SecretView {
        name: row.name.clone(),
        key_id: row.key_id.clone(),
        created_at: to_utc(row.created_at),
        updated_at: to_utc(row.updated_at),
        last_used_at: row.last_used_at.map(to_utc),
    }
}
