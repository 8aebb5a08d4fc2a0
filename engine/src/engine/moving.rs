//! Accounts that move: exported, and imported into another server or after a disaster.

mod connectors;
mod endpoints;
mod shared;

use std::{collections::HashSet, sync::Arc};

use holdfast_definitions::{Cycle, Severity, check_given};
use uuid::Uuid;

use super::{Engine, instant};
use crate::{
    AccountLimits, AccountView, Error,
    account::check_name,
    admin::Admin,
    catalog::Catalog,
    clock::to_utc,
    portable::{
        FORM, Portable, PortableCycle, PortableKey, PortableSecret, PortableValue, PortableWebhook, Sections, decoded,
        encoded,
    },
    secret::SECRETS_MAX,
    store::{
        ClaimRow, ConnectorRow, CycleRow, EndpointRow, KeptRow, KeyRecord, SecretRow, SharedRow, SubscriptionRow,
        VersionRow, WebhookRow,
    },
};

/// Values that a cycle's scripts keep at most, and some.
const KEPT_MAX: i64 = 1_000_000;

/// The rows of an import, checked; written in one commit.
#[derive(Debug, Default)]
pub struct Imported {
    pub limits: AccountLimits,
    pub cycles: Vec<ImportedCycle>,
    pub secrets: Vec<SecretRow>,
    pub keys: Vec<KeyRecord>,
    pub endpoints: Vec<EndpointRow>,
    pub shared: Vec<SharedRow>,
    pub claims: Vec<ClaimRow>,
    pub connectors: Vec<ConnectorRow>,
    /// When each is due is set by the commit.
    pub subscriptions: Vec<SubscriptionRow>,
}

#[derive(Debug)]
pub struct ImportedCycle {
    pub row: CycleRow,
    pub version: VersionRow,
    pub webhooks: Vec<WebhookRow>,
    pub kept: Vec<KeptRow>,
}

impl Engine {
    /// Everything of an account but its transactions and hits, as JSON that [`Self::import_account`]
    /// takes.
    pub async fn export_account(&self, account: &str) -> Result<Vec<u8>, Error> {
        let view = self.account(account).await?;
        let shared = &self.shared;
        shared.follow_catalog().await?;
        let catalog = shared.catalog();
        let mut cycles = Vec::new();
        for cycle in catalog.cycles(account).filter(|cycle| cycle.row.deleted_at.is_none()) {
            let kept = shared.store.all_kept(account, cycle.row.cycle_id, KEPT_MAX).await?;
            let newest = cycle.newest().ok_or_else(|| Error::Internal("a cycle without a version".into()))?;
            cycles.push(PortableCycle {
                id: cycle.row.cycle_id,
                name: cycle.row.name.clone(),
                state: cycle.row.state.clone(),
                version: cycle.row.version,
                created_at: to_utc(cycle.row.created_at),
                started_at: cycle.row.started_at.map(to_utc),
                stopped_at: cycle.row.stopped_at.map(to_utc),
                deployed_at: to_utc(newest.created_at),
                source: newest.cycle.source.clone(),
                vars: crate::admin::vars_of(&newest.cycle),
                webhooks: cycle
                    .hooks
                    .iter()
                    .filter(|hook| hook.current)
                    .map(|hook| PortableWebhook {
                        identifier: hook.identifier.clone(),
                        step: hook.step.clone(),
                        created_at: to_utc(newest.created_at),
                    })
                    .collect(),
                store: kept.into_iter().map(|row| PortableValue { key: row.key, value: row.value }).collect(),
            });
        }
        cycles.sort_by(|one, other| one.name.cmp(&other.name));
        let secrets = shared.store.secrets(account, SECRETS_MAX as i64).await?;
        let keys = shared.store.keys().await?;
        let portable = Portable {
            holdfast_account: FORM,
            name: view.name,
            exported_at: self.now(),
            sections: Sections {
                limits: view.limits.into(),
                cycles,
                secrets: secrets.iter().map(portable_secret).collect(),
                keys: keys.iter().filter(|key| key.account == account).map(portable_key).collect(),
                endpoints: endpoints::exported(&catalog, account)?,
                shared_webhooks: self.exported_shared(account).await?,
                connectors: self.exported_connectors(account).await?,
                subscriptions: self.exported_subscriptions(account).await?,
            },
        };
        serde_json::to_vec_pretty(&portable).map_err(|error| Error::Internal(Box::new(error)))
    }

