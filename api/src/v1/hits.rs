//! Hits.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use holdfast_engine::{HitFilter, HitId, HitStatus};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    explanation::ExplanationShape,
    extract::{Paging, Params, id},
    shapes::{HitShape, List, ProblemDocument},
};
use crate::{App, Problem, access};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// A webhook's identifier.
    pub webhook: Option<String>,
    /// `queued`, `applied`, `unmatched`, `filtered`, `expired`, `duplicate` or `rejected`
    pub status: Option<String>,
    /// A cycle's name.
    pub cycle: Option<String>,
    /// Only those that matched more than one transaction.
    #[serde(default)]
    pub ambiguous: bool,
    /// Received at or after (RFC 3339).
    pub since: Option<DateTime<Utc>>,
    /// Received before (RFC 3339).
    pub until: Option<DateTime<Utc>>,
    /// How many at most: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Newest first. With a filter a page may be shorter than asked for while `next` is set.
#[utoipa::path(get, path = "/api/v1/hits", tag = "hits", params(Filter),
    responses((status = 200, body = List<HitShape>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Reader,
    Params(filter): Params<Filter>,
) -> Result<Json<List<HitShape>>, Problem> {
    let status = status(filter.status.as_deref())?;
    let account = caller.0.account;
    let paging = Paging { limit: filter.limit, after: filter.after };
    let Filter { webhook, cycle, ambiguous, since, until, .. } = filter;
    let wanted = HitFilter { webhook, cycle, status, ambiguous, since, until };
    let page = app.engine.hits(&account, wanted, paging.into()).await?;
    Ok(Json(List::of(page, HitShape::new)))
}

pub fn status(word: Option<&str>) -> Result<Option<HitStatus>, Problem> {
    let Some(word) = word else { return Ok(None) };
    HitStatus::from_word(word).map(Some).ok_or_else(|| {
        let known: Vec<_> = HitStatus::ALL.iter().map(|status| status.word()).collect();
        Problem::invalid(format!("unknown status {word}; known are {}", known.join(", ")))
    })
}

#[utoipa::path(get, path = "/api/v1/hits/{id}", tag = "hits",
    responses((status = 200, body = HitShape), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(
    State(app): State<App>,
    caller: access::Reader,
    Path(hit): Path<String>,
) -> Result<Json<HitShape>, Problem> {
    let id: HitId = id("hit", &hit)?;
    let account = caller.0.account;
    Ok(Json(HitShape::new(app.engine.hit(&account, id).await?)))
}

/// A new hit with `replay_of`, matched by today's transactions.
#[utoipa::path(post, path = "/api/v1/hits/{id}/replay", tag = "hits",
    responses((status = 200, body = HitShape), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn replay(
    State(app): State<App>,
    caller: access::Operator,
    Path(hit): Path<String>,
) -> Result<Json<HitShape>, Problem> {
    let id: HitId = id("hit", &hit)?;
    let account = caller.0.account;
    Ok(Json(HitShape::new(app.engine.replay(&account, id).await?)))
}

/// Why it matched, or did not.
#[utoipa::path(get, path = "/api/v1/hits/{id}/explain", tag = "hits",
    responses((status = 200, body = ExplanationShape), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn explain(
    State(app): State<App>,
    caller: access::Reader,
    Path(hit): Path<String>,
) -> Result<Json<ExplanationShape>, Problem> {
    let id: HitId = id("hit", &hit)?;
    Ok(Json(app.engine.explain(&caller.0.account, id).await?.into()))
}
