//! Cycles, their versions and webhooks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use holdfast_definitions::{Checked, Cycle, Given, Severity, check, check_with};

use super::{Engine, Shared};
use crate::{
    CycleId, CycleState, CycleView, Deployed, Error, HitId, Page, PageQuery, VersionView, WebhookView,
    address::SharedWebhook,
    admin::{Admin, Done},
    catalog::Deployment,
    clock::{Micros, micros, to_utc},
    round::hex,
    runner,
    scripts::scripts,
    secret::SECRETS_MAX,
    store::{HitQuery, WhichHits},
    work::Work,
};

/// What a list gives where the caller does not say, and at most.
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 1_000;

/// How often a drain looks for what still waits.
const DRAIN_LOOK: Duration = Duration::from_millis(100);
/// Transactions that it looks at at once.
const DRAIN_CHUNK: i64 = 500;

/// Rounds of queued hits that a start runs before it is answered.
const DRAINED_AT_START: usize = 10;

impl PageQuery {
    pub(crate) fn size(&self) -> Result<usize, Error> {
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if limit == 0 || limit > PAGE_MAX {
            return Err(Error::Invalid(format!("limit is {limit}: it goes from 1 to {PAGE_MAX}")));
        }
        Ok(limit as usize)
    }

    /// A page of what is in memory, ordered by a name that is its cursor.
    pub(crate) fn cut<T>(&self, mut all: Vec<(String, T)>) -> Result<Page<T>, Error> {
        let size = self.size()?;
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(after) = &self.after {
            all.retain(|(name, _)| name > after);
        }
        let more = all.len() > size;
        all.truncate(size);
        let next = all.last().filter(|_| more).map(|(name, _)| name.clone());
        Ok(Page { data: all.into_iter().map(|(_, item)| item).collect(), next })
    }
}

/// Workers start now where a cycle that is deployed needs them.
pub(super) fn warm_scripts(shared: &Shared) {
    let catalog = shared.catalog();
    let needed = catalog.accounts().into_iter().any(|account| {
        let mut newest = catalog.cycles(&account).filter_map(|cycle| cycle.newest());
        newest.any(|version| scripts(&version.cycle).next().is_some())
    });
    if needed {
        shared.scripts.pool();
    }
}

impl Engine {
    /// What is wrong with a file's definitions, scripts included, which only their workers can read.
    pub async fn check(&self, file: &str, text: &str) -> Checked {
        self.shared.scripts.read(file, check(file, text)).await
    }

    /// Checks and deploys every cycle of a file, all or none.
    pub async fn deploy(&self, account: &str, file: &str, text: &str) -> Result<Vec<Deployed>, Error> {
        self.deploy_given(account, file, text, &Given::new()).await
    }

