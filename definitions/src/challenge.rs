//! How a webhook answers a provider that asks whether the address is right, as data.
//!
//! Invariant: a secret is here by its name only.

use crate::{Algorithm, Encoding, Json, Path, Secrets};

/// Paths go into `{ method, headers, query, body }`.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub method: ChallengeMethod,
    /// Answered only to a sender that `verify` knows.
    pub verified: bool,
    /// Each must be there, and be this where it says what.
    pub when: Vec<(Path, Option<Json>)>,
    pub secrets: Secrets,
    /// Must be one of the secrets.
    pub token: Option<Path>,
    /// What is handed back.
    pub value: Option<Path>,
    /// Over the value, with the secret.
    pub mac: Option<Mac>,
    /// Header names in lower case.
    pub headers: Vec<(String, Piece)>,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeMethod {
    Get,
    Post,
    Options,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mac {
    pub algorithm: Algorithm,
    pub encoding: Encoding,
    pub prefix: String,
}

#[derive(Clone, Debug)]
pub enum Answer {
    Empty,
    /// `text/plain`
    Text(Piece),
    /// An object.
    Json(Vec<(String, Piece)>),
}

#[derive(Clone, Debug)]
pub enum Piece {
    Value,
    Mac,
    Literal(Json),
}

impl ChallengeMethod {
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Options => "OPTIONS",
        }
    }
}
