//! Bodies into values: one file a format, and one for content codings.
//!
//! Invariants: no number passes through floating point; nesting is at most
//! [`DEPTH_MAX`], parts at most [`Limits::body_parts`]; what cannot be read is refused
//! with its place, never guessed at.

mod binary;
mod coding;
mod fault;
mod form;
mod json;
mod lines;
mod multipart;
mod text;
mod xml;

use bytes::Bytes;
use holdfast_definitions::{DEPTH_MAX, Json};
use mime::Mime;

pub use coding::{Coding, UNDERSTOOD};
pub use fault::{Fault, Place};
pub use form::fields;

use crate::Limits;
use text::Charset;

/// How a body is to be read, by its `Content-Type` (RFC 9110 §8.3).
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    Json(Charset),
    Lines(Charset),
    Xml(Option<Charset>),
    Form(Charset),
    Multipart {
        boundary: String,
    },
    Text(Charset),
    Binary,
    /// No `Content-Type`: JSON where it parses as such, and not understood otherwise.
    Unnamed,
}

/// A content type that no format here understands; the message says why.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(pub String);

impl Format {
    pub fn of(content_type: Option<&str>) -> Result<Self, NotUnderstood> {
        let Some(written) = content_type else { return Ok(Self::Unnamed) };
        let not_understood = |why: &str| NotUnderstood(format!("Content-Type {written}: {why}"));
        let mime: Mime = written.trim().parse().map_err(|_| not_understood("this is no media type"))?;
        let charset = match mime.get_param(mime::CHARSET) {
            None => None,
            Some(name) => Some(Charset::of(name.as_str()).ok_or_else(|| {
                not_understood("the charset is not understood; there are utf-8, us-ascii and iso-8859-1")
            })?),
        };
        let or_utf8 = charset.unwrap_or(Charset::Utf8);
        let suffix = mime.suffix().map(|suffix| suffix.as_str());
        Ok(match (mime.type_().as_str(), mime.subtype().as_str(), suffix) {
            ("multipart", "form-data", _) => {
                let boundary = mime.get_param(mime::BOUNDARY).ok_or_else(|| not_understood("it has no boundary"))?;
                Self::Multipart { boundary: boundary.as_str().to_owned() }
            }
            ("application", "x-www-form-urlencoded", _) => Self::Form(or_utf8),
            ("application", "octet-stream", _) => Self::Binary,
            (_, "x-ndjson" | "ndjson" | "jsonl" | "x-jsonl" | "jsonlines" | "x-jsonlines", _) => Self::Lines(or_utf8),
            (_, _, Some("json")) | ("application" | "text", "json", _) => Self::Json(or_utf8),
            (_, _, Some("xml")) | ("application" | "text", "xml", _) => Self::Xml(charset),
            ("text", _, _) => Self::Text(or_utf8),
            _ => {
                return Err(not_understood(
                    "this is not understood; there are JSON, XML, newline-delimited JSON, forms, multipart/form-data, \
                     text/* and application/octet-stream",
                ));
            }
        })
    }

    /// The value of a body whose content coding is undone. No body at all is null, whatever its type.
    pub async fn read(&self, body: Bytes, limits: &Limits) -> Result<Json, Fault> {
        if body.is_empty() {
            return Ok(Json::Null);
        }
        let value = self.value(body, limits).await?;
        // Once more for all: an array around lines or repeats is a level of its own.
        if depth(&value) > DEPTH_MAX {
            return Err(Fault::nowhere(format!("nested deeper than {DEPTH_MAX}")));
        }
        Ok(value)
    }

    async fn value(&self, body: Bytes, limits: &Limits) -> Result<Json, Fault> {
        match self {
            Self::Json(charset) => json::read(&charset.text(&body)?),
            Self::Lines(charset) => lines::read(&charset.text(&body)?, limits),
            Self::Xml(charset) => xml::read(&text::of_xml(*charset, &body)?),
            Self::Form(charset) => form::read(&charset.text(&body)?, limits.body_parts),
            Self::Multipart { boundary } => multipart::read(body, boundary, limits).await,
            Self::Text(charset) => Ok(Json::Text(charset.text(&body)?.into_owned())),
            Self::Binary => Ok(binary::value(&body)),
            Self::Unnamed => {
                let read = Charset::Utf8.text(&body).and_then(|text| json::read(&text));
                read.map_err(|fault| match fault {
                    Fault::Unreadable { .. } => Fault::Unnamed,
                    limit @ (Fault::Limit { .. } | Fault::Unnamed) => limit,
                })
            }
        }
    }
}

/// Levels of arrays and objects. The formats bound it, so the stack does too.
fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
