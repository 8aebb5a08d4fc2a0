//! Where engines are played, one after another, each from the same beginning.
//!
//! Invariants: an engine that is played does nothing by itself: it goes on where it is settled or its
//! clock is moved. What goes out is answered by a [`StandIn`]. Its ids and seeds are drawn from the
//! setting's seed, so the same calls come to the same rows.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use holdfast_definitions::{Given, Json};
use secrecy::SecretString;
use tokio::sync::{Mutex, MutexGuard, oneshot};

use crate::{
    DEFAULT_ACCOUNT, Engine, Error, Limits, MasterKeys, NewShared, ScriptWorker, catalog::Catalog, clock::Micros,
    egress::StandIn, engine::Played, scripts::Scripts, store::Sqlite,
};

/// Seals the secrets that a scenario gives: they are in memory, beside what they are sealed with.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Workers for the scripts of all stages.
#[derive(Clone)]
pub struct StageScripts(Arc<Scripts>);

impl StageScripts {
    pub fn new(worker: Option<ScriptWorker>) -> Self {
        Self(Arc::new(Scripts::new(worker)))
    }
}

/// How it all begins: the cycles of a file, deployed and started.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The file's name, for diagnostics, and its text.
    pub file: String,
    pub text: String,
    /// What the clock says from then on.
    pub at: DateTime<Utc>,
    pub vars: Given,
    pub secrets: BTreeMap<String, String>,
    pub environment: BTreeMap<String, Json>,
    /// Shared webhooks that there are.
    pub shared: Vec<String>,
    /// What ids, and what scripts call random, are drawn from.
    pub seed: u64,
}

/// What an engine that is played has besides.
///
/// Steps are done one after another, in the order in which they were begun. Nothing is due before
/// `soonest`: its store need not be asked.
pub struct OneAtATime {
    last: std::sync::Mutex<Option<oneshot::Receiver<()>>>,
    soonest: AtomicI64,
}

impl Default for OneAtATime {
    fn default() -> Self {
        Self { last: std::sync::Mutex::default(), soonest: AtomicI64::new(Micros::MAX) }
    }
}

/// Over when it is dropped.
pub struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _over: oneshot::Sender<()>,
}

impl OneAtATime {
    /// A commit has left something to time.
    pub fn will_be_due(&self, at: Micros) {
        self.soonest.fetch_min(at, Ordering::AcqRel);
    }

    /// As the store says: what is due first, while nothing is committed.
    pub fn is_due_first(&self, at: Option<Micros>) {
        self.soonest.store(at.unwrap_or(Micros::MAX), Ordering::Release);
    }

    pub fn soonest(&self) -> Micros {
        self.soonest.load(Ordering::Acquire)
    }

    pub fn next(&self) -> Turn {
        let (over, last) = oneshot::channel();
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(last);
        Turn { before, _over: over }
    }
}

impl Turn {
    pub async fn comes(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = before.await;
        }
    }
}

/// A database in memory. One engine at a time is played on it.
pub struct Stage {
    store: Arc<Sqlite>,
    scripts: StageScripts,
    alone: Mutex<()>,
    /// What the store's image is of.
    set: Mutex<Option<(Setting, Arc<Catalog>)>>,
}

impl Stage {
    pub async fn open(scripts: StageScripts) -> Result<Self, Error> {
        Ok(Self {
            store: Arc::new(Sqlite::in_memory().await?),
            scripts,
            alone: Mutex::default(),
            set: Mutex::default(),
        })
    }

    /// Held for as long as an engine is played.
    pub async fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().await
    }

    /// An engine as of the setting, with its cycles running, but for those that subscribe themselves:
    /// [`Engine::start_connected`] starts them. [`Engine::end`] it before the next one. Errors as
    /// [`Engine::deploy`] and [`Engine::start`] do.
    pub async fn play(&self, setting: &Setting, stand_in: Arc<dyn StandIn>) -> Result<Engine, Error> {
        let mut set = self.set.lock().await;
        let catalog = match &*set {
            Some((known, catalog)) if known == setting => catalog.clone(),
            _ => {
                let catalog = self.set_up(setting, stand_in.clone()).await?;
                set.insert((setting.clone(), catalog)).1.clone()
            }
        };
        self.store.set_back().await?;
        self.engine(setting, catalog, stand_in)
    }

    /// Deploys and starts; those that subscribe themselves are started in every play, since what they
    /// send then is part of it.
    async fn set_up(&self, setting: &Setting, stand_in: Arc<dyn StandIn>) -> Result<Arc<Catalog>, Error> {
        self.store.empty().await?;
        let catalog = Catalog::build(crate::store::Store::catalog(&*self.store).await?, &Catalog::default())?;
        let engine = self.engine(setting, Arc::new(catalog), stand_in)?;
        let done = engine.set_up(setting).await;
        let catalog = engine.catalog();
        engine.end().await;
        done?;
        self.store.take_image().await?;
        Ok(catalog)
    }

    fn engine(&self, setting: &Setting, catalog: Arc<Catalog>, stand_in: Arc<dyn StandIn>) -> Result<Engine, Error> {
        let played = Played {
            store: self.store.clone(),
            scripts: self.scripts.0.clone(),
            catalog,
            stand_in,
            at: instant(setting.at),
            seed: setting.seed,
            environment: setting.environment.clone(),
            master_keys: MasterKeys::parse(MASTER_KEY)?,
            limits: Limits::default(),
        };
        Ok(Engine::played(played))
    }
}

fn instant(at: DateTime<Utc>) -> Micros {
    at.timestamp_micros()
}

impl Engine {
    async fn set_up(&self, setting: &Setting) -> Result<(), Error> {
        for (name, value) in &setting.secrets {
            self.put_secret(DEFAULT_ACCOUNT, name, SecretString::from(value.clone())).await?;
        }
        for name in &setting.shared {
            let new = NewShared { name: name.clone(), ..NewShared::default() };
            self.create_shared(DEFAULT_ACCOUNT, new).await?;
        }
        let deployed = self.deploy_given(DEFAULT_ACCOUNT, &setting.file, &setting.text, &setting.vars).await?;
        for one in deployed.iter().filter(|one| !one.cycle.subscribes) {
            self.start(DEFAULT_ACCOUNT, &one.cycle.name).await?;
        }
        Ok(())
    }
}
