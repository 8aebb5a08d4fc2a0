//! JSONPath (RFC 9535), compiled once and fenced.

use crate::Json;

/// A compiled query. A singular one (names and indexes only, RFC 9535 §2.3.5.1) runs on our own
/// list of steps and allocates nothing.
#[derive(Debug, Clone)]
pub struct Path;

impl Path {
    /// The query as written.
    pub fn text(&self) -> &str {
        unimplemented!()
    }

    pub fn is_singular(&self) -> bool {
        unimplemented!()
    }

    /// For a singular path: the value there, or None. Otherwise None.
    pub fn find<'a>(&self, root: &'a Json) -> Option<&'a Json> {
        let _ = root;
        unimplemented!()
    }

    /// Every value, in order; at most a stated number.
    pub fn all(&self, root: &Json) -> Vec<Json> {
        let _ = root;
        unimplemented!()
    }
}
