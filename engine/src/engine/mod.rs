//! The one handle: receive, answer, cancel, replay, explain, deploy.
//!
//! Every method takes the account first; what belongs to another account is not found, and neither
//! is what has expired, swept or not.

mod accounts;
mod bulk;
mod connections;
mod cycles;
mod definition;
mod deliver;
mod endpoints;
mod explain;
mod figures;
mod handled;
mod hits;
mod keys;
mod moving;
mod near;
mod play;
mod receive;
mod repair;
mod replays;
mod scripted;
mod secrets;
mod sessions;
mod shared;
mod transactions;
mod unmatched;
mod waits;

pub use endpoints::{DeliveryView, EndpointGiven, EndpointView, ResendGiven};
pub use handled::{EVENT_HEADER, Handled};
pub use moving::{Imported, ImportedCycle};
pub use play::Played;
pub use sessions::SessionView;
pub use unmatched::WouldMatch;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use holdfast_definitions::Json;
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::{
    Database, Door, Error, Gauges, Limits, LiveEvent, Options, advance,
    catalog::Catalog,
    clock::{Clock, Micros, system_now, to_utc},
    connector::Connections,
    egress::{Egress, Tokens},
    held::HeldCache,
    id::{Dice, Ids},
    notify,
    play::OneAtATime,
    runner,
    scripts::Scripts,
    store::{Commit, Hint, HitQuery, Postgres, Sqlite, Store, WhichHits},
    tally::{self, Tallies},
    usage::Usage,
    waiters::Waiters,
    work::Work,
    worker,
    writer::{self, Writer},
};

/// Live events that a slow receiver may fall behind by before it misses some.
const EVENTS_KEPT: usize = 4_096;
/// How long the end of an engine waits for deliveries that are out.
const DELIVERIES_GRACE: Duration = Duration::from_secs(2);

/// Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    tasks: Arc<std::sync::Mutex<Vec<tokio::task::JoinHandle<()>>>>,
}

/// What all tasks of an engine share.
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub limits: Limits,
    pub waiters: Waiters,
    pub writer: Writer,
    pub node: String,
    /// This process, as it stands beside the steps that it does: no two have the same.
    pub instance: String,
    /// Replaced whole; held only to take or put the pointer.
    catalog: RwLock<Arc<Catalog>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    /// One move of the manual clock at a time.
    pub advancing: tokio::sync::Mutex<()>,
    events: broadcast::Sender<LiveEvent>,
    pub closing: watch::Sender<bool>,
    held: HeldCache,
    pub usage: Usage,
    pub tallies: Tallies,
    pub at_work: runner::AtWork,
    pub deliveries: notify::Deliveries,
    /// The one way out.
    pub egress: Egress,
    pub tokens: Tokens,
    pub secrets: secrets::Secrets,
    pub scripts: Arc<Scripts>,
    handed_on: deliver::HandedOn,
    pub connections: Connections,
    /// What cycles may read of the environment.
    pub environment: BTreeMap<String, Json>,
    pub dice: Dice,
    /// It is played: nothing of it happens by itself, callers wait by the engine's clock, and steps are
    /// done one at a time.
    pub played: Option<OneAtATime>,
}

