//! The one handle: receive, answer, cancel, replay, explain, deploy.
//!
//! Every method takes the account first; what belongs to another account is not found.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use holdfast_definitions::Json;

use crate::{
    Arrival, CycleView, Deployed, Error, Explanation, Gauges, Hit, HitId, HitStatus, KeyId, KeyView, Page, PageQuery,
    Reception, RepeatHeader, RunView, Scope, TransactionFilter, TransactionId, TransactionView, VersionView,
    WebhookView,
};

/// Where state lives.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file in the data directory, made where it is not there.
    Sqlite {
        path: std::path::PathBuf,
    },
    Postgres {
        url: String,
    },
}

#[derive(Clone, Debug)]
pub struct Options {
    pub database: Database,
    /// Time stands still until [`Engine::advance`] moves it. For one node.
    pub manual_clock: bool,
    /// Names this node in logs; unique among the nodes of a database.
    pub node: String,
    pub limits: Limits,
}

/// The limits of contract section 13 that the engine keeps.
#[derive(Clone, Debug)]
pub struct Limits {
    pub document_bytes: usize,
    pub steps_per_run: usize,
    pub runs_per_transaction: u32,
    pub queued_hits_per_webhook: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 4 << 20,
            steps_per_run: 10_000,
            runs_per_transaction: 10_000,
            queued_hits_per_webhook: 100_000,
        }
    }
}

/// A webhook as a request finds it: from memory, no read of the store.
#[derive(Clone, Debug)]
pub struct Door {
    pub identifier: String,
    pub account: String,
    pub cycle: String,
    pub step: String,
    pub synchronous: bool,
    pub admission: Admission,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The cycle runs.
    Run,
    /// It was stopped 24 h ago or less: hits are queued.
    Queue,
    /// `406`.
    Refuse,
}

/// An answer as `/hooks/{identifier}/answers/{hit}` finds it.
#[derive(Clone, Debug)]
pub enum AnswerLookup {
    Ready(Reception),
    /// Still `202`.
    Pending {
        transaction: Option<TransactionId>,
        status: crate::TransactionStatus,
    },
}

/// Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    _inner: Arc<()>,
}

#[expect(unused_variables, reason = "signatures first, so that the API is built beside the engine")]
impl Engine {
    /// Opens the store, migrates it under a lock, loads the catalog and starts the worker.
    pub async fn open(options: Options) -> Result<Self, Error> {
        unimplemented!()
    }

    /// Ends: what is in flight is committed and its callers answered; later calls are `Unavailable`.
    /// Callers that still wait are answered `Pending`.
    pub async fn close(&self) {
        unimplemented!()
    }

    /// New work is refused as `Unavailable` from now on; what is in flight goes on.
    pub fn refuse_new_work(&self) {
        unimplemented!()
    }

    /// The engine's clock: the system's, or the manual one. UTC, whole microseconds.
    pub fn now(&self) -> DateTime<Utc> {
        unimplemented!()
    }

    /// Moves a manual clock; whatever falls due on the way has happened, in order, on return.
    /// `Conflict` where the clock is not manual.
    pub async fn advance(&self, by: Duration) -> Result<DateTime<Utc>, Error> {
        unimplemented!()
    }

    /// Ok where the store answers.
    pub async fn ready(&self) -> Result<(), Error> {
        unimplemented!()
    }

    pub async fn gauges(&self) -> Result<Gauges, Error> {
        unimplemented!()
    }

    // Webhooks.

    pub fn door(&self, identifier: &str) -> Option<Door> {
        unimplemented!()
    }

    /// The identifier of a cycle's webhook step (`dev` answers at `/hooks/{cycle}/{step}` too).
    pub fn identifier(&self, account: &str, cycle: &str, step: &str) -> Option<String> {
        unimplemented!()
    }

    /// An earlier delivery with this header key, and its answer (waited for while it is in
    /// progress). Asked before the body is parsed; `KeyReused` as the contract says.
    pub async fn recall(
        &self,
        identifier: &str,
        repeat: &RepeatHeader,
        raw: &[u8],
        wait: Option<Duration>,
    ) -> Result<Option<Reception>, Error> {
        unimplemented!()
    }

    /// Accepts a hit: on return it is on disk with all that it did, and for a synchronous webhook
    /// its answer came or its time-out passed.
    pub async fn receive(&self, arrival: Arrival) -> Result<Reception, Error> {
        unimplemented!()
    }

    pub async fn answer(&self, identifier: &str, hit: HitId) -> Result<AnswerLookup, Error> {
        unimplemented!()
    }

    pub async fn webhooks(&self, account: &str, page: PageQuery) -> Result<Page<WebhookView>, Error> {
        unimplemented!()
    }

    // Cycles.

    /// Checks and deploys every cycle of a file, all or none.
    pub async fn deploy(&self, account: &str, file: &str, text: &str) -> Result<Vec<Deployed>, Error> {
        unimplemented!()
    }

