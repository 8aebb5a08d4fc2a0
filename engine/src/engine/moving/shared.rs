//! Shared webhooks in an export: those that the account owns, with who claims their values.

use std::collections::HashMap;

use holdfast_definitions::{Cycle, Json, Severity, check_route, check_shared};

use super::{Imported, is_taken, once};
use crate::{
    Error,
    account::check_name,
    admin::CLAIMANTS_MAX,
    clock::to_utc,
    engine::{Engine, instant, shared::value_hash},
    portable::{PortableClaim, PortableCycle, PortableShared},
    store::{ClaimQuery, ClaimRow, SharedRow},
};

const CLAIMS_AT_ONCE: i64 = 10_000;

impl Engine {
    pub(super) async fn exported_shared(&self, account: &str) -> Result<Vec<PortableShared>, Error> {
        let catalog = self.shared.catalog();
        let mut all = Vec::new();
        for shared in catalog.addresses.of(account) {
            let row = &shared.row;
            all.push(PortableShared {
                identifier: row.webhook.clone(),
                name: row.name.clone(),
                settings: row.settings.clone(),
                route: row.route.clone(),
                fan_out: row.fan_out,
                created_at: to_utc(row.created_at),
                paused_at: row.paused_at.map(to_utc),
                claims: self.exported_claims(account, &row.webhook).await?,
            });
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    async fn exported_claims(&self, account: &str, webhook: &str) -> Result<Vec<PortableClaim>, Error> {
        let (mut all, mut after) = (Vec::new(), (Vec::new(), String::new()));
        loop {
            let query = ClaimQuery { webhook: webhook.to_owned(), claimant: None, after, limit: CLAIMS_AT_ONCE };
            let rows = self.shared.store.claims(account, &query).await?;
            let last = rows.last().filter(|_| rows.len() as i64 == CLAIMS_AT_ONCE);
            let next = last.map(|row| (row.value_hash.clone(), row.claimant.clone()));
            all.extend(rows.into_iter().map(|row| PortableClaim {
                value: row.value,
                account: row.claimant,
                claimed_at: to_utc(row.created_at),
            }));
            match next {
                Some(next) => after = next,
                None => return Ok(all),
            }
        }
    }

    /// After the secrets, which settings may read.
    pub(super) fn check_shared(
        &self,
        account: &str,
        webhooks: Vec<PortableShared>,
        imported: &mut Imported,
    ) -> Result<(), Error> {
        let catalog = self.shared.catalog();
        once("the shared webhook", webhooks.iter().map(|webhook| &webhook.name))?;
        once("the webhook", webhooks.iter().map(|webhook| &webhook.identifier))?;
        for webhook in webhooks {
            let name = &webhook.name;
            if is_taken(&catalog, &webhook.identifier) {
                let message = format!("the shared webhook {name} ({}) is there already", webhook.identifier);
                return Err(Error::Conflict(format!("{message}: identifiers never change")));
            }
            if webhook.route.is_some() && catalog.addresses.routed(name).is_some() {
                return Err(Error::Conflict(format!("there is a routed webhook {name} already, of another account")));
            }
            check_settings(&webhook, imported)?;
            imported.claims.extend(claim_rows(&webhook)?);
            imported.shared.push(SharedRow {
                account: account.to_owned(),
                webhook: webhook.identifier,
                name: webhook.name,
                settings: webhook.settings,
                route: webhook.route,
                fan_out: webhook.fan_out,
                created_at: instant(webhook.created_at),
                paused_at: webhook.paused_at.map(instant),
                deleted_at: None,
            });
        }
        Ok(())
    }

    /// A cycle that does not run may be attached to what is gone, as it may be where it comes from.
    pub(super) fn is_attached(
        &self,
        cycle: &PortableCycle,
        compiled: &Cycle,
        imported: &Imported,
    ) -> Result<(), Error> {
        let catalog = self.shared.catalog();
        let is_there = |name: &String| {
            imported.shared.iter().any(|row| row.name == *name) || catalog.addresses.routed(name).is_some()
        };
        let mut attached = compiled.webhooks().filter_map(|(_, step, webhook)| Some((step, webhook.shared.as_ref()?)));
        match attached.find(|(_, name)| cycle.state == "running" && !is_there(name)) {
            Some((step, name)) => Err(Error::Invalid(format!(
                "{}: step {} is attached to the shared webhook {name}, which is neither in the export nor here: \
                 import the account that owns it first",
                cycle.name, step.id
            ))),
            None => Ok(()),
        }
    }
}

/// As where one is made.
fn check_settings(webhook: &PortableShared, imported: &Imported) -> Result<(), Error> {
    let wrong = |what: String| Error::Invalid(format!("shared webhook {}: {what}", webhook.name));
    let checked = check_shared("settings", &webhook.name, &webhook.settings);
    let failed = checked.diagnostics.iter().any(|one| one.severity == Severity::Error);
    let Some(cycle) = checked.cycle.filter(|_| !failed) else { return Err(Error::Definition(checked.diagnostics)) };
    if let Some(route) = &webhook.route {
        check_route(route).map_err(wrong)?;
    }
    if webhook.fan_out && webhook.route.is_none() {
        return Err(wrong("fan_out is for a webhook with a route".into()));
    }
    if webhook.route.is_none() && !webhook.claims.is_empty() {
        return Err(wrong("it has claims and no route".into()));
    }
    match cycle.secrets.iter().find(|name| !imported.secrets.iter().any(|row| row.name == **name)) {
        Some(secret) => Err(wrong(format!("it reads the secret {secret}, which the export has not"))),
        None => Ok(()),
    }
}

fn claim_rows(webhook: &PortableShared) -> Result<Vec<ClaimRow>, Error> {
    let wrong = |what: String| Error::Invalid(format!("shared webhook {}: {what}", webhook.name));
    let max = if webhook.fan_out { CLAIMANTS_MAX } else { 1 };
    let mut rows: Vec<ClaimRow> = Vec::with_capacity(webhook.claims.len());
    let mut claimants: HashMap<Vec<u8>, Vec<&str>> = HashMap::new();
    for claim in &webhook.claims {
        let value = Json::parse(claim.value.as_bytes()).ok();
        let Some(value_hash) = value_hash(value.as_ref()) else {
            return Err(wrong(format!("{} can't be claimed: it is no JSON text or number", claim.value)));
        };
        check_name(&claim.account)?;
        let known = claimants.entry(value_hash.clone()).or_default();
        if known.contains(&claim.account.as_str()) || known.len() >= max {
            return Err(wrong(format!("{} is claimed more often than it can be", claim.value)));
        }
        known.push(&claim.account);
        rows.push(ClaimRow {
            webhook: webhook.identifier.clone(),
            value_hash,
            claimant: claim.account.clone(),
            value: claim.value.clone(),
            created_at: instant(claim.claimed_at),
        });
    }
    Ok(rows)
}
