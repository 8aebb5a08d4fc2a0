//! Why a hit matched, or did not, as the API tells it.

use holdfast_definitions::Json;
use holdfast_engine::{CandidateView, Difference, Explanation, ExtractedValue, NearMiss, Waiting};
use serde::Serialize;
use utoipa::ToSchema;

use super::shapes::time;

#[derive(Serialize, ToSchema)]
pub struct ExplanationShape {
    /// Null for a dry run.
    pub hit: Option<String>,
    pub webhook: String,
    pub cycle: String,
    pub step: String,
    pub outcome: String,
    /// One sentence for a person.
    pub summary: String,
    pub extracted: Vec<Extracted>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub key: Option<Vec<Json>>,
    /// Newest first, at most 20.
    pub candidates: Vec<Candidate>,
    pub winner: Option<String>,
    /// Nearest first, at most 10.
    pub near_misses: Vec<String>,
    /// The same, taken apart.
    pub near: Vec<Near>,
    /// Where nothing came near: some that wait at the step, newest first, at most 5.
    pub waiting: Vec<WaitingShape>,
    /// A hit that matches nothing is offered for so long to transactions that reach the step.
    pub early_ms: Option<u64>,
}

/// A transaction that nearly took it.
#[derive(Serialize, ToSchema)]
pub struct Near {
    pub transaction: String,
    /// Where it waits, where that is another step.
    pub step: Option<String>,
    #[schema(value_type = Vec<Object>)]
    pub key: Vec<Json>,
    /// Where its key is not the hit's.
    pub differences: Vec<DifferenceShape>,
    /// Where in the request its value stands, where that is not where the mapping looks.
    pub found_at: Option<String>,
    pub text: String,
}

#[derive(Serialize, ToSchema)]
pub struct DifferenceShape {
    pub path: String,
    #[schema(value_type = Object)]
    pub hit: Json,
    #[schema(value_type = Object)]
    pub held: Json,
    /// `it has a space more at its end`
    pub words: String,
}

#[derive(Serialize, ToSchema)]
pub struct WaitingShape {
    pub transaction: String,
    #[schema(value_type = Vec<Object>)]
    pub key: Vec<Json>,
}

impl From<NearMiss> for Near {
    fn from(miss: NearMiss) -> Self {
        let difference =
            |one: Difference| DifferenceShape { path: one.path, hit: one.hit, held: one.held, words: one.words };
        Self {
            transaction: miss.transaction.to_string(),
            step: miss.step,
            key: miss.key,
            differences: miss.differences.into_iter().map(difference).collect(),
            found_at: miss.found_at,
            text: miss.text,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Extracted {
    pub path: String,
    /// `text`, `number`, `boolean`, `null`, `object`, `array` or `missing`
    pub kind: &'static str,
    #[schema(value_type = Option<Object>)]
    pub value: Option<Json>,
    /// Where nothing is there: how far the path leads, and what it may have meant.
    pub hint: Option<String>,
}

impl From<ExtractedValue> for Extracted {
    fn from(value: ExtractedValue) -> Self {
        Self { path: value.path, kind: value.kind, value: value.value, hint: value.hint }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Candidate {
    pub transaction: String,
    pub version: u32,
    pub started_at: String,
    pub expires_at: String,
    pub resumed: bool,
    pub won: bool,
    pub why: String,
}

impl From<CandidateView> for Candidate {
    fn from(view: CandidateView) -> Self {
        Self {
            transaction: view.transaction.to_string(),
            version: view.version,
            started_at: time(view.started_at),
            expires_at: time(view.expires_at),
            resumed: view.resumed,
            won: view.won,
            why: view.why,
        }
    }
}

impl From<Explanation> for ExplanationShape {
    fn from(told: Explanation) -> Self {
        let waiting = |one: Waiting| WaitingShape { transaction: one.transaction.to_string(), key: one.key };
        Self {
            hit: told.hit.map(|hit| hit.to_string()),
            webhook: told.webhook,
            cycle: told.cycle,
            step: told.step,
            outcome: told.outcome,
            summary: told.summary,
            extracted: told.extracted.into_iter().map(Extracted::from).collect(),
            key: told.key,
            candidates: told.candidates.into_iter().map(Candidate::from).collect(),
            winner: told.winner.map(|winner| winner.to_string()),
            near_misses: told.near_misses,
            near: told.near.into_iter().map(Near::from).collect(),
            waiting: told.waiting.into_iter().map(waiting).collect(),
            early_ms: told.early.map(|early| u64::try_from(early.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
