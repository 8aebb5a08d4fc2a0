//! Twilio's signature: HMAC-SHA1 over the URL and the sorted form fields; for another body over the
//! URL, which then holds the body's SHA-256.
//!
//! Invariant: a body is never let in that no part of what is signed speaks of.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Uri;
use holdfast_definitions::{Algorithm, Encoding};
use sha2::{Digest as _, Sha256};

use super::{Lookup, Reason, Request, Verified, crypto, once};

const HEADER: &str = "x-twilio-signature";
const FIELDS_MAX: usize = 1_000;

pub fn check(names: &[String], request: &Request, secrets: Lookup) -> Result<Verified, Reason> {
    let given = once(request.headers, HEADER)?;
    let given = crypto::decode(given, Encoding::Base64).ok_or_else(|| Reason::Unreadable(HEADER.to_owned()))?;
    let messages = messages(request)?;
    let holds = |secret: &[u8]| {
        let one = |message: &Vec<u8>| crypto::signed(Algorithm::HmacSha1, secret, message, &given);
        messages.iter().fold(false, |held, message| one(message) | held)
    };
    Ok(Verified { secrets: vec![crypto::which(names, secrets, holds)?], masked: Vec::new() })
}

/// What Twilio may have signed.
pub fn messages(request: &Request) -> Result<Vec<Vec<u8>>, Reason> {
    let tail = tail(request)?;
    Ok(urls(request.url).into_iter().map(|url| (url + &tail).into_bytes()).collect())
}

/// What follows the URL in the message.
fn tail(request: &Request) -> Result<String, Reason> {
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    let digest = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256");
    if let Some((_, digest)) = digest {
        let given = crypto::decode(&digest, Encoding::Hex).unwrap_or_default();
        return if given == Sha256::digest(request.body).as_slice() { Ok(String::new()) } else { Err(Reason::Digest) };
    }
    if request.body.is_empty() {
        return Ok(String::new());
    }
    let content_type = once(request.headers, "content-type")?;
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Reason::NotCovered("body".to_owned()));
    }
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(request.body).take(FIELDS_MAX) {
        fields.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    Ok(fields.iter().flat_map(|(name, values)| values.iter().map(move |value| format!("{name}{value}"))).collect())
}

/// With and without the scheme's own port: Twilio has signed either.
fn urls(url: &str) -> Vec<String> {
    let mut urls = vec![url.to_owned()];
    let Ok(parsed) = url.parse::<Uri>() else { return urls };
    let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else { return urls };
    let port = if scheme == "https" { 443 } else { 80 };
    let other = match authority.port_u16() {
        Some(given) => authority.as_str().strip_suffix(&format!(":{given}")).map(ToOwned::to_owned),
        None => Some(format!("{authority}:{port}")),
    };
    urls.extend(other.map(|other| url.replacen(authority.as_str(), &other, 1)));
    urls
}
