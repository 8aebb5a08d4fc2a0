//! Shared webhooks: made, paused, deleted, and who claims their values.

use holdfast_definitions::{Json, Key, Severity, check_route, check_shared};
use sha2::{Digest, Sha256};

use super::{Engine, explain::extracted};
use crate::{
    AttachedView, ClaimView, Error, Explanation, HitId, NewShared, Page, PageQuery, SharedView,
    address::SharedWebhook,
    admin::{Admin, CLAIMANTS_MAX, Done, SharedChange},
    clock::to_utc,
    round::hex,
    secret::SECRETS_MAX,
    store::{ClaimQuery, ClaimRow, HitRow},
};

/// What its file is called in diagnostics.
const FILE: &str = "settings";
/// Bytes of a value that may be claimed.
const VALUE_BYTES_MAX: usize = 1_000;

impl Engine {
    /// `Definition` where the settings are wrong, `Invalid` where the route is, `Conflict` where the
    /// name is taken.
    pub async fn create_shared(&self, account: &str, new: NewShared) -> Result<SharedView, Error> {
        let NewShared { name, settings, route, fan_out } = new;
        let checked = check_shared(FILE, &name, &settings);
        let Some(cycle) = checked.cycle else { return Err(Error::Definition(checked.diagnostics)) };
        if checked.diagnostics.iter().any(|one| one.severity == Severity::Error) {
            return Err(Error::Definition(checked.diagnostics));
        }
        if let Some(route) = &route {
            check_route(route).map_err(Error::Invalid)?;
        }
        if fan_out && route.is_none() {
            return Err(Error::Invalid("fan_out is for a webhook with a route: give one".into()));
        }
        if !cycle.secrets.is_empty() {
            let known = self.shared.store.secrets(account, SECRETS_MAX as i64).await?;
            if let Some(name) = cycle.secrets.iter().find(|name| !known.iter().any(|row| row.name == **name)) {
                let message =
                    format!("the settings read the secret {name}, which there is not: `holdfast secrets set {name}`");
                return Err(Error::Invalid(message));
            }
        }
        let change = SharedChange::Create { name, settings, route, fan_out };
        match self.shared.writer.admin(account, Admin::Shared(change)).await? {
            Done::Created(identifier) => self.shared_webhook(account, &identifier).await,
            _ => Err(Error::Internal("a webhook was made without an identifier".into())),
        }
    }

    /// By name or identifier; for an account that does not own it, a routed one alone.
    pub async fn shared_webhook(&self, account: &str, webhook: &str) -> Result<SharedView, Error> {
        let shared = self.find_shared(account, webhook).await?;
        Ok(self.shared_view(account, &shared))
    }

    /// While it is paused, requests are refused and nothing is kept of them.
    pub async fn pause_shared(&self, account: &str, webhook: &str, paused: bool) -> Result<SharedView, Error> {
        let identifier = self.own_shared(account, webhook).await?;
        let change = SharedChange::Pause { identifier: identifier.clone(), paused };
        self.shared.writer.admin(account, Admin::Shared(change)).await?;
        self.shared_webhook(account, &identifier).await
    }

    /// `Conflict` while running cycles are attached.
    pub async fn delete_shared(&self, account: &str, webhook: &str) -> Result<(), Error> {
        let identifier = self.own_shared(account, webhook).await?;
        self.shared.writer.admin(account, Admin::Shared(SharedChange::Delete { identifier })).await?;
        Ok(())
    }

    /// From now on hits with this value go to the account's cycles. Claiming it again changes nothing.
    pub async fn claim(&self, account: &str, webhook: &str, value: &Json) -> Result<ClaimView, Error> {
        let (shared, value_hash) = self.claimed(account, webhook, value).await?;
        let row = ClaimRow {
            webhook: shared.row.webhook.clone(),
            value_hash: value_hash.clone(),
            claimant: account.to_owned(),
            value: value.to_string(),
            created_at: 0,
        };
        self.shared.writer.admin(&shared.row.account, Admin::Shared(SharedChange::Claim(row))).await?;
        let found = self
            .shared
            .store
            .claims_of(&shared.row.account, &shared.row.webhook, &value_hash, CLAIMANTS_MAX as i64)
            .await?;
        let mine = found.into_iter().find(|row| row.claimant == account);
        claim_view(mine.ok_or_else(|| Error::NotFound { what: "claim", id: value.to_string() })?)
    }

