//! Hits replayed, several at once: how many first, then call by call, oldest first as they came.

use askama::Template;
use axum::{extract::State, response::Html};
use chrono::{DateTime, Utc};
use holdfast_engine::{Chosen, HitFilter, HitId, HitStatus, Scope};
use serde::Deserialize;

use super::{
    hits::{Filter, Row},
    page::{Query, Shell, show},
    progress::{self, Action, Counted, Counting, Progress},
    session::{Change, Looker},
    words::{When, count},
};
use crate::{App, Problem, v1};

#[derive(Debug, Default, Deserialize)]
pub struct Form {
    #[serde(default)]
    hit: Vec<String>,
    /// Set: all that match, whichever are ticked.
    all: Option<String>,
    #[serde(flatten)]
    filter: Filter,
    /// Set: all that match are counted now.
    counted: Option<String>,
    /// To do it.
    progress: Option<String>,
}

impl Form {
    fn which(&self, asked: DateTime<Utc>) -> Result<Chosen<HitFilter, HitId>, Problem> {
        if self.all.is_some() {
            return Ok(Chosen::Filter(self.filter.wanted(asked)?));
        }
        let ids = self.hit.iter().map(|id| v1::id("hit", id));
        Ok(Chosen::Ids(ids.collect::<Result<_, _>>()?))
    }

    /// What says which.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = self.filter.fields();
        match &self.all {
            Some(all) => fields.push(("all", all.clone())),
            None => fields.extend(self.hit.iter().map(|id| ("hit", id.clone()))),
        }
        fields
    }
}

#[derive(Template)]
#[template(path = "replay.html")]
struct Preview {
    shell: Shell,
    counted: Counted,
    rows: Vec<Row>,
    /// Of these, so many have run a transaction before.
    applied: u64,
    fields: Vec<(&'static str, String)>,
    progress: String,
    back: String,
}

impl Preview {
    fn applied(&self) -> String {
        count(self.applied)
    }
}

/// What would be replayed: nothing is.
pub async fn preview(
    State(app): State<App>,
    looker: Looker,
    Query(form): Query<Form>,
) -> Result<Html<String>, Problem> {
    looker.needs(Scope::Operate)?;
    let now = app.engine.now();
    let which = form.which(now)?;
    if form.all.is_some() && form.counted.is_none() {
        return show(&Counting {
            shell: Shell::new(&looker, "hits", "Counting hits…"),
            list: "Hits",
            path: "/console/hits/replay",
            method: "get",
            fields: form.fields(),
            back: form.filter.newest(),
        });
    }
    let preview = app.engine.preview_replays(looker.account(), &which).await?;
    let counted = Counted::of(&preview);
    let title = match preview.matching {
        0 => "Nothing to replay".to_owned(),
        1 => "Replay 1 hit?".to_owned(),
        _ => format!("Replay {} hits?", counted.count),
    };
    show(&Preview {
        shell: Shell::new(&looker, "hits", title),
        counted,
        applied: preview.statuses.get(HitStatus::Applied.word()).copied().unwrap_or_default(),
        progress: Progress::of(&preview, now).text(),
        rows: preview.sample.into_iter().map(|hit| Row::of(hit, now)).collect(),
        fields: form.fields(),
        back: form.filter.newest(),
    })
}

/// The next thousand of them.
pub async fn replay(State(app): State<App>, change: Change<Form>) -> Result<Html<String>, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let mut progress = Progress::read(form.progress.as_deref().unwrap_or_default())?;
    let asked = progress.asked;
    let came = app.engine.replay_hits(looker.account(), &form.which(asked)?, &progress.query()).await;
    let wrong = progress.note(came)?;
    let since = Some(When { at: asked, now: asked }.exact());
    let became = Filter { status: None, since, ambiguous: None, ..form.filter.clone() };
    let action = Action {
        section: "hits",
        path: "/console/hits/replay",
        done: "replayed",
        fields: form.fields(),
        back: form.filter.newest(),
        became: Some(became.newest()),
    };
    progress::page(Shell::new(&looker, "hits", ""), action, &progress, wrong)
}
