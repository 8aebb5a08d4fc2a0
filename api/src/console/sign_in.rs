//! Signing in with an API key, out again, and which account a key for all of them looks at.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use holdfast_engine::Scope;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    page::{Query, show},
    session::{ACCOUNT, Change, Nothing, SESSION},
};
use crate::{App, Problem};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    next: String,
    /// Why the last try failed.
    wrong: Option<&'static str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    next: String,
}

pub async fn form(Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    page(&wanted.next, None)
}

fn page(next: &str, wrong: Option<&'static str>) -> Result<Response, Problem> {
    let page = SignIn { next: local(next).to_owned(), wrong };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, show(&page)?).into_response())
}

/// A page of the console, and nothing else, is where one goes from here.
fn local(next: &str) -> &str {
    let tail = next.strip_prefix("/console");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    match tail {
        Some(tail) if plain && (tail.is_empty() || tail.starts_with(['/', '?'])) => next,
        _ => "/console",
    }
}

#[derive(Deserialize)]
pub struct Entering {
    key: SecretString,
    #[serde(default)]
    next: String,
}

/// No token is asked for: there is no session yet, and a page of another site can't make one, since the
/// browser tells where the form comes from.
pub async fn enter(
    State(app): State<App>,
    headers: HeaderMap,
    Form(entering): Form<Entering>,
) -> Result<Response, Problem> {
    if !is_own(&app.public_url, &headers) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "This did not come from the console")
            .detail("Sign in on the console's own page."));
    }
    let Some((session, token)) = app.engine.begin_session(entering.key.expose_secret().trim()).await? else {
        return page(&entering.next, Some("This key is unknown, expired or revoked."));
    };
    let readable = session.key.scopes.iter().any(|scope| matches!(scope, Scope::Read | Scope::Admin));
    if !readable {
        app.engine.end_session(&token).await?;
        return page(&entering.next, Some("This key may not read: the console needs the scope read."));
    }
    let left = (session.expires_at - app.engine.now()).num_seconds().max(0);
    let cookie = cookie(&app, SESSION, &token, left)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(local(&entering.next))).into_response())
}

/// Whether the request can't have been sent by a page of another origin (Fetch Metadata; RFC 6454 §7). A
/// proxy may give this server another host's name than the one that callers use.
fn is_own(public_url: &str, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let same = origin.is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, of)| of == host)
            || public_url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    same && site.is_none_or(|site| site == "same-origin")
}

/// RFC 6265 §4.1; `Secure` where callers reach this server by https.
fn cookie(app: &App, name: &str, value: &str, seconds: i64) -> Result<HeaderValue, Problem> {
    let secure = if app.public_url.starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/console; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(|_| Problem::internal())
}

pub async fn leave(State(app): State<App>, change: Change<Nothing>) -> Result<Response, Problem> {
    app.engine.end_session(&change.looker.session).await?;
    let gone = [cookie(&app, SESSION, "", 0)?, cookie(&app, ACCOUNT, "", 0)?];
    let [session, account] = gone.map(|cookie| [(header::SET_COOKIE, cookie)]);
    let mut response = Redirect::to("/console/sign-in").into_response();
    for [(name, value)] in [session, account] {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

#[derive(Debug, Deserialize)]
pub struct Chosen {
    account: String,
}

/// Which account is looked at, by a key for all of them.
pub async fn choose(State(app): State<App>, change: Change<Chosen>) -> Result<Response, Problem> {
    let account = change.form.account.trim();
    if change.looker.caller.may_reach_all().is_err() || !app.engine.has_account(account).await? {
        return Err(Problem::not_found(format!("no such account: {account}")));
    }
    const A_DAY: i64 = 86_400;
    Ok(([(header::SET_COOKIE, cookie(&app, ACCOUNT, account, A_DAY)?)], Redirect::to("/console")).into_response())
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
