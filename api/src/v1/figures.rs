//! What cycles did in the last 24 hours: charts, and counts beside each step.

use axum::{
    Json,
    extract::{Path, State},
};
use holdfast_engine::{CycleFigures, Figures, HourFigures, StepFigures};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    extract::{Paging, Params},
    shapes::{List, ProblemDocument, time},
};
use crate::{App, Problem, access};

#[derive(Serialize, ToSchema)]
pub struct Hour {
    pub from: String,
    /// Kept at the cycle's webhooks, whatever became of them.
    pub hits: u64,
    /// Transactions that started.
    pub started: u64,
    /// Times a run completed its transaction.
    pub completed: u64,
    /// Times a run failed its transaction.
    pub failed: u64,
}

impl From<HourFigures> for Hour {
    fn from(hour: HourFigures) -> Self {
        let HourFigures { from, hits, started, completed, failed } = hour;
        Self { from: time(from), hits, started, completed, failed }
    }
}

#[derive(Serialize, ToSchema)]
pub struct StepCounts {
    pub step: String,
    /// Transactions held there now.
    pub held: u64,
    /// Runs that passed it in these hours; of steps inside an `each` nothing is counted.
    pub passed: u64,
    /// Runs that failed at it, whether or not an `on_error` led them on.
    pub failed: u64,
}

impl From<StepFigures> for StepCounts {
    fn from(counts: StepFigures) -> Self {
        let StepFigures { step, held, passed, failed } = counts;
        Self { step, held, passed, failed }
    }
}

#[derive(Serialize, ToSchema)]
pub struct CycleCounts {
    /// 24, oldest first; the last is the hour under way.
    pub hours: Vec<Hour>,
    /// In the order of the definition.
    pub steps: Vec<StepCounts>,
}

impl From<Figures> for CycleCounts {
    fn from(figures: Figures) -> Self {
        Self {
            hours: figures.hours.into_iter().map(Hour::from).collect(),
            steps: figures.steps.into_iter().map(StepCounts::from).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Chart {
    pub cycle: String,
    /// 24, oldest first; the last is the hour under way.
    pub hours: Vec<Hour>,
}

impl From<CycleFigures> for Chart {
    fn from(chart: CycleFigures) -> Self {
        Self { cycle: chart.cycle, hours: chart.hours.into_iter().map(Hour::from).collect() }
    }
}

/// What a cycle did in the last 24 hours, and what is held at its steps. Figures, not records: a crash
/// loses at most the last two seconds of a node's.
#[utoipa::path(get, path = "/api/v1/cycles/{cycle}/figures", tag = "cycles",
    responses((status = 200, body = CycleCounts), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn show(
    State(app): State<App>,
    caller: access::Reader,
    Path(cycle): Path<String>,
) -> Result<Json<CycleCounts>, Problem> {
    Ok(Json(app.engine.figures(&caller.0.account, &cycle).await?.into()))
}

/// The charts of many cycles, by name, page by page as the cycles are listed.
#[utoipa::path(get, path = "/api/v1/figures", tag = "cycles", params(Paging),
    responses((status = 200, body = List<Chart>), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(app): State<App>,
    caller: access::Reader,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Chart>>, Problem> {
    let page = app.engine.charts(&caller.0.account, paging.into()).await?;
    Ok(Json(List::of(page, Chart::from)))
}
