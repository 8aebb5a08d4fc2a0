//! Cycles: deployed, listed, started, stopped, deleted; and definitions checked.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_definitions::Diagnostic;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    extract::{Given, Paging, Params, Raw},
    shapes::{Cycle, DeployedCycle, DiagnosticShape, List, ProblemDocument, Version},
};
use crate::{App, Problem, access};

/// By name.
#[utoipa::path(get, path = "/api/v1/cycles", tag = "cycles", params(Paging),
    responses((status = 200, body = List<Cycle>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Reader,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Cycle>>, Problem> {
    let page = app.engine.cycles(&caller.0.account, paging.into()).await?;
    Ok(Json(List::of(page, |view| Cycle::new(view, &app.public_url))))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The name of the file, as diagnostics show it.
    pub file: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Deploying {
    file: Option<String>,
    /// `var.NAME`
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

impl Deploying {
    fn given(self) -> Result<holdfast_definitions::Given, Problem> {
        let one = |(name, value): (String, String)| match name.strip_prefix("var.") {
            Some(name) => Ok((name.to_owned(), holdfast_definitions::Json::Text(value))),
            None => Err(Problem::invalid(format!("unknown parameter {name}; known are file and var.NAME"))),
        };
        self.rest.into_iter().map(one).collect()
    }
}

/// Deploys every cycle of a YAML (or JSON) text, all or none. The same text again makes no new
/// version.
#[utoipa::path(post, path = "/api/v1/cycles", tag = "cycles",
    params(Source, ("var.NAME" = Option<String>, Query, description = "The value of a variable that some cycle of the text declares")),
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = Vec<DeployedCycle>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument, description = "The definition has errors: `diagnostics`."), (status = 503, body = ProblemDocument)))]
pub async fn deploy(
    State(app): State<App>,
    caller: access::Deployer,
    Params(mut source): Params<Deploying>,
    Raw(body): Raw,
) -> Result<Json<Vec<DeployedCycle>>, Problem> {
    let file = source.file.take().unwrap_or_else(|| "definition.yaml".into());
    let given = source.given()?;
    let deployed = app.engine.deploy_given(&caller.0.account, &file, text(&body)?, &given).await?;
    Ok(Json(deployed.into_iter().map(|one| DeployedCycle::new(one, &app.public_url)).collect()))
}

fn text(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|error| Problem::invalid(format!("the definition is no UTF-8: {error}")))
}

#[derive(Serialize, ToSchema)]
pub struct Report {
    #[schema(value_type = Vec<DiagnosticShape>)]
    pub diagnostics: Vec<Diagnostic>,
}

/// What is wrong with a definition, without deploying it.
#[utoipa::path(post, path = "/api/v1/check", tag = "cycles", params(Source),
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = Report), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn check(
    State(app): State<App>,
    caller: access::Deployer,
    Params(source): Params<Source>,
    Raw(body): Raw,
) -> Result<Json<Report>, Problem> {
    let file = source.file.unwrap_or_else(|| "definition.yaml".into());
    let checked = app.engine.check_in(&caller.0.account, &file, text(&body)?, None).await?;
    Ok(Json(Report { diagnostics: checked.diagnostics }))
}

#[utoipa::path(get, path = "/api/v1/cycles/{cycle}", tag = "cycles",
    responses((status = 200, body = Cycle), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(
    State(app): State<App>,
    caller: access::Reader,
    Path(cycle): Path<String>,
) -> Result<Json<Cycle>, Problem> {
    let view = app.engine.cycle(&caller.0.account, &cycle).await?;
    Ok(Json(Cycle::new(view, &app.public_url)))
}

/// It must be stopped, or never started. Its transactions stay to be read until their retention ends.
#[utoipa::path(delete, path = "/api/v1/cycles/{cycle}", tag = "cycles",
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn delete(
    State(app): State<App>,
    caller: access::Deployer,
    Path(cycle): Path<String>,
) -> Result<StatusCode, Problem> {
    app.engine.delete(&caller.0.account, &cycle).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Newest first.
#[utoipa::path(get, path = "/api/v1/cycles/{cycle}/versions", tag = "cycles", params(Paging),
    responses((status = 200, body = List<Version>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn versions(
    State(app): State<App>,
    caller: access::Reader,
    Path(cycle): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Version>>, Problem> {
    let page = app.engine.versions(&caller.0.account, &cycle, paging.into()).await?;
    Ok(Json(List::of(page, Version::from)))
}

/// Hits that a stop of 24 h ago or less queued are run first, in order.
#[utoipa::path(post, path = "/api/v1/cycles/{cycle}/start", tag = "cycles",
    responses((status = 200, body = Cycle), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 502, body = ProblemDocument, description = "A webhook could not subscribe itself: the cycle is as it was."), (status = 503, body = ProblemDocument)))]
pub async fn start(
    State(app): State<App>,
    caller: access::Operator,
    Path(cycle): Path<String>,
) -> Result<Json<Cycle>, Problem> {
    let view = app.engine.start(&caller.0.account, &cycle).await?;
    Ok(Json(Cycle::new(view, &app.public_url)))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// Let queued work finish first.
    pub drain: bool,
}

/// Hits are queued for 24 h from now; stopping again does not extend that.
#[utoipa::path(post, path = "/api/v1/cycles/{cycle}/stop", tag = "cycles", request_body(content = Option<Stop>),
    responses((status = 200, body = Cycle), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn stop(
    State(app): State<App>,
    caller: access::Operator,
    Path(cycle): Path<String>,
    Given(stop): Given<Stop>,
) -> Result<Json<Cycle>, Problem> {
    let view = app.engine.stop(&caller.0.account, &cycle, stop.drain).await?;
    Ok(Json(Cycle::new(view, &app.public_url)))
}
