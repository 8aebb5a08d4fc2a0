//! Values with `${…}` in them.

use crate::{Json, Path};

/// A JSON value, some of whose texts are computed.
#[derive(Debug)]
pub struct Template;

/// What a template may read.
pub struct Scope<'a> {
    pub document: &'a Json,
    /// `${transaction.id}`
    pub transaction_id: &'a str,
    /// `${cycle.name}`
    pub cycle_name: &'a str,
}

impl Template {
    /// The value. Never fails: what is missing is null, or empty text inside a longer string.
    pub fn render(&self, scope: &Scope<'_>) -> Json {
        let _ = scope;
        unimplemented!()
    }

    /// The paths that it reads, for `check`.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::empty()
    }
}