    pub async fn release(&self, account: &str, webhook: &str, value: &Json) -> Result<(), Error> {
        let (shared, value_hash) = self.claimed(account, webhook, value).await?;
        let (identifier, claimant) = (shared.row.webhook.clone(), account.to_owned());
        let change = SharedChange::Release { identifier, value_hash, claimant };
        let released = self.shared.writer.admin(&shared.row.account, Admin::Shared(change)).await;
        released.map(|_| ()).map_err(|error| match error {
            Error::NotFound { .. } => Error::NotFound { what: "claim", id: value.to_string() },
            other => other,
        })
    }

    /// The account's own; the owner of the webhook sees everybody's. In no order that means anything.
    pub async fn claims(&self, account: &str, webhook: &str, page: PageQuery) -> Result<Page<ClaimView>, Error> {
        let shared = self.find_shared(account, webhook).await?;
        routed(&shared)?;
        let size = page.size()?;
        let is_owner = shared.row.account == account;
        let query = ClaimQuery {
            webhook: shared.row.webhook.clone(),
            claimant: (!is_owner).then(|| account.to_owned()),
            after: page.after.as_deref().map_or_else(|| Ok(Default::default()), read_cursor)?,
            limit: size as i64 + 1,
        };
        let mut rows = self.shared.store.claims(&shared.row.account, &query).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let cursor = |row: &ClaimRow| match is_owner {
            true => format!("{}.{}", hex(&row.value_hash), row.claimant),
            false => format!(".{}", row.value),
        };
        let next = rows.last().filter(|_| more).map(cursor);
        Ok(Page { data: rows.into_iter().map(claim_view).collect::<Result<_, _>>()?, next })
    }

    /// Where a request goes: to the cycles that are attached, by the account that claims its value.
    pub(super) async fn explain_shared(
        &self,
        account: &str,
        shared: &SharedWebhook,
        data: &Json,
        hit: Option<&HitRow>,
    ) -> Result<Explanation, Error> {
        let row = &shared.row;
        if row.account != account {
            return Err(Error::NotFound { what: "webhook", id: row.webhook.clone() });
        }
        let value = shared.route.as_ref().and_then(|route| route.find(data));
        let hash = value_hash(value);
        let claims = match &hash {
            Some(hash) => self.shared.store.claims_of(account, &row.webhook, hash, CLAIMANTS_MAX as i64).await?,
            None => Vec::new(),
        };
        let catalog = self.shared.catalog();
        let mut cycles: Vec<&str> =
            catalog.attached(account, &row.webhook).iter().map(|(_, cycle)| cycle.row.name.as_str()).collect();
        cycles.sort_unstable();
        let now = match (&shared.route, claims.as_slice()) {
            (None, _) if cycles.is_empty() => "no cycle is attached".to_owned(),
            (None, _) => format!("attached are: {}", cycles.join(", ")),
            (Some(route), []) if hash.is_none() => format!("{} finds no text and no number", route.text()),
            (Some(_), []) => "now no account claims the value".to_owned(),
            (Some(_), [claim]) => format!("now the account {} claims the value", claim.claimant),
            (Some(_), claims) => format!("now {} accounts claim the value", claims.len()),
        };
        let summary = match hit.and_then(|hit| hit.reason.as_deref()) {
            Some(reason) => format!("when it came: {reason}; {now}"),
            None => now,
        };
        let path = shared.route.as_ref().map(|route| route.text().to_owned());
        Ok(Explanation {
            hit: hit.map(|hit| HitId(hit.hit)),
            webhook: row.webhook.clone(),
            cycle: String::new(),
            step: String::new(),
            outcome: hit.map_or_else(String::new, |hit| hit.status.clone()),
            summary,
            extracted: path.into_iter().map(|path| extracted(path, value)).collect(),
            key: value.filter(|_| hash.is_some()).map(|value| vec![value.clone()]),
            candidates: Vec::new(),
            winner: None,
            near_misses: Vec::new(),
            near: Vec::new(),
            waiting: Vec::new(),
            early: None,
        })
    }

