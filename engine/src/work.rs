//! What waits for a commit, and what a commit says of it.

use std::sync::Arc;

use holdfast_definitions::Json;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    Answer, Arrival, Error,
    ongoing::{Ongoing, Progress},
    round::RepeatName,
    several::{Applied, Part, Several},
    store::{EarlyRow, HitRow, TimerRow},
};

/// One thing to be decided under the account's lock.
#[derive(Clone, Debug)]
pub enum Work {
    /// A new hit, with a caller that waits for what became of it.
    Receive(Arc<Arrival>),
    /// A delivery that repeats an earlier hit's: it is kept, and does nothing.
    Duplicate {
        arrival: Arc<Arrival>,
        first: Uuid,
    },
    /// The arrivals of one request: all of them or none.
    Several(Arc<Several>),
    /// One of them: made in the commit that decides them all.
    Part(Arc<Part>),
    /// A new hit made of an earlier one; under a name, once.
    Replay(Arc<HitRow>, Option<RepeatName>),
    /// A hold resumed by hand: a hit for this transaction, whatever the mapping says.
    Resume {
        transaction: Uuid,
        step: Option<String>,
        body: Json,
        /// With more runs than these somebody was quicker: nothing is done.
        runs: Option<i32>,
    },
    /// A run with no hit. The document is told from the runs beforehand: they never change.
    Rerun {
        transaction: Uuid,
        step: String,
        document: Arc<Json>,
        /// As of a resume.
        runs: Option<i32>,
    },
    Cancel {
        transaction: Uuid,
    },
    /// A hold may have run into its `expires`.
    Expire(TimerRow),
    /// The retention of a hold runs out, or is about to: endpoints are told.
    Tell(TimerRow),
    /// What came of a step that was done outside of a commit.
    Proceed {
        ongoing: Arc<Ongoing>,
        progress: Box<Progress>,
    },
    /// A step is taken on: its time has come, or the process that did it is gone.
    TakeOn {
        transaction: Uuid,
        run: i32,
        claim: i64,
    },
    /// The next run of a transaction begins: the one before it has ended.
    Begin {
        transaction: Uuid,
    },
    /// Runs that wait for a place in their cycle begin, where there is one.
    Turns {
        cycle: Uuid,
    },
    /// Callers whose run a stop keeps from beginning are answered.
    Release {
        cycle: Uuid,
    },
    /// Retention ran out while callers waited.
    Abandon {
        transaction: Uuid,
    },
    /// Hits queued by a stop are run, a bounded number of them.
    Drain {
        cycle: Uuid,
    },
    /// Hits queued by a stop over 24 h ago are marked, a bounded number of them.
    ExpireQueue {
        cycle: Uuid,
    },
    /// A hit out of the queue, whose turn has come.
    Queued(Arc<HitRow>),
    /// A hit that came early, for the transaction that has now come.
    Early {
        hit: Arc<HitRow>,
        pending: EarlyRow,
        transaction: Uuid,
        hold: i32,
    },
}

/// What became of a piece of work, once it is on disk.
#[derive(Debug)]
pub struct Outcome {
    pub hit: Option<Uuid>,
    pub transaction: Option<Uuid>,
    pub reply: OutcomeReply,
}

#[derive(Debug)]
pub enum OutcomeReply {
    Accepted,
    Answer(Answer),
    /// A synchronous caller whose answer is not there yet.
    Wait(oneshot::Receiver<Answer>),
    NoMatch {
        reason: String,
    },
    Ambiguous,
    /// It repeats the delivery of `Outcome::hit`.
    Repeat,
    /// There is more of it to do.
    More,
    /// What a script read has changed since: it is to be run again.
    Stale,
    /// What became of each part of a group.
    Several(Vec<Applied>),
    /// What became of each script that an `each` brought, by element.
    Elements(Vec<(usize, Kept)>),
}

/// What became of what a script wants kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept, and with it what came of the script.
    Written,
    /// As [`OutcomeReply::Stale`].
    Stale,
    /// The store has no room for it.
    Full,
}

impl Outcome {
    pub fn accepted(hit: Option<Uuid>, transaction: Option<Uuid>) -> Self {
        Self { hit, transaction, reply: OutcomeReply::Accepted }
    }
}

/// A piece of work in a round, and whose it is.
#[derive(Clone, Debug)]
pub struct Item {
    pub work: Work,
    /// The position of the caller in the batch; none for what the batch itself found to do.
    pub ticket: Option<usize>,
}

pub type Reply = oneshot::Sender<Result<Outcome, Error>>;
