//! Endpoints: who is told of what happens, and how that goes.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use holdfast_definitions::parse_duration;
use holdfast_engine::{EndpointGiven, EndpointId, EndpointView, PageQuery, Scope, profiles};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    deliveries::{self, Delivery},
    page::{Query, Shell, show, then},
    presets::Preset,
    session::{Change, Looker, Nothing},
    words::When,
};
use crate::{App, Problem, v1};

#[derive(Template)]
#[template(path = "endpoints.html")]
struct Endpoints {
    shell: Shell,
    done: Option<String>,
    endpoints: Vec<Shown>,
    next: Option<String>,
    /// The set that the events begin with.
    preset: Preset,
    profiles: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "endpoint.html")]
struct Endpoint {
    shell: Shell,
    done: Option<String>,
    endpoint: Shown,
    /// Just made: shown this once.
    secret: Option<SecretString>,
    deliveries: Vec<Delivery>,
    missed: bool,
    next: Option<String>,
}

struct Shown {
    id: String,
    url: String,
    state: &'static str,
    reason: Option<String>,
    /// Of which cycle, and of which events: in words.
    told_of: String,
    profile: &'static str,
    created: When,
    validated: Option<When>,
    last_success: Option<When>,
    failing_since: Option<When>,
    due: Option<When>,
}

impl Shown {
    fn of(view: EndpointView, now: DateTime<Utc>) -> Self {
        let when = |at| When { at, now };
        let events = view.events.map_or_else(|| "every event".to_owned(), |events| events.join(", "));
        let cycle = view.cycle.map_or_else(String::new, |cycle| format!(" of {cycle}"));
        Self {
            id: view.id.to_string(),
            url: view.url,
            state: view.state,
            reason: view.reason,
            told_of: format!("{events}{cycle}"),
            profile: view.profile,
            created: when(view.created_at),
            validated: view.validated_at.map(when),
            last_success: view.last_success_at.map(when),
            failing_since: view.failing_since.map(when),
            due: view.due_at.map(when),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
pub struct Listed {
    after: Option<String>,
    done: Option<String>,
    events: Option<Preset>,
}

pub async fn list(
    State(app): State<App>,
    looker: Looker,
    Query(listed): Query<Listed>,
) -> Result<Html<String>, Problem> {
    let page = PageQuery { limit: None, after: listed.after };
    let page = app.engine.endpoints(looker.account(), page).await?;
    let now = app.engine.now();
    show(&Endpoints {
        shell: Shell::new(&looker, "endpoints", "Endpoints"),
        done: listed.done,
        endpoints: page.data.into_iter().map(|view| Shown::of(view, now)).collect(),
        next: page.next,
        preset: listed.events.unwrap_or(Preset::Everything),
        profiles: profiles(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    url: String,
    #[serde(default)]
    cycle: String,
    #[serde(default)]
    event: Vec<String>,
    /// Names of the account's own, separated by spaces.
    #[serde(default)]
    own: String,
    profile: String,
}

pub async fn create(State(app): State<App>, change: Change<New>) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let cycle = Some(form.cycle.trim()).filter(|cycle| !cycle.is_empty());
    let own = form.own.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned);
    let events: Vec<String> = form.event.into_iter().chain(own).collect();
    let given = EndpointGiven {
        url: Some(form.url.trim().to_owned()),
        cycle: Some(cycle.map(str::to_owned)),
        events: Some(Some(events).filter(|events| !events.is_empty())),
        profile: Some(form.profile),
        ids: None,
        schedule: None,
    };
    let (view, secret) = app.engine.create_endpoint(looker.account(), given, None).await?;
    let done = match view.state {
        "active" => "The endpoint is made, and has answered its validation.",
        _ => "The endpoint is made. It has not answered its validation yet.",
    };
    let page = page(&app, &looker, view.id, Looked { done: Some(done.to_owned()), ..Looked::default() }, Some(secret));
    Ok(page.await?.into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Looked {
    missed: Option<bool>,
    after: Option<String>,
    done: Option<String>,
}

pub async fn look(
    State(app): State<App>,
    looker: Looker,
    Path(id): Path<String>,
    Query(looked): Query<Looked>,
) -> Result<Html<String>, Problem> {
    page(&app, &looker, endpoint(&id)?, looked, None).await
}

async fn page(
    app: &App,
    looker: &Looker,
    id: EndpointId,
    looked: Looked,
    secret: Option<SecretString>,
) -> Result<Html<String>, Problem> {
    let view = app.engine.endpoint(looker.account(), id).await?;
    let missed = looked.missed.unwrap_or(false);
    let page = PageQuery { limit: None, after: looked.after };
    let page = app.engine.deliveries(looker.account(), id, missed, page).await?;
    let now = app.engine.now();
    show(&Endpoint {
        shell: Shell::new(looker, "endpoints", "Endpoint"),
        done: looked.done,
        endpoint: Shown::of(view, now),
        secret,
        deliveries: page.data.into_iter().map(|view| Delivery::of(view, now)).collect(),
        missed,
        next: page.next,
    })
}

pub async fn validate(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    change.looker.needs(Scope::Operate)?;
    let view = app.engine.validate_endpoint(change.looker.account(), endpoint(&id)?).await?;
    let done = match view.state {
        "active" => "It has answered: the endpoint is active.",
        _ => "It has not answered with success: the reason is below.",
    };
    Ok(then(&format!("/console/endpoints/{id}"), done))
}

pub async fn enable(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    change.looker.needs(Scope::Operate)?;
    app.engine.enable_endpoint(change.looker.account(), endpoint(&id)?).await?;
    Ok(then(&format!("/console/endpoints/{id}"), "It is active. What it missed is sent when you ask for it."))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    overlap: String,
}

/// The new secret is in this page and nowhere else.
pub async fn rotate(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Rotation>,
) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let overlap: Duration = parse_duration(&form.overlap)
        .map_err(|_| Problem::invalid(format!("overlap: {} is no duration; 24h is one", form.overlap)))?;
    let id = endpoint(&id)?;
    let (_, secret) = app.engine.rotate_endpoint(looker.account(), id, None, Some(overlap)).await?;
    let done = format!("The endpoint has a new secret. The one before signs beside it for {}.", form.overlap);
    let looked = Looked { done: Some(done), ..Looked::default() };
    Ok(page(&app, &looker, id, looked, Some(secret)).await?.into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resending {
    #[serde(default)]
    message: Option<String>,
}

/// One delivery, or all that were missed.
pub async fn resend(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Resending>,
) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let what = deliveries::again(form.message.as_deref())?;
    let resent = app.engine.resend(looker.account(), endpoint(&id)?, what).await?;
    let done = match resent {
        0 => "Nothing was left to be sent again.".to_owned(),
        1 => "One delivery is sent again now.".to_owned(),
        many => format!("{many} deliveries are sent again now."),
    };
    Ok(then(&format!("/console/endpoints/{id}"), &done))
}

pub async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    change.looker.needs(Scope::Operate)?;
    app.engine.delete_endpoint(change.looker.account(), endpoint(&id)?).await?;
    Ok(then("/console/endpoints", "The endpoint is gone: it is told nothing more."))
}

fn endpoint(text: &str) -> Result<EndpointId, Problem> {
    v1::id("endpoint", text)
}
