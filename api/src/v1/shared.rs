//! Shared webhooks, and who claims their values.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_engine::{AttachedView, ClaimView, NewShared, SharedView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    extract::{Given, Paging, Params},
    shapes::{List, ProblemDocument, time},
};
use crate::{App, Problem, access};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSharedWebhook {
    /// Lower-case letters, digits and hyphens; cycles attach by it.
    pub name: String,
    /// YAML: `verify`, `challenge`, `rate`, `schema` and `dedupe`, as a webhook step has them.
    #[serde(default)]
    pub settings: String,
    /// A JSONPath, such as `$.body.portalId`: where in a request the value stands that accounts claim.
    #[serde(default)]
    pub route: Option<String>,
    /// Several accounts may claim one value; a hit goes to all of them.
    #[serde(default)]
    pub fan_out: bool,
}

/// A webhook that belongs to no cycle, as the account sees it.
#[derive(Serialize, ToSchema)]
pub struct SharedWebhook {
    pub identifier: String,
    pub url: String,
    pub name: String,
    pub account: String,
    /// Others see a routed one, and claim values of it.
    pub owned: bool,
    /// `active` or `paused`
    pub state: &'static str,
    /// The owner's to see.
    pub settings: Option<String>,
    pub route: Option<String>,
    pub fan_out: bool,
    pub verified: bool,
    pub created_at: String,
    /// The account's steps that are attached to it.
    pub attached: Vec<Attached>,
}

#[derive(Serialize, ToSchema)]
pub struct Attached {
    pub cycle: String,
    pub step: String,
    /// `draft`, `running` or `stopped`
    pub state: String,
}

impl SharedWebhook {
    fn new(view: SharedView, public_url: &str) -> Self {
        let attached = |AttachedView { cycle, step, state }| Attached { cycle, step, state };
        Self {
            url: format!("{public_url}/hooks/{}", view.identifier),
            identifier: view.identifier,
            name: view.name,
            account: view.account,
            owned: view.owned,
            state: if view.paused { "paused" } else { "active" },
            settings: view.settings,
            route: view.route,
            fan_out: view.fan_out,
            verified: view.verified,
            created_at: time(view.created_at),
            attached: view.attached.into_iter().map(attached).collect(),
        }
    }
}

/// Its address is there at once; cycles attach with `webhook: { shared: NAME }`. One with a route serves
/// every account, and takes a key with the scope `admin`.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "shared webhooks", request_body(content = NewSharedWebhook),
    responses((status = 201, body = SharedWebhook), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "The name is taken."), (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument, description = "The settings have errors: `diagnostics`."), (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn create(
    State(app): State<App>,
    caller: access::Deployer,
    administrator: Result<access::Administrator, Problem>,
    Given(new): Given<NewSharedWebhook>,
) -> Result<(StatusCode, Json<SharedWebhook>), Problem> {
    if new.route.is_some() {
        administrator?;
    }
    let NewSharedWebhook { name, settings, route, fan_out } = new;
    let view = app.engine.create_shared(&caller.0.account, NewShared { name, settings, route, fan_out }).await?;
    Ok((StatusCode::CREATED, Json(SharedWebhook::new(view, &app.public_url))))
}

/// By name or identifier.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}", tag = "shared webhooks",
    responses((status = 200, body = SharedWebhook), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(
    State(app): State<App>,
    caller: access::Reader,
    Path(webhook): Path<String>,
) -> Result<Json<SharedWebhook>, Problem> {
    let view = app.engine.shared_webhook(&caller.0.account, &webhook).await?;
    Ok(Json(SharedWebhook::new(view, &app.public_url)))
}

/// Its address is `404` from now on. Running cycles must be stopped first; claims go with it.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhook}", tag = "shared webhooks",
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "Running cycles are attached."), (status = 503, body = ProblemDocument)))]
pub async fn delete(
    State(app): State<App>,
    caller: access::Deployer,
    Path(webhook): Path<String>,
) -> Result<StatusCode, Problem> {
    app.engine.delete_shared(&caller.0.account, &webhook).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Requests are refused with `406` from now on, and nothing is kept of them.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/pause", tag = "shared webhooks",
    responses((status = 200, body = SharedWebhook), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn pause(
    State(app): State<App>,
    caller: access::Operator,
    Path(webhook): Path<String>,
) -> Result<Json<SharedWebhook>, Problem> {
    let view = app.engine.pause_shared(&caller.0.account, &webhook, true).await?;
    Ok(Json(SharedWebhook::new(view, &app.public_url)))
}

#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/resume", tag = "shared webhooks",
    responses((status = 200, body = SharedWebhook), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn resume(
    State(app): State<App>,
    caller: access::Operator,
    Path(webhook): Path<String>,
) -> Result<Json<SharedWebhook>, Problem> {
    let view = app.engine.pause_shared(&caller.0.account, &webhook, false).await?;
    Ok(Json(SharedWebhook::new(view, &app.public_url)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClaim {
    /// A text or a number; 42 and "42" are the same.
    #[schema(value_type = Object)]
    pub value: holdfast_definitions::Json,
}

#[derive(Serialize, ToSchema)]
pub struct Claim {
    #[schema(value_type = Object)]
    pub value: holdfast_definitions::Json,
    pub account: String,
    pub claimed_at: String,
}

impl From<ClaimView> for Claim {
    fn from(view: ClaimView) -> Self {
        Self { value: view.value, account: view.account, claimed_at: time(view.claimed_at) }
    }
}

/// Hits with this value go to the account's cycles from now on. Claimed once more, it stays as it is.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/claims", tag = "shared webhooks", request_body(content = NewClaim),
    responses((status = 200, body = Claim), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "Another account claims the value, or the webhook has no route."), (status = 413, body = ProblemDocument), (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn claim(
    State(app): State<App>,
    caller: access::Deployer,
    Path(webhook): Path<String>,
    Given(new): Given<NewClaim>,
) -> Result<Json<Claim>, Problem> {
    Ok(Json(app.engine.claim(&caller.0.account, &webhook, &new.value).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// As text.
    pub value: String,
}

/// Hits with this value are nobody's from now on.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhook}/claims", tag = "shared webhooks", params(Released),
    responses((status = 204), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn release(
    State(app): State<App>,
    caller: access::Deployer,
    Path(webhook): Path<String>,
    Params(released): Params<Released>,
) -> Result<StatusCode, Problem> {
    let value = holdfast_definitions::Json::Text(released.value);
    app.engine.release(&caller.0.account, &webhook, &value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account's own; to the owner of the webhook, everybody's.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}/claims", tag = "shared webhooks", params(Paging),
    responses((status = 200, body = List<Claim>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn claims(
    State(app): State<App>,
    caller: access::Reader,
    Path(webhook): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Claim>>, Problem> {
    let page = app.engine.claims(&caller.0.account, &webhook, paging.into()).await?;
    Ok(Json(List::of(page, Claim::from)))
}
