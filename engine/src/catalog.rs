//! What is deployed, in memory: cycles, their compiled versions, and the webhook behind each
//! identifier. A request finds its webhook here without a read.
//!
//! Invariant: a catalog is whole and never changes; a newer one takes its place. Whether it is the
//! newest is asked under the account's lock, by revision, in every commit.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use holdfast_definitions::{Cycle, Given, Json, Key, Mapping, StepIndex, StepKind, Webhook, check_given};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    AccountLimits, Admission, Door, Error,
    address::{Addresses, SharedWebhook},
    clock::{Micros, micros},
    history::parse,
    limits::QUEUE_WINDOW,
    notify::Watched,
    store::{CatalogRows, CycleRow, Seek},
};

#[derive(Debug, Default)]
pub struct Catalog {
    revisions: HashMap<String, i64>,
    limits: HashMap<String, AccountLimits>,
    /// Accounts with a cycle, of whatever version, that subscribes itself somewhere.
    connected: std::collections::HashSet<String>,
    cycles: HashMap<Uuid, Arc<Deployment>>,
    /// An account's, deleted ones too.
    by_account: HashMap<String, Vec<Uuid>>,
    names: HashMap<(String, String), Uuid>,
    hooks: HashMap<String, Arc<Hook>>,
    pub addresses: Addresses,
    watched: Watched,
}

/// A cycle with all its retained versions.
#[derive(Debug)]
pub struct Deployment {
    pub row: CycleRow,
    pub versions: BTreeMap<i32, Version>,
    pub hooks: Vec<Arc<Hook>>,
}

#[derive(Clone, Debug)]
pub struct Version {
    pub cycle: Arc<Cycle>,
    pub created_at: Micros,
}

/// A webhook step of a cycle, over all its versions.
#[derive(Debug)]
pub struct Hook {
    pub identifier: String,
    pub cycle_id: Uuid,
    pub step: String,
    /// The newest version that has the step: its settings are in force.
    pub cycle: Arc<Cycle>,
    pub index: StepIndex,
    /// The version that new transactions start on still has the step.
    pub current: bool,
    /// One version's index for each distinct set of `hit` paths.
    pub mappings: Vec<Keying>,
}

/// A way of making keys from hits: holds of every version that shares the `hit` paths are found
/// under it, and no others.
#[derive(Clone, Debug)]
pub struct Keying {
    pub cycle: Arc<Cycle>,
    pub index: StepIndex,
    pub fingerprint: [u8; 8],
}

impl Keying {
    fn new(cycle: &Arc<Cycle>, index: StepIndex) -> Option<Self> {
        let mapping = mapping_of(cycle, index)?;
        let mut hash = Sha256::new();
        for entry in &mapping.entries {
            hash.update((entry.hit.text().len() as u64).to_be_bytes());
            hash.update(entry.hit.text());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&digest[..8]);
        Some(Self { cycle: cycle.clone(), index, fingerprint })
    }

    pub fn mapping(&self) -> &Mapping {
        match mapping_of(&self.cycle, self.index) {
            Some(mapping) => mapping,
            None => unreachable!("a keying is made only of a step with a mapping"),
        }
    }

    /// The key as the store keeps it, with the mapping that it belongs to.
    pub fn seek(&self, identifier: &str, key: &Key) -> Seek {
        let mut bytes = self.fingerprint.to_vec();
        bytes.extend_from_slice(key.bytes());
        let hash: [u8; 32] = Sha256::digest(&bytes).into();
        Seek { webhook: identifier.to_owned(), key_hash: hash[..16].to_vec(), key: bytes }
    }
}

/// The keying of one version's webhook step.
pub fn keying(cycle: &Arc<Cycle>, index: StepIndex) -> Option<Keying> {
    Keying::new(cycle, index)
}

fn mapping_of(cycle: &Cycle, index: StepIndex) -> Option<&Mapping> {
    webhook_of(cycle, index)?.mapping.as_ref()
}

pub fn webhook_of(cycle: &Cycle, index: StepIndex) -> Option<&Webhook> {
    match &cycle.step(index).kind {
        StepKind::Webhook(webhook) => Some(webhook),
        _ => None,
    }
}

impl Hook {
    pub fn webhook(&self) -> &Webhook {
        match webhook_of(&self.cycle, self.index) {
            Some(webhook) => webhook,
            None => unreachable!("a hook is made only of a webhook step"),
        }
    }

