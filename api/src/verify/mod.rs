//! Whether a request comes from whom it should: `verify` of a webhook, over the raw bytes as they
//! came.
//!
//! Invariant: secrets are compared in constant time, and a refusal never says which part of it was
//! wrong: [`Reason`] is for the log and `holdfast verify` only.

mod challenge;
mod crypto;
mod http_signatures;
mod likely;
mod plain;
mod signature;
mod structured;
mod twilio;

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use chrono::{DateTime, Utc};
use holdfast_definitions::Verify;

use crate::Problem;
pub use challenge::{claims, respond};
pub use crypto::mac;
pub use likely::likely;

/// A request as the sender made it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// The public address that the sender used, whole: scheme, host, path and query.
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    /// Before a content coding is undone.
    pub body: &'a [u8],
}

/// Every live value of the secret of a name; none where there is no such secret.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Vec<Vec<u8>>>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Which secrets were used: the name, and the place among its live values.
    pub secrets: Vec<(String, usize)>,
    /// Headers that hold a secret itself, in lower case: to be stored as `***`.
    pub masked: Vec<String>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the header `{0}` is missing")]
    Missing(String),
    #[error("the header `{0}` stands more than once")]
    Repeated(String),
    #[error("the header `{0}` cannot be read")]
    Unreadable(String),
    #[error("no part of the header `{header}` begins with `{prefix}`")]
    Prefix { header: String, prefix: String },
    #[error("the timestamp is no whole number in the range of dates")]
    Timestamp,
    #[error("the sender's clock is {seconds} s from ours (before us where negative)")]
    Skew { seconds: i64 },
    #[error("the delivery's id has a dot")]
    IdWithDot,
    #[error("no secret has a value: {}", .0.join(", "))]
    NoSecret(Vec<String>),
    #[error("none of the secrets made this signature")]
    Mismatch,
    #[error("the digest is not that of the body")]
    Digest,
    #[error("the signature leaves `{0}` out")]
    NotCovered(String),
    #[error("{0} is not supported")]
    Unsupported(String),
    #[error("none of the ways holds: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    None(Vec<Reason>),
}

/// Whether the request is from one who knows a secret. Nothing of it is parsed as a payload.
pub fn check(verify: &Verify, request: &Request, secrets: Lookup, now: DateTime<Utc>) -> Result<Verified, Reason> {
    match verify {
        Verify::Any(ways) => {
            let mut reasons = Vec::new();
            for way in ways {
                match check(way, request, secrets, now) {
                    Ok(verified) => return Ok(verified),
                    Err(reason) => reasons.push(reason),
                }
            }
            Err(Reason::None(reasons))
        }
        Verify::All(ways) => {
            let mut all = Verified::default();
            for way in ways {
                let one = check(way, request, secrets, now)?;
                all.secrets.extend(one.secrets);
                all.masked.extend(one.masked);
            }
            Ok(all)
        }
        Verify::Signature(signature) => signature::check(signature, request, secrets, now),
        Verify::HttpSignatures(signatures) => http_signatures::check(signatures, request, secrets, now),
        Verify::Twilio { secrets: names } => twilio::check(names, request, secrets),
        Verify::Header { name, secrets: names } => plain::header(name, names, request, secrets),
        Verify::Basic { user, secrets: names } => plain::basic(user, names, request, secrets),
        Verify::Bearer { secrets: names } => plain::bearer(names, request, secrets),
    }
}

/// What the sender must have signed, to be shown; several where any of them would do. None where
/// nothing is signed.
pub fn messages(form: &Verify, request: &Request) -> Result<Vec<Vec<u8>>, Reason> {
    match form {
        Verify::Signature(signature) => Ok(vec![signature::message(signature, request)?]),
        Verify::HttpSignatures(_) => http_signatures::messages(request),
        Verify::Twilio { .. } => twilio::messages(request),
        _ => Ok(Vec::new()),
    }
}

/// How far the sender's clock is ahead of `now`, in seconds, and how far it may be off; none without
/// a timestamp.
pub fn skew(form: &Verify, request: &Request, now: DateTime<Utc>) -> Option<(i64, Duration)> {
    let (given, tolerance) = match form {
        Verify::Signature(signature) => {
            (signature::given(signature, request)?, signature.timestamp.as_ref()?.tolerance)
        }
        Verify::HttpSignatures(signatures) => (http_signatures::given(request)?, signatures.tolerance),
        _ => return None,
    };
    Some((given.signed_duration_since(now).num_seconds(), tolerance))
}

/// The one answer to every request that is refused.
pub fn refusal() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "not-verified", "The sender is not verified")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Webhook"))
}

/// A header that must stand exactly once: where there are two, two readers may see two senders.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Reason> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(Reason::Missing(name.to_owned())),
        (_, Some(_)) => Err(Reason::Repeated(name.to_owned())),
        (Some(value), None) => std::str::from_utf8(value.as_bytes()).map_err(|_| Reason::Unreadable(name.to_owned())),
    }
}

#[cfg(test)]
#[path = "vectors.rs"]
mod tests;
