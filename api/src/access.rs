//! Who may do what: API keys and their scopes, and the keyless access of `dev`.
//!
//! Invariant: without a key nothing is allowed but from loopback, in `dev`, by a request that no web
//! page of another origin and no proxy can have sent.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
};
use holdfast_engine::{DEFAULT_ACCOUNT, Scope};

use crate::{App, Problem};

/// Names the account that a request is about, for a key of all accounts. Without it: `default`.
pub const ACCOUNT_HEADER: &str = "holdfast-account";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub reach: Reach,
}

/// Whose things a caller may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those of one account.
    One,
    /// Everybody's: a key for all accounts.
    All,
    /// `dev`, from loopback, without a key.
    Keyless,
}

impl Caller {
    /// `403` for a key of one account.
    pub fn may_reach_all(&self) -> Result<(), Problem> {
        match self.reach {
            Reach::One => Err(one_account()),
            Reach::All | Reach::Keyless => Ok(()),
        }
    }
}

macro_rules! scoped {
    ($($name:ident = $scope:ident),+) => {
        $(
            /// A caller who has this scope.
            pub struct $name(pub Caller);

            impl FromRequestParts<App> for $name {
                type Rejection = Problem;

                async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                    authorize(app, parts, Scope::$scope).await.map(Self)
                }
            }
        )+
    };
}

scoped!(Reader = Read, Deployer = Deploy, Operator = Operate, Administrator = Admin);

/// A key for all accounts with the scope `admin`: it makes and removes accounts.
pub struct Overseer;

impl FromRequestParts<App> for Overseer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = authorize(app, parts, Scope::Admin).await?;
        match caller.reach {
            Reach::All => Ok(Self),
            Reach::One => Err(one_account()),
            Reach::Keyless => Err(unauthorized("accounts are managed with a key: dev has one in admin.key")),
        }
    }
}

/// `403`: the key is one, and has not this scope.
pub fn lacks(scope: Scope) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", "The key may not do this")
        .detail(format!("this needs the scope {}", scope.word()))
        .with("scope", scope.word())
}

pub fn one_account() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", "The key may not do this")
        .detail("this needs a key for all accounts with the scope admin")
        .with("scope", Scope::Admin.word())
}

/// The account that a key's request is about. One that the key is not for is as one that is not there.
pub async fn account_of(app: &App, key: Option<String>, named: Option<&str>) -> Result<String, Problem> {
    let no_such = |name: &str| Problem::not_found(format!("no such account: {name}"));
    let account = match (key, named) {
        (Some(own), Some(name)) if own != name => return Err(no_such(name)),
        (Some(own), _) => own,
        (None, name) => name.unwrap_or(DEFAULT_ACCOUNT).to_owned(),
    };
    if app.engine.has_account(&account).await? { Ok(account) } else { Err(no_such(&account)) }
}

fn named(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut named = headers.get_all(ACCOUNT_HEADER).iter();
    let first = named.next().map(|name| name.to_str().unwrap_or_default().trim());
    match named.next() {
        None => Ok(first),
        Some(_) => Err(Problem::invalid("Holdfast-Account is there twice: name one account")),
    }
}

async fn authorize(app: &App, parts: &Parts, needed: Scope) -> Result<Caller, Problem> {
    let Some(secret) = secret(&parts.headers)? else {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        keyless(app.keyless, peer, &parts.headers).map_err(unauthorized)?;
        let account = account_of(app, Some(DEFAULT_ACCOUNT.to_owned()), named(&parts.headers)?).await?;
        return Ok(Caller { account, reach: Reach::Keyless });
    };
    let key = app.engine.authenticate(&secret).await?;
    let key = key.ok_or_else(|| unauthorized("the key is unknown, expired or revoked"))?;
    if !key.scopes.contains(&needed) && !key.scopes.contains(&Scope::Admin) {
        return Err(lacks(needed));
    }
    let reach = if key.account.is_none() { Reach::All } else { Reach::One };
    Ok(Caller { account: account_of(app, key.account, named(&parts.headers)?).await?, reach })
}

/// `Authorization: Bearer KEY` (RFC 6750 §2.1) or `X-Api-Key`.
pub fn secret(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::trim).map(str::to_owned);
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let given = text(value).unwrap_or_default();
        let (scheme, key) = given.split_once(' ').unwrap_or((&given, ""));
        if !scheme.eq_ignore_ascii_case("bearer") || key.trim().is_empty() {
            return Err(unauthorized("Authorization must be `Bearer KEY`"));
        }
        return Ok(Some(key.trim().to_owned()));
    }
    Ok(headers.get("x-api-key").and_then(text).filter(|key| !key.is_empty()))
}

pub fn unauthorized(why: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "A key is needed")
        .detail(why)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"holdfast\""))
}

/// Whether a request without a key may be let in, and why not.
pub fn keyless(allowed: bool, peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<(), &'static str> {
    if !allowed {
        return Err("send it as `Authorization: Bearer KEY` or `X-Api-Key: KEY`");
    }
    if !peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) {
        return Err("without a key only loopback is let in");
    }
    let forwarded = |name: &str| name == "forwarded" || name.starts_with("x-forwarded-");
    if headers.keys().any(|name| forwarded(name.as_str())) {
        return Err("a forwarded request needs a key");
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_local(host) || hosts.next().is_some() {
        return Err("without a key the Host must be localhost, 127.0.0.1 or [::1]");
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        if origin.strip_prefix("http://") != Some(host) {
            return Err("a page of another origin needs a key");
        }
    }
    match headers.get("sec-fetch-site").and_then(|site| site.to_str().ok()) {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err("a page of another site needs a key"),
    }
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| name.eq_ignore_ascii_case(local))
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