    async fn claimed(
        &self,
        account: &str,
        webhook: &str,
        value: &Json,
    ) -> Result<(std::sync::Arc<SharedWebhook>, Vec<u8>), Error> {
        let shared = self.find_shared(account, webhook).await?;
        routed(&shared)?;
        let hash = value_hash(Some(value)).ok_or_else(|| {
            Error::Invalid(format!("{value} can't be claimed: a claim is a text that is not empty, or a number"))
        })?;
        if value.to_string().len() > VALUE_BYTES_MAX {
            return Err(Error::Invalid(format!("the value is longer than {VALUE_BYTES_MAX} bytes")));
        }
        Ok((shared, hash))
    }

    /// What the account may know of.
    async fn find_shared(&self, account: &str, webhook: &str) -> Result<std::sync::Arc<SharedWebhook>, Error> {
        self.shared.follow_catalog().await?;
        let catalog = self.shared.catalog();
        let addresses = &catalog.addresses;
        let found = addresses.named(account, webhook).or_else(|| addresses.get(webhook)).cloned();
        found
            .filter(|shared| shared.row.deleted_at.is_none())
            .filter(|shared| shared.row.account == account || shared.route.is_some())
            .ok_or_else(|| Error::NotFound { what: "webhook", id: webhook.to_owned() })
    }

    async fn own_shared(&self, account: &str, webhook: &str) -> Result<String, Error> {
        let shared = self.find_shared(account, webhook).await?;
        match shared.row.account == account {
            true => Ok(shared.row.webhook.clone()),
            false => Err(Error::NotFound { what: "webhook", id: webhook.to_owned() }),
        }
    }

    fn shared_view(&self, account: &str, shared: &SharedWebhook) -> SharedView {
        let catalog = self.shared.catalog();
        let row = &shared.row;
        let attached = catalog.attached(account, &row.webhook).into_iter().map(|(hook, deployment)| AttachedView {
            cycle: deployment.row.name.clone(),
            step: hook.step.clone(),
            state: deployment.row.state.clone(),
        });
        let mut attached: Vec<_> = attached.collect();
        attached.sort_by(|a, b| (&a.cycle, &a.step).cmp(&(&b.cycle, &b.step)));
        let is_owner = row.account == account;
        SharedView {
            identifier: row.webhook.clone(),
            name: row.name.clone(),
            account: account.to_owned(),
            owned: is_owner,
            settings: is_owner.then(|| row.settings.clone()),
            route: row.route.clone(),
            fan_out: row.fan_out,
            paused: shared.is_paused(),
            verified: shared.is_verified(),
            created_at: to_utc(row.created_at),
            attached,
        }
    }
}

fn routed(shared: &SharedWebhook) -> Result<(), Error> {
    match shared.route {
        Some(_) => Ok(()),
        None => Err(Error::Conflict(format!("{} has no route: no value of it can be claimed", shared.row.name))),
    }
}

/// Texts and numbers lead to an account; 42 and "42" to the same.
pub fn value_hash(value: Option<&Json>) -> Option<Vec<u8>> {
    let value = value.filter(|value| matches!(value, Json::Text(_) | Json::Number(_)))?;
    let key = Key::from_values([Some(value)]).ok()?;
    Some(Sha256::digest(key.bytes()).to_vec())
}

fn claim_view(row: ClaimRow) -> Result<ClaimView, Error> {
    Ok(ClaimView {
        value: crate::history::parse(&row.value)?,
        account: row.claimant,
        claimed_at: to_utc(row.created_at),
    })
}

fn read_cursor(cursor: &str) -> Result<(Vec<u8>, String), Error> {
    let read = cursor.split_once('.').and_then(|(hash, claimant)| {
        let bytes = crate::round::unhex(hash)?;
        Some((bytes, claimant.to_owned()))
    });
    read.ok_or_else(|| Error::Invalid(format!("after is {cursor}: it is the `next` of the page before")))
}
