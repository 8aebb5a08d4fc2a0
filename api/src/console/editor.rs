//! The editor: a definition is checked and drawn while it is written, and deployed whole.
//!
//! Invariant: what a person has written is never lost by a refusal: the page comes back with all of it,
//! and with what is wrong.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};
use holdfast_definitions::{Checked, Diagnostic, Given, Severity, picture};
use holdfast_engine::{CycleView, Deployed, Error, Scope};
use serde::Deserialize;

use super::{
    address::at,
    cycle::DRAWN_MAX,
    cycles::FIRST,
    difference::Difference,
    page::{Query, Shell, show, then},
    session::{Change, Looker},
};
use crate::{App, Problem};

/// The name that diagnostics would show, which a page leaves out.
const FILE: &str = "definition.yaml";
/// Of one text: what is wrong with the others shows once these are mended.
const DIAGNOSTICS_MAX: usize = 50;
const PICTURES_MAX: usize = 4;

#[derive(Template)]
#[template(path = "cycle_edit.html")]
struct Page {
    shell: Shell,
    /// None for a new one.
    cycle: Option<String>,
    here: String,
    source: String,
    refused: Option<Refusal>,
    found: Found,
}

struct Refusal {
    title: String,
    detail: String,
}

/// What a check found; the answer to a text that is being written.
#[derive(Template)]
#[template(path = "cycle_checked.html")]
struct Found {
    /// An answer of its own: the picture goes to its place in the page.
    apart: bool,
    said: String,
    wrong: bool,
    diagnostics: Vec<Diagnostic>,
    more: usize,
    /// What deploying would do, a line for each cycle.
    outcomes: Vec<String>,
    /// (the name of a cycle, its picture)
    pictures: Vec<(String, Option<String>)>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Set: begin with the first cycle.
    example: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    source: String,
    /// The cycle whose page it is.
    #[serde(default)]
    cycle: String,
}

impl Written {
    /// A browser sends every line's end as two characters.
    fn text(&self) -> String {
        self.source.replace("\r\n", "\n")
    }

    fn cycle(self) -> Option<String> {
        Some(self.cycle).filter(|cycle| !cycle.is_empty())
    }
}

pub async fn new(
    State(app): State<App>,
    looker: Looker,
    Query(wanted): Query<Wanted>,
) -> Result<Html<String>, Problem> {
    looker.needs(Scope::Deploy)?;
    let source = if wanted.example.is_some() { FIRST } else { "" };
    page(&app, &looker, None, source.to_owned(), None).await
}

pub async fn edit(State(app): State<App>, Path(name): Path<String>, looker: Looker) -> Result<Html<String>, Problem> {
    looker.needs(Scope::Deploy)?;
    let source = app.engine.cycle(looker.account(), &name).await?.source;
    page(&app, &looker, Some(name), source, None).await
}

async fn page(
    app: &App,
    looker: &Looker,
    cycle: Option<String>,
    source: String,
    refused: Option<Refusal>,
) -> Result<Html<String>, Problem> {
    let found = found(app, looker, &source).await?.1;
    let title = cycle.as_ref().map_or_else(|| "Deploy a cycle".to_owned(), |name| format!("Edit {name}"));
    show(&Page {
        shell: Shell::new(looker, "cycles", title),
        here: cycle.as_ref().map_or_else(|| "/console/cycles".to_owned(), |name| at(name, "")),
        cycle,
        source,
        refused,
        found,
    })
}

/// While it is written.
pub async fn check(State(app): State<App>, change: Change<Written>) -> Result<Html<String>, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Deploy)?;
    let found = found(&app, &looker, &form.text()).await?.1;
    show(&Found { apart: true, ..found })
}