    pub fn is_start(&self) -> bool {
        self.webhook().mapping.is_none()
    }
}

impl Deployment {
    pub fn admission(&self, now: Micros) -> Admission {
        match (self.row.state.as_str(), self.row.stopped_at) {
            ("running", _) => Admission::Run,
            ("stopped", Some(at)) if now <= at + micros(QUEUE_WINDOW) => Admission::Queue,
            _ => Admission::Refuse,
        }
    }

    pub fn newest(&self) -> Option<&Version> {
        self.versions.get(&self.row.version)
    }

    pub fn hook(&self, step: &str) -> Option<&Arc<Hook>> {
        self.hooks.iter().find(|hook| hook.step == step)
    }
}

impl Catalog {
    /// Compiles what `earlier` has not compiled already.
    pub fn build(rows: CatalogRows, earlier: &Self) -> Result<Self, Error> {
        let mut versions: HashMap<Uuid, BTreeMap<i32, Version>> = HashMap::new();
        for row in rows.versions {
            let known = earlier.cycles.get(&row.cycle_id).and_then(|cycle| cycle.versions.get(&row.version));
            let cycle = match known {
                Some(version) => version.cycle.clone(),
                None => compile(&row.source, &row.vars)?,
            };
            versions
                .entry(row.cycle_id)
                .or_default()
                .insert(row.version, Version { cycle, created_at: row.created_at });
        }
        let mut catalog = Self {
            revisions: rows.revisions.into_iter().collect(),
            limits: rows.accounts.into_iter().map(|row| (row.account, row.limits)).collect(),
            ..Self::default()
        };
        catalog.addresses = Addresses::build(rows.shared, &earlier.addresses)?;
        catalog.watched = Watched::build(rows.endpoints, &earlier.watched)?;
        let mut steps: HashMap<Uuid, Vec<(String, String)>> = HashMap::new();
        for row in rows.webhooks {
            steps.entry(row.cycle_id).or_default().push((row.webhook, row.step));
        }
        for row in rows.cycles {
            let versions = versions.remove(&row.cycle_id).unwrap_or_default();
            let steps = steps.remove(&row.cycle_id).unwrap_or_default();
            catalog.add(row, versions, steps);
        }
        Ok(catalog)
    }

    fn add(&mut self, row: CycleRow, versions: BTreeMap<i32, Version>, steps: Vec<(String, String)>) {
        let id = row.cycle_id;
        if versions.values().any(|version| !version.cycle.connectors.is_empty()) {
            self.connected.insert(row.account.clone());
        }
        let mut hooks: Vec<_> = steps
            .into_iter()
            .filter_map(|(identifier, step)| hook(id, identifier, step, &versions, row.version))
            .map(Arc::new)
            .collect();
        hooks.sort_by_key(|hook| hook.index);
        if row.deleted_at.is_none() {
            self.names.insert((row.account.clone(), row.name.clone()), id);
            for hook in hooks.iter().filter(|hook| hook.current) {
                if let Some(name) = &hook.webhook().shared {
                    self.addresses.attach(&row.account, name, &hook.identifier);
                }
            }
            self.hooks.extend(hooks.iter().map(|hook| (hook.identifier.clone(), hook.clone())));
        }
        self.by_account.entry(row.account.clone()).or_default().push(id);
        self.cycles.insert(id, Arc::new(Deployment { row, versions, hooks }));
    }

    pub fn revision(&self, account: &str) -> i64 {
        self.revisions.get(account).copied().unwrap_or(-1)
    }

    pub fn limits(&self, account: &str) -> AccountLimits {
        self.limits.get(account).copied().unwrap_or_default()
    }

    /// Whether these are the accounts that it is of, each at its revision.
    pub fn is_of(&self, revisions: &[(String, i64)]) -> bool {
        let known = |(account, revision): &(String, i64)| self.revision(account) == *revision;
        revisions.len() == self.revisions.len() && revisions.iter().all(known)
    }

    pub fn is_connected(&self, account: &str) -> bool {
        self.connected.contains(account)
    }

    /// Of a cycle that is not deleted.
    pub fn hook(&self, identifier: &str) -> Option<(&Arc<Hook>, &Arc<Deployment>)> {
        let hook = self.hooks.get(identifier)?;
        Some((hook, self.cycles.get(&hook.cycle_id)?))
    }

