//! Connectors, and what cycles have subscribed to with them.

use axum::{
    Json,
    extract::{Path, State},
};
use holdfast_engine::{ConnectorView, SubscriptionView};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    extract::{Paging, Params, id},
    shapes::{List, ProblemDocument, time},
};
use crate::{App, Problem, access};

#[derive(Serialize, ToSchema)]
pub struct Connector {
    pub name: String,
    /// Grows with each deploy that changed it.
    pub version: u32,
    pub description: Option<String>,
    /// Their names.
    pub events: Vec<String>,
    pub created_at: String,
    pub updated_at: String,
    /// Its YAML.
    pub source: String,
}

impl From<ConnectorView> for Connector {
    fn from(view: ConnectorView) -> Self {
        Self {
            name: view.name,
            version: view.version,
            description: view.description,
            events: view.events,
            created_at: time(view.created_at),
            updated_at: time(view.updated_at),
            source: view.source,
        }
    }
}

/// What a webhook has subscribed to. The state that the partner gave is not shown.
#[derive(Serialize, ToSchema)]
pub struct Subscription {
    pub id: String,
    /// Empty where it is gone.
    pub cycle: String,
    pub step: String,
    pub webhook: String,
    pub connector: String,
    pub event: String,
    #[schema(value_type = Object)]
    pub parameters: holdfast_definitions::Json,
    /// `subscribing`, `active`, `failed` or `ending`
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
    pub attempts: u32,
    pub made_at: Option<String>,
    pub refresh_at: Option<String>,
}

impl From<SubscriptionView> for Subscription {
    fn from(view: SubscriptionView) -> Self {
        Self {
            id: view.id.to_string(),
            cycle: view.cycle,
            step: view.step,
            webhook: view.webhook,
            connector: view.connector,
            event: view.event,
            parameters: view.parameters,
            status: view.status,
            reason: view.reason,
            attempts: view.attempts,
            made_at: view.made_at.map(time),
            refresh_at: view.refresh_at.map(time),
        }
    }
}

/// By name. They are deployed as cycles are, `POST /api/v1/cycles`.
#[utoipa::path(get, path = "/api/v1/connectors", tag = "connectors", params(Paging),
    responses((status = 200, body = List<Connector>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn connectors(
    State(app): State<App>,
    caller: access::Reader,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Connector>>, Problem> {
    let page = app.engine.connectors(&caller.0.account, paging.into()).await?;
    Ok(Json(List::of(page, Connector::from)))
}

/// By cycle and step.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "connectors", params(Paging),
    responses((status = 200, body = List<Subscription>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Reader,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Subscription>>, Problem> {
    let page = app.engine.subscriptions(&caller.0.account, paging.into()).await?;
    Ok(Json(List::of(page, Subscription::from)))
}

/// Tries again now what failed: the subscription, its refresh, or its end. One that is active stays as it is.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/retry", tag = "connectors",
    responses((status = 200, body = Subscription), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 502, body = ProblemDocument, description = "It failed again: `detail` says why."), (status = 503, body = ProblemDocument)))]
pub async fn retry(
    State(app): State<App>,
    caller: access::Operator,
    Path(text): Path<String>,
) -> Result<Json<Subscription>, Problem> {
    let view = app.engine.retry_subscription(&caller.0.account, id("subscription", &text)?).await?;
    Ok(Json(view.into()))
}
