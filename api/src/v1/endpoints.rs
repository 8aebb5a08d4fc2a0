//! Endpoints: URLs that are told of events.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use holdfast_definitions::{Json as Value, format_duration, parse_duration};
use holdfast_engine::{DeliveryView, EndpointGiven, EndpointId, EndpointView, MessageId, ResendGiven};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    extract::{Given, Paging, Params, id},
    shapes::{List, ProblemDocument, time},
};
use crate::{App, Problem, access};

/// A URL that is told of events.
#[derive(Serialize, ToSchema)]
pub struct Endpoint {
    pub id: String,
    pub account: String,
    pub url: String,
    /// The only cycle whose events it is told.
    pub cycle: Option<String>,
    /// The only events that it is told.
    pub events: Option<Vec<String>>,
    /// `standard`, `cycle`, `casesolved`, `github`, `stripe` or `cloudevents`
    pub profile: &'static str,
    pub ids: BTreeMap<String, String>,
    /// Waits between attempts in place of the profile's.
    pub schedule: Option<Vec<String>>,
    /// `pending`, `active` or `disabled`
    pub state: &'static str,
    /// Why it is not active.
    pub reason: Option<String>,
    pub created_at: String,
    pub validated_at: Option<String>,
    pub last_success_at: Option<String>,
    /// The first failure after the last success.
    pub failing_since: Option<String>,
    /// When the first delivery that waits is made.
    pub due_at: Option<String>,
    /// The secret, once: in the answer that made or rotated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Endpoint {
    fn new(view: EndpointView, secret: Option<&SecretString>) -> Self {
        Self {
            id: view.id.to_string(),
            account: view.account,
            url: view.url,
            cycle: view.cycle,
            events: view.events,
            profile: view.profile,
            ids: view.ids,
            schedule: view.schedule.map(|waits| waits.iter().map(|wait| format_duration(*wait)).collect()),
            state: view.state,
            reason: view.reason,
            created_at: time(view.created_at),
            validated_at: view.validated_at.map(time),
            last_success_at: view.last_success_at.map(time),
            failing_since: view.failing_since.map(time),
            due_at: view.due_at.map(time),
            secret: secret.map(|secret| secret.expose_secret().to_owned()),
        }
    }
}

/// An event on its way to an endpoint.
#[derive(Serialize, ToSchema)]
pub struct Delivery {
    /// The message's id: `webhook-id`.
    pub id: String,
    pub event: String,
    /// When it happened.
    pub at: String,
    /// `pending`, `delivered`, `failed` (no attempt is left) or `missed` (the endpoint was not active)
    pub status: String,
    /// When it is tried next.
    pub due_at: Option<String>,
    /// The last 20: `{ at, duration_us, status, error }`
    #[schema(value_type = Vec<Object>)]
    pub attempts: Value,
}