    /// The account's steps that are attached to a shared webhook.
    pub fn attached(&self, account: &str, shared: &str) -> Vec<(&Arc<Hook>, &Arc<Deployment>)> {
        self.addresses.steps(account, shared).iter().filter_map(|step| self.hook(step)).collect()
    }

    pub fn cycle(&self, account: &str, name: &str) -> Option<&Arc<Deployment>> {
        self.cycles.get(self.names.get(&(account.to_owned(), name.to_owned()))?)
    }

    /// Deleted ones too: their transactions are read until they expire.
    pub fn cycle_by_id(&self, id: Uuid) -> Option<&Arc<Deployment>> {
        self.cycles.get(&id)
    }

    /// Of an account, deleted ones too.
    pub fn cycles(&self, account: &str) -> impl Iterator<Item = &Arc<Deployment>> {
        let ids = self.by_account.get(account).into_iter().flatten();
        ids.filter_map(|id| self.cycles.get(id))
    }

    /// (cycle, step) of a webhook, of a deleted cycle's too.
    pub fn place(&self, identifier: &str) -> Option<(String, String)> {
        self.cycles.values().find_map(|cycle| {
            let hook = cycle.hooks.iter().find(|hook| hook.identifier == identifier)?;
            Some((cycle.row.name.clone(), hook.step.clone()))
        })
    }

    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    pub fn accounts(&self) -> Vec<String> {
        self.revisions.keys().cloned().collect()
    }

    pub fn door(&self, identifier: &str, now: Micros) -> Option<Door> {
        if let Some(shared) = self.addresses.get(identifier) {
            return self.shared_door(shared, now);
        }
        let (hook, deployment) = self.hook(identifier)?;
        if hook.is_start() && (!hook.current || hook.webhook().shared.is_some()) {
            return None;
        }
        Some(Door {
            identifier: identifier.to_owned(),
            account: deployment.row.account.clone(),
            cycle: deployment.row.name.clone(),
            step: hook.step.clone(),
            admission: deployment.admission(now),
            definition: hook.cycle.clone(),
            index: hook.index,
        })
    }

    /// It takes what some cycle takes; a routed one takes everything, since who wants it is not known
    /// before it is read.
    fn shared_door(&self, shared: &SharedWebhook, now: Micros) -> Option<Door> {
        let row = &shared.row;
        let (step, index) = shared.cycle.webhooks().map(|(index, step, _)| (step, index)).next()?;
        let attached = self.attached(&row.account, &row.webhook);
        let takes = |admission| attached.iter().any(|(_, deployment)| deployment.admission(now) == admission);
        let admission = match (shared.is_paused(), &shared.route) {
            (true, _) => Admission::Refuse,
            (false, Some(_)) => Admission::Run,
            (false, None) if takes(Admission::Run) => Admission::Run,
            (false, None) if takes(Admission::Queue) => Admission::Queue,
            (false, None) => Admission::Refuse,
        };
        (row.deleted_at.is_none()).then(|| Door {
            identifier: row.webhook.clone(),
            account: row.account.clone(),
            cycle: row.name.clone(),
            step: step.id.clone(),
            admission,
            definition: shared.cycle.clone(),
            index,
        })
    }
}

fn hook(
    cycle_id: Uuid,
    identifier: String,
    step: String,
    versions: &BTreeMap<i32, Version>,
    current: i32,
) -> Option<Hook> {
    let having = || {
        versions.iter().rev().filter_map(|(number, version)| {
            let index = version.cycle.find(&step)?;
            webhook_of(&version.cycle, index).map(|_| (*number, &version.cycle, index))
        })
    };
    let (newest, cycle, index) = having().next()?;
    let mut mappings: Vec<Keying> = Vec::new();
    for (_, cycle, index) in having() {
        if let Some(keying) = Keying::new(cycle, index)
            && !mappings.iter().any(|known| known.fingerprint == keying.fingerprint)
        {
            mappings.push(keying);
        }
    }
    let cycle = cycle.clone();
    Some(Hook { identifier, cycle_id, step, cycle, index, current: newest == current, mappings })
}

/// What was deployed compiles again: it passed the same check.
fn compile(source: &str, vars: &str) -> Result<Arc<Cycle>, Error> {
    let given: Given = match parse(vars)? {
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        _ => Given::new(),
    };
    check_given("", source, &given)
        .cycles
        .pop()
        .ok_or_else(|| Error::Internal("a deployed definition no longer compiles; was the program downgraded?".into()))
}
