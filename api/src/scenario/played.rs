//! What came of a scenario's actions. Transactions and hits are known by their position, oldest first:
//! ids are not part of what is played.

use chrono::{DateTime, Utc};
use holdfast_definitions::{Edge, Json};
use holdfast_engine::{HitStatus, RunStatus, TransactionStatus};

/// What came of all the actions.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// How it was at each [`Action::Expect`](holdfast_definitions::Action) among the actions, in order.
    pub moments: Vec<Moment>,
    /// How it was after the last action.
    pub end: Moment,
    /// The edges that were taken, each once, sorted.
    pub edges: Vec<TakenEdge>,
}

/// How it is at one instant, once all that goes on by itself has.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub at: DateTime<Utc>,
    /// In the order of their starts. One whose retention is over stays, as it was last seen: `gone`.
    pub transactions: Vec<PlayedTransaction>,
    /// In the order of the actions.
    pub hits: Vec<PlayedHit>,
    /// What would have gone out, in the order of time; within an instant by transaction, run and step.
    pub sent: Vec<Sent>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlayedTransaction {
    pub status: TransactionStatus,
    /// Where it is held or failed.
    pub step: Option<String>,
    /// `{ kind, message, … }`
    pub error: Option<Json>,
    pub document: Json,
    /// Oldest first.
    pub runs: Vec<PlayedRun>,
    /// Its retention is over.
    pub gone: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlayedRun {
    /// From 1.
    pub number: u32,
    /// The hit that began it: a position in [`Moment::hits`].
    pub hit: Option<usize>,
    /// The step where it began.
    pub entry: String,
    pub status: RunStatus,
    pub error: Option<Json>,
    pub steps: Vec<PlayedStep>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlayedStep {
    pub step: String,
    pub kind: String,
    pub status: String,
    pub at: DateTime<Utc>,
    /// Of a decision, the case that it took, from 0, or `else`; of a `notify` step, its data.
    pub output: Option<Json>,
    pub error: Option<Json>,
    /// Of an `each`: a list of `{ index, status, steps }`.
    pub elements: Option<Json>,
}

/// One [`Action::Hit`](holdfast_definitions::Action).
#[derive(Clone, Debug, PartialEq)]
pub struct PlayedHit {
    /// What the scenario calls it.
    pub name: Option<String>,
    pub step: String,
    /// None where it was refused, and so is no hit: its answer says why.
    pub status: Option<HitStatus>,
    /// Why it is unmatched, expired or rejected.
    pub reason: Option<String>,
    pub ambiguous: bool,
    /// The transaction that it started or resumed: a position in [`Moment::transactions`].
    pub transaction: Option<usize>,
    /// The number of the run that it began.
    pub run: Option<u32>,
    /// None while its caller waits.
    pub answer: Option<PlayedAnswer>,
}

/// What a hit's caller got.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayedAnswer {
    pub status: u16,
    /// An object of texts, names in lower case, without those that name the hit and the transaction.
    pub headers: Json,
    /// JSON as what it is, anything else as text, nothing as null.
    pub body: Json,
}

/// What would have gone out.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub at: DateTime<Utc>,
    /// A position in [`Moment::transactions`]; none for what a connector's method sends.
    pub transaction: Option<usize>,
    /// The step; `STEP.METHOD` for a method of its connector.
    pub step: String,
    pub what: SentWhat,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SentWhat {
    /// A call of an `http` step, every attempt by itself.
    Call {
        method: String,
        /// Without its query.
        url: String,
        /// An object: a name once is text, repeated an array.
        query: Json,
        /// An object of texts, names in lower case.
        headers: Json,
        /// JSON as what it is, a form as an object, anything else as text, nothing as null.
        body: Json,
    },
    /// An event of a `notify` step.
    Event { event: String, data: Json },
}

/// An edge of the cycle's graph, by its ends and its kind; `to` is none at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TakenEdge {
    pub from: String,
    pub to: Option<String>,
    pub why: Edge,
}
