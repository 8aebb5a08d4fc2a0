//! What a script is called with and what it comes back with. Values cross as JSON texts.
//!
//! Invariant: nothing a script did to the store has happened before the caller commits it.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub struct Call {
    pub source: Arc<str>,
    /// The function to call: `step` or `request`.
    pub name: String,
    /// JSON texts. Their numbers become JavaScript's: a whole number past 2^53 loses digits.
    pub arguments: Vec<String>,
    /// What `Date.now()` says, in milliseconds since 1970.
    pub now_ms: i64,
    /// What `Math.random()` begins with: the same seed gives the same numbers.
    pub seed: u64,
    /// The line of the file at which the script's first line stands, from 1.
    pub first_line: u32,
    /// Where `store` reads from; without it, `store` throws.
    pub store: Option<Arc<dyn Kept>>,
}

/// Read access to a cycle's store.
#[async_trait]
pub trait Kept: Send + Sync {
    /// The JSON text kept under a key and its version, which is above 0. An error ends the call.
    async fn get(&self, key: &str) -> Result<Option<(String, i64)>, String>;
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// A JSON text; none for `undefined`.
    pub value: Option<String>,
    pub console: Vec<String>,
    /// What `respond` was last called with.
    pub responded: Option<Responded>,
    /// What is to be written to the store, one change a key, in the order of the keys.
    pub kept: Vec<Change>,
    /// The keys that were read and the versions they had, 0 where there was nothing: the changes
    /// hold only while these do.
    pub read: Vec<(String, i64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responded {
    pub status: u16,
    /// A JSON text; none for `undefined`.
    pub body: Option<String>,
    pub headers: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub key: String,
    /// A JSON text; none where the key is deleted.
    pub value: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The script threw.
    Throw,
    /// The script can't be read, or has no such function.
    Syntax,
    Time,
    Memory,
    Stack,
    /// What the script returned is no JSON or too large.
    Result,
    /// The worker or the store failed, not the script.
    Worker,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ScriptError {
    pub kind: ErrorKind,
    pub message: String,
    /// In the file that the script stands in.
    pub line: Option<u32>,
    /// What it had written by then; nothing where it was killed.
    pub console: Vec<String>,
}

impl ScriptError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), line: None, console: Vec::new() }
    }
}
