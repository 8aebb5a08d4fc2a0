//! HTTP message signatures (RFC 9421) with HMAC-SHA256 or Ed25519, and the body's digest (RFC 9530).
//!
//! Invariant: a signature counts only where it covers all that the webhook asks for, and a covered
//! digest is always compared with the body as it came.

use axum::http::Uri;
use chrono::{DateTime, Utc};
use holdfast_definitions::{Algorithm, HttpSignatures};
use sha2::{Digest as _, Sha256, Sha512};

use super::{
    Lookup, Reason, Request, Verified, crypto, once,
    signature::within,
    structured::{Inner, Item, bytes, dictionary, inner, parameter},
};

/// Signatures of one request.
const SIGNATURES_MAX: usize = 8;
const COMPONENTS_MAX: usize = 50;

pub fn check(
    form: &HttpSignatures,
    request: &Request,
    secrets: Lookup,
    now: DateTime<Utc>,
) -> Result<Verified, Reason> {
    let unreadable = |name: &str| Reason::Unreadable(name.to_owned());
    let inputs = dictionary(once(request.headers, "signature-input")?).ok_or_else(|| unreadable("signature-input"))?;
    let signatures = dictionary(once(request.headers, "signature")?).ok_or_else(|| unreadable("signature"))?;
    let mut refused = unreadable("signature");
    for (label, input) in inputs.into_iter().take(SIGNATURES_MAX) {
        let Some((_, signature)) = signatures.iter().find(|(other, _)| *other == label) else { continue };
        let (Some(input), Some(signature)) = (inner(input), bytes(signature)) else { continue };
        match one(form, request, secrets, now, &input, &signature) {
            Ok(verified) => return Ok(verified),
            Err(reason) => refused = reason,
        }
    }
    Err(refused)
}

fn one(
    form: &HttpSignatures,
    request: &Request,
    secrets: Lookup,
    now: DateTime<Utc>,
    input: &Inner,
    signature: &[u8],
) -> Result<Verified, Reason> {
    let plain = |name: &str| input.items.iter().any(|item| item.name == name && item.parameters.is_empty());
    // The target holds the authority and the path.
    let covered = |name: &str| plain(name) || (matches!(name, "@authority" | "@path") && plain("@target-uri"));
    if let Some(missing) = form.covers.iter().find(|name| !covered(name)) {
        return Err(Reason::NotCovered(missing.clone()));
    }
    let word = if form.algorithm == Algorithm::Ed25519 { "ed25519" } else { "hmac-sha256" };
    if let Some(other) = parameter(&input.parameters, "alg").filter(|given| *given != word) {
        return Err(Reason::Unsupported(other.to_owned()));
    }
    let instant = |name| match parameter(&input.parameters, name) {
        None => Ok(None),
        Some(text) => {
            let seconds = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            seconds.map(Some).ok_or(Reason::Timestamp)
        }
    };
    within(instant("created")?.ok_or_else(|| Reason::NotCovered("created".to_owned()))?, form.tolerance, now)?;
    if let Some(expires) = instant("expires")?.filter(|expires| *expires < now) {
        return Err(Reason::Skew { seconds: (expires - now).num_seconds() });
    }
    if plain("content-digest") {
        digest(request)?;
    }
    let base = base(request, input)?;
    let holds = |secret: &[u8]| {
        crypto::key(secret, &form.key)
            .is_some_and(|key| crypto::signed(form.algorithm, &key, base.as_bytes(), signature))
    };
    Ok(Verified { secrets: vec![crypto::which(&form.secrets, secrets, holds)?], masked: Vec::new() })
}

/// The signature bases, by the inputs that the request has.
pub fn messages(request: &Request) -> Result<Vec<Vec<u8>>, Reason> {
    inputs(request)?.iter().map(|input| base(request, input).map(String::into_bytes)).collect()
}

