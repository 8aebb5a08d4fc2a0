//! Secrets: put, replaced, deleted. A value goes in and is on no page.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, Response},
};
use chrono::{DateTime, Utc};
use holdfast_engine::{PageQuery, Scope, SecretView};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    page::{Listed, Query, Shell, show, then},
    session::{Change, Looker, Nothing},
    words::When,
};
use crate::{App, Problem};

const PATH: &str = "/console/secrets";

#[derive(Template)]
#[template(path = "secrets.html")]
struct Secrets {
    shell: Shell,
    done: Option<String>,
    secrets: Vec<Row>,
    next: Option<String>,
    /// There is a master key to seal with.
    sealing: bool,
}

struct Row {
    name: String,
    made: When,
    changed: When,
    used: Option<When>,
}

impl Row {
    fn of(secret: SecretView, now: DateTime<Utc>) -> Self {
        let when = |at| When { at, now };
        Self {
            name: secret.name,
            made: when(secret.created_at),
            changed: when(secret.updated_at),
            used: secret.last_used_at.map(when),
        }
    }
}

pub async fn list(
    State(app): State<App>,
    looker: Looker,
    Query(listed): Query<Listed>,
) -> Result<Html<String>, Problem> {
    looker.needs(Scope::Deploy)?;
    let page = PageQuery { limit: None, after: listed.after };
    let page = app.engine.secrets(looker.account(), page).await?;
    let now = app.engine.now();
    show(&Secrets {
        shell: Shell::new(&looker, "secrets", "Secrets"),
        done: listed.done,
        secrets: page.data.into_iter().map(|secret| Row::of(secret, now)).collect(),
        next: page.next,
        sealing: app.engine.seals(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
    value: SecretString,
}

pub async fn put(State(app): State<App>, change: Change<New>) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Deploy)?;
    let name = form.name.trim();
    app.engine.put_secret(looker.account(), name, form.value).await?;
    Ok(then(PATH, &format!("The secret {name} is set. Every node reads it within a second.")))
}

pub async fn delete(
    State(app): State<App>,
    Path(name): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    let looker = change.looker;
    looker.needs(Scope::Deploy)?;
    app.engine.delete_secret(looker.account(), &name).await?;
    Ok(then(PATH, &format!("The secret {name} is gone. Steps that read it fail from now on.")))
}
