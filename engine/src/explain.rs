//! Why a hit matched, or did not.

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
}

#[derive(Clone, Debug)]
pub struct ExtractedValue {
    pub path: String,
    /// `text`, `number`, `boolean`, `null`, `object`, `array` or `missing`.
    pub kind: &'static str,
    pub value: Option<Json>,
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
