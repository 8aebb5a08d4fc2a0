//! Why a hit matched, or did not.

use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_definitions::Json;

use crate::{HitId, TransactionId};

#[derive(Clone, Debug)]
pub struct Explanation {
    /// None for a dry run.
    pub hit: Option<HitId>,
    pub webhook: String,
    pub cycle: String,
    pub step: String,
    /// As it was decided when the hit was accepted; for a dry run, as it would be decided now.
    pub outcome: String,
    /// One sentence for a person.
    pub summary: String,
    /// What each mapping entry read.
    pub extracted: Vec<ExtractedValue>,
    /// The composite key, as readable values; none where a value can't be one.
    pub key: Option<Vec<Json>>,
    /// Transactions that wait, or waited, under an equal key, newest first; at most 20.
    pub candidates: Vec<CandidateView>,
    pub winner: Option<TransactionId>,
    /// For a hit that matched nothing: what came nearest, nearest first; at most 10.
    pub near_misses: Vec<String>,
    /// The same, taken apart.
    pub near: Vec<NearMiss>,
    /// Where nothing came near: some that wait at the step, newest first; at most 5.
    pub waiting: Vec<Waiting>,
    /// A hit that matches nothing is offered for so long to transactions that reach the step.
    pub early: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct ExtractedValue {
    pub path: String,
    /// `text`, `number`, `boolean`, `null`, `object`, `array` or `missing`.
    pub kind: &'static str,
    pub value: Option<Json>,
    /// Where nothing is there: how far the path leads, and what it may have meant.
    pub hint: Option<String>,
}

#[derive(Clone, Debug)]
pub struct CandidateView {
    pub transaction: TransactionId,
    pub version: u32,
    pub started_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// Some hit has resumed this hold.
    pub resumed: bool,
    pub won: bool,
    /// Why it won, or did not.
    pub why: String,
}

/// A transaction that nearly took the hit, or would have at another step or time.
#[derive(Clone, Debug)]
pub struct NearMiss {
    pub transaction: TransactionId,
    /// Where it waits, where that is another step.
    pub step: Option<String>,
    /// What it waits for.
    pub key: Vec<Json>,
    /// Where its key is not the hit's.
    pub differences: Vec<Difference>,
    /// Where in the request its value stands, where that is not where the mapping looks.
    pub found_at: Option<String>,
    /// One sentence.
    pub text: String,
}

/// One value of a key that is not the other's.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Where the hit has it.
    pub path: String,
    pub hit: Json,
    pub held: Json,
    /// `it has a space more at its end`
    pub words: String,
}

#[derive(Clone, Debug)]
pub struct Waiting {
    pub transaction: TransactionId,
    pub key: Vec<Json>,
}
