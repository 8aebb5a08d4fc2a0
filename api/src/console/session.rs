//! Who looks: a session's cookie, or in `dev` whoever comes from loopback; and the token that every
//! change carries.
//!
//! Invariant: a change without its session's token is not made. The token is made from the session's
//! cookie and can't be made without it, so no page of another origin has it.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
};
use chrono::{DateTime, Utc};
use holdfast_engine::{DEFAULT_ACCOUNT, Scope};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{
    App, Problem,
    access::{self, Caller, Reach},
};

pub const SESSION: &str = "holdfast-session";
/// The account that a key for all accounts looks at.
pub const ACCOUNT: &str = "holdfast-account";
/// Where a page's script puts the token.
const TOKEN_HEADER: &str = "x-holdfast-token";
/// The same as a form's field.
const TOKEN_FIELD: &str = "token";
/// A definition of 1 MiB, with every byte of it escaped.
const FORM_BYTES_MAX: usize = 4 << 20;

/// Who looks at a page.
#[derive(Clone, Debug)]
pub struct Looker {
    pub caller: Caller,
    /// Of the key, for people.
    pub name: String,
    pub scopes: Vec<Scope>,
    /// What a change carries.
    pub token: String,
    /// Empty without a session: keyless `dev`.
    pub session: String,
    /// What a clock says that stands until it is moved.
    pub stands: Option<DateTime<Utc>>,
}

impl Looker {
    pub fn account(&self) -> &str {
        &self.caller.account
    }

    pub fn can(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// `403` that says which scope is missing.
    pub fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.can(scope) { Ok(()) } else { Err(access::lacks(scope)) }
    }

    /// Whether accounts are its to make and to choose.
    pub fn oversees(&self) -> bool {
        self.caller.reach == Reach::All && self.can(Scope::Admin)
    }
}

/// A page is for whoever may read.
impl FromRequestParts<App> for Looker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let looker = looker(parts, app).await?;
        looker.needs(Scope::Read)?;
        Ok(looker)
    }
}

async fn looker(parts: &Parts, app: &App) -> Result<Looker, Problem> {
    let stands = app.engine.is_clock_manual().then(|| app.engine.now());
    let Some(session) = cookie(&parts.headers, SESSION) else {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        access::keyless(app.keyless, peer, &parts.headers).map_err(access::unauthorized)?;
        let caller = Caller { account: DEFAULT_ACCOUNT.to_owned(), reach: Reach::Keyless };
        let scopes = vec![Scope::Admin];
        let token = token(&app.console);
        return Ok(Looker { caller, name: "dev".to_owned(), scopes, token, session: String::new(), stands });
    };
    let found = app.engine.session(session).await?;
    let key = found.ok_or_else(|| access::unauthorized("the session has ended: sign in again"))?.key;
    let (reach, named) = match key.account {
        None => (Reach::All, cookie(&parts.headers, ACCOUNT)),
        Some(_) => (Reach::One, None),
    };
    let account = access::account_of(app, key.account, named).await?;
    let (token, session) = (token(session), session.to_owned());
    Ok(Looker { caller: Caller { account, reach }, name: key.name, scopes: key.scopes, token, session, stands })
}

/// Of a session: what only it and this server can make.
fn token(session: &str) -> String {
    let digest = Sha256::digest(format!("holdfast console token {session}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of a cookie (RFC 6265 §4.2.1).
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let fields = headers.get_all(header::COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value).next()
}

/// A form of a button alone.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// A form that changes something, sent by a page of this session.
pub struct Change<T> {
    pub looker: Looker,
    pub form: T,
}

impl<T: DeserializeOwned> FromRequest<App> for Change<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        debug_assert_ne!(parts.method, Method::GET, "a change is no GET");
        let looker = looker(&parts, app).await?;
        let body = axum::body::to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The form is too large")
                .limit("form", FORM_BYTES_MAX as u64)
        })?;
        let header = parts.headers.get(TOKEN_HEADER).and_then(|token| token.to_str().ok()).map(str::to_owned);
        let (mut field, mut rest) = (None, form_urlencoded::Serializer::new(String::new()));
        for (name, value) in form_urlencoded::parse(&body) {
            match &*name {
                TOKEN_FIELD => field = Some(value.into_owned()),
                _ => _ = rest.append_pair(&name, &value),
            }
        }
        let given = header.or(field).unwrap_or_default();
        if !bool::from(given.as_bytes().ct_eq(looker.token.as_bytes())) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "no-token",
                "This did not come from a page of your session",
            )
            .detail("Nothing was changed. Load the page again and repeat what you did."));
        }
        let form = serde_html_form::from_str(&rest.finish());
        let form = form.map_err(|error| Problem::invalid(format!("form: {error}")))?;
        Ok(Self { looker, form })
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
