//! A transaction: where it is and why it waits there, the way that it came, and what each step did.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use chrono::{DateTime, Utc};
use holdfast_definitions::{Cycle, Json, StepKind};
use holdfast_engine::{
    HoldView, PageQuery, RunView, TransactionId, TransactionStatus, TransactionView, Underway, WebhookView,
};
use serde::Deserialize;

use super::{
    page::{Query, Shell, show},
    painted::painted,
    runs::Run,
    session::Looker,
    transactions::{PATH, short},
    waits,
    words::{Lasting, When},
    written::{Cut, cut, pretty, size},
};
use crate::{App, Problem, v1};

/// Runs of a page.
const RUNS_SHOWN: u32 = 10;
/// Keys of a hold that are shown.
const KEYS_SHOWN: usize = 3;
/// Bytes of an error.
const ERROR_SHOWN: usize = 16 << 10;

#[derive(Debug, Default, Deserialize)]
pub struct Shown {
    /// A cursor of the runs.
    after: Option<String>,
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "transaction.html")]
struct Transaction {
    shell: Shell,
    done: Option<String>,
    id: TransactionId,
    short: String,
    cycle: String,
    version: u32,
    status: &'static str,
    step: String,
    started: When,
    expires: When,
    here: String,
    /// Of this very page of its runs.
    again: String,
    public_url: String,
    holds: Vec<Hold>,
    underway: Option<Waiting>,
    failed: Option<Failed>,
    /// SVG that escapes itself.
    picture: String,
    way: String,
    runs: Vec<Run>,
    newest: bool,
    next: Option<String>,
    /// Of the document.
    size: String,
    cancelled: bool,
}

struct Hold {
    step: String,
    /// None: the cycle was deleted, and its webhooks with it.
    url: Option<String>,
    verified: bool,
    since: Lasting,
    until: Option<When>,
    keys: Vec<Vec<(String, String)>>,
    more: usize,
    curl: Option<String>,
}

struct Waiting {
    step: String,
    run: u32,
    why: String,
    tried: usize,
    behind: usize,
    stopped: bool,
}

struct Failed {
    step: String,
    kind: String,
    message: String,
    whole: Cut,
}

pub async fn page(
    State(app): State<App>,
    looker: Looker,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Html<String>, Problem> {
    let account = looker.account();
    let id: TransactionId = v1::id("transaction", &id)?;
    let view = app.engine.transaction(account, id).await?;
    let cycle = app.engine.cycle_of(account, id).await?;
    let now = app.engine.now();
    let underway = match waits::is_under_way(view.status) {
        true => app.engine.under_way(account, &[id]).await?.remove(&id),
        false => None,
    };
    let holds = holds(&app, account, &view, &cycle).await?;
    let newest = shown.after.is_none();
    let here = format!("{PATH}/{id}");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(shown.after.as_ref().map(|after| ("after", after)))
        .finish();
    let again = if newest { here.clone() } else { format!("{here}?{query}") };
    let (runs, next) = runs(&app, account, &view, shown.after).await?;
    let all = view.detail.as_ref().map(|detail| detail.runs.as_slice()).unwrap_or_default();
    let (picture, way) = painted(&cycle, all, &app.engine.lineage(account, id).await?);
    show(&Transaction {
        shell: Shell::new(&looker, "transactions", format!("Transaction {}", short(id))),
        done: shown.done,
        id,
        short: short(id),
        version: view.version,
        status: view.status.word(),
        step: view.step.clone().unwrap_or_default(),
        started: When { at: view.started_at, now },
        expires: When { at: view.expires_at, now },
        public_url: app.public_url.to_string(),
        holds,
        underway: underway.map(|underway| Waiting::of(underway, now)),
        failed: failed(&view),
        picture,
        way,
        runs: runs.into_iter().map(|run| Run::of(run, &cycle, &here, now)).collect(),
        newest,
        next,
        size: size(view.detail.as_ref().map_or(0, |detail| detail.document.written_len())),
        cancelled: view.status == TransactionStatus::Cancelled,
        cycle: view.cycle,
        here,
        again,
    })
}

/// The newest first.
async fn runs(
    app: &App,
    account: &str,
    view: &TransactionView,
    after: Option<String>,
) -> Result<(Vec<RunView>, Option<String>), Problem> {
    let most = RUNS_SHOWN as usize;
    let Some(detail) = view.detail.as_ref().filter(|_| after.is_none()) else {
        let page = app.engine.runs(account, view.id, PageQuery { limit: Some(RUNS_SHOWN), after }).await?;
        return Ok((page.data, page.next));
    };
    let next = detail.runs.iter().rev().nth(most - 1).filter(|_| detail.runs.len() > most);
    let next = next.map(|run| run.number.to_string());
    Ok((detail.runs.iter().rev().take(most).cloned().collect(), next))
}

async fn holds(app: &App, account: &str, view: &TransactionView, cycle: &Cycle) -> Result<Vec<Hold>, Problem> {
    let held = app.engine.holds(account, view.id).await?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    // A deleted cycle has no webhooks.
    let webhooks = app.engine.cycle(account, &view.cycle).await.map(|cycle| cycle.webhooks).unwrap_or_default();
    let now = app.engine.now();
    let of = |hold: HoldView| {
        let webhook = webhooks.iter().find(|webhook| webhook.step == hold.step);
        Hold::of(hold, cycle, webhook, (&app.public_url, now))
    };
    Ok(held.into_iter().map(of).collect())
}

impl Hold {
    fn of(
        hold: HoldView,
        cycle: &Cycle,
        webhook: Option<&WebhookView>,
        (public_url, now): (&str, DateTime<Utc>),
    ) -> Self {
        let step = cycle.find(&hold.step).map(|index| cycle.step(index));
        let mapping = match step.map(|step| &step.kind) {
            Some(StepKind::Webhook(webhook)) => webhook.mapping.as_ref(),
            _ => None,
        };
        let paths: Vec<_> =
            mapping.map(|mapping| mapping.entries.iter().map(|entry| entry.hit.text()).collect()).unwrap_or_default();
        let named = |key: &Vec<Json>| {
            paths.iter().zip(key).map(|(path, value)| ((*path).to_owned(), value.to_string())).collect()
        };
        let url = webhook.map(|webhook| format!("{public_url}/hooks/{}", webhook.identifier));
        let hit = mapping.and_then(|mapping| mapping.hit_with(hold.keys.first()?));
        Self {
            curl: url.as_deref().zip(hit).map(|(url, hit)| waits::curl_of(url, &hit)),
            url,
            verified: webhook.is_some_and(|webhook| webhook.verified),
            since: Lasting(When { at: hold.since, now }),
            until: hold.until.filter(|_| !hold.resumed).map(|at| When { at, now }),
            keys: hold.keys.iter().take(KEYS_SHOWN).map(named).collect(),
            more: hold.keys.len().saturating_sub(KEYS_SHOWN),
            step: hold.step,
        }
    }
}

impl Waiting {
    fn of(underway: Underway, now: DateTime<Utc>) -> Self {
        Self {
            why: waits::of_run(&underway, now),
            step: underway.step,
            run: underway.run,
            tried: underway.tried,
            behind: underway.behind,
            stopped: underway.stopped,
        }
    }
}

fn failed(view: &TransactionView) -> Option<Failed> {
    let error = view.error.as_ref()?;
    let text = |name: &str| error.get(name).and_then(Json::as_text).unwrap_or_default().to_owned();
    Some(Failed {
        step: view.step.clone().unwrap_or_default(),
        kind: text("kind"),
        message: text("message"),
        whole: cut(pretty(error), ERROR_SHOWN),
    })
}
