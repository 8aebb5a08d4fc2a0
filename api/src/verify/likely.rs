//! Why a signature does not hold, found by trying the usual mistakes.
//!
//! Invariant: a cause is named only where the signature would hold without that mistake; no secret
//! is in what is said.

use chrono::{DateTime, Utc};
use holdfast_definitions::{Encoding, Json, KeyForm, Signature, Verify};

use super::{Lookup, Reason, Request, signature};

/// What would have to be different for the request to be let in; nothing where that is not known.
pub fn likely(form: &Verify, request: &Request, secrets: Lookup, others: &[String], now: DateTime<Utc>) -> Vec<String> {
    match form {
        Verify::Signature(form) => of_signature(form, request, secrets, others, now),
        Verify::Twilio { .. } | Verify::HttpSignatures(_) => of_address(form, request, secrets, now),
        _ => Vec::new(),
    }
}

/// Schemes that sign the address: behind a proxy it is easily another than the sender's.
fn of_address(form: &Verify, request: &Request, secrets: Lookup, now: DateTime<Utc>) -> Vec<String> {
    let (other, to) = match request.url.split_once("://") {
        Some(("http", rest)) => (format!("https://{rest}"), ("https", "http")),
        Some(("https", rest)) => (format!("http://{rest}"), ("http", "https")),
        _ => return Vec::new(),
    };
    let moved = Request { url: &other, ..*request };
    let cause = format!("it was signed for {}, and the address given is one of {}: see --public-url", to.0, to.1);
    if super::check(form, &moved, secrets, now).is_ok() { vec![cause] } else { Vec::new() }
}

fn of_signature(
    form: &Signature,
    request: &Request,
    secrets: Lookup,
    others: &[String],
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut causes = Vec::new();
    let holds = |form: &Signature, request: &Request| signature::check(form, request, secrets, now).is_ok();
    let mut with = |cause: &str, form: &Signature, request: &Request| {
        if holds(form, request) {
            causes.push(cause.to_owned());
        }
    };
    for (cause, body) in bodies(request.body) {
        with(cause, form, &Request { body: &body, ..*request });
    }
    for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64Url] {
        let name = word(encoding);
        with(&format!("the signature is written in {name}"), &Signature { encoding, ..form.clone() }, request);
        let key = KeyForm { encoding: Some(encoding), ..form.key.clone() };
        with(&format!("the secret is a key written in {name}"), &Signature { key, ..form.clone() }, request);
    }
    let plain = KeyForm { encoding: None, prefix: String::new() };
    with("the secret's text is itself the key", &Signature { key: plain, ..form.clone() }, request);
    with("the signature comes without the prefix", &Signature { prefix: String::new(), ..form.clone() }, request);
    if let Some(timestamp) = &form.timestamp {
        let mut other = timestamp.clone();
        other.millis = !timestamp.millis;
        let unit = if other.millis { "the timestamp is in milliseconds" } else { "the timestamp is in seconds" };
        with(unit, &Signature { timestamp: Some(other), ..form.clone() }, request);
    }
    for name in others.iter().filter(|name| !form.secrets.contains(name)) {
        let other = Signature { secrets: vec![name.clone()], ..form.clone() };
        with(&format!("it was made with another secret: {name}"), &other, request);
    }
    for name in request.headers.keys().filter(|name| name.as_str() != form.header) {
        let moved = Signature { header: name.as_str().to_owned(), ..form.clone() };
        with(&format!("the signature stands in the header `{name}`"), &moved, request);
    }
    if causes.is_empty() && matches!(signature::check(form, request, secrets, now), Err(Reason::Skew { .. })) {
        causes.push("a clock is wrong, or the request is an old one that is sent again".to_owned());
    }
    causes
}

fn word(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Hex => "hex",
        Encoding::Base64 => "base64",
        Encoding::Base64Url => "base64url",
    }
}

/// Bodies that this one may have been before something on the way changed it.
fn bodies(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = vec![
        ("a line end was added to the body", body.trim_ascii_end().to_vec()),
        ("the line end of the body was lost", [body, b"\n"].concat()),
        ("the body was lost on the way", Vec::new()),
    ];
    if let Ok(text) = std::str::from_utf8(body) {
        all.push(("the line ends of the body were changed", text.replace("\r\n", "\n").into_bytes()));
        all.push(("the line ends of the body were changed", text.replace('\n', "\r\n").into_bytes()));
    }
    if let Ok(json) = Json::parse(body) {
        let mut compact = String::new();
        json.write_to(&mut compact);
        let again = "the body was parsed and written again";
        all.push((again, compact.into_bytes()));
        let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        all.extend(value.and_then(|value| serde_json::to_vec_pretty(&value).ok()).map(|pretty| (again, pretty)));
    }
    all.retain(|(_, other)| other != body);
    all
}
