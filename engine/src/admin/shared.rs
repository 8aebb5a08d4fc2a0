//! Changes to shared webhooks and to who claims their values, each under the owner's lock.
//!
//! Invariant: without `fan_out`, a value is one account's: whoever looks whether it is taken holds the
//! lock that whoever takes it needs.

use holdfast_definitions::Json;
use uuid::Uuid;

use super::{Applied, Change, Done};
use crate::{
    Error, HitId,
    address::SharedWebhook,
    clock::micros,
    history::parse,
    limits::{REPEAT_WINDOW, RETRY_SOON},
    several::listed,
    store::{ClaimRow, SharedRow, Writes},
};

/// Shared webhooks that an account may have.
const SHARED_MAX: usize = 1_000;
/// Accounts that may claim one value: to so many one hit may go.
pub const CLAIMANTS_MAX: usize = 100;

#[derive(Debug)]
pub enum SharedChange {
    Create {
        name: String,
        settings: String,
        route: Option<String>,
        fan_out: bool,
    },
    Pause {
        identifier: String,
        paused: bool,
    },
    Delete {
        identifier: String,
    },
    Claim(ClaimRow),
    Release {
        identifier: String,
        value_hash: Vec<u8>,
        claimant: String,
    },
    /// What came of a hit in one of several accounts.
    Told {
        hit: Uuid,
        claimant: String,
        list: Json,
    },
}