    /// Makes the account, or fills one that is empty. All or none of it; `Conflict` where
    /// something of it is there already, `MasterKey` where its secrets are sealed with another.
    pub async fn import_account(&self, text: &[u8]) -> Result<AccountView, Error> {
        let portable = Portable::parse(text)?;
        check_name(&portable.name)?;
        let account = portable.name.clone();
        let imported = self.checked(&account, portable.sections).await?;
        if !self.has_account(&account).await? {
            self.create_account(&account, imported.limits).await?;
        }
        // Had it ended between the two, the account would be empty, and the import could be repeated.
        let subscribed = !imported.subscriptions.is_empty();
        self.shared.writer.admin(&account, Admin::Import { imported: Box::new(imported) }).await?;
        if subscribed && let Err(error) = crate::connector::reconcile(&self.shared, &account).await {
            tracing::warn!(account, error = %error.for_log(), "imported subscriptions are looked after later");
        }
        self.account(&account).await
    }

    async fn checked(&self, account: &str, sections: Sections) -> Result<Imported, Error> {
        let shared = &self.shared;
        shared.follow_catalog().await?;
        let limits = AccountLimits::from(sections.limits);
        limits.check()?;
        let mut imported = Imported { limits, ..Imported::default() };
        for secret in sections.secrets {
            let row = secret_row(account, secret)?;
            shared.secrets.keys.open(account, &row.name, &row.sealed)?;
            imported.secrets.push(row);
        }
        for key in sections.keys {
            let row = key_row(account, key)?;
            if shared.store.key_by_hash(&row.hash).await?.is_some() {
                return Err(Error::Conflict(format!("the key {} ({}) is there already", row.name, row.key_id)));
            }
            imported.keys.push(row);
        }
        once("the endpoint", sections.endpoints.iter().map(|endpoint| endpoint.id))?;
        for endpoint in sections.endpoints {
            imported.endpoints.push(endpoints::checked(&shared.secrets.keys, account, endpoint)?);
        }
        self.check_shared(account, sections.shared_webhooks, &mut imported)?;
        self.check_connectors(account, sections.connectors, &mut imported).await?;
        for cycle in sections.cycles {
            let compiled = self.compiled(&cycle).await?;
            if let Some(secret) =
                compiled.secrets.iter().find(|name| !imported.secrets.iter().any(|row| row.name == **name))
            {
                return Err(Error::Invalid(format!(
                    "{} reads the secret {secret}, which the export has not",
                    cycle.name
                )));
            }
            self.is_attached(&cycle, &compiled, &imported)?;
            imported.cycles.push(self.cycle_rows(account, cycle, &compiled)?);
        }
        self.check_subscriptions(sections.subscriptions, &mut imported)?;
        Ok(imported)
    }

