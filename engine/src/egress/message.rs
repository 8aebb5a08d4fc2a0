//! What leaves, what comes back, and why nothing came back.
//!
//! Invariant: no `Debug` here, and no message of a failure, shows a header, a body, or more of a
//! URL than its host: any of them may hold a secret.

use std::{fmt, time::Duration};

use bytes::Bytes;

/// A request on its way out.
#[derive(Clone)]
pub struct Outgoing {
    pub method: String,
    /// Absolute, `http` or `https`, without credentials.
    pub url: String,
    /// As they are sent; those that frame the message or choose the host are refused.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// For the whole exchange: from the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes of the answer's body, as they are on the wire, before the answer is refused.
    pub body_max: usize,
}

/// An answer, whatever its status; a 3xx is an answer like any other.
#[derive(Clone)]
pub struct Answered {
    pub status: u16,
    /// Names in lower case, in the order of arrival per name; values that are no UTF-8 are mended.
    pub headers: Vec<(String, String)>,
    /// As it came: a content coding is not undone.
    pub body: Bytes,
}

/// The kinds of [`Failure`] that a partner may be the cause of.
const KINDS: [&str; 6] = ["address", "connect", "tls", "timeout", "too_large", "network"];

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// `url`, `request`, `address`, `connect`, `tls`, `timeout`, `too_large`, `network` or `token`.
    pub kind: &'static str,
    pub message: String,
    /// Whether the partner may have seen the request. False only where it cannot have.
    pub sent: bool,
}

impl Failure {
    pub(super) fn unsent(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), sent: false }
    }

    /// One of a kind that a step's error can have; none where there is no such kind.
    #[must_use]
    pub fn of(kind: &str, message: String) -> Option<Self> {
        let kind = KINDS.iter().copied().find(|known| *known == kind)?;
        Some(Self { kind, message, sent: true })
    }

    /// Whether the same request may fare better later. What is wrong with the request itself, or
    /// with where it is to go, stays wrong.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self.kind, "url" | "request" | "address" | "too_large" | "token")
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .field("body_max", &self.body_max)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
