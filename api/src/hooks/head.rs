//! What a request's head says: its fields and query as values, the key of a repeat, how long the
//! caller would wait.
//!
//! Invariant: what authenticates the sender is never kept.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use holdfast_definitions::{Json, Members};
use holdfast_engine::RepeatHeader;

use crate::{Problem, decode};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const SECRET: [HeaderName; 3] = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];
const MASK: &str = "***";

/// Bytes of a key that tells a repeat.
const REPEAT_KEY_BYTES_MAX: usize = 255;

/// Names in lower case, repeated ones joined by `, ` (RFC 9110 §5.3); what is not UTF-8 is read as
/// ISO-8859-1 (§5.5). What holds a secret is masked: the fields of authentication, and those named.
pub fn fields(headers: &HeaderMap, masked: &[String]) -> Json {
    joined(headers, |name| SECRET.contains(name) || masked.iter().any(|masked| masked == name.as_str()))
}

/// As [`fields`], with nothing masked: never to be kept.
pub fn bare_fields(headers: &HeaderMap) -> Json {
    joined(headers, |_| false)
}

fn joined(headers: &HeaderMap, is_masked: impl Fn(&HeaderName) -> bool) -> Json {
    let mut members = Members::new();
    for name in headers.keys() {
        let value = if is_masked(name) { MASK.to_owned() } else { one(headers, name).unwrap_or_default() };
        members.insert(name.as_str().to_owned(), Json::Text(value));
    }
    Json::from(members)
}

/// The field's whole value: its lines joined.
pub fn one(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<String> = headers.get_all(name).iter().map(text).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

pub fn query(uri: &Uri) -> Json {
    decode::fields(uri.query().unwrap_or_default())
}

/// The key by which a repeated delivery is known. `Idempotency-Key` is the caller's own word, so
/// it goes before `webhook-id`, which is then not looked at.
pub fn repeat(headers: &HeaderMap) -> Result<Option<RepeatHeader>, Problem> {
    if let Some(key) = repeat_key(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")? {
        return Ok(Some(RepeatHeader::IdempotencyKey(key)));
    }
    Ok(repeat_key(headers, &WEBHOOK_ID, "webhook-id")?.map(RepeatHeader::WebhookId))
}

fn repeat_key(headers: &HeaderMap, name: &HeaderName, written: &str) -> Result<Option<String>, Problem> {
    let mut lines = headers.get_all(name).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    let wrong = |what: &str| Err(Problem::invalid(format!("The header {written} {what}.")).with("header", written));
    if lines.next().is_some() {
        return wrong("is there more than once");
    }
    match value.to_str().map(str::trim) {
        Ok("") => wrong("is empty"),
        Ok(key) if key.len() > REPEAT_KEY_BYTES_MAX => wrong("is longer than 255 bytes"),
        Ok(key) => Ok(Some(key.to_owned())),
        Err(_) => wrong("has other than visible ASCII characters"),
    }
}

/// `Prefer: wait=N` (RFC 7240 §4.3). The first one counts (§2); one that is no number of seconds
/// is passed over, as preferences are.
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(&PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut preferences = lines.flat_map(|line| line.split(',')).map(|preference| {
        // Parameters come after a semicolon; `wait` has none.
        preference.split(';').next().unwrap_or_default()
    });
    let value = preferences.find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
    })?;
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(value.parse().unwrap_or(u32::MAX).into()))
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