impl Change<'_> {
    pub(super) async fn shared(&mut self, change: SharedChange) -> Result<Applied, Error> {
        let done = match change {
            SharedChange::Create { name, settings, route, fan_out } => {
                self.create_shared(name, settings, route, fan_out).await?
            }
            SharedChange::Pause { identifier, paused } => self.pause_shared(&identifier, paused).await?,
            SharedChange::Delete { identifier } => self.delete_shared(&identifier).await?,
            SharedChange::Claim(claim) => self.claim_value(claim).await?,
            SharedChange::Release { identifier, value_hash, claimant } => {
                if !self.commit.drop_claim(&identifier, &value_hash, &claimant).await? {
                    return Err(Error::NotFound { what: "claim", id: identifier });
                }
                Done::Ok
            }
            SharedChange::Told { hit, claimant, list } => self.tell_fan_out(hit, &claimant, &list).await?,
        };
        Ok((done, None))
    }

    async fn create_shared(
        &mut self,
        name: String,
        settings: String,
        route: Option<String>,
        fan_out: bool,
    ) -> Result<Done, Error> {
        let addresses = &self.catalog.addresses;
        if addresses.of(self.account).any(|shared| shared.row.name == name) {
            return Err(Error::Conflict(format!("there is a shared webhook {name} already")));
        }
        if route.is_some() && addresses.routed(&name).is_some() {
            return Err(Error::Conflict(format!("there is a routed webhook {name} already: choose another name")));
        }
        if addresses.of(self.account).count() >= SHARED_MAX {
            let limit = "shared webhooks of an account";
            return Err(Error::Limit { limit, max: SHARED_MAX as u64, retry_after: RETRY_SOON });
        }
        let row = SharedRow {
            account: self.account.to_owned(),
            webhook: self.dice.identifier(),
            name,
            settings,
            route,
            fan_out,
            created_at: self.commit.head().now,
            paused_at: None,
            deleted_at: None,
        };
        self.put_shared(&row).await?;
        Ok(Done::Created(row.webhook))
    }

    async fn put_shared(&mut self, row: &SharedRow) -> Result<(), Error> {
        self.commit.put_shared(row).await?;
        self.changed = true;
        Ok(())
    }

    fn find_shared(&self, identifier: &str) -> Result<&SharedWebhook, Error> {
        let found = self.catalog.addresses.get(identifier);
        found
            .filter(|shared| shared.row.account == self.account && shared.row.deleted_at.is_none())
            .map(AsRef::as_ref)
            .ok_or_else(|| Error::NotFound { what: "webhook", id: identifier.to_owned() })
    }

    async fn pause_shared(&mut self, identifier: &str, paused: bool) -> Result<Done, Error> {
        let known = self.find_shared(identifier)?.row.clone();
        if known.paused_at.is_some() != paused {
            let paused_at = paused.then(|| self.commit.head().now);
            self.put_shared(&SharedRow { paused_at, ..known }).await?;
        }
        Ok(Done::Ok)
    }

    async fn delete_shared(&mut self, identifier: &str) -> Result<Done, Error> {
        let known = self.find_shared(identifier)?.row.clone();
        let addresses = &self.catalog.addresses;
        let running: Vec<&str> = addresses
            .accounts(identifier)
            .flat_map(|account| self.catalog.attached(account, identifier))
            .filter(|(_, deployment)| deployment.row.state == "running")
            .map(|(_, deployment)| match deployment.row.account == self.account {
                true => deployment.row.name.as_str(),
                false => "one of another account",
            })
            .collect();
        if let Some(first) = running.first() {
            let message = format!("{} running cycles are attached, such as {first}: stop them first", running.len());
            return Err(Error::Conflict(message));
        }
        self.commit.drop_claims(identifier).await?;
        let deleted_at = Some(self.commit.head().now);
        self.put_shared(&SharedRow { deleted_at, ..known }).await?;
        Ok(Done::Ok)
    }

    async fn claim_value(&mut self, mut claim: ClaimRow) -> Result<Done, Error> {
        let fan_out = self.find_shared(&claim.webhook)?.row.fan_out;
        claim.created_at = self.commit.head().now;
        let known = self.commit.claimants(&claim.webhook, &claim.value_hash, CLAIMANTS_MAX as i64).await?;
        if known.iter().any(|known| known.claimant == claim.claimant) {
            return Ok(Done::Ok);
        }
        if !fan_out && !known.is_empty() {
            return Err(Error::Conflict("this value is claimed already, by another account".into()));
        }
        if known.len() >= CLAIMANTS_MAX {
            let limit = "accounts that claim one value";
            return Err(Error::Limit { limit, max: CLAIMANTS_MAX as u64, retry_after: RETRY_SOON });
        }
        self.commit.put_claim(&claim).await?;
        Ok(Done::Ok)
    }

    /// Once every account has told, the hit has its answer, and the record of its way goes.
    async fn tell_fan_out(&mut self, hit: Uuid, claimant: &str, list: &Json) -> Result<Done, Error> {
        let mut rows = self.commit.fan_out(hit).await?;
        let Some(row) = rows.iter_mut().find(|row| row.claimant == claimant && row.told.is_none()) else {
            return Ok(Done::Ok);
        };
        row.told = Some(list.to_string());
        if let Some(told) = rows.iter().map(|row| row.told.as_deref()).collect::<Option<Vec<_>>>() {
            let mut all = Vec::new();
            for told in told {
                if let Json::Array(list) = parse(told)? {
                    all.extend(list.iter().cloned());
                }
            }
            let until = self.commit.head().now + micros(REPEAT_WINDOW);
            let answer = listed(&all.into_iter().collect()).to_row(hit, None, None, until);
            self.commit.write(&Writes { answers: vec![answer], ..Writes::default() }).await?;
            self.commit.drop_fan_out(hit).await?;
            tracing::debug!(hit = %HitId(hit), "a hit has come to every account that claims its value");
            return Ok(Done::Ok);
        }
        for row in rows.iter().filter(|row| row.claimant == claimant) {
            self.commit.put_fan_out(row).await?;
        }
        Ok(Done::Ok)
    }

    /// A cycle attaches to what is there.
    pub(super) fn attaches(&self, cycle: &holdfast_definitions::Cycle) -> Result<(), Error> {
        for (_, step, webhook) in cycle.webhooks() {
            let Some(name) = &webhook.shared else { continue };
            if self.catalog.addresses.named(self.account, name).is_none() {
                return Err(Error::Invalid(format!(
                    "{}: step {} is attached to the shared webhook {name}, which there is not: \
                     `holdfast webhooks create {name}`",
                    cycle.name, step.id
                )));
            }
        }
        Ok(())
    }
}
