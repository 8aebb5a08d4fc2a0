//! The editor: a definition is checked and drawn while it is written, and deployed whole.
//!
//! Invariant: what a person has written is never lost by a refusal: the page comes back with all of it,
//! and with what is wrong.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};
use holdfast_definitions::{Cycle, Diagnostic, Severity, picture};
use holdfast_engine::{Deployed, Error, Scope};
use serde::Deserialize;

use super::{
    address::at,
    cycle::DRAWN_MAX,
    cycles::{self, FIRST},
    difference::Difference,
    page::{Query, Shell, show, then},
    session::{Change, Looker},
    variables::{Fields, PREFIX, Typed},
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
#[derive(Default, Template)]
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
    fields: Fields,
    /// What fields the page shows.
    shown: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Set: begin with the first cycle.
    example: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Written {
    source: String,
    /// The cycle whose page it is.
    #[serde(default)]
    cycle: String,
    /// The fields that the page shows.
    #[serde(default)]
    fields: String,
    /// `var.NAME`
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

impl Written {
    /// A browser sends every line's end as two characters.
    fn text(&self) -> String {
        self.source.replace("\r\n", "\n")
    }

    fn typed(&mut self) -> Result<Typed, Problem> {
        let one = |(name, value): (String, String)| match name.strip_prefix(PREFIX) {
            Some(name) => Ok((name.to_owned(), value)),
            None => Err(Problem::invalid(format!("form: unknown field {name}"))),
        };
        std::mem::take(&mut self.rest).into_iter().map(one).collect()
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
    page(&app, &looker, None, (source.to_owned(), Typed::new()), None).await
}

pub async fn edit(State(app): State<App>, Path(name): Path<String>, looker: Looker) -> Result<Html<String>, Problem> {
    looker.needs(Scope::Deploy)?;
    let source = app.engine.cycle(looker.account(), &name).await?.source;
    page(&app, &looker, Some(name), (source, Typed::new()), None).await
}

async fn page(
    app: &App,
    looker: &Looker,
    cycle: Option<String>,
    (source, typed): (String, Typed),
    refused: Option<Refusal>,
) -> Result<Html<String>, Problem> {
    let found = found(app, looker, &source, &typed).await?;
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
    let Change { looker, mut form } = change;
    looker.needs(Scope::Deploy)?;
    let found = found(&app, &looker, &form.text(), &form.typed()?).await?;
    show(&Found { apart: true, shown: form.fields, ..found })
}

async fn found(app: &App, looker: &Looker, source: &str, typed: &Typed) -> Result<Found, Problem> {
    let account = looker.account();
    let mut fields = Fields::of(app, account, source, typed).await?;
    if source.trim().is_empty() {
        return Ok(Found { said: "Nothing is written yet.".to_owned(), fields, ..Found::default() });
    }
    let mut checked = app.engine.check_in(account, FILE, source, Some(fields.given())).await?;
    let mut diagnostics = std::mem::take(&mut checked.diagnostics);
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    if fields.take(&mut diagnostics) > 0 {
        // It can be drawn before its values are there.
        checked.cycles = app.engine.check_in(account, FILE, source, None).await?.cycles;
    }
    let mut outcomes = Vec::new();
    for cycle in checked.cycles.iter().filter(|_| errors == 0) {
        outcomes.push(outcome(present(app, account, &cycle.name).await?.as_ref(), cycle));
    }
    if errors == 0 {
        outcomes.extend(checked.connectors.iter().map(|connector| format!("{} is a connector", connector.name)));
    }
    let more = diagnostics.len().saturating_sub(DIAGNOSTICS_MAX);
    diagnostics.truncate(DIAGNOSTICS_MAX);
    let drawn = checked.cycles.iter().take(PICTURES_MAX).map(|cycle| {
        let picture = (cycle.steps.len() <= DRAWN_MAX).then(|| picture(cycle));
        (cycle.name.clone(), picture)
    });
    Ok(Found {
        said: said(errors, warnings),
        wrong: errors > 0,
        more,
        outcomes,
        pictures: drawn.collect(),
        diagnostics,
        fields,
        ..Found::default()
    })
}

/// What deploying would do.
fn outcome(now: Option<&Present>, cycle: &Cycle) -> String {
    let name = &cycle.name;
    match now {
        None => format!("{name} is a new cycle"),
        Some(now) if now.cycle.digest == cycle.digest => {
            format!("{name} is the same as its version {}: deploying it changes nothing", now.version)
        }
        Some(now) => format!("{name} becomes version {}: {}", now.version + 1, changed(&now.cycle, cycle)),
    }
}

/// How a version differs from the one before.
fn changed(before: &Cycle, after: &Cycle) -> String {
    let values = after.vars.keys().any(|name| before.given.get(name) != after.given.get(name));
    let lines = Difference::of(&before.source, &after.source).said();
    match (before.source == after.source, values) {
        (true, _) => "other values for its variables".to_owned(),
        (false, true) => format!("{lines}, and other values for its variables"),
        (false, false) => lines,
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

/// A cycle that is deployed.
struct Present {
    version: u32,
    cycle: Arc<Cycle>,
}

async fn present(app: &App, account: &str, name: &str) -> Result<Option<Present>, Problem> {
    match app.engine.cycle(account, name).await {
        Ok(now) => {
            let cycle = app.engine.definition(account, name, Some(now.version)).await?;
            Ok(Some(Present { version: now.version, cycle }))
        }
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub async fn deploy(State(app): State<App>, change: Change<Written>) -> Result<Response, Problem> {
    let Change { looker, mut form } = change;
    looker.needs(Scope::Deploy)?;
    let (account, text, typed) = (looker.account(), form.text(), form.typed()?);
    let mut before = HashMap::new();
    for cycle in &app.engine.check_in(account, FILE, &text, None).await?.cycles {
        if let Some(now) = present(&app, account, &cycle.name).await? {
            before.insert(cycle.name.clone(), now);
        }
    }
    let fields = Fields::of(&app, account, &text, &typed).await?;
    match app.engine.deploy_given(account, FILE, &text, fields.given()).await {
        Ok(deployed) => deployed_as(&app, account, &deployed, &before).await,
        Err(error) => {
            let problem = Problem::from(error);
            let document = problem.document();
            let words = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
            let refused = Refusal { title: words("title"), detail: words("detail") };
            let page = page(&app, &looker, form.cycle(), (text, typed), Some(refused)).await?;
            Ok((problem.status(), page).into_response())
        }
    }
}

/// The page of what was deployed, and what is said there.
async fn deployed_as(
    app: &App,
    account: &str,
    deployed: &[Deployed],
    before: &HashMap<String, Present>,
) -> Result<Response, Problem> {
    let mut said = Vec::new();
    for one in deployed {
        let (name, version) = (&one.cycle.name, one.cycle.version);
        said.push(match before.get(name) {
            _ if !one.changed => format!("Nothing changed: {name} is as in version {version}."),
            None => format!("{name} is deployed, as version {version}."),
            Some(before) => {
                let now = app.engine.definition(account, name, None).await?;
                format!("Version {version} of {name} is deployed: {}.", changed(&before.cycle, &now))
            }
        });
    }
    let [one] = deployed else {
        let said = if said.is_empty() { "Deployed.".to_owned() } else { said.join(" ") };
        return Ok(then(&cycles::after(deployed.iter().map(|one| one.cycle.name.as_str())), &said));
    };
    let name = &one.cycle.name;
    let before = before.get(name).filter(|_| one.changed);
    let more = before.map(|before| format!("?deployed={}&before={}", one.cycle.version, before.version));
    Ok(then(&at(name, &more.unwrap_or_default()), &said.join(" ")))
}
