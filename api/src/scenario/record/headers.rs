//! Which of a hit's fields a scenario has.

use std::collections::BTreeSet;

use holdfast_definitions::{Cycle, Json, Verify};

/// What shows who is there. Never taken over.
const SECRET: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "holdfast-account"];
/// What says how the message came. Taken over only where the cycle names it.
const CARRIED: [&str; 20] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cdn-loop",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-real-ip",
    "x-request-id",
];
/// How a masked value is shown.
const MASKED: &str = "***";

/// The hit's headers, without what was left out on the way.
pub fn kept(hit: &Json, cycle: &Cycle) -> Vec<(String, String)> {
    // Of all webhooks: a sender may prove itself where nobody looks.
    let verifiers = cycle.webhooks().filter_map(|(_, _, webhook)| webhook.verify.as_ref());
    let verifier: BTreeSet<String> = verifiers.flat_map(proving).collect();
    let source = cycle.source.to_ascii_lowercase();
    let mut headers = pairs(hit.get("headers"));
    headers.retain(|(name, _)| {
        let name = name.as_str();
        let is_carried = CARRIED.contains(&name) || name.starts_with("x-forwarded-");
        !SECRET.contains(&name) && !verifier.contains(name) && (!is_carried || source.contains(name))
    });
    // It says how the bytes are packed, and those come unpacked.
    headers.retain(|(name, _)| name != "content-encoding" && name != "content-length");
    headers
}

/// Names and texts, without those that are masked.
pub fn pairs(object: Option<&Json>) -> Vec<(String, String)> {
    let Some(Json::Object(members)) = object else { return Vec::new() };
    let mut pairs = Vec::new();
    for (name, value) in members.iter() {
        let values = match value {
            Json::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let texts = values.iter().filter_map(Json::as_text).filter(|text| !text.contains(MASKED));
        pairs.extend(texts.map(|text| (name.clone(), text.to_owned())));
    }
    pairs
}

/// The content type without its parameters, in lower case.
pub fn essence(headers: &[(String, String)]) -> String {
    let found = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
    found.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The headers by which a sender proves who it is.
fn proving(verify: &Verify) -> BTreeSet<String> {
    let names: Vec<String> = match verify {
        Verify::Any(of) | Verify::All(of) => return of.iter().flat_map(proving).collect(),
        Verify::Signature(signature) => {
            let timestamp = signature.timestamp.as_ref().map(|timestamp| timestamp.header.clone());
            timestamp.into_iter().chain([signature.header.clone()]).collect()
        }
        Verify::Twilio { .. } => vec!["x-twilio-signature".to_owned()],
        Verify::HttpSignatures(_) => ["signature", "signature-input", "content-digest"].map(str::to_owned).to_vec(),
        Verify::Header { name, .. } => vec![name.clone()],
        Verify::Basic { .. } | Verify::Bearer { .. } => Vec::new(),
    };
    names.into_iter().collect()
}
