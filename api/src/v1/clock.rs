//! The engine's clock; a manual one is moved here.

use axum::{Json, extract::State};
use holdfast_definitions::parse_duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    extract::Given,
    shapes::{ProblemDocument, time},
};
use crate::{App, Problem, access};

#[derive(Serialize, ToSchema)]
pub struct Clock {
    pub now: String,
    pub manual: bool,
}

#[utoipa::path(get, path = "/api/v1/clock", tag = "clock",
    responses((status = 200, body = Clock), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(State(app): State<App>, _: access::Reader) -> Json<Clock> {
    Json(Clock { now: time(app.engine.now()), manual: app.engine.is_clock_manual() })
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// `31d`, `23h50m`, `500ms`
    pub by: String,
}

/// Whatever falls due on the way has happened, in order, when this is answered.
#[utoipa::path(post, path = "/api/v1/clock/advance", tag = "clock", request_body(content = Advance),
    responses((status = 200, body = Clock), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn advance(
    State(app): State<App>,
    _: access::Administrator,
    Given(advance): Given<Advance>,
) -> Result<Json<Clock>, Problem> {
    let by = parse_duration(&advance.by).map_err(|error| Problem::invalid(format!("by: {error}")))?;
    let now = app.engine.advance(by).await?;
    Ok(Json(Clock { now: time(now), manual: true }))
}
