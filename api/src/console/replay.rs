//! Hits replayed, several at once: how many first, then what became of each.
//!
//! Invariant: what is replayed is what the preview named, one by one; no filter is looked up again.

use askama::Template;
use axum::{extract::State, response::Html};
use holdfast_engine::{HitId, HitStatus, PageQuery, Scope};
use serde::Deserialize;

use super::{
    contents::short,
    hits::{Filter, Row, listed},
    page::{Query, Shell, show},
    session::{Change, Looker},
};
use crate::{App, Problem, v1};

/// Hits replayed at once.
const AT_ONCE_MAX: usize = 100;

#[derive(Template)]
#[template(path = "replay.html")]
struct Preview {
    shell: Shell,
    rows: Vec<Row>,
    /// Of these, so many have run a transaction before.
    applied: usize,
    /// More than these match.
    more: bool,
    back: String,
}

#[derive(Template)]
#[template(path = "replayed.html")]
struct Replayed {
    shell: Shell,
    rows: Vec<One>,
    applied: usize,
    unmatched: usize,
    refused: usize,
}

/// A hit, and what it became.
struct One {
    of: String,
    short: String,
    became: Result<Row, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    hit: Vec<String>,
    /// Set: all that match, whichever are ticked.
    all: Option<String>,
    cycle: Option<String>,
    webhook: Option<String>,
    status: Option<String>,
    since: Option<String>,
    ambiguous: Option<String>,
}

pub async fn preview(
    State(app): State<App>,
    looker: Looker,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, Problem> {
    looker.needs(Scope::Operate)?;
    let Asked { hit, all, cycle, webhook, status, since, ambiguous } = asked;
    let filter = Filter { cycle, webhook, status, since, ambiguous };
    let (account, now) = (looker.account(), app.engine.now());
    let (mut hits, mut more) = (Vec::new(), false);
    if all.is_some() {
        let page = listed(&app, account, &filter, PageQuery { limit: Some(AT_ONCE_MAX as u32), after: None }).await?;
        (hits, more) = (page.data, page.next.is_some());
    } else {
        few(&hit)?;
        for id in &hit {
            hits.push(app.engine.hit(account, v1::id("hit", id)?).await?);
        }
    }
    let applied = hits.iter().filter(|hit| hit.status == HitStatus::Applied).count();
    show(&Preview {
        shell: Shell::new(&looker, "hits", "Replay hits"),
        rows: hits.into_iter().map(|hit| Row::of(hit, now)).collect(),
        applied,
        more,
        back: filter.newest(),
    })
}

fn few(hits: &[String]) -> Result<(), Problem> {
    match hits.len() {
        ..=AT_ONCE_MAX => Ok(()),
        count => Err(Problem::invalid(format!("{count} hits are too many at once: at most {AT_ONCE_MAX}"))),
    }
}

#[derive(Debug, Deserialize)]
pub struct Chosen {
    #[serde(default)]
    hit: Vec<String>,
}

/// Oldest first, as they came; one that can't be replayed keeps no other from it.
pub async fn replay(State(app): State<App>, change: Change<Chosen>) -> Result<Html<String>, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    few(&form.hit)?;
    let mut ids = form.hit.iter().map(|id| v1::id::<HitId>("hit", id)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable_by_key(|id| id.0);
    ids.dedup();
    let now = app.engine.now();
    let (mut rows, mut statuses) = (Vec::new(), Vec::new());
    for id in ids {
        let became = app.engine.replay(looker.account(), id).await;
        statuses.push(became.as_ref().ok().map(|hit| hit.status));
        let became = became.map(|hit| Row::of(hit, now)).map_err(|error| {
            let problem = Problem::from(error).document();
            problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or_default().to_owned()
        });
        rows.push(One { of: id.to_string(), short: short(id), became });
    }
    let count = |wanted: Option<HitStatus>| statuses.iter().filter(|status| **status == wanted).count();
    show(&Replayed {
        shell: Shell::new(&looker, "hits", "Replayed"),
        applied: count(Some(HitStatus::Applied)),
        unmatched: count(Some(HitStatus::Unmatched)),
        refused: count(None),
        rows,
    })
}
