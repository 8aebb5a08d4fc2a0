//! Changes to what is deployed: deploy, start, stop, delete, keys. Rare, each a commit of its own
//! under the account's lock, after which no hit is accepted by the state or version before it.

mod endpoints;
mod import;
mod sessions;
mod shared;

use std::{collections::HashSet, sync::Arc};

use holdfast_definitions::{Connector, Cycle, Json, Members};
use uuid::Uuid;

pub use endpoints::{EndpointChange, Resend};
pub use sessions::SessionChange;
pub use shared::{CLAIMANTS_MAX, SharedChange};

use crate::{
    AccountLimits, Error, LiveEvent,
    catalog::{Catalog, Deployment},
    connector::CONNECTORS_MAX,
    engine::{Imported, Shared},
    id::Dice,
    notify::post,
    secret::{MasterKeys, SECRETS_MAX},
    store::{Commit, ConnectorRow, CycleRow, KeyRecord, SecretRow, VersionRow, WebhookRow},
};

#[derive(Debug)]
pub enum Admin {
    /// All or none. (Cycle, whether a new version was made) come back in order.
    Deploy {
        cycles: Vec<Arc<Cycle>>,
        connectors: Vec<Arc<Connector>>,
    },
    Start {
        name: String,
    },
    Stop {
        name: String,
    },
    Delete {
        name: String,
    },
    CreateKey {
        record: KeyRecord,
    },
    RevokeKey {
        account: String,
        key: Uuid,
    },
    PutSecret {
        name: String,
        sealed: Vec<u8>,
        key_id: String,
    },
    DeleteSecret {
        name: String,
    },
    /// With the current master key.
    Reseal,
    SecretsUsed {
        names: Vec<String>,
    },
    /// A shared webhook, or who claims its values.
    Shared(SharedChange),
    Endpoint(EndpointChange),
    Session(SessionChange),
    Limits {
        limits: AccountLimits,
    },
    LeaveAccount,
    Import {
        imported: Box<Imported>,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// For each cycle of a deploy: whether a new version was made.
    Deployed(Vec<bool>),
    /// How many secrets were sealed with an older key.
    Resealed(usize),
    /// The identifier of a webhook.
    Created(String),
    /// How many deliveries are due again.
    Resent(usize),
    Ok,
}

impl Shared {
    pub(crate) async fn administer(&self, account: &str, admin: Admin) -> Result<Done, Error> {
        let mut commit = self.begin(account).await?;
        let catalog = self.catalog_at(account, commit.head().revision).await?;
        let keys = &self.secrets.keys;
        let mut change = Change {
            account,
            catalog: &catalog,
            keys,
            dice: &self.dice,
            commit: &mut *commit,
            changed: false,
            events: Vec::new(),
        };
        let (done, event) = change.apply(admin).await?;
        let changed = change.changed;
        let mut events = std::mem::take(&mut change.events);
        events.extend(event.map(|(event, cycle)| about(account, event, cycle)));
        if changed {
            commit.bump_revision().await?;
        }
        let now = commit.head().now;
        let posting = post(catalog.watched(), account, (now, &mut self.deliveries.ids()), &events, None);
        posting.write(&mut *commit).await?;
        commit.commit().await?;
        if changed {
            self.refresh_catalog_or_warn().await;
            self.hint_catalog();
        }
        if !events.is_empty() {
            self.deliveries.wake(account);
        }
        for event in events {
            self.tell_event(event);
        }
        Ok(done)
    }
}

/// An event of a cycle.
fn about(account: &str, event: &'static str, cycle: String) -> LiveEvent {
    LiveEvent { account: account.to_owned(), event: event.into(), cycle, ..LiveEvent::default() }
}

struct Change<'a> {
    account: &'a str,
    catalog: &'a Catalog,
    keys: &'a MasterKeys,
    dice: &'a Dice,
    commit: &'a mut dyn Commit,
    changed: bool,
    /// What it did besides the last; endpoints are told of them all.
    events: Vec<LiveEvent>,
}