impl Engine {
    /// Opens the store, migrates it under a lock, loads the catalog and starts the worker.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let store: Arc<dyn Store> = match &options.database {
            Database::Sqlite { path } => Arc::new(Sqlite::open(path).await?),
            Database::Postgres { url } => Arc::new(Postgres::open(url).await?),
        };
        Self::with_store(store, options).await
    }

    /// On a store that is open already: tests put one that fails or stalls on cue in its place.
    pub async fn with_store(store: Arc<dyn Store>, options: Options) -> Result<Self, Error> {
        let clock = match (options.manual_clock, store.clock().await?) {
            (true, Some(instant)) => Clock::manual(instant),
            (true, None) => {
                let now = system_now();
                store.set_clock(now).await?;
                Clock::manual(now)
            }
            (false, _) => Clock::system(),
        };
        let (writer, queue) = Writer::new();
        let (deliveries, settled) = notify::Deliveries::new();
        let catalog = Catalog::build(store.catalog().await?, &Catalog::default())?;
        let ids = match options.manual_clock {
            // The clock stood still while no engine ran: what comes now must still come later.
            true => Ids::above(newest_id(&*store, &catalog).await?),
            false => Ids::default(),
        };
        let shared = Arc::new(Shared {
            store,
            clock,
            limits: options.limits,
            waiters: Waiters::default(),
            writer,
            instance: format!("{}-{}", options.node, Uuid::new_v4().simple()),
            node: options.node,
            catalog: RwLock::new(Arc::new(catalog)),
            reloading: tokio::sync::Mutex::new(()),
            advancing: tokio::sync::Mutex::new(()),
            events: broadcast::channel(EVENTS_KEPT).0,
            closing: watch::channel(false).0,
            held: HeldCache::default(),
            usage: Usage::default(),
            tallies: Tallies::default(),
            at_work: runner::AtWork::default(),
            deliveries,
            egress: Egress::new(options.egress),
            dice: Dice::default(),
            played: None,
            tokens: Tokens::default(),
            secrets: secrets::Secrets::new(options.master_keys),
            connections: Connections::default(),
            scripts: Arc::new(Scripts::new(options.script_worker)),
            environment: options.environment,
            handed_on: deliver::HandedOn::default(),
        });
        shared.check_secrets().await?;
        cycles::warm_scripts(&shared);
        shared.store.prepare(shared.clock.now()).await?;
        let tasks = vec![
            tokio::spawn(writer::run(shared.clone(), queue, ids)),
            tokio::spawn(worker::run(shared.clone())),
            tokio::spawn(worker::hear(shared.clone())),
            tokio::spawn(notify::run(shared.clone())),
            tokio::spawn(notify::settle(shared.clone(), settled)),
            tokio::spawn(tally::run(shared.clone())),
        ];
        Ok(Self { shared, tasks: Arc::new(std::sync::Mutex::new(tasks)) })
    }

    /// Ends: what is in flight is committed and its callers answered; later calls are `Unavailable`.
    /// Callers that still wait are answered `Pending`.
    pub async fn close(&self) {
        self.refuse_new_work();
        self.shared.closing.send_replace(true);
        self.shared.writer.drained().await;
        // What is out and comes back soon is written down, or it would be told twice.
        let _ = tokio::time::timeout(DELIVERIES_GRACE, self.shared.deliveries.none()).await;
        // What is being written is written before its task ends.
        tally::last(&self.shared).await;
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            let _ = task.await;
        }
        tally::last(&self.shared).await;
        if let Err(error) = self.shared.store.leave(&self.shared.instance).await {
            tracing::debug!(%error, "the others take over what this process left a few seconds later");
        }
        self.shared.store.close().await;
    }

    /// New work is refused as `Unavailable` from now on; what is in flight goes on.
    pub fn refuse_new_work(&self) {
        self.shared.writer.refuse();
    }

    /// The engine's clock: the system's, or the manual one. UTC, whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        to_utc(self.shared.clock.now())
    }

    pub fn is_clock_manual(&self) -> bool {
        self.shared.clock.is_manual()
    }

    /// The name of this node in logs.
    pub fn node(&self) -> &str {
        &self.shared.node
    }

    /// Moves a manual clock; whatever falls due on the way has happened, in order, on return.
    /// `Conflict` where the clock is not manual.
    pub async fn advance(&self, by: Duration) -> Result<DateTime<Utc>, Error> {
        advance::advance(&self.shared, by).await.map(to_utc)
    }

    /// Ok where the store answers.
    pub async fn ready(&self) -> Result<(), Error> {
        if self.shared.writer.is_refusing() {
            return Err(writer::shutting_down());
        }
        Ok(self.shared.store.ping().await?)
    }

    /// What `/metrics` shows of the store. Counts of what is held are as old as counting takes long: up to
    /// fifty times that.
    pub async fn gauges(&self) -> Result<Gauges, Error> {
        let shared = &self.shared;
        let mut gauges = Gauges {
            waiting_callers: shared.waiters.count(),
            commit_queue: shared.writer.waiting(),
            ..Gauges::default()
        };
        for account in shared.catalog().accounts() {
            for (cycle, step, held) in shared.held_in(&account).await?.iter() {
                if let Some(cycle) = shared.catalog().cycle_by_id(*cycle) {
                    gauges.held.push((account.clone(), cycle.row.name.clone(), step.clone(), *held));
                }
            }
            for (cycle, queued) in shared.queued_in(&account).await? {
                gauges.queued.push((account.clone(), cycle, queued));
            }
        }
        Ok(gauges)
    }

    /// Events of this node's commits from now on; a slow receiver misses the oldest. And `cycle.changed`,
    /// with no transaction, within about two seconds of whatever happened in a cycle on any node: who
    /// shows a cycle looks again. A hint: it may be lost, so who must not miss a change polls as well.
    pub fn events(&self) -> broadcast::Receiver<LiveEvent> {
        self.shared.events.subscribe()
    }

    pub fn door(&self, identifier: &str) -> Option<Door> {
        self.shared.catalog().door(identifier, self.shared.clock.now())
    }

    /// As `door`, after a look whether another node has changed what is deployed: asked before an
    /// identifier is refused.
    pub async fn door_again(&self, identifier: &str) -> Result<Option<Door>, Error> {
        self.shared.follow_catalog().await?;
        Ok(self.door(identifier))
    }

    /// The identifier of a cycle's webhook step (`dev` answers at `/hooks/{cycle}/{step}` too).
    pub fn identifier(&self, account: &str, cycle: &str, step: &str) -> Option<String> {
        let catalog = self.shared.catalog();
        let hook = catalog.cycle(account, cycle)?.hook(step)?;
        match &hook.webhook().shared {
            Some(name) => Some(catalog.addresses.named(account, name)?.row.webhook.clone()),
            None => Some(hook.identifier.clone()),
        }
    }
}

