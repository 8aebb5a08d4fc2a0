//! After a deploy or a start: which unmatched hits would match now, and where they are replayed. It is
//! asked for by the page that says what was done, so that this need not wait for it.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use holdfast_engine::{CycleState, Scope, WouldMatch};

use super::{
    address::{asked, at},
    page::show,
    session::Looker,
    words::count,
};
use crate::{App, Problem};

/// Hits that one preview of a replay takes.
const REPLAYED_MAX: usize = 100;

#[derive(Template)]
#[template(path = "cycle_unmatched.html")]
struct Unmatched {
    cycle: String,
    matching: usize,
    shown: String,
    looked_at: String,
    /// There are older ones, which were not looked at.
    more: bool,
    /// The preview of their replay; none for whoever may not replay.
    replay: Option<String>,
    cut: bool,
}

/// Where a page asks for it.
pub fn address(cycle: &str) -> String {
    at(cycle, "/unmatched")
}

/// Nothing where no hit is unmatched, or where none can be replayed.
pub async fn look(State(app): State<App>, looker: Looker, Path(cycle): Path<String>) -> Result<Html<String>, Problem> {
    let account = looker.account();
    let running = app.engine.cycle(account, &cycle).await?.state == CycleState::Running;
    let found = if running { app.engine.would_match(account, &cycle).await? } else { WouldMatch::default() };
    if found.looked_at == 0 {
        return Ok(Html(String::new()));
    }
    let ids: Vec<String> = found.hits.iter().take(REPLAYED_MAX).map(ToString::to_string).collect();
    let pairs: Vec<(&str, &str)> = ids.iter().map(|id| ("hit", id.as_str())).collect();
    show(&Unmatched {
        matching: found.hits.len(),
        shown: count(found.hits.len() as u64),
        looked_at: count(found.looked_at as u64),
        more: found.more,
        replay: looker.can(Scope::Operate).then(|| asked("/console/hits/replay", &pairs)),
        cut: found.hits.len() > REPLAYED_MAX,
        cycle,
    })
}
