//! Hits: listed, shown, replayed.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use holdfast_definitions::Json;
use uuid::Uuid;

use super::{Engine, Shared, instant, transactions::cursor};
use crate::{
    Application, Error, Hit, HitFilter, HitId, HitStatus, Page, PageQuery, TransactionId,
    address::SharedWebhook,
    catalog::Catalog,
    clock::to_utc,
    history::output_of,
    id::floor_of,
    lanes::{Lanes, Seen},
    round::RepeatName,
    store::{HitQuery, HitRow, ListedHit, WhichHits},
    work::{OutcomeReply, Work},
};

/// Hits that one page looks at.
const LOOKED_AT_MAX: usize = 2_000;
/// Hits whose bodies are read at once.
const NAMED_AT_ONCE: usize = 200;

impl Engine {
    /// Newest first. A page looks at a bounded number of hits.
    pub async fn hits(&self, account: &str, filter: HitFilter, page: PageQuery) -> Result<Page<Hit>, Error> {
        let size = page.size()?;
        self.shared.follow_catalog().await?;
        let before = cursor(page.after.as_deref())?;
        let most = (size, LOOKED_AT_MAX.max(2 * size));
        let (listed, next) = self.listed_hits(account, &filter, before, most, WhichHits::All).await?;
        let names: Vec<(String, Uuid)> = listed.into_iter().map(|one| (one.webhook, one.hit)).collect();
        let mut rows = Vec::with_capacity(names.len());
        for chunk in names.chunks(NAMED_AT_ONCE) {
            rows.extend(self.shared.store.hits_named(account, chunk).await?);
        }
        // A hit of a shared webhook has a row for each cycle.
        rows.sort_unstable_by(|a, b| (b.hit, &a.webhook).cmp(&(a.hit, &b.webhook)));
        let visible = self.shared.visible_hits(account, &rows).await?;
        let rows = rows.into_iter().zip(visible).filter_map(|(row, visible)| visible.then_some(row)).collect();
        Ok(Page { data: self.hit_views(account, rows)?, next: next.map(|next| next.to_string()) })
    }

    /// The newest that the filter lets through, without what they brought; those of a shared webhook once
    /// for each cycle. About `most` are looked at. `all`: how they are listed where any status will do.
    pub(super) async fn listed_hits(
        &self,
        account: &str,
        filter: &HitFilter,
        before: Uuid,
        (size, most): (usize, usize),
        all: WhichHits,
    ) -> Result<(Vec<ListedHit>, Option<Uuid>), Error> {
        let webhooks = self.wanted_webhooks(account, filter)?;
        let which = match filter.status {
            _ if filter.ambiguous => WhichHits::Ambiguous,
            None => all,
            Some(HitStatus::Applied) => WhichHits::AllByStatus,
            Some(status) => WhichHits::Status(status.word()),
        };
        let lanes: HashMap<&str, usize> = webhooks.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let before = filter.until.map_or(before, |until| before.min(floor_of(instant(until))));
        let from = filter.since.map_or(Uuid::nil(), |since| floor_of(instant(since)));
        let mut list = Lanes::new(webhooks.len(), before, size, most);
        while let Some((asked, limit)) = list.next() {
            let of = |(at, before): &(usize, Uuid)| Some((webhooks.get(*at)?.clone(), *before));
            let query = HitQuery { lanes: asked.iter().filter_map(of).collect(), which, from, limit: limit as i64 };
            let found = self.shared.store.list_hits(account, &query).await?;
            let is_wanted = |one: &ListedHit| match filter.status {
                Some(status) => one.status.as_deref() == Some(status.word()),
                None => true,
            };
            let rows = found.into_iter().filter_map(|one| {
                let (lane, id) = (*lanes.get(one.webhook.as_str())?, one.hit);
                Some(Seen { lane, id, row: is_wanted(&one).then_some(one) })
            });
            list.seen(&asked, limit, rows.collect());
        }
        let (rows, next) = list.page();
        Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
    }

    fn wanted_webhooks(&self, account: &str, filter: &HitFilter) -> Result<Vec<String>, Error> {
        let mut webhooks = match &filter.webhook {
            None => self.shared.identifiers(account),
            Some(webhook) => {
                let known = self.shared.identifiers(account).into_iter().find(|known| known == webhook);
                self.with_attached(account, known, webhook)?
            }
        };
        if let Some(name) = &filter.cycle {
            let catalog = self.shared.catalog();
            // Deleted ones too: their hits are read until their retention ends.
            let mut cycles = catalog.cycles(account).filter(|cycle| cycle.row.name == *name).peekable();
            if cycles.peek().is_none() {
                return Err(Error::NotFound { what: "cycle", id: name.clone() });
            }
            let own: HashSet<&str> =
                cycles.flat_map(|cycle| cycle.hooks.iter().map(|hook| hook.identifier.as_str())).collect();
            webhooks.retain(|webhook| own.contains(webhook.as_str()));
        }
        Ok(webhooks)
    }