    /// As a deploy would.
    async fn compiled(&self, cycle: &PortableCycle) -> Result<Arc<Cycle>, Error> {
        let file = format!("{}.yaml", cycle.name);
        let checked = self.shared.scripts.read(&file, check_given(&file, &cycle.source, &cycle.given()?)).await;
        if checked.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            return Err(Error::Definition(checked.diagnostics));
        }
        match checked.cycles.as_slice() {
            [one] if one.name == cycle.name => {
                self.can_run(one)?;
                Ok(one.clone())
            }
            _ => Err(Error::Invalid(format!("the source of cycle {} does not define it alone", cycle.name))),
        }
    }

    fn cycle_rows(&self, account: &str, cycle: PortableCycle, compiled: &Cycle) -> Result<ImportedCycle, Error> {
        let catalog = self.shared.catalog();
        let there = |what: String| Err(Error::Conflict(format!("{what} is there already: identifiers never change")));
        if catalog.cycle_by_id(cycle.id).is_some() {
            return there(format!("the cycle {} ({})", cycle.name, cycle.id));
        }
        if let Some(hook) = cycle.webhooks.iter().find(|hook| is_taken(&catalog, &hook.identifier)) {
            return there(format!("the webhook {} of {}", hook.identifier, cycle.name));
        }
        if !["draft", "running", "stopped"].contains(&cycle.state.as_str()) {
            return Err(Error::Invalid(format!("cycle {}: there is no state {}", cycle.name, cycle.state)));
        }
        let steps: Vec<&str> = compiled.webhooks().map(|(_, step, _)| step.id.as_str()).collect();
        let given: Vec<&str> = cycle.webhooks.iter().map(|hook| hook.step.as_str()).collect();
        if steps.len() != given.len() || steps.iter().any(|step| !given.contains(step)) {
            return Err(Error::Invalid(format!("cycle {}: its webhooks are not those of its steps", cycle.name)));
        }
        let id = cycle.id;
        let webhook = |hook: PortableWebhook| WebhookRow {
            account: account.to_owned(),
            webhook: hook.identifier,
            cycle_id: id,
            step: hook.step,
            created_at: instant(hook.created_at),
            queued: 0,
        };
        let kept = |(at, value): (usize, PortableValue)| KeptRow {
            key: value.key,
            value: value.value,
            version: at as i64 + 1,
        };
        Ok(ImportedCycle {
            version: VersionRow {
                account: account.to_owned(),
                cycle_id: id,
                version: cycle.version,
                digest: compiled.digest.to_vec(),
                source: cycle.source,
                created_at: instant(cycle.deployed_at),
                vars: cycle.vars,
            },
            row: CycleRow {
                account: account.to_owned(),
                cycle_id: id,
                name: cycle.name,
                state: cycle.state,
                version: cycle.version,
                created_at: instant(cycle.created_at),
                started_at: cycle.started_at.map(instant),
                stopped_at: cycle.stopped_at.map(instant),
                deleted_at: None,
                backlog: false,
            },
            webhooks: cycle.webhooks.into_iter().map(webhook).collect(),
            kept: cycle.store.into_iter().enumerate().map(kept).collect(),
        })
    }
}

/// By a cycle's webhook or a shared one, of whatever account.
fn is_taken(catalog: &Catalog, identifier: &str) -> bool {
    catalog.place(identifier).is_some() || catalog.addresses.get(identifier).is_some()
}

fn once<T: std::fmt::Display>(what: &str, all: impl Iterator<Item = T>) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for name in all.map(|one| one.to_string()) {
        if seen.contains(&name) {
            return Err(Error::Invalid(format!("the export has {what} {name} twice")));
        }
        seen.insert(name);
    }
    Ok(())
}

fn portable_secret(row: &SecretRow) -> PortableSecret {
    PortableSecret {
        name: row.name.clone(),
        sealed: encoded(&row.sealed),
        master_key: row.key_id.clone(),
        created_at: to_utc(row.created_at),
        updated_at: to_utc(row.updated_at),
    }
}

fn portable_key(row: &KeyRecord) -> PortableKey {
    PortableKey {
        id: row.key_id,
        name: row.name.clone(),
        scopes: row.scopes.clone(),
        hash: encoded(&row.hash),
        created_at: to_utc(row.created_at),
        expires_at: row.expires_at.map(to_utc),
        revoked_at: row.revoked_at.map(to_utc),
    }
}

fn secret_row(account: &str, secret: PortableSecret) -> Result<SecretRow, Error> {
    crate::secret::check_name(&secret.name)?;
    Ok(SecretRow {
        account: account.to_owned(),
        sealed: decoded(&format!("the secret {}", secret.name), &secret.sealed)?,
        name: secret.name,
        key_id: secret.master_key,
        created_at: instant(secret.created_at),
        updated_at: instant(secret.updated_at),
        last_used_at: None,
    })
}

fn key_row(account: &str, key: PortableKey) -> Result<KeyRecord, Error> {
    let known = |word: &str| crate::Scope::from_word(word).is_some();
    if key.scopes.is_empty() || !key.scopes.split(' ').all(known) {
        return Err(Error::Invalid(format!("the key {} has unknown scopes: {}", key.name, key.scopes)));
    }
    Ok(KeyRecord {
        account: account.to_owned(),
        hash: decoded(&format!("the hash of key {}", key.name), &key.hash)?,
        key_id: if key.id.is_nil() { Uuid::new_v4() } else { key.id },
        name: key.name,
        scopes: key.scopes,
        created_at: instant(key.created_at),
        expires_at: key.expires_at.map(instant),
        revoked_at: key.revoked_at.map(instant),
    })
}