    pub async fn cycles(&self, account: &str, page: PageQuery) -> Result<Page<CycleView>, Error> {
        unimplemented!()
    }

    pub async fn cycle(&self, account: &str, name: &str) -> Result<CycleView, Error> {
        unimplemented!()
    }

    /// Newest first.
    pub async fn versions(&self, account: &str, name: &str, page: PageQuery) -> Result<Page<VersionView>, Error> {
        unimplemented!()
    }

    pub async fn start(&self, account: &str, name: &str) -> Result<CycleView, Error> {
        unimplemented!()
    }

    /// With `drain`, first lets queued work finish.
    pub async fn stop(&self, account: &str, name: &str, drain: bool) -> Result<CycleView, Error> {
        unimplemented!()
    }

    /// `Conflict` unless stopped (or never started).
    pub async fn delete(&self, account: &str, name: &str) -> Result<(), Error> {
        unimplemented!()
    }

    // Transactions.

    pub async fn transactions(
        &self,
        account: &str,
        filter: TransactionFilter,
        page: PageQuery,
    ) -> Result<Page<TransactionView>, Error> {
        unimplemented!()
    }

    /// With its document and last 100 runs.
    pub async fn transaction(&self, account: &str, id: TransactionId) -> Result<TransactionView, Error> {
        unimplemented!()
    }

    /// Newest first.
    pub async fn runs(&self, account: &str, id: TransactionId, page: PageQuery) -> Result<Page<RunView>, Error> {
        unimplemented!()
    }

    /// Final. `Conflict` where it is cancelled already.
    pub async fn cancel(&self, account: &str, id: TransactionId) -> Result<TransactionView, Error> {
        unimplemented!()
    }

    /// A run with no hit, from a step that it has passed, with the document as it was there or the
    /// one given.
    pub async fn rerun(
        &self,
        account: &str,
        id: TransactionId,
        step: &str,
        document: Option<Json>,
    ) -> Result<TransactionView, Error> {
        unimplemented!()
    }

    /// Resumes a hold by hand: a hit with this body is made for the transaction itself, whatever
    /// the mapping says. `step` may be left out where it is held at one step.
    pub async fn resume(
        &self,
        account: &str,
        id: TransactionId,
        step: Option<&str>,
        body: Json,
    ) -> Result<TransactionView, Error> {
        unimplemented!()
    }

    // Hits.

    /// `webhook` is an identifier.
    pub async fn hits(
        &self,
        account: &str,
        webhook: Option<&str>,
        status: Option<HitStatus>,
        page: PageQuery,
    ) -> Result<Page<Hit>, Error> {
        unimplemented!()
    }

    pub async fn hit(&self, account: &str, id: HitId) -> Result<Hit, Error> {
        unimplemented!()
    }

    /// A new hit with `replay_of`, matched by today's transactions. The hit as it then stands.
    pub async fn replay(&self, account: &str, id: HitId) -> Result<Hit, Error> {
        unimplemented!()
    }

    pub async fn explain(&self, account: &str, id: HitId) -> Result<Explanation, Error> {
        unimplemented!()
    }

    /// The same for a request that was never sent: `{ method, headers, query, body }`.
    pub async fn explain_dry(&self, account: &str, identifier: &str, request: Json) -> Result<Explanation, Error> {
        unimplemented!()
    }

    // Keys.

    /// The secret is returned once and only its hash is stored.
    pub async fn create_key(
        &self,
        account: Option<&str>,
        name: &str,
        scopes: &[Scope],
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(KeyView, String), Error> {
        unimplemented!()
    }

    pub async fn keys(&self, account: &str, page: PageQuery) -> Result<Page<KeyView>, Error> {
        unimplemented!()
    }

    /// Refused everywhere within 1 s.
    pub async fn revoke_key(&self, account: &str, id: KeyId) -> Result<(), Error> {
        unimplemented!()
    }

    /// The key of a secret, if it is live.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<KeyView>, Error> {
        unimplemented!()
    }

    /// Whether any key was ever made: the first start of `serve` makes an admin key.
    pub async fn has_keys(&self) -> Result<bool, Error> {
        unimplemented!()
    }
}

/// What happens, live, for `GET /events`: hints, read from committed rows.
#[derive(Clone, Debug)]
pub struct LiveEvent {
    pub account: String,
    /// `transaction.started`, `transaction.held`, `hit.unmatched`, `cycle.started`…
    pub event: &'static str,
    pub cycle: String,
    pub transaction: Option<TransactionId>,
    pub hit: Option<HitId>,
    pub step: Option<String>,
}

impl Engine {
    /// Events of this node's commits from now on; a slow receiver misses the oldest.
    pub fn events(&self) -> tokio::sync::broadcast::Receiver<LiveEvent> {
        unimplemented!()
    }
}