type Applied = (Done, Option<(&'static str, String)>);

impl Change<'_> {
    async fn apply(&mut self, admin: Admin) -> Result<Applied, Error> {
        match admin {
            Admin::Deploy { cycles, connectors } => {
                self.put_connectors(&connectors).await?;
                self.deploy(cycles).await
            }
            Admin::Start { name } => self.start(&name).await,
            Admin::Stop { name } => self.stop(&name).await,
            Admin::Delete { name } => self.delete(&name).await,
            Admin::CreateKey { record } => {
                self.commit.put_key(&record).await?;
                Ok((Done::Ok, None))
            }
            Admin::RevokeKey { account, key } => {
                if !self.commit.revoke_key(&account, key).await? {
                    return Err(Error::NotFound { what: "key", id: key.to_string() });
                }
                self.commit.drop_sessions(&account, key).await?;
                Ok((Done::Ok, None))
            }
            Admin::Limits { limits } => {
                self.commit.put_limits(&limits).await?;
                self.changed = true;
                Ok((Done::Ok, None))
            }
            Admin::LeaveAccount => self.leave().await,
            Admin::Import { imported } => self.import(*imported).await,
            Admin::PutSecret { name, sealed, key_id } => self.put_secret(name, sealed, key_id).await,
            Admin::DeleteSecret { name } => {
                if !self.commit.delete_secret(&name).await? {
                    return Err(Error::NotFound { what: "secret", id: name });
                }
                self.changed = true;
                Ok((Done::Ok, None))
            }
            Admin::Shared(change) => self.shared(change).await,
            Admin::Reseal => self.reseal().await,
            Admin::Endpoint(change) => self.endpoint(change).await,
            Admin::Session(change) => self.session(change).await,
            Admin::SecretsUsed { names } => {
                for name in names {
                    self.commit.secret_used(&name).await?;
                }
                Ok((Done::Ok, None))
            }
        }
    }

    async fn leave(&mut self) -> Result<Applied, Error> {
        if let Some(cycle) = self.catalog.cycles(self.account).find(|cycle| cycle.row.deleted_at.is_none()) {
            let (account, cycle) = (self.account, &cycle.row.name);
            return Err(Error::Conflict(format!("the account {account} has cycles ({cycle}): delete them first")));
        }
        self.commit.leave_account().await?;
        self.changed = true;
        Ok((Done::Ok, None))
    }

    async fn put_secret(&mut self, name: String, sealed: Vec<u8>, key_id: String) -> Result<Applied, Error> {
        let (account, now) = (self.account.to_owned(), self.commit.head().now);
        let row = SecretRow { account, name, sealed, key_id, created_at: now, updated_at: now, last_used_at: None };
        self.commit.put_secret(&row).await?;
        // What was opened before is of an older revision.
        self.changed = true;
        Ok((Done::Ok, None))
    }

    async fn reseal(&mut self) -> Result<Applied, Error> {
        let current = self.keys.current();
        let mut resealed = 0;
        for row in self.commit.secrets(SECRETS_MAX as i64).await? {
            if Some(&row.key_id) == current.as_ref() {
                continue;
            }
            let value = self.keys.open(self.account, &row.name, &row.sealed)?;
            let (sealed, key_id) = self.keys.seal(self.account, &row.name, &value)?;
            self.commit.reseal_secret(&row.name, &sealed, &key_id).await?;
            resealed += 1;
        }
        resealed += self.reseal_endpoints().await?;
        Ok((Done::Resealed(resealed), None))
    }

    fn find(&self, name: &str) -> Result<Arc<Deployment>, Error> {
        let found = self.catalog.cycle(self.account, name).cloned();
        found.ok_or_else(|| Error::NotFound { what: "cycle", id: name.to_owned() })
    }

    async fn deploy(&mut self, cycles: Vec<Arc<Cycle>>) -> Result<Applied, Error> {
        let mut deployed = Vec::new();
        for cycle in cycles {
            self.attaches(&cycle)?;
            let changed = match self.catalog.cycle(self.account, &cycle.name).cloned() {
                Some(known) if known.newest().is_some_and(|newest| newest.cycle.digest == cycle.digest) => false,
                Some(known) => {
                    self.new_version(&known, &cycle).await?;
                    true
                }
                None => {
                    self.new_cycle(&cycle).await?;
                    true
                }
            };
            if changed {
                self.events.push(about(self.account, "cycle.deployed", cycle.name.clone()));
            }
            self.changed |= changed;
            deployed.push(changed);
        }
        Ok((Done::Deployed(deployed), None))
    }

    async fn put_connectors(&mut self, connectors: &[Arc<Connector>]) -> Result<(), Error> {
        if connectors.is_empty() {
            return Ok(());
        }
        let now = self.commit.head().now;
        let known = self.commit.kept_connectors(CONNECTORS_MAX).await?;
        let new = connectors.iter().filter(|one| known.iter().all(|row| row.name != one.name)).count();
        if known.len() + new > CONNECTORS_MAX as usize {
            return Err(Error::Invalid(format!("an account has at most {CONNECTORS_MAX} connectors")));
        }
        for connector in connectors {
            let known = known.iter().find(|row| row.name == connector.name);
            if known.is_some_and(|row| row.source == connector.source) {
                continue;
            }
            let row = ConnectorRow {
                account: self.account.to_owned(),
                name: connector.name.clone(),
                version: known.map_or(1, |row| row.version + 1),
                source: connector.source.clone(),
                created_at: known.map_or(now, |row| row.created_at),
                updated_at: now,
            };
            self.commit.put_connector(&row).await?;
        }
        Ok(())
    }

    async fn new_cycle(&mut self, cycle: &Cycle) -> Result<(), Error> {
        let row = CycleRow {
            account: self.account.to_owned(),
            cycle_id: self.dice.uuid(),
            name: cycle.name.clone(),
            state: "draft".into(),
            version: 1,
            created_at: self.commit.head().now,
            started_at: None,
            stopped_at: None,
            deleted_at: None,
            backlog: false,
        };
        self.commit.put_cycle(&row).await?;
        self.put_version(&row, cycle, &HashSet::new()).await
    }

    async fn new_version(&mut self, known: &Deployment, cycle: &Cycle) -> Result<(), Error> {
        // A version's number is never used twice, also where an older one was dropped.
        let row = CycleRow { version: known.row.version + 1, ..known.row.clone() };
        self.commit.put_cycle(&row).await?;
        let steps = known.hooks.iter().map(|hook| hook.step.clone()).collect();
        self.put_version(&row, cycle, &steps).await
    }

    /// A step that had a webhook in an earlier version keeps its identifier.
    async fn put_version(&mut self, row: &CycleRow, cycle: &Cycle, known: &HashSet<String>) -> Result<(), Error> {
        let created_at = self.commit.head().now;
        let version = VersionRow {
            account: row.account.clone(),
            cycle_id: row.cycle_id,
            version: row.version,
            digest: cycle.digest.to_vec(),
            source: cycle.source.clone(),
            created_at,
            vars: vars_of(cycle),
        };
        self.commit.put_version(&version).await?;
        for (_, step, _) in cycle.webhooks().filter(|(_, step, _)| !known.contains(&step.id)) {
            let webhook = WebhookRow {
                account: row.account.clone(),
                webhook: self.dice.identifier(),
                cycle_id: row.cycle_id,
                step: step.id.clone(),
                created_at,
                queued: 0,
            };
            self.commit.put_webhook(&webhook).await?;
        }
        Ok(())
    }

    async fn start(&mut self, name: &str) -> Result<Applied, Error> {
        let known = self.find(name)?;
        if known.row.state == "running" {
            return Ok((Done::Ok, None));
        }
        let now = self.commit.head().now;
        // What waits comes before what is new.
        let backlog = known.row.stopped_at.is_some();
        let row =
            CycleRow { state: "running".into(), started_at: Some(now), stopped_at: None, backlog, ..known.row.clone() };
        // Only what a stop of 24 h ago or less queued is still to be run.
        if backlog && known.admission(now) != crate::Admission::Queue {
            self.expire_queue(&known).await?;
        }
        self.put(row, "cycle.started").await
    }

    /// What a stop of over 24 h ago left in the queue is marked, before anything newer is taken.
    async fn expire_queue(&mut self, known: &Deployment) -> Result<(), Error> {
        loop {
            let rows = self.commit.queued(known.row.cycle_id, 1_000).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut writes = crate::store::Writes::default();
            for row in rows {
                writes.queued.push((row.webhook.clone(), -1));
                writes.queue_gone.push(crate::store::QueueRow {
                    cycle_id: known.row.cycle_id,
                    hit: row.hit,
                    webhook: row.webhook.clone(),
                });
                writes.hit_updates.push(crate::round::expired_in_queue(row));
            }
            self.commit.write(&writes).await?;
        }
    }

    /// Stopping again does not extend the 24 h.
    async fn stop(&mut self, name: &str) -> Result<Applied, Error> {
        let known = self.find(name)?;
        match known.row.state.as_str() {
            "stopped" => Ok((Done::Ok, None)),
            "draft" => Err(Error::Conflict("the cycle was never started".into())),
            _ => {
                let stopped_at = Some(self.commit.head().now);
                let row = CycleRow { state: "stopped".into(), stopped_at, ..known.row.clone() };
                self.put(row, "cycle.stopped").await
            }
        }
    }

    async fn delete(&mut self, name: &str) -> Result<Applied, Error> {
        let known = self.find(name)?;
        if known.row.state == "running" {
            return Err(Error::Conflict("the cycle is running: stop it first".into()));
        }
        self.expire_queue(&known).await?;
        self.commit.forget_kept(known.row.cycle_id).await?;
        let row = CycleRow { deleted_at: Some(self.commit.head().now), backlog: false, ..known.row.clone() };
        self.put(row, "cycle.deleted").await
    }

    async fn put(&mut self, row: CycleRow, event: &'static str) -> Result<Applied, Error> {
        self.commit.put_cycle(&row).await?;
        self.changed = true;
        Ok((Done::Ok, Some((event, row.name))))
    }
}

/// The variables that were given at the deploy, as they are stored.
pub fn vars_of(cycle: &Cycle) -> String {
    Json::from(cycle.given.clone().into_iter().collect::<Members>()).to_string()
}
