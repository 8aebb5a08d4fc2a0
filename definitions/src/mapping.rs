//! How a mid-cycle webhook's hits find their transaction.
//!
//! A mapping makes keys twice: from a document when a transaction is held, and from a hit when one
//! arrives. The two are equal exactly where every entry's values are.

use crate::{Json, Key, NotAKey, Path};

/// At most 8 entries; all of them form one composite key.
pub const ENTRIES_MAX: usize = 8;
/// At most 100 keys for one hold, in all.
pub const KEYS_MAX: usize = 100;

#[derive(Debug)]
pub struct Mapping {
    pub entries: Vec<Entry>,
}

#[derive(Debug)]
pub struct Entry {
    /// Singular; read from `{ method, headers, query, body }`.
    pub hit: Path,
    /// Read from the document; one key for each value where it is not singular.
    pub transaction: Path,
}

/// One value that a mapping read, for `explain`.
#[derive(Clone, Debug)]
pub struct Extracted {
    pub path: String,
    pub value: Option<Json>,
}

/// Why no key could be made, and from which path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The value at `path` can't be part of a key.
    NotAKey { path: String, why: NotAKey },
    /// More than [`KEYS_MAX`] keys for one hold.
    TooMany { keys: usize },
}

impl Mapping {
    /// The key of a hit, from `{ method, headers, query, body }`.
    pub fn hit_key(&self, hit: &Json) -> Result<Key, KeyError> {
        let _ = hit;
        unimplemented!()
    }

    /// The keys under which a transaction waits, distinct, in order; never empty. Values of a
    /// non-singular path that can't be keys are skipped, and fail only where none is left.
    pub fn hold_keys(&self, document: &Json) -> Result<Vec<Key>, KeyError> {
        let _ = document;
        unimplemented!()
    }

    /// What a hit yields at each `hit` path.
    pub fn extract_hit(&self, hit: &Json) -> Vec<Extracted> {
        let _ = hit;
        unimplemented!()
    }

    /// Identifies what hits are keyed by: equal for mappings whose `hit` paths are the same in the
    /// same order, whatever their `transaction` paths. A hit is keyed once per distinct one.
    pub fn same_hit_paths(&self, other: &Self) -> bool {
        let _ = other;
        unimplemented!()
    }
}