    pub async fn hit(&self, account: &str, id: HitId) -> Result<Hit, Error> {
        self.shared.follow_catalog().await?;
        let shared = &self.shared;
        let mut rows = shared.visible_rows(account, id.0).await?;
        if rows.is_empty() {
            return Err(Error::NotFound { what: "hit", id: id.to_string() });
        }
        let applications = shared.applications(account, id.0).await?;
        // The first of a group tells of the request, if it is kept by itself.
        let catalog = shared.catalog();
        rows.sort_by_key(|row| catalog.addresses.get(&row.webhook).is_none());
        let mut hit = self.hit_views(account, rows)?.pop();
        if let Some(hit) = &mut hit {
            hit.applications = applications;
        }
        hit.ok_or_else(|| Error::NotFound { what: "hit", id: id.to_string() })
    }

    /// A new hit with `replay_of`, matched by today's transactions. The hit as it then stands.
    pub async fn replay(&self, account: &str, id: HitId) -> Result<Hit, Error> {
        let row = self.hit_row(account, id).await?;
        let (hit, _) = self.replay_only(account, row, None).await?;
        self.hit(account, HitId(hit)).await
    }

    /// The new hit's id; and false where it stood already, under the name that is given.
    pub(super) async fn replay_only(
        &self,
        account: &str,
        row: HitRow,
        once: Option<RepeatName>,
    ) -> Result<(Uuid, bool), Error> {
        let inactive = |error| match error {
            Error::Inactive => Error::Conflict("the cycle is not running: start it first".into()),
            other => other,
        };
        if let Some(shared) = self.address_of(&row.webhook) {
            return self.replay_shared(account, &shared, &row, once).await.map_err(inactive);
        }
        let outcome = self.shared.writer.ask(account, Work::Replay(Arc::new(row), once)).await.map_err(inactive)?;
        let hit = outcome.hit.ok_or_else(|| Error::Internal("a replay without a hit".into()))?;
        Ok((hit, !matches!(outcome.reply, OutcomeReply::Repeat)))
    }

    /// A row of the hit: that of its request, where it is kept by itself.
    pub(super) async fn hit_row(&self, account: &str, id: HitId) -> Result<HitRow, Error> {
        self.shared.follow_catalog().await?;
        let catalog = self.shared.catalog();
        let mut rows = self.shared.visible_rows(account, id.0).await?;
        rows.sort_by_key(|row| catalog.addresses.get(&row.webhook).is_none());
        rows.into_iter().next().ok_or_else(|| Error::NotFound { what: "hit", id: id.to_string() })
    }

    /// A hit is there as long as its transaction is, or, without one, for the cycle's retention.
    pub(super) async fn is_visible(&self, account: &str, row: &HitRow) -> Result<bool, Error> {
        let visible = self.shared.visible_hits(account, std::slice::from_ref(row)).await?;
        Ok(visible.first().copied().unwrap_or(false))
    }

    /// The shared webhook that a hit came by, where it did.
    pub(super) fn address_of(&self, webhook: &str) -> Option<Arc<SharedWebhook>> {
        let catalog = self.shared.catalog();
        address_of(&catalog, webhook).cloned()
    }

    /// A shared webhook's hits stand under the steps that are attached to it.
    fn with_attached(&self, account: &str, known: Option<String>, webhook: &str) -> Result<Vec<String>, Error> {
        let steps = self.shared.catalog().addresses.steps(account, webhook).to_vec();
        let all: Vec<String> = known.into_iter().chain(steps).collect();
        match all.is_empty() {
            true => Err(Error::NotFound { what: "webhook", id: webhook.to_owned() }),
            false => Ok(all),
        }
    }

    /// One for each hit of those rows, in their order.
    fn hit_views(&self, account: &str, rows: Vec<HitRow>) -> Result<Vec<Hit>, Error> {
        let catalog = self.shared.catalog();
        let mut hits: Vec<Hit> = Vec::new();
        for row in rows {
            let application = application(&catalog, account, &row, 0);
            match hits.last_mut().filter(|hit| hit.id.0 == row.hit) {
                Some(hit) => {
                    hit.applications.extend(application);
                    hit.applications.sort_by(|a, b| a.cycle.cmp(&b.cycle));
                    let first = hit.applications.iter().find(|one| one.transaction.is_some());
                    hit.transaction = first.and_then(|one| one.transaction);
                    hit.run = first.and_then(|one| one.run);
                }
                None => hits.push(hit_view(&catalog, row, application)?),
            }
        }
        Ok(hits)
    }
}

