//! Subscriptions: what the cycles' webhooks have asked other systems for, and shared webhooks.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, Response},
};
use holdfast_engine::{PageQuery, Scope};

use super::{
    page::{Listed, Query, Shell, show, then},
    session::{Change, Looker, Nothing},
    words::When,
};
use crate::{App, Problem, v1};

#[derive(Template)]
#[template(path = "subscriptions.html")]
struct Subscriptions {
    shell: Shell,
    done: Option<String>,
    subscriptions: Vec<Row>,
    /// The cursor that this page began with, and the next one's.
    after: Option<String>,
    next: Option<String>,
    connectors: Vec<Connector>,
}

struct Row {
    id: String,
    cycle: String,
    step: String,
    connector: String,
    event: String,
    parameters: String,
    status: String,
    reason: Option<String>,
    attempts: u32,
    made: Option<When>,
    refresh: Option<When>,
}

struct Connector {
    name: String,
    version: u32,
    description: Option<String>,
    events: String,
    updated: When,
}

pub async fn list(
    State(app): State<App>,
    looker: Looker,
    Query(listed): Query<Listed>,
) -> Result<Html<String>, Problem> {
    let page = PageQuery { limit: None, after: listed.after.clone() };
    let page = app.engine.subscriptions(looker.account(), page).await?;
    let connectors = app.engine.connectors(looker.account(), PageQuery::default()).await?.data;
    let now = app.engine.now();
    let when = |at| When { at, now };
    let rows = page.data.into_iter().map(|view| Row {
        id: view.id.to_string(),
        cycle: view.cycle,
        step: view.step,
        connector: view.connector,
        event: view.event,
        parameters: view.parameters.to_string(),
        status: view.status,
        reason: view.reason,
        attempts: view.attempts,
        made: view.made_at.map(when),
        refresh: view.refresh_at.map(when),
    });
    let connectors = connectors.into_iter().map(|view| Connector {
        name: view.name,
        version: view.version,
        description: view.description,
        events: view.events.join(", "),
        updated: when(view.updated_at),
    });
    show(&Subscriptions {
        shell: Shell::new(&looker, "subscriptions", "Subscriptions"),
        done: listed.done,
        subscriptions: rows.collect(),
        after: listed.after,
        next: page.next,
        connectors: connectors.collect(),
    })
}

pub async fn retry(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    change.looker.needs(Scope::Operate)?;
    let view = app.engine.retry_subscription(change.looker.account(), v1::id("subscription", &id)?).await?;
    let done = match view.status.as_str() {
        "active" => "The subscription is made.".to_owned(),
        status => format!("It is tried again: it is {status}."),
    };
    Ok(then("/console/subscriptions", &done))
}
