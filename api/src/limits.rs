//! The limits of contract section 13 that HTTP keeps. What is over one is refused with a status
//! that says so and a problem document that names the limit; nothing is cut short in silence.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's head as counted here: method, target, and every field with its name.
    pub head_bytes: usize,
    pub head_fields: usize,
    /// Bytes of the request target alone (RFC 9110 §4.1 recommends at least 8,000).
    pub target_bytes: usize,
    /// Bytes of a body as it comes, and again once its content coding is undone.
    pub body_bytes: usize,
    /// A compressed body may grow to this many times its size…
    pub expansion_ratio: usize,
    /// …and to this many bytes whatever its size: small texts compress well.
    pub expansion_free_bytes: usize,
    /// Parts of a multipart body, fields of a form, lines of newline-delimited JSON.
    pub body_parts: usize,
    /// Open connections; further ones are told `503` and closed.
    pub connections: usize,
    /// From the opening of a connection, or the end of the exchange before, to the last byte of a
    /// head: an idle connection ends too.
    pub header_read: Duration,
    /// From a body's first byte to its last.
    pub body_read: Duration,
    /// Hits a second of each account, at this node; 0 for as many as come.
    pub account_hits: u32,
    /// From the signal to stop until the server has left, whatever is still open.
    pub stop: Duration,
    /// Of that, how long callers may still wait for their own answer before they get `202`.
    pub stop_answers: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 << 10,
            head_fields: 100,
            target_bytes: 16 << 10,
            body_bytes: 1 << 20,
            expansion_ratio: 100,
            expansion_free_bytes: 64 << 10,
            body_parts: 10_000,
            connections: 10_000,
            header_read: Duration::from_secs(10),
            body_read: Duration::from_secs(30),
            account_hits: 0,
            // A second less than is promised, for the process to end in.
            stop: Duration::from_secs(9),
            stop_answers: Duration::from_secs(5),
        }
    }
}
