//! Keys: who may do what.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use holdfast_engine::{KeyId, KeyView, PageQuery, Scope};
use serde::Deserialize;

use super::{
    page::{Listed, Query, Shell, show, then},
    session::{Change, Looker, Nothing},
    words::When,
};
use crate::{App, Problem, access::Reach, v1};

#[derive(Template)]
#[template(path = "keys.html")]
struct Keys {
    shell: Shell,
    done: Option<String>,
    keys: Vec<Row>,
    next: Option<String>,
    /// Just made: shown this once.
    made: Option<Made>,
}

struct Row {
    id: String,
    name: String,
    scopes: String,
    /// None: every account.
    account: Option<String>,
    created: When,
    expires: Option<When>,
    /// `live`, `expired` or `revoked`.
    state: &'static str,
}

struct Made {
    name: String,
    secret: String,
}

impl Row {
    fn of(key: KeyView, now: DateTime<Utc>) -> Self {
        let when = |at| When { at, now };
        let state = match key {
            _ if key.revoked_at.is_some() => "revoked",
            _ if key.expires_at.is_some_and(|at| at <= now) => "expired",
            _ => "live",
        };
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.word()).collect();
        Self {
            id: key.id.to_string(),
            name: key.name,
            scopes: scopes.join(", "),
            account: key.account,
            created: when(key.created_at),
            expires: key.expires_at.map(when),
            state,
        }
    }
}

pub async fn list(
    State(app): State<App>,
    looker: Looker,
    Query(listed): Query<Listed>,
) -> Result<Html<String>, Problem> {
    page(&app, &looker, listed, None).await
}

async fn page(app: &App, looker: &Looker, listed: Listed, made: Option<Made>) -> Result<Html<String>, Problem> {
    looker.needs(Scope::Admin)?;
    let all = looker.caller.reach != Reach::One;
    let page = PageQuery { limit: None, after: listed.after };
    let page = app.engine.keys(looker.account(), all, page).await?;
    let now = app.engine.now();
    show(&Keys {
        shell: Shell::new(looker, "keys", "Keys"),
        done: listed.done,
        keys: page.data.into_iter().map(|key| Row::of(key, now)).collect(),
        next: page.next,
        made,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
    #[serde(default)]
    scope: Vec<String>,
    /// `1`, `30`, `365` days, or nothing for never.
    #[serde(default)]
    days: String,
    /// Set: for all accounts.
    #[serde(default)]
    everywhere: Option<String>,
}

pub async fn create(State(app): State<App>, change: Change<New>) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Admin)?;
    if form.name.trim().is_empty() {
        return Err(Problem::invalid("a key needs a name: whose is it, and what is it for?"));
    }
    let scopes = form
        .scope
        .iter()
        .map(|word| Scope::from_word(word).ok_or_else(|| Problem::invalid(format!("unknown scope {word}"))));
    let scopes = scopes.collect::<Result<Vec<_>, _>>()?;
    let days: Option<i64> = match form.days.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| Problem::invalid("days is a whole number"))?),
    };
    let expires = days.map(|days| {
        let after = TimeDelta::try_days(days).and_then(|after| app.engine.now().checked_add_signed(after));
        after.ok_or_else(|| Problem::invalid("days is too large"))
    });
    let account = if form.everywhere.is_some() {
        looker.caller.may_reach_all()?;
        None
    } else {
        Some(looker.account())
    };
    let (key, secret) = app.engine.create_key(account, form.name.trim(), &scopes, expires.transpose()?).await?;
    let made = Made { name: key.name, secret };
    Ok(page(&app, &looker, Listed::default(), Some(made)).await?.into_response())
}

pub async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    let looker = change.looker;
    looker.needs(Scope::Admin)?;
    let id: KeyId = v1::id("key", &id)?;
    app.engine.revoke_key(looker.account(), looker.caller.reach != Reach::One, id).await?;
    Ok(then("/console/keys", "The key is revoked, on every node from now on."))
}