impl Shared {
    pub(super) async fn visible_hits(&self, account: &str, rows: &[HitRow]) -> Result<Vec<bool>, Error> {
        let mut ids: Vec<Uuid> = rows.iter().filter_map(|row| row.transaction).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut expiry = HashMap::new();
        for chunk in ids.chunks(500) {
            let known = self.store.transactions(account, chunk).await?;
            expiry.extend(known.into_iter().map(|row| (row.transaction, row.expires_at)));
        }
        let now = self.clock.now();
        Ok(rows
            .iter()
            .map(|row| {
                let until = match row.transaction {
                    Some(id) => expiry.get(&id).copied().unwrap_or(i64::MIN),
                    None => row.expires_at,
                };
                now < until
            })
            .collect())
    }

    /// The rows of a hit: one, or of a shared webhook's one for each cycle.
    async fn visible_rows(&self, account: &str, hit: Uuid) -> Result<Vec<HitRow>, Error> {
        let rows = self.store.hit_rows(account, &self.identifiers(account), hit).await?;
        let visible = self.visible_hits(account, &rows).await?;
        Ok(rows.into_iter().zip(visible).filter_map(|(row, visible)| visible.then_some(row)).collect())
    }

    /// What became of a hit in each cycle of the account, by event and cycle.
    pub(super) async fn applications(&self, account: &str, hit: Uuid) -> Result<Vec<Application>, Error> {
        let catalog = self.catalog();
        let first = self.visible_rows(account, hit).await?;
        let mut all: Vec<Application> = first.iter().filter_map(|row| application(&catalog, account, row, 0)).collect();
        for event in self.store.hit_events(account, hit).await? {
            let rows = self.store.hit_rows(account, std::slice::from_ref(&event.webhook), event.hit).await?;
            all.extend(rows.iter().filter_map(|row| application(&catalog, account, row, event.event as u32)));
        }
        all.sort_by(|a, b| (a.event, &a.cycle).cmp(&(b.event, &b.cycle)));
        Ok(all)
    }

    /// Every webhook of the account, those of deleted cycles and the shared ones too.
    fn identifiers(&self, account: &str) -> Vec<String> {
        let catalog = self.catalog();
        let shared = catalog.addresses.identifiers(account).cloned();
        let steps = catalog
            .cycles(account)
            .flat_map(|cycle| cycle.hooks.iter().map(|hook| hook.identifier.clone()).collect::<Vec<_>>());
        shared.chain(steps).collect()
    }
}

/// None for a request that is kept by itself, under a shared webhook.
fn application(catalog: &Catalog, account: &str, row: &HitRow, event: u32) -> Option<Application> {
    let (cycle, _) = catalog.place(&row.webhook)?;
    Some(Application {
        event,
        account: account.to_owned(),
        cycle,
        transaction: row.transaction.map(TransactionId),
        run: row.run.map(|run| run as u32),
        status: HitStatus::from_word(&row.status).unwrap_or(HitStatus::Applied),
    })
}

fn address_of<'a>(catalog: &'a Catalog, webhook: &str) -> Option<&'a Arc<SharedWebhook>> {
    if let Some(shared) = catalog.addresses.get(webhook) {
        return Some(shared);
    }
    let (hook, deployment) = catalog.hook(webhook)?;
    catalog.addresses.named(&deployment.row.account, hook.webhook().shared.as_deref()?)
}

fn hit_view(catalog: &Catalog, row: HitRow, application: Option<Application>) -> Result<Hit, Error> {
    let output = output_of(&row)?;
    let part = |name: &str| output.get(name).cloned().unwrap_or(Json::Null);
    let shared = address_of(catalog, &row.webhook);
    let (cycle, step) = catalog.place(&row.webhook).unwrap_or_default();
    Ok(Hit {
        id: HitId(row.hit),
        cycle,
        step,
        received_at: to_utc(row.received_at),
        headers: part("headers"),
        query: part("query"),
        body: part("body"),
        method: row.method,
        raw: row.raw,
        webhook: shared.map_or(row.webhook, |shared| shared.row.webhook.clone()),
        status: HitStatus::from_word(&row.status).unwrap_or(HitStatus::Applied),
        reason: row.reason,
        transaction: row.transaction.map(TransactionId),
        run: row.run.map(|run| run as u32),
        ambiguous: row.ambiguous,
        replay_of: row.replay_of.map(HitId),
        early_until: row.early_until.map(to_utc),
        applications: application.into_iter().collect(),
    })
}
