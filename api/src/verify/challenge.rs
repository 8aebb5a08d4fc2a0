//! A provider that asks whether the address is right, and the answer: in every state of the cycle.
//!
//! Invariant: what is not asked in the provider's own way is no challenge and goes on as a delivery.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, Response, header},
};
use holdfast_definitions::{Answer, Challenge, Json, Piece};

use super::{Lookup, crypto};

/// Bytes of what is handed back.
const VALUE_BYTES_MAX: usize = 4_096;

/// Whether a request of this method may be one, so that it goes on down the chain of checks.
pub fn claims(challenge: &Challenge, method: &Method) -> bool {
    method.as_str() == challenge.method.name()
}

/// The answer, where `hit` (`{ method, headers, query, body }`) is a challenge. `verified` says that
/// the webhook's `verify` held: without it, only a challenge that does not wait for it is answered.
/// A token must never be read from a masked header.
pub fn respond(challenge: &Challenge, hit: &Json, verified: bool, secrets: Lookup) -> Option<Response<Body>> {
    if challenge.verified && !verified || hit.get("method")?.as_text()? != challenge.method.name() {
        return None;
    }
    let asked = challenge.when.iter().all(|(path, wanted)| match (path.find(hit), wanted) {
        (None, _) => false,
        (Some(found), Some(wanted)) => found == wanted,
        (Some(_), None) => true,
    });
    if !asked {
        return None;
    }
    if let Some(token) = &challenge.token {
        let given = token.find(hit)?.as_text()?;
        crypto::which(&challenge.secrets, secrets, |secret| crypto::same(secret, given.as_bytes())).ok()?;
    }
    let value = match &challenge.value {
        Some(path) => path.find(hit)?.as_text()?,
        None => "",
    };
    if value.len() > VALUE_BYTES_MAX {
        return None;
    }
    let code = match &challenge.mac {
        None => String::new(),
        Some(mac) => {
            // The newest live secret answers.
            let secret = challenge.secrets.iter().find_map(|name| secrets(name)?.into_iter().next())?;
            let code = crypto::mac(mac.algorithm, &secret, value.as_bytes())?;
            format!("{}{}", mac.prefix, crypto::encode(&code, mac.encoding))
        }
    };
    answer(challenge, value, &code)
}

fn answer(challenge: &Challenge, value: &str, code: &str) -> Option<Response<Body>> {
    let json = |piece: &Piece| match piece {
        Piece::Value => Json::Text(value.to_owned()),
        Piece::Mac => Json::Text(code.to_owned()),
        Piece::Literal(literal) => literal.clone(),
    };
    let text = |piece: &Piece| match json(piece) {
        Json::Text(text) => text,
        other => written(&other),
    };
    let (kind, body) = match &challenge.answer {
        Answer::Empty => (None, String::new()),
        // Never sniffed: what is handed back is the caller's own text.
        Answer::Text(piece) => (Some("text/plain; charset=utf-8"), text(piece)),
        Answer::Json(members) => {
            let members = members.iter().map(|(name, piece)| (name.clone(), json(piece)));
            (Some("application/json"), written(&Json::from(members.collect::<holdfast_definitions::Members>())))
        }
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, piece) in &challenge.headers {
        let (name, value) = (name.parse::<HeaderName>().ok()?, text(piece).parse::<HeaderValue>().ok()?);
        headers.insert(name, value);
    }
    Some(response)
}

fn written(json: &Json) -> String {
    let mut out = String::new();
    json.write_to(&mut out);
    out
}
