//! An engine that is played: see [`crate::play`].

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use holdfast_definitions::Json;
use tokio::sync::{broadcast, watch};

use super::{Engine, Shared, deliver, secrets};
use crate::{
    DEFAULT_ACCOUNT, Error, Limits, MasterKeys, advance,
    catalog::Catalog,
    clock::{Clock, Micros},
    connector::Connections,
    egress::{Egress, StandIn, Tokens},
    id::{Dice, Ids},
    notify,
    play::OneAtATime,
    runner,
    scripts::Scripts,
    store::Store,
    usage::Usage,
    waiters::Waiters,
    writer::{self, Writer},
};

/// What it is made of.
pub struct Played {
    pub store: Arc<dyn Store>,
    pub scripts: Arc<Scripts>,
    /// As the store has it.
    pub catalog: Arc<Catalog>,
    pub stand_in: Arc<dyn StandIn>,
    pub at: Micros,
    pub seed: u64,
    pub environment: BTreeMap<String, Json>,
    pub master_keys: MasterKeys,
    pub limits: Limits,
}

/// Where a played engine's webhooks would be.
const PLAYED_AT: &str = "https://holdfast.example";

impl Engine {
    pub(crate) fn played(played: Played) -> Self {
        let (writer, queue) = Writer::new();
        let (deliveries, _) = notify::Deliveries::new();
        let shared = Arc::new(Shared {
            store: played.store,
            clock: Clock::manual(played.at),
            limits: played.limits,
            waiters: Waiters::default(),
            writer,
            instance: "played".to_owned(),
            node: "played".to_owned(),
            catalog: RwLock::new(played.catalog),
            reloading: tokio::sync::Mutex::new(()),
            advancing: tokio::sync::Mutex::new(()),
            events: broadcast::channel(1).0,
            closing: watch::channel(false).0,
            held: crate::held::HeldCache::default(),
            tallies: crate::tally::Tallies::default(),
            usage: Usage::default(),
            at_work: runner::AtWork::default(),
            deliveries,
            egress: Egress::nowhere(played.stand_in),
            tokens: Tokens::default(),
            secrets: secrets::Secrets::new(played.master_keys),
            connections: Connections::default(),
            scripts: played.scripts,
            environment: played.environment,
            handed_on: deliver::HandedOn::default(),
            dice: Dice::seeded(played.seed),
            played: Some(OneAtATime::default()),
        });
        shared.connections.is_at(PLAYED_AT);
        shared.connections.has_none(DEFAULT_ACCOUNT, shared.catalog().revision(DEFAULT_ACCOUNT));
        let tasks = vec![tokio::spawn(writer::run(shared.clone(), queue, Ids::seeded(!played.seed)))];
        Self { shared, tasks: Arc::new(std::sync::Mutex::new(tasks)) }
    }

    /// Returns once all is done that goes on by itself at this instant. For a manual clock.
    pub async fn settle(&self) -> Result<(), Error> {
        advance::settle(&self.shared).await
    }

    /// Changes with every caller who is kept waiting by a played engine's clock.
    pub fn kept_callers(&self) -> watch::Receiver<u64> {
        self.shared.waiters.kept()
    }

    /// Callers that wait now; those that have gone are forgotten.
    pub fn waiting_callers(&self) -> usize {
        self.shared.waiters.pending();
        usize::try_from(self.shared.waiters.count()).unwrap_or(usize::MAX)
    }

    /// Ends a played engine: on return nothing of it touches its store any more.
    pub async fn end(&self) {
        self.refuse_new_work();
        self.shared.closing.send_replace(true);
        self.shared.writer.drained().await;
        self.shared.at_work.none().await;
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            let _ = task.await;
        }
    }

    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.shared.catalog()
    }

    /// Starts the cycles that subscribe themselves.
    pub async fn start_connected(&self) -> Result<(), Error> {
        let catalog = self.catalog();
        let connected = catalog.cycles(DEFAULT_ACCOUNT).filter(|cycle| cycle.row.state == "draft");
        let mut names: Vec<String> = connected.map(|cycle| cycle.row.name.clone()).collect();
        names.sort();
        for name in names {
            self.start(DEFAULT_ACCOUNT, &name).await?;
        }
        Ok(())
    }
}
