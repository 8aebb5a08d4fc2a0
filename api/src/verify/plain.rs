//! Secrets that the sender sends as they are.
//!
//! Invariant: the header that held the secret is always among those to be masked.

use holdfast_definitions::Encoding;

use super::{Lookup, Reason, Request, Verified, crypto, once};

const AUTHORIZATION: &str = "authorization";

pub fn header(name: &str, names: &[String], request: &Request, secrets: Lookup) -> Result<Verified, Reason> {
    let given = once(request.headers, name)?;
    found(name, crypto::which(names, secrets, |secret| crypto::same(secret, given.as_bytes())))
}

/// RFC 7617.
pub fn basic(user: &str, names: &[String], request: &Request, secrets: Lookup) -> Result<Verified, Reason> {
    let given = credentials(request, "basic")?;
    let given = crypto::decode(given, Encoding::Base64).ok_or_else(|| Reason::Unreadable(AUTHORIZATION.to_owned()))?;
    let wanted = |secret: &[u8]| [user.as_bytes(), b":", secret].concat();
    found(AUTHORIZATION, crypto::which(names, secrets, |secret| crypto::same(&wanted(secret), &given)))
}

/// RFC 6750, section 2.1.
pub fn bearer(names: &[String], request: &Request, secrets: Lookup) -> Result<Verified, Reason> {
    let given = credentials(request, "bearer")?;
    found(AUTHORIZATION, crypto::which(names, secrets, |secret| crypto::same(secret, given.as_bytes())))
}

fn credentials<'a>(request: &Request<'a>, scheme: &str) -> Result<&'a str, Reason> {
    let value = once(request.headers, AUTHORIZATION)?;
    match value.split_once(' ') {
        Some((given, rest)) if given.eq_ignore_ascii_case(scheme) => Ok(rest.trim()),
        _ => Err(Reason::Prefix { header: AUTHORIZATION.to_owned(), prefix: format!("{scheme} ") }),
    }
}

fn found(header: &str, secret: Result<(String, usize), Reason>) -> Result<Verified, Reason> {
    Ok(Verified { secrets: vec![secret?], masked: vec![header.to_owned()] })
}
