//! What the engine refuses, and why. The message is for the caller; what is only for the log is in
//! the source.

use std::time::Duration;

use holdfast_definitions::Diagnostic;

use crate::limits::RETRY_SOON;

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
    /// The webhook's script threw: the sender is told what.
    #[error("{0}")]
    Thrown(String),
    /// The webhook's script failed; the log says how.
    #[error("the webhook's script failed")]
    Script(String),
    /// There is no master key, or not the one that a secret is sealed with; the message says which.
    #[error("{0}")]
    MasterKey(String),
    /// Another system could not be subscribed to: the cycle was not started. The message says which step
    /// and why.
    #[error("{0}")]
    Subscription(String),
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
    /// The store went away in the midst of a commit and did not come back in time. What was asked for
    /// may have been done.
    #[error("the store went away during the commit: look whether the request was carried out before sending it again")]
    Unknown,
    /// A bug or damaged data: logged in full, and the caller told nothing more.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The same error for another of a batch's callers.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::NotFound { what, id } => Self::NotFound { what, id: id.clone() },
            Self::Inactive => Self::Inactive,
            Self::Conflict(message) => Self::Conflict(message.clone()),
            Self::Invalid(message) => Self::Invalid(message.clone()),
            Self::KeyReused => Self::KeyReused,
            Self::Thrown(message) => Self::Thrown(message.clone()),
            Self::Script(message) => Self::Script(message.clone()),
            Self::MasterKey(message) => Self::MasterKey(message.clone()),
            Self::Subscription(message) => Self::Subscription(message.clone()),
            Self::Definition(diagnostics) => Self::Definition(diagnostics.clone()),
            Self::Limit { limit, max, retry_after } => Self::Limit { limit, max: *max, retry_after: *retry_after },
            Self::Unavailable { reason, retry_after } => {
                Self::Unavailable { reason: reason.clone(), retry_after: *retry_after }
            }
            Self::Unknown => Self::Unknown,
            Self::Internal(source) => Self::Internal(source.to_string().into()),
        }
    }

    /// With what the caller is not told.
    pub fn for_log(&self) -> String {
        match self {
            Self::Internal(source) => format!("internal error: {source}"),
            other => other.to_string(),
        }
    }
}

impl From<crate::store::Error> for Error {
    fn from(error: crate::store::Error) -> Self {
        match error {
            crate::store::Error::Unavailable(reason) => {
                tracing::warn!(%reason, "the store is not available");
                Self::Unavailable { reason: "the store is not available".into(), retry_after: RETRY_SOON }
            }
            crate::store::Error::Unknown(reason) => {
                tracing::error!(%reason, "it is not known whether a commit happened");
                Self::Unknown
            }
            refused @ crate::store::Error::Refused(_) => Self::Internal(Box::new(refused)),
        }
    }
}