impl Shared {
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub async fn begin(&self, account: &str) -> Result<Box<dyn Commit>, Error> {
        if self.catalog().revision(account) < 0 {
            return Err(Error::NotFound { what: "account", id: account.to_owned() });
        }
        let now = self.clock.now();
        self.store.prepare(now).await?;
        let begun = self.store.begin(account, self.clock.is_manual().then_some(now)).await;
        if matches!(begun, Err(crate::store::Error::Refused(_))) {
            // Another node may have removed it.
            self.follow_catalog().await?;
            if self.catalog().revision(account) < 0 {
                return Err(Error::NotFound { what: "account", id: account.to_owned() });
            }
        }
        let commit = begun?;
        self.clock.heard(commit.head().now);
        Ok(commit)
    }

    /// The catalog of this revision: asked under the account's lock, when no newer one can be.
    pub async fn catalog_at(&self, account: &str, revision: i64) -> Result<Arc<Catalog>, Error> {
        let known = self.catalog();
        if known.revision(account) == revision {
            return Ok(known);
        }
        self.reload().await
    }

    async fn reload(&self) -> Result<Arc<Catalog>, Error> {
        let _one = self.reloading.lock().await;
        let catalog = Arc::new(Catalog::build(self.store.catalog().await?, &self.catalog())?);
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog.clone();
        Ok(catalog)
    }

    /// Reloads where another node has changed something.
    pub async fn follow_catalog(&self) -> Result<(), Error> {
        // Nobody else changes what one that is played has deployed.
        if self.played.is_some() {
            return Ok(());
        }
        let known = self.catalog();
        let revisions = self.store.revisions().await?;
        if !known.is_of(&revisions) {
            self.reload().await?;
        }
        Ok(())
    }