    /// As [`Self::deploy`], with values for variables, each declared by some cycle of the file.
    pub async fn deploy_given(
        &self,
        account: &str,
        file: &str,
        text: &str,
        given: &Given,
    ) -> Result<Vec<Deployed>, Error> {
        let known = self.known_connectors(account).await?;
        let checked = self.shared.scripts.read(file, check_with(file, text, Some(given), &known)).await;
        if checked.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            return Err(Error::Definition(checked.diagnostics));
        }
        if checked.cycles.is_empty() && checked.connectors.is_empty() {
            return Err(Error::Invalid(format!("{file} defines no cycle and no connector")));
        }
        let (cycles, connectors) = (checked.cycles, checked.connectors);
        if let Some(name) = given.keys().find(|name| !cycles.iter().any(|cycle| cycle.vars.contains_key(*name))) {
            return Err(Error::Invalid(format!("{file} declares no variable {name}")));
        }
        cycles.iter().try_for_each(|cycle| self.can_run(cycle))?;
        self.secrets_are_there(account, &cycles).await?;
        let names: Vec<String> = cycles.iter().map(|cycle| cycle.name.clone()).collect();
        let done = self.shared.writer.admin(account, Admin::Deploy { cycles, connectors }).await?;
        let Done::Deployed(changed) = done else { return Err(Error::Internal("a deploy that was none".into())) };
        self.follow_subscriptions(account).await;
        let mut deployed = Vec::new();
        for (name, changed) in names.iter().zip(changed) {
            let cycle = self.cycle(account, name).await?;
            deployed.push(Deployed { cycle, changed, warnings: checked.diagnostics.clone() });
        }
        Ok(deployed)
    }

    /// What a cycle reads of the environment must be allowed.
    pub(super) fn can_run(&self, cycle: &Cycle) -> Result<(), Error> {
        match cycle.env.iter().find(|name| !self.shared.environment.contains_key(*name)) {
            Some(name) => Err(Error::Invalid(format!(
                "{} reads {name} of the environment, which this server does not allow: --allow-env {name}",
                cycle.name
            ))),
            None => Ok(()),
        }
    }

    /// A step that reads a secret which there is not would fail at its first run.
    async fn secrets_are_there(&self, account: &str, cycles: &[Arc<Cycle>]) -> Result<(), Error> {
        if cycles.iter().all(|cycle| cycle.secrets.is_empty()) {
            return Ok(());
        }
        let known = self.shared.store.secrets(account, SECRETS_MAX as i64).await?;
        for cycle in cycles {
            if let Some(name) = cycle.secrets.iter().find(|name| !known.iter().any(|row| row.name == **name)) {
                let cycle = &cycle.name;
                let message =
                    format!("{cycle} reads the secret {name}, which there is not: `holdfast secrets set {name}`");
                return Err(Error::Invalid(message));
            }
        }
        Ok(())
    }

    /// By name.
    pub async fn cycles(&self, account: &str, page: PageQuery) -> Result<Page<CycleView>, Error> {
        self.shared.follow_catalog().await?;
        let catalog = self.shared.catalog();
        let all = catalog
            .cycles(account)
            .filter(|cycle| cycle.row.deleted_at.is_none())
            .map(|cycle| (cycle.row.name.clone(), cycle.clone()))
            .collect();
        let page = page.cut(all)?;
        let counts = self.counts(account, page.data.iter().flat_map(|cycle| hooks_of(cycle)).collect()).await?;
        let mut data = Vec::with_capacity(page.data.len());
        for cycle in page.data {
            data.push(self.cycle_view(account, &cycle, &counts).await?);
        }
        Ok(Page { data, next: page.next })
    }

    pub async fn cycle(&self, account: &str, name: &str) -> Result<CycleView, Error> {
        let cycle = self.deployment(account, name).await?;
        let counts = self.counts(account, hooks_of(&cycle)).await?;
        self.cycle_view(account, &cycle, &counts).await
    }

    pub(super) async fn deployment(&self, account: &str, name: &str) -> Result<Arc<Deployment>, Error> {
        self.shared.follow_catalog().await?;
        let found = self.shared.catalog().cycle(account, name).cloned();
        found.ok_or_else(|| Error::NotFound { what: "cycle", id: name.to_owned() })
    }

    /// Newest first.
    pub async fn versions(&self, account: &str, name: &str, page: PageQuery) -> Result<Page<VersionView>, Error> {
        let cycle = self.deployment(account, name).await?;
        // Descending numbers, as names that ascend.
        let all = cycle.versions.iter().map(|(number, version)| {
            let view = VersionView {
                version: *number as u32,
                digest: hex(&version.cycle.digest),
                created_at: to_utc(version.created_at),
                source: version.cycle.source.clone(),
            };
            (format!("{:010}", i32::MAX - number), view)
        });
        page.cut(all.collect())
    }

    pub async fn start(&self, account: &str, name: &str) -> Result<CycleView, Error> {
        self.deployment(account, name).await?;
        self.subscribe(account, name).await?;
        self.shared.writer.admin(account, Admin::Start { name: name.to_owned() }).await?;
        self.follow_subscriptions(account).await;
        // What a stop queued is run at once; a long queue goes on after the answer.
        let cycle = self.deployment(account, name).await?.row.cycle_id;
        for _ in 0..DRAINED_AT_START {
            if !self.shared.own(account, Work::Drain { cycle }).await {
                break;
            }
        }
        self.cycle(account, name).await
    }

    /// With `drain`, first lets queued work finish.
    pub async fn stop(&self, account: &str, name: &str, drain: bool) -> Result<CycleView, Error> {
        if drain {
            self.drained(account, name).await?;
        }
        let cycle = self.deployment(account, name).await?.row.cycle_id;
        self.shared.writer.admin(account, Admin::Stop { name: name.to_owned() }).await?;
        // A stop that this node does not live to follow up is followed up by the others.
        self.shared.own(account, Work::Release { cycle }).await;
        self.follow_subscriptions(account).await;
        self.cycle(account, name).await
    }

    /// Returns once all that waits now has begun: hits that an earlier stop queued, and runs that wait
    /// for their turn or for an earlier run of their transaction, unless that one is at a `delay`.
    async fn drained(&self, account: &str, name: &str) -> Result<(), Error> {
        let until = self.shared.clock.now().saturating_add(micros(DRAIN_LOOK));
        loop {
            let cycle = self.deployment(account, name).await?;
            if cycle.row.state != "running" || self.shared.writer.is_refusing() {
                return Ok(());
            }
            let cycle = cycle.row.cycle_id;
            while self.shared.own(account, Work::Drain { cycle }).await {}
            if !self.waits(account, cycle, until).await? {
                return Ok(());
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    async fn waits(&self, account: &str, cycle: uuid::Uuid, until: Micros) -> Result<bool, Error> {
        let mut after = uuid::Uuid::nil();
        loop {
            let ids = self.shared.store.waiting(account, cycle, after, until, DRAIN_CHUNK).await?;
            let Some(last) = ids.last() else { return Ok(false) };
            after = *last;
            let mut first = HashMap::new();
            for row in self.shared.store.underway(account, &ids).await? {
                first.entry(row.transaction).or_insert(row);
            }
            if first.values().any(|row| row.place.is_some() || !runner::is_delay(&self.shared, row)) {
                return Ok(true);
            }
        }
    }

    /// `Conflict` unless stopped (or never started).
    pub async fn delete(&self, account: &str, name: &str) -> Result<(), Error> {
        self.deployment(account, name).await?;
        self.shared.writer.admin(account, Admin::Delete { name: name.to_owned() }).await?;
        self.follow_subscriptions(account).await;
        Ok(())
    }

    /// By cycle and step.
    pub async fn webhooks(&self, account: &str, page: PageQuery) -> Result<Page<WebhookView>, Error> {
        self.shared.follow_catalog().await?;
        let catalog = self.shared.catalog();
        let mut all = Vec::new();
        for cycle in catalog.cycles(account).filter(|cycle| cycle.row.deleted_at.is_none()) {
            for hook in cycle.hooks.iter().filter(|hook| hook.current || !hook.is_start()) {
                all.push((format!("{}/{}", cycle.row.name, hook.step), Listed::Step(cycle.clone(), hook.clone())));
            }
        }
        // After every cycle's.
        let shared = catalog.addresses.of(account);
        all.extend(shared.map(|shared| (format!("~{}", shared.row.name), Listed::Shared(shared.clone()))));
        let page = page.cut(all)?;
        let hooks = page.data.iter().filter_map(|listed| match listed {
            Listed::Step(_, hook) => Some(hook.identifier.clone()),
            Listed::Shared(_) => None,
        });
        let counts = self.counts(account, hooks.collect()).await?;
        let mut data = Vec::with_capacity(page.data.len());
        for listed in page.data {
            data.push(match listed {
                Listed::Step(cycle, hook) => self.webhook_view(account, &cycle, &hook, &counts),
                Listed::Shared(shared) => self.address_view(account, &shared).await?,
            });
        }
        Ok(Page { data, next: page.next })
    }

    async fn cycle_view(&self, account: &str, cycle: &Deployment, counts: &Counts) -> Result<CycleView, Error> {
        let shown = cycle.hooks.iter().filter(|hook| hook.current || !hook.is_start());
        let webhooks: Vec<_> = shown.map(|hook| self.webhook_view(account, cycle, hook, counts)).collect();
        let row = &cycle.row;
        let newest = cycle.newest().map(|newest| &newest.cycle);
        Ok(CycleView {
            id: CycleId(row.cycle_id),
            name: row.name.clone(),
            account: row.account.clone(),
            description: newest.and_then(|newest| newest.description.clone()),
            state: match row.state.as_str() {
                "running" => CycleState::Running,
                "stopped" => CycleState::Stopped,
                _ => CycleState::Draft,
            },
            version: row.version as u32,
            created_at: to_utc(row.created_at),
            started_at: row.started_at.map(to_utc),
            stopped_at: row.stopped_at.map(to_utc),
            held: webhooks.iter().filter(|hook| hook.held > 0).map(|hook| (hook.step.clone(), hook.held)).collect(),
            queued: webhooks.iter().map(|hook| hook.queued).sum(),
            webhooks,
            subscribes: newest.is_some_and(|newest| !newest.connectors.is_empty()),
            subscriptions: self.subscriptions_of(account, row.cycle_id).await?,
            source: newest.map(|newest| newest.source.clone()).unwrap_or_default(),
        })
    }

    fn webhook_view(
        &self,
        account: &str,
        cycle: &Deployment,
        hook: &crate::catalog::Hook,
        counts: &Counts,
    ) -> WebhookView {
        let of = (cycle.row.cycle_id, hook.step.clone());
        let address = self.address_of(&hook.identifier);
        WebhookView {
            identifier: address.as_ref().map_or_else(|| hook.identifier.clone(), |shared| shared.row.webhook.clone()),
            shared: address.as_ref().map(|shared| shared.row.name.clone()),
            cycle: cycle.row.name.clone(),
            step: hook.step.clone(),
            account: account.to_owned(),
            synchronous: hook.webhook().synchronous,
            verified: address.map_or_else(|| hook.webhook().verify.is_some(), |shared| shared.is_verified()),
            start: hook.is_start(),
            last_hit_at: counts.last.get(&hook.identifier).map(|hit| to_utc(hit.accepted_at())),
            held: counts.held.get(&of).copied().unwrap_or_default(),
            queued: counts.queued.get(&hook.identifier).copied().unwrap_or_default(),
        }
    }

    /// A shared webhook, which belongs to no cycle.
    async fn address_view(&self, account: &str, shared: &SharedWebhook) -> Result<WebhookView, Error> {
        let mut webhooks = self.shared.catalog().addresses.steps(account, &shared.row.webhook).to_vec();
        webhooks.push(shared.row.webhook.clone());
        let last = self.last_hits(account, webhooks).await?.into_values().max();
        Ok(WebhookView {
            identifier: shared.row.webhook.clone(),
            shared: Some(shared.row.name.clone()),
            cycle: String::new(),
            step: String::new(),
            account: account.to_owned(),
            synchronous: false,
            verified: shared.is_verified(),
            start: true,
            last_hit_at: last.map(|hit| to_utc(hit.accepted_at())),
            held: 0,
            queued: 0,
        })
    }

    /// The newest hit of each of these, where there is one.
    async fn last_hits(&self, account: &str, webhooks: Vec<String>) -> Result<HashMap<String, HitId>, Error> {
        let lanes = webhooks.into_iter().map(|webhook| (webhook, super::never())).collect();
        let query = HitQuery { lanes, which: WhichHits::All, from: uuid::Uuid::nil(), limit: 1 };
        let found = self.shared.store.list_hits(account, &query).await?;
        Ok(found.into_iter().map(|one| (one.webhook, HitId(one.hit))).collect())
    }

    async fn counts(&self, account: &str, webhooks: Vec<String>) -> Result<Counts, Error> {
        let held = self.shared.held_in(account).await?;
        let queued = self.shared.store.queued(account).await?;
        Ok(Counts {
            last: self.last_hits(account, webhooks).await?,
            held: held.iter().map(|(cycle, step, count)| ((*cycle, step.clone()), *count)).collect(),
            queued: queued.into_iter().map(|(webhook, count)| (webhook, count.max(0) as u64)).collect(),
        })
    }
}

/// An entry of the list of webhooks.
enum Listed {
    Step(Arc<Deployment>, Arc<crate::catalog::Hook>),
    Shared(Arc<SharedWebhook>),
}

/// The webhooks that a cycle shows.
fn hooks_of(cycle: &Deployment) -> Vec<String> {
    let shown = cycle.hooks.iter().filter(|hook| hook.current || !hook.is_start());
    shown.map(|hook| hook.identifier.clone()).collect()
}

/// What waits, by place, and what came last.
struct Counts {
    last: HashMap<String, HitId>,
    held: HashMap<(uuid::Uuid, String), u64>,
    queued: HashMap<String, u64>,
}
