//! A scenario of a transaction: a test that plays what came, and expects what came of it.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    extract::{Path as At, State},
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use holdfast_definitions::{Json, Path as JsonPath};
use holdfast_engine::{Error, HitId, PageQuery, TransactionId};
use serde::{Deserialize, Serialize};

use super::{
    page::{Query, Shell, show},
    session::Looker,
    transactions::short,
};
use crate::{
    App, Problem,
    scenario::record::{Recorded, record},
    v1::{self, HitShape, Run, Transaction},
};

/// Runs that are taken: a scenario has no more steps.
const RUNS_MAX: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// Paths of what is masked, one a line.
    #[serde(default)]
    mask: String,
}

impl Asked {
    fn paths(&self) -> Result<Vec<JsonPath>, String> {
        let lines = self.mask.lines().enumerate().map(|(at, line)| (at, line.trim()));
        let read = lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(at, line)| JsonPath::parse(line).map_err(|error| format!("line {}, {line}: {error}", at + 1)));
        read.collect()
    }
}

#[derive(Template)]
#[template(path = "scenario.html")]
struct Page {
    shell: Shell,
    id: String,
    short: String,
    /// What the file would be called.
    name: String,
    mask: String,
    /// What can't be done, and why.
    told: Result<String, String>,
}

/// What the file would be, with what is masked in it.
pub async fn page(
    State(app): State<App>,
    looker: Looker,
    At(id): At<String>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, Problem> {
    let id = v1::id::<TransactionId>("transaction", &id)?;
    let (name, told) = scenario(&app, looker.account(), id, &asked).await?;
    let short = short(id);
    show(&Page {
        shell: Shell::new(&looker, "transactions", format!("A scenario of {short}")),
        id: id.to_string(),
        short,
        name,
        mask: asked.mask,
        told,
    })
}

/// The file, for the folder of its cycle.
pub async fn file(
    State(app): State<App>,
    looker: Looker,
    At(id): At<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let id = v1::id::<TransactionId>("transaction", &id)?;
    let (name, told) = scenario(&app, looker.account(), id, &asked).await?;
    let text = told.map_err(Problem::invalid)?;
    let named = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).map_err(|_| Problem::internal())?;
    let kind = HeaderValue::from_static("application/yaml; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, named)], text).into_response())
}

/// The file's name, and its text or why there is none.
async fn scenario(
    app: &App,
    account: &str,
    id: TransactionId,
    asked: &Asked,
) -> Result<(String, Result<String, String>), Problem> {
    let transaction = app.engine.transaction(account, id).await?;
    let cycle = app.engine.cycle_of(account, id).await?;
    let name = format!("{}-{}.test.yaml", cycle.name, short(id));
    let masked = match asked.paths() {
        Ok(masked) => masked,
        Err(wrong) => return Ok((name, Err(wrong))),
    };
    let mut runs = Vec::new();
    let mut page = PageQuery { limit: Some(RUNS_MAX as u32), after: None };
    loop {
        let read = app.engine.runs(account, id, page).await?;
        runs.extend(read.data);
        match read.next {
            Some(next) if runs.len() < RUNS_MAX => page = PageQuery { limit: Some(RUNS_MAX as u32), after: Some(next) },
            _ => break,
        }
    }
    runs.reverse();
    let mut hits = Vec::new();
    for hit in runs.iter().filter_map(|run| run.hit).collect::<BTreeSet<HitId>>() {
        match app.engine.hit(account, hit).await {
            Ok(hit) => hits.push(as_shown(&HitShape::new(hit))?),
            // The scenario says that it is missing.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let runs = runs.into_iter().map(|run| as_shown(&Run::from(run))).collect::<Result<Vec<_>, _>>()?;
    let recorded = Recorded {
        cycle: &cycle,
        // Which values a deploy gave is not told apart from the definition's own.
        vars_known: cycle.vars.is_empty(),
        transaction: &as_shown(&Transaction::from(transaction))?,
        runs: &runs,
        hits: &hits,
    };
    Ok((name, record(&recorded, &masked).map_err(|error| error.to_string())))
}

/// As the API shows it, which is what is recorded from.
fn as_shown(shown: &impl Serialize) -> Result<Json, Problem> {
    let text = serde_json::to_vec(shown).map_err(|_| Problem::internal())?;
    Json::parse(&text).map_err(|_| Problem::internal())
}