    /// After a commit that changed it. Should the read fail, the next commit finds the revision
    /// changed and reads again.
    pub async fn refresh_catalog_or_warn(&self) {
        if let Err(error) = self.reload().await {
            tracing::warn!(error = %error.for_log(), "the catalog could not be read again yet");
        }
    }

    /// Microseconds since then, by real time; where it is played, no time goes by.
    pub fn took(&self, began: std::time::Instant) -> u64 {
        match self.played {
            Some(_) => 0,
            None => u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Whether anybody listens to events: on this node's API, or in its log.
    pub fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0 || tracing::enabled!(tracing::Level::DEBUG)
    }

    pub fn tell_event(&self, event: LiveEvent) {
        tracing::debug!(
            node = %self.node, event = %event.event, cycle = %event.cycle, step = event.step.as_deref(),
            transaction = event.transaction.map(tracing::field::display),
            hit = event.hit.map(tracing::field::display),
            "event"
        );
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    /// Tells the other nodes: a hint, and they poll as well.
    pub fn hint_answered(&self, account: &str, hits: Vec<Uuid>) {
        let hints = hits.into_iter().map(|hit| Hint::Answered { account: account.to_owned(), hit }).collect();
        self.hint(hints);
    }

    pub fn hint_catalog(&self) {
        self.hint(vec![Hint::Catalog]);
    }

    fn hint(&self, hints: Vec<Hint>) {
        if hints.is_empty() {
            return;
        }
        let store = self.store.clone();
        tokio::spawn(async move { store.notify(&hints).await });
    }

    pub async fn held_in(&self, account: &str) -> Result<Arc<Vec<(Uuid, String, u64)>>, Error> {
        Ok(self.held.of(&self.store, &self.clock, account).await?)
    }

    /// (cycle, hits queued by a stop)
    pub async fn queued_in(&self, account: &str) -> Result<Vec<(String, u64)>, Error> {
        let counts = self.store.queued(account).await?;
        let catalog = self.catalog();
        let mut queued: std::collections::BTreeMap<String, u64> = Default::default();
        for (webhook, count) in counts {
            if let Some((_, deployment)) = catalog.hook(&webhook) {
                *queued.entry(deployment.row.name.clone()).or_default() += count.max(0) as u64;
            }
        }
        Ok(queued.into_iter().collect())
    }

    /// Work that the engine finds for itself; a failure is logged and tried again at the next turn.
    pub async fn own(&self, account: &str, work: Work) -> bool {
        match self.writer.own(account, work).await {
            Ok(outcome) => matches!(outcome.reply, crate::work::OutcomeReply::More),
            Err(error) => {
                tracing::warn!(account, error = %error.for_log(), "work that was due could not be done yet");
                false
            }
        }
    }
}

/// The greatest id of a hit or a transaction.
async fn newest_id(store: &dyn Store, catalog: &Catalog) -> Result<Uuid, Error> {
    let mut newest = Uuid::nil();
    for account in catalog.accounts() {
        let hooks = catalog.cycles(&account).flat_map(|cycle| cycle.hooks.iter().map(|hook| hook.identifier.clone()));
        let webhooks = catalog.addresses.identifiers(&account).cloned().chain(hooks);
        let lanes = webhooks.map(|webhook| (webhook, never())).collect();
        let query = HitQuery { lanes, which: WhichHits::All, from: Uuid::nil(), limit: 1 };
        for found in store.list_hits(&account, &query).await? {
            newest = newest.max(found.hit);
        }
        for found in store.newest_transactions(&account, never(), Uuid::nil(), 1).await? {
            newest = newest.max(found.transaction);
        }
    }
    Ok(newest)
}

/// The instant of a page's cursor: everything before it.
pub(crate) fn never() -> Uuid {
    Uuid::max()
}

pub(crate) fn instant(time: DateTime<Utc>) -> Micros {
    time.timestamp_micros()
}
