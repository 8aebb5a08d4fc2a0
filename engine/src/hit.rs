//! A hit: one request accepted at a webhook, kept whole.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use holdfast_definitions::{Json, Members};

use crate::{Answer, HitId, TransactionId};

/// A request that passed every check before the store: decoded, not yet accepted.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The webhook's identifier.
    pub webhook: String,
    pub method: String,
    /// Names in lower case; repeated ones joined by `, `.
    pub headers: Json,
    /// A name once is text, repeated an array.
    pub query: Json,
    /// The decoded body; null where there was none.
    pub body: Json,
    /// The body as it came.
    pub raw: Bytes,
    /// `Idempotency-Key` or `webhook-id`, where the request had one.
    pub repeat: Option<RepeatHeader>,
    /// `Prefer: wait=N` (RFC 7240 §4.3): only ever shortens the webhook's own time-out.
    pub wait: Option<Duration>,
    /// What the webhook's script made of it, where it has one.
    pub by_script: Option<ByScript>,
}

impl Arrival {
    /// `{ method, headers, query, body }`: what scripts and paths see of it before it is a hit.
    pub(crate) fn request(&self) -> Json {
        Json::from(Members::from_iter([
            ("method".to_owned(), Json::from(self.method.as_str())),
            ("headers".to_owned(), self.headers.clone()),
            ("query".to_owned(), self.query.clone()),
            ("body".to_owned(), self.body.clone()),
        ]))
    }
}

/// The request is then as the script left it; the raw bytes are as they came.
#[derive(Clone, Debug, Default)]
pub struct ByScript {
    /// Kept, and starts nothing.
    pub filtered: bool,
    /// The caller is answered by the script.
    pub answer: Option<Answer>,
}

/// The header by which a repeated delivery is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepeatHeader {
    /// Another body under the same key is refused.
    IdempotencyKey(String),
    /// Another body under the same id is a plain repeat.
    WebhookId(String),
}

/// What became of an arrival, once it is on disk.
#[derive(Clone, Debug)]
pub struct Reception {
    pub hit: HitId,
    /// The transaction that it started or resumed, if it did.
    pub transaction: Option<TransactionId>,
    /// It repeats an earlier delivery: this is that one's answer.
    pub replayed: bool,
    pub reply: Reply,
}

#[derive(Clone, Debug)]
pub enum Reply {
    /// `200 Webhook accepted.`
    Accepted,
    /// The synchronous response, or what a run's end answers its caller with.
    Answer(Answer),
    /// The time-out passed first: `202`, and the answer will be at `/hooks/{identifier}/answers/{hit}`.
    Pending { status: TransactionStatus },
    /// `on_no_match: reject`: `404` with the reason.
    NoMatch { reason: String },
    /// `on_ambiguous: reject`: `409`.
    Ambiguous,
}

/// The status of a transaction: that of its newest run (contract, sections 16 and 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransactionStatus {
    Queued,
    Running,
    Held,
    Completed,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HitStatus {
    Queued,
    Applied,
    Unmatched,
    Filtered,
    Expired,
    Duplicate,
    Rejected,
}

/// A hit as it is kept.
#[derive(Clone, Debug)]
pub struct Hit {
    pub id: HitId,
    pub webhook: String,
    pub cycle: String,
    pub step: String,
    pub received_at: DateTime<Utc>,
    pub method: String,
    pub headers: Json,
    pub query: Json,
    pub body: Json,
    pub raw: Bytes,
    pub status: HitStatus,
    /// Why it is unmatched, expired or rejected.
    pub reason: Option<String>,
    pub transaction: Option<TransactionId>,
    /// The number of the run that it began.
    pub run: Option<u32>,
    pub ambiguous: bool,
    pub replay_of: Option<HitId>,
    /// An unmatched hit is offered to transactions that reach the step before then.
    pub early_until: Option<DateTime<Utc>>,
    /// What became of it in each cycle; `transaction` and `run` are the first.
    pub applications: Vec<crate::Application>,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The contract's word.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(TransactionStatus {
    Queued = "queued",
    Running = "running",
    Held = "held",
    Completed = "completed",
    Failed = "failed",
    Cancelled = "cancelled",
});
words!(HitStatus {
    Queued = "queued",
    Applied = "applied",
    Unmatched = "unmatched",
    Filtered = "filtered",
    Expired = "expired",
    Duplicate = "duplicate",
    Rejected = "rejected",
});
