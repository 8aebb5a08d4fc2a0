//! Shared webhooks in memory: what they ask of a request, and which cycles are attached to them.
//!
//! Invariant: a cycle attaches by name: to its own account's webhook of that name, or else to the
//! routed one of any account (the oldest, should there be two). Claims are not here: there may be a
//! hundred thousand of them.

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::{Cycle, Path, check_route, check_shared};

use crate::{Error, store::SharedRow};

/// A shared webhook, its settings compiled.
#[derive(Debug)]
pub struct SharedWebhook {
    pub row: SharedRow,
    /// One webhook step, with the settings.
    pub cycle: Arc<Cycle>,
    /// Where in a hit the value stands that accounts claim.
    pub route: Option<Path>,
}

impl SharedWebhook {
    /// What was stored compiles again: it passed the same check.
    fn of(row: SharedRow) -> Result<Self, Error> {
        let damaged = || Error::Internal("a shared webhook no longer compiles; was the program downgraded?".into());
        let cycle = check_shared("", &row.name, &row.settings).cycle.ok_or_else(damaged)?;
        let route = row.route.as_deref().map(check_route).transpose().map_err(|_| damaged())?;
        Ok(Self { row, cycle, route })
    }

    /// Its senders must prove who they are.
    pub fn is_verified(&self) -> bool {
        self.cycle.webhooks().any(|(_, _, webhook)| webhook.verify.is_some())
    }

    pub fn is_paused(&self) -> bool {
        self.row.paused_at.is_some()
    }
}

/// Those of all accounts.
#[derive(Debug, Default)]
pub struct Addresses {
    /// By identifier, deleted ones too: their hits are read until they expire.
    all: HashMap<String, Arc<SharedWebhook>>,
    names: HashMap<(String, String), String>,
    routed: HashMap<String, String>,
    /// The steps of an account that are attached to one.
    attached: HashMap<(String, String), Vec<String>>,
}

impl Addresses {
    /// Compiles what `earlier` has not compiled already.
    pub fn build(rows: Vec<SharedRow>, earlier: &Self) -> Result<Self, Error> {
        let mut addresses = Self::default();
        let mut webhooks = Vec::with_capacity(rows.len());
        for row in rows {
            let known = earlier.all.get(&row.webhook).filter(|known| known.row == row);
            webhooks.push(match known {
                Some(known) => known.clone(),
                None => Arc::new(SharedWebhook::of(row)?),
            });
        }
        webhooks.sort_by(|a, b| (a.row.created_at, &a.row.webhook).cmp(&(b.row.created_at, &b.row.webhook)));
        for webhook in webhooks {
            let row = &webhook.row;
            if row.deleted_at.is_none() {
                addresses.names.entry((row.account.clone(), row.name.clone())).or_insert_with(|| row.webhook.clone());
                if row.route.is_some() {
                    addresses.routed.entry(row.name.clone()).or_insert_with(|| row.webhook.clone());
                }
            }
            addresses.all.insert(row.webhook.clone(), webhook);
        }
        Ok(addresses)
    }

    /// A step of an account, by its identifier, that is to be reached by the webhook of this name.
    pub fn attach(&mut self, account: &str, name: &str, step: &str) {
        if let Some(shared) = self.named(account, name).map(|shared| shared.row.webhook.clone()) {
            self.attached.entry((account.to_owned(), shared)).or_default().push(step.to_owned());
        }
    }

    /// Deleted ones too.
    pub fn get(&self, identifier: &str) -> Option<&Arc<SharedWebhook>> {
        self.all.get(identifier)
    }

    /// What a cycle of the account attaches to by this name.
    pub fn named(&self, account: &str, name: &str) -> Option<&Arc<SharedWebhook>> {
        let own = self.names.get(&(account.to_owned(), name.to_owned()));
        self.all.get(own.or_else(|| self.routed.get(name))?)
    }

    /// The routed one of this name, whoever owns it.
    pub fn routed(&self, name: &str) -> Option<&Arc<SharedWebhook>> {
        self.all.get(self.routed.get(name)?)
    }

    /// Identifiers of the account's steps that are attached to it.
    pub fn steps(&self, account: &str, identifier: &str) -> &[String] {
        self.attached.get(&(account.to_owned(), identifier.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Accounts that have cycles attached to it.
    pub fn accounts(&self, identifier: &str) -> impl Iterator<Item = &str> {
        self.attached.keys().filter(move |(_, shared)| shared == identifier).map(|(account, _)| account.as_str())
    }

    /// Accounts from which hits may be on their way to others.
    pub fn routed_owners(&self) -> impl Iterator<Item = &str> {
        self.all.values().filter(|shared| shared.route.is_some()).map(|shared| shared.row.account.as_str())
    }

    /// That are not deleted.
    pub fn of(&self, account: &str) -> impl Iterator<Item = &Arc<SharedWebhook>> {
        self.all.values().filter(move |shared| shared.row.account == account && shared.row.deleted_at.is_none())
    }

    /// Of the account, deleted ones too.
    pub fn identifiers(&self, account: &str) -> impl Iterator<Item = &String> {
        self.all.iter().filter(move |(_, shared)| shared.row.account == account).map(|(identifier, _)| identifier)
    }
}
