//! The arrivals of one request that are decided together: all of them or none, in one commit.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_definitions::{Json, Members};
use uuid::Uuid;

use crate::{Answer, Arrival, Error, HitStatus, TransactionId, round::RepeatName, store::Commit, work::OutcomeReply};

/// One request, and where it goes.
#[derive(Debug)]
pub struct Several {
    /// The address: repeats are recognised under it.
    pub webhook: String,
    pub repeats: Vec<RepeatName>,
    /// The request as it came: kept by itself where it repeats another, or is of no event.
    pub request: Arc<Arrival>,
    /// Its events in order: each is a hit.
    pub events: Vec<Arc<Arrival>>,
    /// How the request itself is kept where it has no events: its status, and why.
    pub alone: (HitStatus, Option<String>),
    pub to: Destination,
    /// The id of the first event's hit, where it has one already.
    pub hit: Option<Uuid>,
    pub replay_of: Option<Uuid>,
    pub guard: Option<Arc<dyn Guard>>,
    /// What its caller is told, and is told again; for [`Destination::Attached`] it is made of what
    /// became of the parts.
    pub answer: Option<Answer>,
}

#[derive(Clone, Debug)]
pub enum Destination {
    /// A webhook step, by its identifier.
    Step(String),
    /// It is kept, and that is all.
    Nowhere,
    /// Every cycle of the account that is attached to this shared webhook, as the commit finds them.
    Attached(String),
}

/// What must be true, and is written, in the commit that decides the arrivals.
#[async_trait]
pub trait Guard: std::fmt::Debug + Send + Sync {
    /// Under the account's lock, before anything is decided. False: what the request was handled by has
    /// changed since, nothing may be written, and the caller is told [`OutcomeReply::Stale`].
    async fn pass(&self, commit: &mut dyn Commit, hit: Uuid) -> Result<bool, Error>;
}

/// One event at one step.
#[derive(Debug)]
pub struct Part {
    pub webhook: String,
    pub arrival: Arc<Arrival>,
    pub hit: Uuid,
    pub replay_of: Option<Uuid>,
}

/// What became of a part, once it is on disk.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "tests look at all of each part"))]
pub struct Applied {
    pub event: usize,
    pub cycle: String,
    pub hit: Uuid,
    pub transaction: Option<Uuid>,
    /// The transaction's status, or the hit's where there is none.
    pub status: &'static str,
    pub reply: OutcomeReply,
}

impl Applied {
    /// `{ id, cycle, status }`: `id` is the transaction's, null while it is queued.
    fn to_json(&self) -> Json {
        let id = self.transaction.map_or(Json::Null, |id| Json::from(TransactionId(id).to_string()));
        Json::from(Members::from_iter([
            ("id".to_owned(), id),
            ("cycle".to_owned(), Json::from(self.cycle.as_str())),
            ("status".to_owned(), Json::from(self.status)),
        ]))
    }
}

/// What became of each part, as its sender is told.
pub fn list(applied: &[Applied]) -> Json {
    applied.iter().map(Applied::to_json).collect()
}

/// `200` with it as JSON.
pub fn listed(list: &Json) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer::Response { status: 200, headers, body: list.to_string().into() }
}
