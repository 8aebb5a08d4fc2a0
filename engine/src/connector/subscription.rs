//! A subscription's row: changed in a commit of its own, under the account's lock.

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::{Connected, Connector, ConnectorEvent, Cycle, Json, check_with};
use uuid::Uuid;

use crate::{
    Error, LiveEvent,
    catalog::{Catalog, Deployment, webhook_of},
    clock::{Micros, micros},
    engine::Shared,
    history::parse,
    limits::QUEUE_WINDOW,
    notify::post,
    store::SubscriptionRow,
};

/// What becomes of a row.
pub enum Fate {
    Kept,
    Gone,
    /// Nothing is written.
    Untouched,
}

/// Changes one row; none where it is not there any more, under that claim where one is given.
pub async fn amend(
    shared: &Shared,
    account: &str,
    (webhook, subscription): (&str, Uuid),
    claim: Option<i64>,
    change: impl FnOnce(&mut SubscriptionRow, Micros) -> Fate + Send,
) -> Result<Option<SubscriptionRow>, Error> {
    amend_and_tell(shared, account, (webhook, subscription), claim, |row, now| (change(row, now), None)).await
}

/// As [`amend`], with what is to be told of it: its endpoints' messages are in the same commit.
pub async fn amend_and_tell(
    shared: &Shared,
    account: &str,
    (webhook, subscription): (&str, Uuid),
    claim: Option<i64>,
    change: impl FnOnce(&mut SubscriptionRow, Micros) -> (Fate, Option<LiveEvent>) + Send,
) -> Result<Option<SubscriptionRow>, Error> {
    let mut commit = shared.begin(account).await?;
    let catalog = shared.catalog_at(account, commit.head().revision).await?;
    let now = commit.head().now;
    let rows = commit.webhook_subscriptions(webhook).await?;
    let mut found = rows.into_iter().filter(|row| row.subscription == subscription);
    let Some(mut row) = found.next().filter(|row| claim.is_none_or(|claim| row.claim == claim)) else {
        return Ok(None);
    };
    let (fate, event) = change(&mut row, now);
    match fate {
        Fate::Kept => commit.put_subscription(&row).await?,
        Fate::Gone => {
            commit.drop_subscription(webhook, subscription).await?;
            row.node = None;
        }
        Fate::Untouched => return Ok(Some(row)),
    }
    let posting = post(catalog.watched(), account, (now, &mut shared.deliveries.ids()), event.as_slice(), None);
    posting.write(&mut *commit).await?;
    commit.commit().await?;
    if let Some(event) = event {
        shared.deliveries.wake(account);
        shared.tell_event(event);
    }
    Ok(Some(row))
}

/// Of a webhook's rows, the one that is in force.
pub fn current(rows: Vec<SubscriptionRow>) -> Option<SubscriptionRow> {
    rows.into_iter().filter(|row| row.status != "ending").max_by_key(|row| row.created_at)
}

impl SubscriptionRow {
    pub fn state_json(&self) -> Result<Json, Error> {
        self.state.as_deref().map_or(Ok(Json::Null), parse)
    }

    pub fn new(webhook: &str, cycle: &Deployment, step: &str, connected: &Connected, now: Micros) -> Self {
        Self {
            webhook: webhook.to_owned(),
            subscription: Uuid::new_v4(),
            cycle_id: cycle.row.cycle_id,
            step: step.to_owned(),
            connector: connected.connector.name.clone(),
            event: connected.event.clone(),
            source: connected.connector.source.clone(),
            fingerprint: connected.fingerprint.to_vec(),
            parameters: connected.parameters.to_string(),
            state: None,
            seq: 0,
            status: "subscribing".to_owned(),
            reason: None,
            attempts: 0,
            made_at: None,
            refresh_at: None,
            due_at: Some(now),
            node: None,
            claim: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// It is to be ended at the partner; one that was never made is gone.
    pub fn end(&mut self, now: Micros) -> Fate {
        if self.made_at.is_none() && self.node.is_none() {
            return Fate::Gone;
        }
        self.status = "ending".to_owned();
        (self.reason, self.attempts, self.refresh_at) = (None, 0, None);
        (self.due_at, self.updated_at) = (Some(now), now);
        Fate::Kept
    }
}

/// The connector that a subscription was made with, and its event.
pub struct Made {
    connector: Arc<Connector>,
    event: String,
}

impl Made {
    pub fn of(row: &SubscriptionRow) -> Result<Self, Error> {
        let connector = check_with("", &row.source, None, &Default::default()).connectors.pop();
        let connector = connector.filter(|connector| connector.events.contains_key(&row.event));
        let gone = || Error::Internal("a connector no longer compiles; was the program downgraded?".into());
        Ok(Self { connector: connector.ok_or_else(gone)?, event: row.event.clone() })
    }

    pub fn event(&self) -> Option<&ConnectorEvent> {
        self.connector.events.get(&self.event)
    }
}

/// A webhook that subscribes itself, in the newest version of a cycle.
pub struct Wanted {
    pub deployment: Arc<Deployment>,
    pub cycle: Arc<Cycle>,
    pub step: String,
    pub index: holdfast_definitions::StepIndex,
}

impl Wanted {
    pub fn connected(&self) -> Option<&Connected> {
        webhook_of(&self.cycle, self.index)?.connected.as_ref()
    }
}

/// By identifier.
pub fn wanted(catalog: &Catalog, account: &str) -> HashMap<String, Wanted> {
    let mut all = HashMap::new();
    for deployment in catalog.cycles(account).filter(|cycle| cycle.row.deleted_at.is_none()) {
        let Some(newest) = deployment.newest() else { continue };
        for (index, step, _) in newest.cycle.webhooks().filter(|(_, _, webhook)| webhook.connected.is_some()) {
            let Some(hook) = deployment.hook(&step.id) else { continue };
            let one =
                Wanted { deployment: deployment.clone(), cycle: newest.cycle.clone(), step: step.id.clone(), index };
            all.insert(hook.identifier.clone(), one);
        }
    }
    all
}

/// Whether a subscription is to be kept.
pub enum Judged {
    Kept,
    /// The cycle does not run: until then.
    Until(Micros),
    Over,
}

pub fn judge(row: &SubscriptionRow, wanted: Option<&Wanted>, now: Micros) -> Judged {
    let Some(wanted) = wanted else { return Judged::Over };
    if wanted.connected().is_none_or(|connected| connected.fingerprint.as_slice() != row.fingerprint.as_slice()) {
        return Judged::Over;
    }
    let cycle = &wanted.deployment.row;
    if cycle.state == "running" {
        return Judged::Kept;
    }
    let last = cycle.stopped_at.into_iter().chain(row.made_at).fold(row.created_at, Micros::max);
    let until = last + micros(QUEUE_WINDOW);
    if now > until { Judged::Over } else { Judged::Until(until) }
}
