//! What the engine refuses, and why. The message is for the caller; what is only for the log is in
//! the source.

use std::time::Duration;

use holdfast_definitions::Diagnostic;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Also for what belongs to another account, and for what has expired.
    #[error("no such {what}: {id}")]
    NotFound { what: &'static str, id: String },
    /// The cycle was never started, or was stopped over 24 h ago.
    #[error("the cycle is not running")]
    Inactive,
    /// The present state does not allow it; the message says which state would.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for is wrong in itself; the message says where and what to do.
    #[error("{0}")]
    Invalid(String),
    /// An `Idempotency-Key` came again with another body.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// A definition with errors. Nothing was deployed.
    #[error("the definition has errors")]
    Definition(Vec<Diagnostic>),
    /// A limit was reached.
    #[error("{limit} is at its limit of {max}")]
    Limit { limit: &'static str, max: u64, retry_after: Duration },
    /// The store can't be reached, is full or read-only, or the node is shutting down. Nothing was
    /// accepted; the same request may be sent again.
    #[error("{reason}")]
    Unavailable { reason: String, retry_after: Duration },
    /// A bug or damaged data: logged in full, and the caller told nothing more.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}
