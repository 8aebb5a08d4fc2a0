//! API keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use holdfast_engine::{KeyId, Scope};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    extract::{Given, Paging, Params, id},
    shapes::{Key, List, ProblemDocument},
};
use crate::{
    App, Problem,
    access::{self, Reach},
};

/// What stands for all of them.
const EVERY_ACCOUNT: &str = "*";

/// Oldest first, never with their secrets. Those for all accounts show to a key for all accounts only.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(Paging),
    responses((status = 200, body = List<Key>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Administrator,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Key>>, Problem> {
    let page = app.engine.keys(&caller.0.account, caller.0.reach != Reach::One, paging.into()).await?;
    Ok(Json(List::of(page, |view| Key::new(view, None))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// For people.
    pub name: String,
    /// `read`, `deploy`, `operate`, `admin`
    pub scopes: Vec<String>,
    /// RFC 3339; never, where it is left out.
    pub expires_at: Option<DateTime<Utc>>,
    /// `*` for all accounts, which a key for all accounts may give; else the request's own.
    pub account: Option<String>,
}

/// The secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body(content = NewKey),
    responses((status = 201, body = Key), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn create(
    State(app): State<App>,
    caller: access::Administrator,
    Given(new): Given<NewKey>,
) -> Result<(StatusCode, Json<Key>), Problem> {
    let scope = |word: &String| {
        Scope::from_word(word)
            .ok_or_else(|| Problem::invalid(format!("unknown scope {word}; known are read, deploy, operate, admin")))
    };
    let scopes = new.scopes.iter().map(scope).collect::<Result<Vec<_>, _>>()?;
    let account = match new.account.as_deref() {
        Some(EVERY_ACCOUNT) => {
            caller.0.may_reach_all()?;
            None
        }
        Some(name) if name != caller.0.account => {
            return Err(Problem::not_found(format!("no such account here: {name}; Holdfast-Account names another")));
        }
        _ => Some(caller.0.account.as_str()),
    };
    let (view, secret) = app.engine.create_key(account, &new.name, &scopes, new.expires_at).await?;
    Ok((StatusCode::CREATED, Json(Key::new(view, Some(secret)))))
}

/// It is refused everywhere from now on.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys",
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn revoke(
    State(app): State<App>,
    caller: access::Administrator,
    Path(key): Path<String>,
) -> Result<StatusCode, Problem> {
    let id: KeyId = id("key", &key)?;
    app.engine.revoke_key(&caller.0.account, caller.0.reach != Reach::One, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
