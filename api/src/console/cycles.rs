//! Cycles: what runs, what waits, what went wrong.

use askama::Template;
use axum::{extract::State, response::Html};
use chrono::{DateTime, Utc};
use holdfast_engine::{CycleView, PageQuery};
use serde::Deserialize;

use super::{
    address::asked,
    figures::{self, Chart},
    page::{Query, Shell, show},
    session::Looker,
    unmatched,
    words::{When, count},
};
use crate::{App, Problem};

/// Each costs a look at its webhooks' newest hits.
const PAGE: u32 = 25;
/// Of cycles deployed together: each costs a look at its unmatched hits.
const LOOKS_MAX: usize = 5;
/// What a first cycle looks like.
pub const FIRST: &str = include_str!("first.yaml");

#[derive(Template)]
#[template(path = "cycles.html")]
struct Cycles {
    shell: Shell,
    done: Option<String>,
    /// Where unmatched hits that would match now are looked for.
    looks: Vec<String>,
    /// Without what was done.
    here: String,
    /// Not the first page.
    later: bool,
    cycles: Vec<Row>,
    next: Option<String>,
    first: &'static str,
}

struct Row {
    name: String,
    description: Option<String>,
    state: &'static str,
    version: u32,
    chart: Option<Chart>,
    held: String,
    queued: u64,
    last_hit: Option<When>,
    /// Subscriptions that failed: where, and why.
    failed: Vec<(String, String)>,
}

impl Row {
    fn of(cycle: CycleView, chart: Option<Chart>, now: DateTime<Utc>) -> Self {
        let last = cycle.webhooks.iter().filter_map(|webhook| webhook.last_hit_at).max();
        Self {
            state: cycle.state.word(),
            version: cycle.version,
            chart,
            held: count(cycle.held.iter().map(|(_, held)| held).sum()),
            queued: cycle.queued,
            last_hit: last.map(|at| When { at, now }),
            failed: failed(&cycle),
            description: cycle.description,
            name: cycle.name,
        }
    }

    fn runs(&self) -> bool {
        self.state == "running"
    }
}

/// The subscriptions of a cycle that failed: their steps, and why.
pub fn failed(cycle: &CycleView) -> Vec<(String, String)> {
    let failed = cycle.subscriptions.iter().filter(|subscription| subscription.status == "failed");
    failed.map(|one| (one.step.clone(), one.reason.clone().unwrap_or_else(|| "no reason is known".into()))).collect()
}

/// The page after these were changed.
pub fn after<'a>(changed: impl IntoIterator<Item = &'a str>) -> String {
    let pairs: Vec<_> = changed.into_iter().take(LOOKS_MAX).map(|cycle| ("changed", cycle)).collect();
    if pairs.is_empty() { "/console/cycles".to_owned() } else { asked("/console/cycles", &pairs) }
}

#[derive(Debug, Default, Deserialize)]
pub struct Listed {
    after: Option<String>,
    done: Option<String>,
    /// Cycles that were just deployed or started.
    #[serde(default)]
    changed: Vec<String>,
}

pub async fn list(
    State(app): State<App>,
    looker: Looker,
    Query(listed): Query<Listed>,
) -> Result<Html<String>, Problem> {
    let query = PageQuery { limit: Some(PAGE), after: listed.after.clone() };
    let page = app.engine.cycles(looker.account(), query.clone()).await?;
    let mut charts = figures::of_page(&app, looker.account(), query).await?;
    let now = app.engine.now();
    let later = listed.after.is_some();
    let first = "/console/cycles";
    let here = listed.after.map_or_else(|| first.to_owned(), |after| asked(first, &[("after", &after)]));
    show(&Cycles {
        shell: Shell::new(&looker, "cycles", "Cycles"),
        done: listed.done,
        looks: listed.changed.iter().take(LOOKS_MAX).map(|cycle| unmatched::address(cycle)).collect(),
        here,
        later,
        cycles: page
            .data
            .into_iter()
            .map(|cycle| {
                let chart = charts.remove(&cycle.name);
                Row::of(cycle, chart, now)
            })
            .collect(),
        next: page.next,
        first: FIRST,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_cycle_that_is_shown_can_be_deployed() {
        let checked = holdfast_definitions::check("first.yaml", super::FIRST);
        assert_eq!(checked.diagnostics.len(), 0, "{:?}", checked.diagnostics);
        assert_eq!(checked.cycles.len(), 1);
    }
}
