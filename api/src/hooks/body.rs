//! A body off the wire, and what is wrong with one.
//!
//! Invariant: never more than the cap is held; a body over it is cut off as it streams.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::{
    Limits, Problem,
    decode::{self, Fault},
};

/// A refused body is still read, and thrown away, this long and this many times over the cap: a
/// connection closed on bytes that nobody read is reset, and the answer with it.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_CAPS: usize = 8;
/// Bodies of at most this size are waited for before a refusal that is about no body at all.
const DISCARDED_BYTES: u64 = 64 << 10;

/// The whole body, at most [`Limits::body_bytes`] within [`Limits::body_read`].
pub async fn read(mut body: Body, headers: &HeaderMap, limits: &Limits) -> Result<Bytes, Problem> {
    let announced = body.size_hint().lower();
    if announced > limits.body_bytes as u64 {
        linger(body, headers, limits);
        return Err(too_large(limits));
    }
    let mut read = BytesMut::with_capacity(usize::try_from(announced).unwrap_or_default());
    let whole = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                Problem::new(StatusCode::BAD_REQUEST, "body-cut-off", "The body ended early")
                    .detail("The connection ended, or a chunk was malformed, before the body was complete.")
                    .closing()
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if read.len() + data.len() > limits.body_bytes {
                return Err(too_large(limits));
            }
            read.extend_from_slice(&data);
        }
        Ok(())
    };
    let ended = timeout(limits.body_read, whole).await.unwrap_or_else(|_| {
        let max = u64::try_from(limits.body_read.as_millis()).unwrap_or(u64::MAX);
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "The body came too slowly")
            .detail(format!("The whole body must come within {max} ms."))
            .limit("body_read_ms", max)
            .closing())
    });
    match ended {
        Ok(()) => Ok(read.freeze()),
        Err(problem) => {
            if problem.status() == StatusCode::PAYLOAD_TOO_LARGE {
                linger(body, headers, limits);
            }
            Err(problem)
        }
    }
}

/// Reads on in the background while the refusal goes out. Not where the sender waits for
/// `100 Continue`: reading would send it, and then the body comes.
pub fn linger(mut body: Body, headers: &HeaderMap, limits: &Limits) {
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    let mut left = limits.body_bytes.saturating_mul(LINGER_CAPS);
    tokio::spawn(timeout(LINGER, async move {
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            if size > left {
                return;
            }
            left -= size;
        }
    }));
}

/// A body that nobody wants: one that is on its way is read, so that its connection can be used again.
pub async fn discard(body: Body, headers: &HeaderMap, limits: &Limits) {
    let small = body.size_hint().upper().is_some_and(|size| size <= DISCARDED_BYTES);
    if small && !headers.contains_key(header::EXPECT) {
        let _ = read(body, headers, limits).await;
    } else {
        linger(body, headers, limits);
    }
}

fn too_large(limits: &Limits) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
        .detail(format!("A body may have at most {} bytes.", limits.body_bytes))
        .limit("body_bytes", limits.body_bytes as u64)
        .closing()
}

pub fn unsupported_coding(why: String) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-coding-not-understood",
        "The content coding is not understood",
    )
    .detail(why)
    .header(header::ACCEPT_ENCODING, HeaderValue::from_static(decode::UNDERSTOOD))
}

pub fn unsupported_type(why: String) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-type-not-understood",
        "The content type is not understood",
    )
    .detail(why)
}

/// What a decoder says, as a problem.
pub fn fault(fault: Fault) -> Problem {
    match fault {
        Fault::Unreadable { place, message } => {
            let problem = Problem::new(StatusCode::BAD_REQUEST, "unreadable-body", "The body cannot be read");
            match place {
                Some(place) => problem
                    .detail(format!("Line {}, column {}: {message}", place.line, place.column))
                    .with("line", place.line)
                    .with("column", place.column),
                None => problem.detail(message),
            }
        }
        Fault::Limit { limit, max } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
                .detail(match limit {
                    "body_bytes" => format!("With its content coding undone, a body may have at most {max} bytes."),
                    "expansion_ratio" => format!("Undone, the content coding would give over {max} times its size."),
                    _ => format!("A body may have at most {max} fields, parts or lines."),
                })
                .limit(limit, max as u64)
        }
        Fault::Unnamed => unsupported_type("There is no Content-Type, and the body is not JSON.".to_owned()),
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
