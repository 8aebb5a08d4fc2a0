//! Accounts. Only a key for all accounts gets here: to any other, what another account has does not
//! exist.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_engine::{AccountLimits, AccountView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    extract::{Given, Paging, Params},
    shapes::{List, ProblemDocument, time},
};
use crate::{App, Problem, access};

/// An account's definitions, secrets and what its scripts keep, and some.
const IMPORT_BYTES_MAX: usize = 64 << 20;

/// What an account may use at most. What is null, or left out, has no limit.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// On each node, in place of `--account-hits`.
    #[schema(minimum = 1)]
    pub hits_per_second: Option<u32>,
    /// Transactions that have not ended: queued, running or held.
    #[schema(minimum = 1)]
    pub transactions: Option<u64>,
    /// Of hits and runs, as they are stored.
    #[schema(minimum = 1)]
    pub stored_bytes: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    pub name: String,
    pub created_at: String,
    pub limits: Limits,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Lower-case letters, digits and hyphens, at most 63, not beginning with a hyphen.
    pub name: String,
    #[serde(default)]
    pub limits: Limits,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLimits {
    /// In place of all that were.
    pub limits: Limits,
}

impl From<Limits> for AccountLimits {
    fn from(limits: Limits) -> Self {
        let Limits { hits_per_second, transactions, stored_bytes } = limits;
        Self { hits_per_second, transactions, stored_bytes }
    }
}

impl From<AccountView> for Account {
    fn from(view: AccountView) -> Self {
        let AccountLimits { hits_per_second, transactions, stored_bytes } = view.limits;
        let limits = Limits { hits_per_second, transactions, stored_bytes };
        Self { name: view.name, created_at: time(view.created_at), limits }
    }
}

/// By name.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(Paging),
    responses((status = 200, body = List<Account>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    _: access::Overseer,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Account>>, Problem> {
    let page = app.engine.accounts(paging.into()).await?;
    Ok(Json(List::of(page, Account::from)))
}

/// `409` where there is one of this name, or the rows of an earlier one are still being removed.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body(content = NewAccount),
    responses((status = 201, body = Account), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn create(
    State(app): State<App>,
    _: access::Overseer,
    Given(new): Given<NewAccount>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    let view = app.engine.create_account(&new.name, new.limits.into()).await?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// One account.
#[utoipa::path(get, path = "/api/v1/accounts/{account}", tag = "accounts",
    responses((status = 200, body = Account), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(
    State(app): State<App>,
    _: access::Overseer,
    Path(account): Path<String>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(app.engine.account(&account).await?.into()))
}

/// Its limits, all of them: in force on every node within a second.
#[utoipa::path(put, path = "/api/v1/accounts/{account}", tag = "accounts", request_body(content = NewLimits),
    responses((status = 200, body = Account), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn limit(
    State(app): State<App>,
    _: access::Overseer,
    Path(account): Path<String>,
    Given(new): Given<NewLimits>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(app.engine.set_limits(&account, new.limits.into()).await?.into()))
}

/// It must have no cycle. It is not found from now on; what it had is removed in the background.
#[utoipa::path(delete, path = "/api/v1/accounts/{account}", tag = "accounts",
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn delete(
    State(app): State<App>,
    _: access::Overseer,
    Path(account): Path<String>,
) -> Result<StatusCode, Problem> {
    app.engine.delete_account(&account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All of it but its transactions and hits: limits, cycles with their webhooks' identifiers and what
/// their scripts keep, secrets as they are sealed, keys by their hashes.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/export", tag = "accounts",
    responses((status = 200, body = Object), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn export(
    State(app): State<App>,
    _: access::Overseer,
    Path(account): Path<String>,
) -> Result<impl axum::response::IntoResponse, Problem> {
    let text = app.engine.export_account(&account).await?;
    Ok(([(axum::http::header::CONTENT_TYPE, "application/json")], text))
}

/// Makes the account of an export, or fills one that is empty: all or none. Its secrets need the
/// master key that they are sealed with.
#[utoipa::path(post, path = "/api/v1/accounts/import", tag = "accounts", request_body(content = Object),
    responses((status = 201, body = Account), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn import(
    State(app): State<App>,
    _: access::Overseer,
    request: axum::extract::Request,
) -> Result<(StatusCode, Json<Account>), Problem> {
    let text = axum::body::to_bytes(request.into_body(), IMPORT_BYTES_MAX).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
            .limit("import", IMPORT_BYTES_MAX as u64)
    })?;
    let view = app.engine.import_account(&text).await?;
    Ok((StatusCode::CREATED, Json(view.into())))
}
