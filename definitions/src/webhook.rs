//! A webhook step's settings.

use std::time::Duration;

use crate::{Challenge, Mapping, Next, Path, Verify};

#[derive(Debug)]
pub struct Webhook {
    /// None for a start webhook; a mid-cycle webhook always has one.
    pub mapping: Option<Mapping>,
    /// Some `respond` that answers it can be reached from it.
    pub synchronous: bool,
    /// How long a synchronous caller is kept: default 30 s, at most 5 min.
    pub timeout: Duration,
    /// Recognises a repeated delivery by a value of its own (read from `{ method, headers, query,
    /// body }`).
    pub dedupe: Option<Path>,
    /// How long a hit that matches nothing waits for a transaction to come: default 1 min, zero
    /// for off, at most 31 d. Zero where `on_no_match` is `Reject`.
    pub early: Duration,
    pub expires: Option<Expires>,
    pub on_no_match: OnNoMatch,
    pub on_ambiguous: OnAmbiguous,
    /// None: whoever knows the identifier is let in.
    pub verify: Option<Verify>,
    pub challenge: Option<Challenge>,
}

#[derive(Clone, Copy, Debug)]
pub struct Expires {
    /// Counts from when the transaction was held. At least 1 s, at most 31 d.
    pub after: Duration,
    pub next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNoMatch {
    Accept,
    Reject,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAmbiguous {
    Newest,
    Reject,
}
