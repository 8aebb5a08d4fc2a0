//! What a person does to a transaction by hand: run it again from a step, resume it, cancel it.
//!
//! Invariant: what was written is shown again with what is wrong about it; nothing typed is lost.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use holdfast_engine::{Error, Scope, TransactionId, TransactionView};
use serde::Deserialize;

use super::{
    page::{Query, Shell, show, then},
    session::{Change, Looker, Nothing},
    transactions::{PATH, short},
    written::{Wrong, body, json, pretty, size},
};
use crate::{App, Problem, v1};

/// Bytes of a document that can be edited here.
const EDITED_MAX: usize = 512 << 10;

#[derive(Debug, Default, Deserialize)]
pub struct From {
    step: Option<String>,
}

#[derive(Template)]
#[template(path = "rerun.html")]
struct Rerun {
    shell: Shell,
    id: TransactionId,
    short: String,
    public_url: String,
    /// Steps that were passed, as the cycle has them.
    steps: Vec<String>,
    step: String,
    /// None: it is too large to be edited here.
    document: Option<String>,
    size: String,
    wrong: Option<String>,
}

pub async fn rerun(
    State(app): State<App>,
    looker: Looker,
    Path(id): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    looker.needs(Scope::Operate)?;
    let id: TransactionId = v1::id("transaction", &id)?;
    let given = Given { step: from.step.unwrap_or_default(), document: None, whole: None };
    rerun_page(&app, &looker, id, given, None).await
}

#[derive(Debug, Deserialize)]
pub struct Given {
    step: String,
    /// As it was edited.
    document: Option<String>,
    /// Set: as it was there, whole.
    whole: Option<String>,
}

async fn rerun_page(
    app: &App,
    looker: &Looker,
    id: TransactionId,
    given: Given,
    wrong: Option<String>,
) -> Result<Response, Problem> {
    let account = looker.account();
    let view = app.engine.transaction(account, id).await?;
    let cycle = app.engine.cycle_of(account, id).await?;
    let runs = view.detail.map(|detail| detail.runs).unwrap_or_default();
    let traces = || runs.iter().flat_map(|run| &run.steps).filter(|trace| trace.status != "held");
    let steps: Vec<_> =
        cycle.steps.iter().map(|step| &step.id).filter(|id| traces().any(|trace| trace.step == **id)).collect();
    let step = match (given.step.is_empty(), view.step) {
        (false, _) => given.step,
        (true, Some(at)) if steps.contains(&&at) => at,
        _ => steps.first().map(|step| (*step).clone()).unwrap_or_default(),
    };
    let there = match steps.is_empty() {
        true => None,
        false => Some(app.engine.document_at(account, id, &step).await?),
    };
    let bytes = there.as_ref().map_or(0, holdfast_definitions::Json::written_len);
    let document = given.document.or_else(|| there.filter(|_| bytes <= EDITED_MAX).map(|there| pretty(&there)));
    let is_wrong = wrong.is_some();
    let page = Rerun {
        shell: Shell::new(looker, "transactions", format!("Run {} again", short(id))),
        id,
        short: short(id),
        public_url: app.public_url.to_string(),
        steps: steps.into_iter().cloned().collect(),
        step,
        document,
        size: size(bytes),
        wrong,
    };
    form(&page, is_wrong)
}

pub async fn run_again(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Given>,
) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let id: TransactionId = v1::id("transaction", &id)?;
    let edited = form.document.as_deref().filter(|_| form.whole.is_none());
    let came = match edited.map(json).transpose() {
        Ok(document) => app.engine.rerun(looker.account(), id, &form.step, document).await,
        Err(Wrong(wrong)) => Err(Error::Invalid(format!("The document is no JSON: {wrong}"))),
    };
    match refused(came)? {
        None => Ok(then(&format!("{PATH}/{id}"), &format!("It runs again from {}.", form.step))),
        Some(wrong) => rerun_page(&app, &looker, id, form, Some(wrong)).await,
    }
}

#[derive(Template)]
#[template(path = "resume.html")]
struct Resume {
    shell: Shell,
    id: TransactionId,
    short: String,
    /// Where it is held, the newest hold first.
    steps: Vec<String>,
    step: String,
    body: String,
    wrong: Option<String>,
}

pub async fn resume(
    State(app): State<App>,
    looker: Looker,
    Path(id): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    looker.needs(Scope::Operate)?;
    let id: TransactionId = v1::id("transaction", &id)?;
    let given = ByHand { step: from.step.unwrap_or_default(), body: "{}".to_owned() };
    resume_page(&app, &looker, id, given, None).await
}

#[derive(Debug, Deserialize)]
pub struct ByHand {
    step: String,
    body: String,
}

async fn resume_page(
    app: &App,
    looker: &Looker,
    id: TransactionId,
    given: ByHand,
    wrong: Option<String>,
) -> Result<Response, Problem> {
    let holds = app.engine.holds(looker.account(), id).await?;
    let is_wrong = wrong.is_some();
    let page = Resume {
        shell: Shell::new(looker, "transactions", format!("Resume {}", short(id))),
        id,
        short: short(id),
        steps: holds.into_iter().map(|hold| hold.step).collect(),
        step: given.step,
        body: given.body,
        wrong,
    };
    form(&page, is_wrong)
}

pub async fn go_on(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<ByHand>,
) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let id: TransactionId = v1::id("transaction", &id)?;
    let step = Some(form.step.as_str()).filter(|step| !step.is_empty());
    let came = match body(&form.body) {
        Ok(given) => app.engine.resume(looker.account(), id, step, given).await,
        Err(Wrong(wrong)) => Err(Error::Invalid(format!("The body is no JSON: {wrong}"))),
    };
    match refused(came)? {
        None => Ok(then(&format!("{PATH}/{id}"), "It is resumed.")),
        Some(wrong) => resume_page(&app, &looker, id, form, Some(wrong)).await,
    }
}

/// What is wrong with what was written, where that is why it was not done.
fn refused(came: Result<TransactionView, Error>) -> Result<Option<String>, Problem> {
    match came {
        Ok(_) => Ok(None),
        Err(Error::Invalid(wrong) | Error::Conflict(wrong)) => Ok(Some(wrong)),
        Err(error) => Err(error.into()),
    }
}

/// A form, for the first time or with what is wrong about it.
fn form(page: &impl Template, is_wrong: bool) -> Result<Response, Problem> {
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, show(page)?).into_response())
}

pub async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    let looker = change.looker;
    looker.needs(Scope::Operate)?;
    let id: TransactionId = v1::id("transaction", &id)?;
    app.engine.cancel(looker.account(), id).await?;
    Ok(then(&format!("{PATH}/{id}"), "It is cancelled."))
}
