//! Transactions.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use holdfast_engine::{TransactionFilter, TransactionId, TransactionStatus};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    extract::{Given, Paging, Params, id},
    shapes::{List, ProblemDocument, Run, Transaction},
};
use crate::{App, Problem, access};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub cycle: Option<String>,
    /// `queued`, `running`, `held`, `completed`, `failed` or `cancelled`
    pub status: Option<String>,
    /// Where it is held or failed.
    pub step: Option<String>,
    /// A correlation value that it was held under, at any webhook, whatever has become of it since: a text, or
    /// a JSON array for a composite key.
    pub key: Option<String>,
    /// Started at or after (RFC 3339).
    pub since: Option<DateTime<Utc>>,
    /// Started before (RFC 3339).
    pub until: Option<DateTime<Utc>>,
    /// How many at most: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Newest first. With a filter a page may be shorter than asked for while `next` is set.
#[utoipa::path(get, path = "/api/v1/transactions", tag = "transactions", params(Filter),
    responses((status = 200, body = List<Transaction>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Reader,
    Params(filter): Params<Filter>,
) -> Result<Json<List<Transaction>>, Problem> {
    let status = status(filter.status.as_deref())?;
    let paging = Paging { limit: filter.limit, after: filter.after };
    let Filter { cycle, step, key, since, until, .. } = filter;
    let wanted = TransactionFilter { cycle, status, step, key, since, until };
    let page = app.engine.transactions(&caller.0.account, wanted, paging.into()).await?;
    Ok(Json(List::of(page, Transaction::from)))
}

pub fn status(word: Option<&str>) -> Result<Option<TransactionStatus>, Problem> {
    let Some(word) = word else { return Ok(None) };
    TransactionStatus::from_word(word).map(Some).ok_or_else(|| {
        let known: Vec<_> = TransactionStatus::ALL.iter().map(|status| status.word()).collect();
        Problem::invalid(format!("unknown status {word}; known are {}", known.join(", ")))
    })
}

/// With its document and its last 100 runs.
#[utoipa::path(get, path = "/api/v1/transactions/{id}", tag = "transactions",
    responses((status = 200, body = Transaction), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(
    State(app): State<App>,
    caller: access::Reader,
    Path(transaction): Path<String>,
) -> Result<Json<Transaction>, Problem> {
    let id: TransactionId = id("transaction", &transaction)?;
    Ok(Json(app.engine.transaction(&caller.0.account, id).await?.into()))
}

/// Newest first.
#[utoipa::path(get, path = "/api/v1/transactions/{id}/runs", tag = "transactions", params(Paging),
    responses((status = 200, body = List<Run>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn runs(
    State(app): State<App>,
    caller: access::Reader,
    Path(transaction): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Run>>, Problem> {
    let id: TransactionId = id("transaction", &transaction)?;
    let page = app.engine.runs(&caller.0.account, id, paging.into()).await?;
    Ok(Json(List::of(page, Run::from)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rerun {
    pub step: String,
    /// Instead of the document as it was there.
    #[schema(value_type = Option<Object>)]
    pub document: Option<holdfast_definitions::Json>,
}

/// A run with no hit, from a step that it has passed.
#[utoipa::path(post, path = "/api/v1/transactions/{id}/rerun", tag = "transactions", request_body(content = Rerun),
    responses((status = 200, body = Transaction), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn rerun(
    State(app): State<App>,
    caller: access::Operator,
    Path(transaction): Path<String>,
    Given(rerun): Given<Rerun>,
) -> Result<Json<Transaction>, Problem> {
    let id: TransactionId = id("transaction", &transaction)?;
    Ok(Json(app.engine.rerun(&caller.0.account, id, &rerun.step, rerun.document).await?.into()))
}

/// Final.
#[utoipa::path(post, path = "/api/v1/transactions/{id}/cancel", tag = "transactions",
    responses((status = 200, body = Transaction), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn cancel(
    State(app): State<App>,
    caller: access::Operator,
    Path(transaction): Path<String>,
) -> Result<Json<Transaction>, Problem> {
    let id: TransactionId = id("transaction", &transaction)?;
    Ok(Json(app.engine.cancel(&caller.0.account, id).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// May be left out where it is held at one step.
    pub step: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub body: holdfast_definitions::Json,
}

/// Resumes a hold by hand: a hit with this body, whatever the mapping says.
#[utoipa::path(post, path = "/api/v1/transactions/{id}/resume", tag = "transactions", request_body(content = Resume),
    responses((status = 200, body = Transaction), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn resume(
    State(app): State<App>,
    caller: access::Operator,
    Path(transaction): Path<String>,
    Given(resume): Given<Resume>,
) -> Result<Json<Transaction>, Problem> {
    let id: TransactionId = id("transaction", &transaction)?;
    Ok(Json(app.engine.resume(&caller.0.account, id, resume.step.as_deref(), resume.body).await?.into()))
}
