//! Several transactions at once: first what would be done is shown, then it is done, one by one, and
//! told of each. What fails for one leaves the others as they come.

use askama::Template;
use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use holdfast_definitions::Json;
use holdfast_engine::{Error, PageQuery, Scope, TransactionId, TransactionStatus, TransactionView};
use serde::Deserialize;

use super::{
    page::{Shell, show},
    session::{Change, Looker},
    transactions::{Row, Wanted},
    written::{Wrong, body},
};
use crate::{App, Problem, v1};

/// Transactions that are changed at once.
const SEVERAL_MAX: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    Cancel,
    Rerun,
    Resume,
}

impl Act {
    fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Rerun => "rerun",
            Self::Resume => "resume",
        }
    }

    /// `Cancel 3 transactions`.
    fn said(self) -> &'static str {
        match self {
            Self::Cancel => "Cancel",
            Self::Rerun => "Run again",
            Self::Resume => "Resume",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Rerun => "run again",
            Self::Resume => "resumed",
        }
    }

    /// What would be said of one that can't be.
    fn refuses(self, view: &TransactionView) -> Option<&'static str> {
        match (self, view.status) {
            (Self::Cancel, TransactionStatus::Cancelled) => Some("is cancelled already"),
            (_, TransactionStatus::Cancelled) => Some("is cancelled, which is final"),
            (Self::Resume, TransactionStatus::Running | TransactionStatus::Queued) => Some("is under way"),
            _ => None,
        }
    }
}

#[derive(Debug, Deserialize)]
pub struct Chosen {
    act: Act,
    #[serde(default)]
    id: Vec<String>,
    /// All that fit the filter, and not `id`.
    all: Option<String>,
    #[serde(flatten)]
    wanted: Wanted,
    /// For a re-run and a resume.
    #[serde(default)]
    at: String,
    /// For a resume: JSON.
    #[serde(default)]
    body: String,
}

#[derive(Template)]
#[template(path = "several.html")]
struct Several {
    shell: Shell,
    act: &'static str,
    said: &'static str,
    rows: Vec<Asked>,
    /// How many it would be done to.
    able: usize,
    /// There are more than are done at once.
    more: bool,
    most: usize,
    at: String,
    body: String,
    wrong: Option<Wrong>,
    back: String,
    wanted: Wanted,
}

struct Asked {
    row: Row,
    refuses: Option<&'static str>,
}

/// What would be done: nothing is.
pub async fn ask(State(app): State<App>, change: Change<Chosen>) -> Result<Html<String>, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    asked(&app, &looker, form, None).await
}

async fn asked(app: &App, looker: &Looker, form: Chosen, wrong: Option<Wrong>) -> Result<Html<String>, Problem> {
    let (views, more) = chosen(app, looker.account(), &form).await?;
    let now = app.engine.now();
    let rows: Vec<_> = views
        .into_iter()
        .map(|view| Asked { refuses: form.act.refuses(&view), row: Row::of(view, None, now) })
        .collect();
    let able = rows.iter().filter(|asked| asked.refuses.is_none()).count();
    let title = match able {
        1 => format!("{} 1 transaction?", form.act.said()),
        _ => format!("{} {able} transactions?", form.act.said()),
    };
    show(&Several {
        shell: Shell::new(looker, "transactions", title),
        act: form.act.word(),
        said: form.act.said(),
        rows,
        able,
        more,
        most: SEVERAL_MAX,
        at: form.at,
        body: if form.body.is_empty() { "{}".to_owned() } else { form.body },
        wrong,
        back: form.wanted.address("", None),
        wanted: form.wanted,
    })
}

/// Those that are ticked, or all that fit; and whether there are more.
async fn chosen(app: &App, account: &str, form: &Chosen) -> Result<(Vec<TransactionView>, bool), Problem> {
    if form.all.is_some() {
        let filter = form.wanted.filter(app.engine.now()).map_err(Problem::invalid)?;
        let page = PageQuery { limit: Some(SEVERAL_MAX as u32), after: None };
        let page = app.engine.transactions(account, filter, page).await?;
        return Ok((page.data, page.next.is_some()));
    }
    let mut views = Vec::new();
    for id in form.id.iter().take(SEVERAL_MAX) {
        match app.engine.transaction(account, v1::id("transaction", id)?).await {
            Ok(view) => views.push(view),
            // Its retention has ended since.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok((views, form.id.len() > SEVERAL_MAX))
}

#[derive(Template)]
#[template(path = "several_done.html")]
struct Done {
    shell: Shell,
    done: &'static str,
    well: usize,
    told: Vec<Told>,
    back: String,
}

struct Told {
    row: Row,
    /// None: it was done.
    why: Option<String>,
}

pub async fn act(State(app): State<App>, change: Change<Chosen>) -> Result<Response, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let given = match form.act {
        Act::Resume => body(&form.body),
        _ => Ok(Json::Null),
    };
    let given = match given {
        Ok(given) => given,
        Err(wrong) => return Ok(asked(&app, &looker, form, Some(wrong)).await?.into_response()),
    };
    let (account, now) = (looker.account(), app.engine.now());
    let mut told = Vec::new();
    for view in chosen(&app, account, &form).await?.0 {
        let step = Some(form.at.trim()).filter(|step| !step.is_empty());
        match one(&app, account, &view, (form.act, step, &given)).await {
            Ok(view) => told.push(Told { row: Row::of(view, None, now), why: None }),
            // Nothing more can be done now: those before were.
            Err(error @ (Error::Unavailable { .. } | Error::Limit { .. })) => {
                told.push(Told { row: Row::of(view, None, now), why: Some(error.to_string()) });
                break;
            }
            Err(error) => told.push(Told { row: Row::of(view, None, now), why: Some(error.to_string()) }),
        }
    }
    let well = told.iter().filter(|told| told.why.is_none()).count();
    let title = format!("{well} of {} {}", told.len(), form.act.done());
    let done = Done {
        shell: Shell::new(&looker, "transactions", title),
        done: form.act.done(),
        well,
        told,
        back: form.wanted.address("", None),
    };
    Ok(show(&done)?.into_response())
}

async fn one(
    app: &App,
    account: &str,
    view: &TransactionView,
    (act, step, given): (Act, Option<&str>, &Json),
) -> Result<TransactionView, Error> {
    let id: TransactionId = view.id;
    match act {
        Act::Cancel => app.engine.cancel(account, id).await,
        Act::Resume => app.engine.resume(account, id, step, given.clone()).await,
        Act::Rerun => {
            let step = step.or(view.step.as_deref());
            let step =
                step.ok_or_else(|| Error::Invalid("it neither failed nor is held: say from which step".into()))?;
            app.engine.rerun(account, id, step, None).await
        }
    }
}
