//! Cycles are started, stopped and deleted.
//!
//! Invariant: a stop that lets queued work finish is carried through, whether or not the browser that
//! asked for it still waits.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    response::Response,
};
use holdfast_engine::Scope;
use serde::Deserialize;

use super::{address::at, cycles, page::then, session::Change};
use crate::{App, Problem};

/// How long a page waits for queued work before it is told that it takes longer.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `list` for the page of all cycles.
    #[serde(default)]
    back: String,
    /// Of a stop: set to let queued work finish first.
    #[serde(default)]
    drain: Option<String>,
}

fn back(asked: &Asked, cycle: &str) -> String {
    if asked.back == "list" { "/console/cycles".to_owned() } else { at(cycle, "") }
}

pub async fn start(
    State(app): State<App>,
    Path(cycle): Path<String>,
    change: Change<Asked>,
) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let started = app.engine.start(looker.account(), &cycle).await?;
    let done = match started.queued {
        0 => format!("{cycle} is running."),
        queued => format!("{cycle} is running; {queued} queued hits are being worked off."),
    };
    let back = if form.back == "list" { cycles::after([cycle.as_str()]) } else { back(&form, &cycle) };
    Ok(then(&back, &done))
}

pub async fn stop(
    State(app): State<App>,
    Path(cycle): Path<String>,
    change: Change<Asked>,
) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let drain = form.drain.is_some();
    let (engine, account, name) = (app.engine.clone(), looker.account().to_owned(), cycle.clone());
    let stopping = tokio::spawn(async move { engine.stop(&account, &name, drain).await });
    let done = match tokio::time::timeout(PATIENCE, stopping).await {
        Ok(stopped) => {
            stopped.map_err(|_| Problem::internal())??;
            format!("{cycle} is stopped. Hits that come within 24 h are queued for its next start.")
        }
        Err(_) => format!("{cycle} stops as soon as its queued work has finished."),
    };
    Ok(then(&back(&form, &cycle), &done))
}

pub async fn delete(
    State(app): State<App>,
    Path(cycle): Path<String>,
    change: Change<Asked>,
) -> Result<Response, Problem> {
    let looker = change.looker;
    looker.needs(Scope::Deploy)?;
    app.engine.delete(looker.account(), &cycle).await?;
    let done = format!("{cycle} is deleted. Its transactions can be read until their retention ends.");
    Ok(then("/console/cycles", &done))
}