impl From<DeliveryView> for Delivery {
    fn from(view: DeliveryView) -> Self {
        Self {
            id: view.message.to_string(),
            event: view.event,
            at: time(view.at),
            status: view.status,
            due_at: view.due_at.map(time),
            attempts: view.attempts,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEndpoint {
    pub url: String,
    /// A cycle's name; all, where it is left out.
    pub cycle: Option<String>,
    /// Names of events; all, where it is left out.
    pub events: Option<Vec<String>>,
    /// `standard` where it is left out.
    pub profile: Option<String>,
    /// Of the profile `cycle`: what its bodies have beside, such as `productId`.
    pub ids: Option<BTreeMap<String, String>>,
    /// Waits between attempts, such as `["5s", "5m"]`; the profile's, where it is left out.
    pub schedule: Option<Vec<String>>,
    /// Made, where it is left out. `whsec_` and the base64 of 24 to 64 bytes for the profiles `standard`
    /// and `cloudevents`, 16 to 256 visible characters for the others.
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
}

/// What is left out stays as it is; null sets back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedEndpoint {
    pub url: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub cycle: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub events: Option<Option<Vec<String>>>,
    pub profile: Option<String>,
    pub ids: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub schedule: Option<Option<Vec<String>>>,
}

/// Null, told from nothing at all.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn waits(schedule: Vec<String>) -> Result<Vec<Duration>, Problem> {
    schedule.iter().map(|text| duration("schedule", text)).collect()
}

fn duration(name: &str, text: &str) -> Result<Duration, Problem> {
    parse_duration(text)
        .map_err(|_| Problem::invalid(format!("`{name}`: {text} is no duration; 5s, 10m and 1h30m are")))
}

fn endpoint(text: &str) -> Result<EndpointId, Problem> {
    id("endpoint", text)
}

/// By id.
#[utoipa::path(get, path = "/api/v1/endpoints", tag = "endpoints", params(Paging),
    responses((status = 200, body = List<Endpoint>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Reader,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Endpoint>>, Problem> {
    let page = app.engine.endpoints(&caller.0.account, paging.into()).await?;
    Ok(Json(List::of(page, |view| Endpoint::new(view, None))))
}

/// Made, and sent a `Webhook Validate` event at once: answered with success, it is active. The secret is
/// in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/endpoints", tag = "endpoints", request_body(content = NewEndpoint),
    responses((status = 201, body = Endpoint), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "There is no master key (`master-key`), or the account has too many endpoints."), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn create(
    State(app): State<App>,
    caller: access::Operator,
    Given(new): Given<NewEndpoint>,
) -> Result<(StatusCode, Json<Endpoint>), Problem> {
    let given = EndpointGiven {
        url: Some(new.url),
        cycle: Some(new.cycle),
        events: Some(new.events),
        profile: new.profile,
        ids: new.ids,
        schedule: Some(new.schedule.map(waits).transpose()?),
    };
    let (view, secret) = app.engine.create_endpoint(&caller.0.account, given, new.secret).await?;
    Ok((StatusCode::CREATED, Json(Endpoint::new(view, Some(&secret)))))
}

#[utoipa::path(get, path = "/api/v1/endpoints/{id}", tag = "endpoints",
    responses((status = 200, body = Endpoint), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(
    State(app): State<App>,
    caller: access::Reader,
    Path(of): Path<String>,
) -> Result<Json<Endpoint>, Problem> {
    let view = app.engine.endpoint(&caller.0.account, endpoint(&of)?).await?;
    Ok(Json(Endpoint::new(view, None)))
}

/// Another URL makes it pending, and is validated at once.
#[utoipa::path(patch, path = "/api/v1/endpoints/{id}", tag = "endpoints", request_body(content = ChangedEndpoint),
    responses((status = 200, body = Endpoint), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn change(
    State(app): State<App>,
    caller: access::Operator,
    Path(of): Path<String>,
    Given(changed): Given<ChangedEndpoint>,
) -> Result<Json<Endpoint>, Problem> {
    let given = EndpointGiven {
        url: changed.url,
        cycle: changed.cycle,
        events: changed.events,
        profile: changed.profile,
        ids: changed.ids,
        schedule: changed.schedule.map(|schedule| schedule.map(waits).transpose()).transpose()?,
    };
    let view = app.engine.set_endpoint(&caller.0.account, endpoint(&of)?, given).await?;
    Ok(Json(Endpoint::new(view, None)))
}

/// It is told nothing more.
#[utoipa::path(delete, path = "/api/v1/endpoints/{id}", tag = "endpoints",
    responses((status = 204), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn delete(
    State(app): State<App>,
    caller: access::Operator,
    Path(of): Path<String>,
) -> Result<StatusCode, Problem> {
    app.engine.delete_endpoint(&caller.0.account, endpoint(&of)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends `Webhook Validate` and waits for the answer, 15 s at most. `state` and `reason` say what came of it.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/validate", tag = "endpoints",
    responses((status = 200, body = Endpoint), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn validate(
    State(app): State<App>,
    caller: access::Operator,
    Path(of): Path<String>,
) -> Result<Json<Endpoint>, Problem> {
    let view = app.engine.validate_endpoint(&caller.0.account, endpoint(&of)?).await?;
    Ok(Json(Endpoint::new(view, None)))
}

/// A disabled endpoint is active again. What it missed is sent when it is asked for: `resend`.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/enable", tag = "endpoints",
    responses((status = 200, body = Endpoint), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "It is pending."), (status = 503, body = ProblemDocument)))]
pub async fn enable(
    State(app): State<App>,
    caller: access::Operator,
    Path(of): Path<String>,
) -> Result<Json<Endpoint>, Problem> {
    let view = app.engine.enable_endpoint(&caller.0.account, endpoint(&of)?).await?;
    Ok(Json(Endpoint::new(view, None)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Made, where it is left out.
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
    /// How long the secret before goes on signing: `24h` where it is left out, at most `7d`.
    pub overlap: Option<String>,
}

/// A new secret, in this answer and nowhere else. Both sign until the overlap is over.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/rotate", tag = "endpoints", request_body(content = Rotation),
    responses((status = 200, body = Endpoint), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn rotate(
    State(app): State<App>,
    caller: access::Operator,
    Path(of): Path<String>,
    Given(rotation): Given<Rotation>,
) -> Result<Json<Endpoint>, Problem> {
    let overlap = rotation.overlap.map(|text| duration("overlap", &text)).transpose()?;
    let of = endpoint(&of)?;
    let (view, secret) = app.engine.rotate_endpoint(&caller.0.account, of, rotation.secret, overlap).await?;
    Ok(Json(Endpoint::new(view, Some(&secret))))
}

/// One of the three.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resending {
    /// One delivery, by its id.
    pub message: Option<String>,
    /// All that happened from then on.
    pub since: Option<DateTime<Utc>>,
    /// What failed for good, and what was not sent while the endpoint was not active.
    pub missed: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct Resent {
    /// How many deliveries are due again.
    pub resent: usize,
}

/// Sent again at once, from the start of the schedule.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/resend", tag = "endpoints", request_body(content = Resending),
    responses((status = 200, body = Resent), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument, description = "The endpoint is not active."), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn resend(
    State(app): State<App>,
    caller: access::Operator,
    Path(of): Path<String>,
    Given(what): Given<Resending>,
) -> Result<Json<Resent>, Problem> {
    let what = match (what.message, what.since, what.missed) {
        (Some(message), None, None | Some(false)) => ResendGiven::One(id::<MessageId>("delivery", &message)?),
        (None, Some(since), None | Some(false)) => ResendGiven::Since(since),
        (None, None, Some(true)) => ResendGiven::Missed,
        _ => return Err(Problem::invalid("give one of `message`, `since` and `missed: true`")),
    };
    let resent = app.engine.resend(&caller.0.account, endpoint(&of)?, what).await?;
    Ok(Json(Resent { resent }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    /// Only those that failed for good or were not sent while the endpoint was not active.
    #[serde(default)]
    pub missed: bool,
    /// How many at most: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Newest first, those of the last 31 days.
#[utoipa::path(get, path = "/api/v1/endpoints/{id}/deliveries", tag = "endpoints", params(DeliveriesQuery),
    responses((status = 200, body = List<Delivery>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn deliveries(
    State(app): State<App>,
    caller: access::Reader,
    Path(of): Path<String>,
    Params(query): Params<DeliveriesQuery>,
) -> Result<Json<List<Delivery>>, Problem> {
    let paging = Paging { limit: query.limit, after: query.after };
    let page = app.engine.deliveries(&caller.0.account, endpoint(&of)?, query.missed, paging.into()).await?;
    Ok(Json(List::of(page, Delivery::from)))
}
