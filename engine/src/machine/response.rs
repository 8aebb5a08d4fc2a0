//! The response of a `respond` step, as it goes out.

use bytes::Bytes;
use holdfast_definitions::Json;

use crate::Answer;

/// Headers that belong to the connection (RFC 9110 §7.6.1) or to Holdfast.
const HEADERS_RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "holdfast-hit",
    "holdfast-transaction",
    "idempotency-replayed",
];

/// What a `respond` step answers; the error says what is wrong with it.
pub fn response(status: &Json, mut headers: Vec<(String, String)>, body: Json) -> Result<Answer, String> {
    let status = match status {
        Json::Number(number) => number.as_i64().filter(|status| (200..=599).contains(status)),
        _ => None,
    }
    .ok_or_else(|| format!("the status is {status}, not a number from 200 to 599"))? as u16;
    for (name, value) in &headers {
        if HEADERS_RESERVED.contains(&name.as_str()) {
            return Err(format!("the header {name} can't be set by a response"));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("the header {name} holds a control character"));
        }
    }
    let (default_type, body) = match body {
        Json::Null => return Ok(Answer::Response { status, headers, body: Bytes::new() }),
        Json::Text(text) => ("text/plain; charset=utf-8", Bytes::from(text)),
        other => ("application/json", Bytes::from(other.to_string())),
    };
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".into(), default_type.into()));
    }
    Ok(Answer::Response { status, headers, body })
}
