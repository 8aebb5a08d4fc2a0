//! A signature in a header, over a message put together from the request.
//!
//! Invariant: what is in the message is exactly what is looked at: the timestamp as it is written,
//! the body as it came.

use chrono::{DateTime, Utc};
use holdfast_definitions::{Part, Signature, Timestamp};

use super::{Lookup, Reason, Request, Verified, crypto, once};

/// Signatures in one header.
const CANDIDATES_MAX: usize = 20;

pub fn check(form: &Signature, request: &Request, secrets: Lookup, now: DateTime<Utc>) -> Result<Verified, Reason> {
    let candidates = candidates(form, request)?;
    if let Some(timestamp) = &form.timestamp {
        in_time(timestamp, timestamp_text(form, timestamp, request)?, now)?;
    }
    let message = message(form, request)?;
    let holds = |secret: &[u8]| {
        let Some(key) = crypto::key(secret, &form.key) else { return false };
        candidates.iter().fold(false, |held, one| crypto::signed(form.algorithm, &key, &message, one) | held)
    };
    let secret = crypto::which(&form.secrets, secrets, holds)?;
    Ok(Verified { secrets: vec![secret], masked: Vec::new() })
}

fn candidates(form: &Signature, request: &Request) -> Result<Vec<Vec<u8>>, Reason> {
    let value = once(request.headers, &form.header)?;
    let begun: Vec<&str> = elements(value, form.separator).filter_map(|one| one.strip_prefix(&form.prefix)).collect();
    if begun.is_empty() || begun.len() > CANDIDATES_MAX {
        return Err(Reason::Prefix { header: form.header.clone(), prefix: form.prefix.clone() });
    }
    let decoded: Vec<_> = begun.iter().filter_map(|text| crypto::decode(text, form.encoding)).collect();
    if decoded.is_empty() { Err(Reason::Unreadable(form.header.clone())) } else { Ok(decoded) }
}

fn elements(value: &str, separator: Option<char>) -> impl Iterator<Item = &str> {
    value.split(move |c| Some(c) == separator).map(str::trim)
}

fn timestamp_text<'a>(form: &Signature, timestamp: &Timestamp, request: &Request<'a>) -> Result<&'a str, Reason> {
    let value = once(request.headers, &timestamp.header)?;
    let separator = if timestamp.prefix.is_empty() { None } else { form.separator };
    let mut found = elements(value, separator).filter_map(|one| one.strip_prefix(&timestamp.prefix));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Reason::Prefix { header: timestamp.header.clone(), prefix: timestamp.prefix.clone() }),
    }
}

fn in_time(timestamp: &Timestamp, text: &str, now: DateTime<Utc>) -> Result<(), Reason> {
    within(instant(timestamp, text)?, timestamp.tolerance, now)
}

/// The sender's time, as far as it can be read.
pub fn given(form: &Signature, request: &Request) -> Option<DateTime<Utc>> {
    let timestamp = form.timestamp.as_ref()?;
    instant(timestamp, timestamp_text(form, timestamp, request).ok()?).ok()
}

fn instant(timestamp: &Timestamp, text: &str) -> Result<DateTime<Utc>, Reason> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::Timestamp);
    }
    let number: i64 = text.parse().map_err(|_| Reason::Timestamp)?;
    let given =
        if timestamp.millis { DateTime::from_timestamp_millis(number) } else { DateTime::from_timestamp(number, 0) };
    given.ok_or(Reason::Timestamp)
}

/// A window on both sides: a time far ahead would be good for as long.
pub fn within(given: DateTime<Utc>, tolerance: std::time::Duration, now: DateTime<Utc>) -> Result<(), Reason> {
    let apart = given.signed_duration_since(now);
    if apart.abs().to_std().is_ok_and(|apart| apart <= tolerance) {
        return Ok(());
    }
    Err(Reason::Skew { seconds: apart.num_seconds() })
}

/// The bytes that the sender must have signed.
pub fn message(form: &Signature, request: &Request) -> Result<Vec<u8>, Reason> {
    let mut message = Vec::with_capacity(request.body.len() + 128);
    for part in &form.signed {
        match part {
            Part::Body => message.extend_from_slice(request.body),
            Part::Url => message.extend_from_slice(request.url.as_bytes()),
            Part::Method => message.extend_from_slice(request.method.as_str().as_bytes()),
            Part::Header(name) => message.extend_from_slice(once(request.headers, name)?.as_bytes()),
            Part::Text(text) => message.extend_from_slice(text.as_bytes()),
            Part::Timestamp => {
                let Some(timestamp) = &form.timestamp else { return Err(Reason::Timestamp) };
                message.extend_from_slice(timestamp_text(form, timestamp, request)?.as_bytes());
            }
            Part::Id => {
                let id = once(request.headers, form.id.as_deref().unwrap_or_default())?;
                if id.contains('.') {
                    return Err(Reason::IdWithDot);
                }
                message.extend_from_slice(id.as_bytes());
            }
        }
    }
    Ok(message)
}
