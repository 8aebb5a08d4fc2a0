//! Secrets. A value goes in and never comes out: no answer here has one.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    extract::{Given, Paging, Params},
    shapes::{List, ProblemDocument, Secret},
};
use crate::{App, Problem, access};

/// By name, never with their values.
#[utoipa::path(get, path = "/api/v1/secrets", tag = "secrets", params(Paging),
    responses((status = 200, body = List<Secret>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Deployer,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Secret>>, Problem> {
    let page = app.engine.secrets(&caller.0.account, paging.into()).await?;
    Ok(Json(List::of(page, Secret::from)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// Letters, digits and underscores, at most 100, not starting with a digit.
    pub name: String,
    /// 1 byte to 64 KiB of UTF-8.
    #[schema(value_type = String)]
    pub value: SecretString,
}

/// Made, or its value replaced: what runs reads the new one within a second.
#[utoipa::path(post, path = "/api/v1/secrets", tag = "secrets", request_body(content = NewSecret),
    responses((status = 200, body = Secret), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "There is no master key (`master-key`), or the account has too many secrets."), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn put(
    State(app): State<App>,
    caller: access::Deployer,
    Given(new): Given<NewSecret>,
) -> Result<Json<Secret>, Problem> {
    let view = app.engine.put_secret(&caller.0.account, &new.name, new.value).await?;
    Ok(Json(view.into()))
}

/// Steps that read it fail from now on.
#[utoipa::path(delete, path = "/api/v1/secrets/{name}", tag = "secrets",
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn delete(
    State(app): State<App>,
    caller: access::Deployer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    app.engine.delete_secret(&caller.0.account, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
pub struct Resealed {
    /// How many were sealed with an older master key, in all accounts.
    pub resealed: usize,
}

/// Seals every secret of every account with the current master key; the older ones may then be taken
/// away. It needs a key for all accounts.
#[utoipa::path(post, path = "/api/v1/reseal", tag = "secrets",
    responses((status = 200, body = Resealed), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "A master key is missing (`master-key`)."), (status = 503, body = ProblemDocument)))]
pub async fn reseal(State(app): State<App>, caller: access::Administrator) -> Result<Json<Resealed>, Problem> {
    caller.0.may_reach_all()?;
    Ok(Json(Resealed { resealed: app.engine.reseal().await? }))
}
