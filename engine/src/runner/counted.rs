//! What steps that touch the world came to, as a metric.
//!
//! Invariant: no label is a value of a transaction: kinds, outcomes and kinds of errors are few.

use holdfast_definitions::StepKind;

use crate::{machine::Done, ongoing::Progress};

/// One attempt, the last of a step or not.
pub fn attempt(kind: &StepKind, progress: &Progress) {
    let outcome = match progress {
        Progress::Again { .. } => "again",
        Progress::Done(Done { error: Some(error), .. }) => error.kind,
        Progress::Done(_) | Progress::Scripted { .. } => "completed",
        // An `each` on its way: its steps are counted for themselves.
        Progress::Kept { .. } => return,
    };
    metrics::counter!("holdfast_steps_total", "kind" => kind.word(), "outcome" => outcome).increment(1);
}