async fn found(app: &App, looker: &Looker, source: &str) -> Result<(Checked, Found), Problem> {
    if source.trim().is_empty() {
        return Ok((Checked::default(), Found::nothing()));
    }
    let mut checked = app.engine.check_in(looker.account(), FILE, source).await?;
    let mut outcomes = Vec::new();
    for cycle in &checked.cycles {
        let now = present(app, looker.account(), &cycle.name).await?;
        outcomes.push(match &now {
            None => format!("{} is a new cycle", cycle.name),
            Some(now) if now.source == cycle.source => {
                format!("{} is the same as its version {}: deploying it changes nothing", cycle.name, now.version)
            }
            Some(now) => {
                let said = Difference::of(&now.source, &cycle.source).said();
                format!("{} becomes version {}: {said}", cycle.name, now.version + 1)
            }
        });
    }
    outcomes.extend(checked.connectors.iter().map(|connector| format!("{} is a connector", connector.name)));
    let mut diagnostics = std::mem::take(&mut checked.diagnostics);
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let more = diagnostics.len().saturating_sub(DIAGNOSTICS_MAX);
    diagnostics.truncate(DIAGNOSTICS_MAX);
    let drawn = checked.cycles.iter().take(PICTURES_MAX).map(|cycle| {
        let picture = (cycle.steps.len() <= DRAWN_MAX).then(|| picture(cycle));
        (cycle.name.clone(), picture)
    });
    let found = Found {
        apart: false,
        said: said(errors, warnings),
        wrong: errors > 0,
        more,
        outcomes: if errors > 0 { Vec::new() } else { outcomes },
        pictures: drawn.collect(),
        diagnostics,
    };
    Ok((checked, found))
}

impl Found {
    fn nothing() -> Self {
        Self {
            apart: false,
            said: "Nothing is written yet.".to_owned(),
            wrong: false,
            diagnostics: Vec::new(),
            more: 0,
            outcomes: Vec::new(),
            pictures: Vec::new(),
        }
    }
}

fn said(errors: usize, warnings: usize) -> String {
    let some = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    match (errors, warnings) {
        (0, 0) => "Nothing is wrong.".to_owned(),
        (errors, 0) => format!("{}.", some(errors, "error")),
        (0, warnings) => format!("{}.", some(warnings, "warning")),
        (errors, warnings) => format!("{}, {}.", some(errors, "error"), some(warnings, "warning")),
    }
}

async fn present(app: &App, account: &str, name: &str) -> Result<Option<CycleView>, Problem> {
    match app.engine.cycle(account, name).await {
        Ok(cycle) => Ok(Some(cycle)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub async fn deploy(State(app): State<App>, change: Change<Written>) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Deploy)?;
    let (account, text) = (looker.account(), form.text());
    let checked = app.engine.check_in(account, FILE, &text).await?;
    let mut before = HashMap::new();
    // What was given for its variables stays.
    let mut given = Given::new();
    for cycle in &checked.cycles {
        if let Some(now) = present(&app, account, &cycle.name).await? {
            before.insert(cycle.name.clone(), now);
            let newest = app.engine.definition(account, &cycle.name, None).await?;
            let kept = newest.given.iter().filter(|(name, _)| cycle.vars.contains_key(*name));
            given.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    match app.engine.deploy_given(account, FILE, &text, &given).await {
        Ok(deployed) => Ok(deployed_as(&deployed, &before)),
        Err(error) => {
            let problem = Problem::from(error);
            let document = problem.document();
            let words = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
            let refused = Refusal { title: words("title"), detail: words("detail") };
            let page = page(&app, &looker, form.cycle(), text, Some(refused)).await?;
            Ok((problem.status(), page).into_response())
        }
    }
}

/// The page of what was deployed, and what is said there.
fn deployed_as(deployed: &[Deployed], before: &HashMap<String, CycleView>) -> Response {
    let said = |one: &Deployed| {
        let (name, version) = (&one.cycle.name, one.cycle.version);
        match before.get(name) {
            _ if !one.changed => format!("Nothing changed: {name} is as in version {version}."),
            None => format!("{name} is deployed, as version {version}."),
            Some(before) => {
                let difference = Difference::of(&before.source, &one.cycle.source).said();
                format!("Version {version} of {name} is deployed: {difference}.")
            }
        }
    };
    match deployed {
        [one] => {
            let name = &one.cycle.name;
            let before = before.get(name).filter(|_| one.changed);
            let more = before.map(|before| format!("?deployed={}&before={}", one.cycle.version, before.version));
            then(&at(name, &more.unwrap_or_default()), &said(one))
        }
        [] => then("/console/cycles", "Deployed."),
        several => then("/console/cycles", &several.iter().map(said).collect::<Vec<_>>().join(" ")),
    }
}
