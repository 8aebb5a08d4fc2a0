//! A webhook step's settings.

use std::{num::NonZeroU32, time::Duration};

use crate::{Challenge, Connected, Mapping, Next, Path, Schema, Script, Verify};

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
    /// The shared webhook that it is attached to: requests come to that one's address, and its settings
    /// hold.
    pub shared: Option<String>,
    /// It subscribes itself at another system.
    pub connected: Option<Connected>,
    /// None: whoever knows the identifier is let in.
    pub verify: Option<Verify>,
    pub challenge: Option<Challenge>,
    pub rate: Option<Rate>,
    /// What the body must fit.
    pub schema: Option<Schema>,
    /// JavaScript with a function `request(request, context)`.
    pub script: Option<Script>,
}

/// Requests that a node takes: so many at once, and as many again over each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// 1 to 1,000,000.
    pub hits: NonZeroU32,
    /// 1 s to 1 d.
    pub per: Duration,
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
