//! Conditions, typed and compiled.

use crate::{Json, Next};

#[derive(Debug)]
pub struct Case {
    pub when: Condition,
    pub next: Next,
}

/// Evaluated over the document and the run's `now`.
#[derive(Debug)]
pub struct Condition;

impl Condition {
    /// Whether it holds. `now` (UTC) is what `before: now-7d` means.
    pub fn holds(&self, document: &Json, now: chrono::DateTime<chrono::Utc>) -> bool {
        let _ = (document, now);
        unimplemented!()
    }
}
