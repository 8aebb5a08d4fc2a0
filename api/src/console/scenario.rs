//! A scenario of a transaction: a test that plays what came, and expects what came of it.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use holdfast_definitions::Json;
use holdfast_engine::{Error, HitId, PageQuery, TransactionId};
use serde::Serialize;

use super::session::Looker;
use crate::{
    App, Problem,
    scenario::record::{Recorded, record},
    v1::{self, HitShape, Run, Transaction},
};

/// Runs that are taken: a scenario has no more steps.
const RUNS_MAX: usize = 1_000;

/// A file, for the folder of its cycle.
pub async fn file(State(app): State<App>, looker: Looker, Path(id): Path<String>) -> Result<Response, Problem> {
    let (account, id) = (looker.account(), v1::id::<TransactionId>("transaction", &id)?);
    let transaction = app.engine.transaction(account, id).await?;
    let cycle = app.engine.cycle_of(account, id).await?;
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
    let name = format!("{}-{}.test.yaml", cycle.name, super::transactions::short(id));
    let runs = runs.into_iter().map(|run| as_shown(&Run::from(run))).collect::<Result<Vec<_>, _>>()?;
    let recorded = Recorded {
        cycle: &cycle,
        // Which values a deploy gave is not told apart from the definition's own.
        vars_known: cycle.vars.is_empty(),
        transaction: &as_shown(&Transaction::from(transaction))?,
        runs: &runs,
        hits: &hits,
    };
    let text = record(&recorded, &[]).map_err(|error| Problem::invalid(error.to_string()))?;
    let named = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).map_err(|_| Problem::internal())?;
    let kind = HeaderValue::from_static("application/yaml; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, named)], text).into_response())
}

/// As the API shows it, which is what is recorded from.
fn as_shown(shown: &impl Serialize) -> Result<Json, Problem> {
    let text = serde_json::to_vec(shown).map_err(|_| Problem::internal())?;
    Json::parse(&text).map_err(|_| Problem::internal())
}
