//! What a transaction waits for, as it is shown.

use chrono::{DateTime, Utc};
use holdfast_definitions::Json;

/// A hold that stands: a hit with one of its keys resumes it.
#[derive(Clone, Debug)]
pub struct HoldView {
    /// The run that was held there.
    pub run: u32,
    pub step: String,
    /// The identifier of the step's own webhook.
    pub webhook: String,
    pub since: DateTime<Utc>,
    /// Some hit has resumed it; others may still.
    pub resumed: bool,
    /// When it goes on by its `expires`, unless a hit comes.
    pub until: Option<DateTime<Utc>>,
    /// Any of them; each has one value for each mapping entry, in that order.
    pub keys: Vec<Vec<Json>>,
}

/// The first of the runs of a transaction that have not ended.
#[derive(Clone, Debug)]
pub struct Underway {
    pub run: u32,
    /// Where it is, or will begin.
    pub step: String,
    pub began: bool,
    /// Another run of its cycle with the same `concurrency.key` comes first.
    pub behind_its_key: bool,
    /// As many runs of its cycle as `concurrency.limit` allows are under way.
    pub for_a_place: bool,
    /// At a `delay` that ends then.
    pub delayed: Option<DateTime<Utc>>,
    /// Its step is tried again then.
    pub again: Option<DateTime<Utc>>,
    /// Attempts at the step so far.
    pub tried: usize,
    /// The cycle is stopped: nothing new is begun.
    pub stopped: bool,
    /// Runs that wait behind it, for it to end.
    pub behind: usize,
}

/// A document on both sides of a step.
#[derive(Clone, Debug)]
pub struct StepDocuments {
    pub before: Json,
    pub after: Json,
}
