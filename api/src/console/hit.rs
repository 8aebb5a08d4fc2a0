//! One hit: the request, what became of it, why, and what to do about it.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, Response},
};
use holdfast_engine::{Hit, HitFilter, HitId, HitStatus, PageQuery, Scope, TransactionId};
use serde::Deserialize;

use super::{
    contents::{AsItCame, Cut, Field, fields, short, shown},
    hits::Row,
    page::{Query, Shell, show, then},
    session::{Change, Looker, Nothing},
    why::{Outcome, Why},
};
use crate::{App, Problem, v1};

/// Newer hits of the webhook among which its replays are looked for.
const REPLAYS_AMONG: u32 = 100;

#[derive(Template)]
#[template(path = "hit.html")]
struct One {
    shell: Shell,
    done: Option<String>,
    hit: Row,
    webhook: String,
    run: Option<u32>,
    replay_of: Option<(String, String)>,
    applications: Vec<Application>,
    /// It may still become of another status by itself.
    settles: bool,
    headers: Vec<Field>,
    query: Vec<Field>,
    /// None where there was none.
    body: Option<Cut>,
    raw: Option<AsItCame>,
    /// It takes a while: asked for by the page once it is there.
    why: Option<Why>,
    replays: Vec<Row>,
}

/// What became of it in one cycle.
struct Application {
    event: u32,
    cycle: String,
    status: &'static str,
    transaction: Option<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    done: Option<String>,
    /// Set: with the explanation.
    why: Option<String>,
}

pub async fn one(
    State(app): State<App>,
    looker: Looker,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, Problem> {
    let id: HitId = v1::id("hit", &id)?;
    let (account, now) = (looker.account(), app.engine.now());
    let mut hit = app.engine.hit(account, id).await?;
    let (mut why, mut replays) = (None, Vec::new());
    if asked.why.is_some() {
        why = Some(Why::of(app.engine.explain(account, id).await?, now));
        replays = replays_of(&app, account, &hit).await?.into_iter().map(|hit| Row::of(hit, now)).collect();
    }
    let ids = |id: TransactionId| (id.to_string(), short(id));
    let applications = std::mem::take(&mut hit.applications).into_iter().map(|one| Application {
        event: one.event + 1,
        cycle: one.cycle,
        status: one.status.word(),
        transaction: one.transaction.map(ids),
    });
    show(&One {
        shell: Shell::new(&looker, "hits", format!("Hit {}", short(id))),
        done: asked.done,
        webhook: hit.webhook.clone(),
        run: hit.run,
        replay_of: hit.replay_of.map(|id| (id.to_string(), short(id))),
        applications: applications.collect(),
        settles: matches!(hit.status, HitStatus::Queued | HitStatus::Unmatched),
        headers: fields(&hit.headers),
        query: fields(&hit.query),
        body: (!hit.raw.is_empty() || hit.body != holdfast_definitions::Json::Null).then(|| shown(&hit.body)),
        raw: AsItCame::of(&hit.raw),
        why,
        replays,
        hit: Row::of(hit, now),
    })
}

async fn replays_of(app: &App, account: &str, hit: &Hit) -> Result<Vec<Hit>, Problem> {
    let page = PageQuery { limit: Some(REPLAYS_AMONG), after: None };
    let filter = HitFilter { webhook: Some(hit.webhook.clone()), since: Some(hit.received_at), ..HitFilter::default() };
    let newest = app.engine.hits(account, filter, page).await?;
    Ok(newest.data.into_iter().filter(|one| one.replay_of == Some(hit.id)).collect())
}

pub async fn replay(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    let looker = change.looker;
    looker.needs(Scope::Operate)?;
    let id: HitId = v1::id("hit", &id)?;
    let hit = app.engine.replay(looker.account(), id).await?;
    let done = format!("Hit {} was replayed: this is the new one.", short(id));
    Ok(then(&format!("/console/hits/{}", hit.id), &done))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct To {
    transaction: String,
}

/// To a transaction that waits at its step for another key: resumed by hand with its body.
pub async fn give(State(app): State<App>, Path(id): Path<String>, change: Change<To>) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let (id, to): (HitId, TransactionId) = (v1::id("hit", &id)?, v1::id("transaction", &form.transaction)?);
    let hit = app.engine.hit(looker.account(), id).await?;
    app.engine.resume(looker.account(), to, Some(&hit.step), hit.body).await?;
    let done = format!("Transaction {} was resumed by hand with this hit's body.", short(to));
    Ok(then(&format!("/console/hits/{id}"), &done))
}
