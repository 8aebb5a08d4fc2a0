//! Webhooks, and what a request that was never sent would do.

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    explanation::ExplanationShape,
    extract::{Given, Paging, Params},
    shapes::{List, ProblemDocument, Webhook},
};
use crate::{App, Problem, access};

/// By cycle and step.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", params(Paging),
    responses((status = 200, body = List<Webhook>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Reader,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Webhook>>, Problem> {
    let page = app.engine.webhooks(&caller.0.account, paging.into()).await?;
    Ok(Json(List::of(page, |view| Webhook::new(view, &app.public_url))))
}

/// Which transaction would take this request, and why: `{ method, headers, query, body }`.
#[utoipa::path(post, path = "/api/v1/webhooks/{identifier}/explain", tag = "webhooks", request_body(content = Object),
    responses((status = 200, body = ExplanationShape), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn explain(
    State(app): State<App>,
    caller: access::Reader,
    Path(identifier): Path<String>,
    Given(request): Given<holdfast_definitions::Json>,
) -> Result<Json<ExplanationShape>, Problem> {
    Ok(Json(app.engine.explain_dry(&caller.0.account, &identifier, request).await?.into()))
}