/// `created` of the first input that has it.
pub fn given(request: &Request) -> Option<DateTime<Utc>> {
    let inputs = inputs(request).ok()?;
    let created = inputs.iter().find_map(|input| parameter(&input.parameters, "created"))?;
    DateTime::from_timestamp(created.parse().ok()?, 0)
}

fn inputs(request: &Request) -> Result<Vec<Inner>, Reason> {
    let unreadable = || Reason::Unreadable("signature-input".to_owned());
    let inputs = dictionary(once(request.headers, "signature-input")?).ok_or_else(unreadable)?;
    Ok(inputs.into_iter().take(SIGNATURES_MAX).filter_map(|(_, input)| inner(input)).collect())
}

/// The signature base (RFC 9421 §2.5).
fn base(request: &Request, input: &Inner) -> Result<String, Reason> {
    if input.items.len() > COMPONENTS_MAX {
        return Err(Reason::Unsupported(format!("more than {COMPONENTS_MAX} components")));
    }
    let mut base = String::new();
    for (at, item) in input.items.iter().enumerate() {
        if input.items[..at].contains(item) {
            return Err(Reason::Repeated(item.name.clone()));
        }
        let parameters: String = item.parameters.iter().map(|(name, value)| format!(";{name}=\"{value}\"")).collect();
        base.push_str(&format!("\"{}\"{parameters}: {}\n", item.name, component(request, item)?));
    }
    base.push_str(&format!("\"@signature-params\": {}", input.text));
    Ok(base)
}

/// Derived components (§2.2) and fields (§2.1).
fn component(request: &Request, item: &Item) -> Result<String, Reason> {
    let unsupported = || Reason::Unsupported(format!("the component `{}`", item.name));
    let uri: Uri = request.url.parse().map_err(|_| unsupported())?;
    let query = uri.query().unwrap_or_default();
    if item.name == "@query-param" {
        let wanted = parameter(&item.parameters, "name").filter(|_| item.parameters.len() == 1);
        let mut values = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (Some(name) == wanted).then_some(value)
        });
        // A name that stands twice must not be signed so (§2.2.8).
        return match (values.next(), values.next()) {
            (Some(one), None) => Ok(one.to_owned()),
            _ => Err(unsupported()),
        };
    }
    if !item.parameters.is_empty() {
        return Err(unsupported());
    }
    let path = if uri.path().is_empty() { "/" } else { uri.path() };
    let scheme = uri.scheme_str().unwrap_or_default();
    Ok(match item.name.as_str() {
        "@method" => request.method.as_str().to_owned(),
        "@target-uri" => request.url.to_owned(),
        "@scheme" => scheme.to_owned(),
        "@authority" => {
            let authority = uri.authority().map_or("", |authority| authority.as_str()).to_ascii_lowercase();
            let port = if scheme == "https" { ":443" } else { ":80" };
            authority.strip_suffix(port).unwrap_or(&authority).to_owned()
        }
        "@path" => path.to_owned(),
        "@query" => format!("?{query}"),
        "@request-target" => uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        name if name.starts_with('@') => return Err(unsupported()),
        name => {
            let lines: Option<Vec<&str>> =
                request.headers.get_all(name).iter().map(|line| line.to_str().ok().map(str::trim)).collect();
            match lines {
                Some(lines) if !lines.is_empty() => lines.join(", "),
                _ => return Err(Reason::Missing(name.to_owned())),
            }
        }
    })
}

/// Every digest that is understood must be right, and one must be there.
fn digest(request: &Request) -> Result<(), Reason> {
    let unreadable = || Reason::Unreadable("content-digest".to_owned());
    let mut known = false;
    for (name, value) in dictionary(once(request.headers, "content-digest")?).ok_or_else(unreadable)? {
        let wanted = match name {
            "sha-256" => Sha256::digest(request.body).to_vec(),
            "sha-512" => Sha512::digest(request.body).to_vec(),
            _ => continue,
        };
        if bytes(value).ok_or_else(unreadable)? != wanted {
            return Err(Reason::Digest);
        }
        known = true;
    }
    if known { Ok(()) } else { Err(unreadable()) }
}
