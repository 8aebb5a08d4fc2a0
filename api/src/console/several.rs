//! Several transactions at once: first what would be done is counted, then it is done, call by call, and
//! what it could not be done to is told. What fails for one leaves the others as they come.

use askama::Template;
use axum::{extract::State, response::Html};
use chrono::{DateTime, Utc};
use holdfast_definitions::Json;
use holdfast_engine::{Chosen, Scope, TransactionAction, TransactionFilter, TransactionId};
use serde::Deserialize;

use super::{
    page::{Shell, show},
    progress::{self, Action, Counted, Counting, Progress},
    session::{Change, Looker},
    transactions::{Row, Wanted},
    written::{Wrong, body},
};
use crate::{App, Problem, v1};

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
}

#[derive(Debug, Deserialize)]
pub struct Form {
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
    /// Set: all that match are counted now.
    counted: Option<String>,
    /// To do it.
    progress: Option<String>,
}

impl Form {
    fn which(&self, asked: DateTime<Utc>) -> Result<Chosen<TransactionFilter, TransactionId>, Problem> {
        if self.all.is_some() {
            return Ok(Chosen::Filter(self.wanted.filter(asked).map_err(Problem::invalid)?));
        }
        let ids = self.id.iter().map(|id| v1::id("transaction", id));
        Ok(Chosen::Ids(ids.collect::<Result<_, _>>()?))
    }

    fn action(&self, body: Json) -> TransactionAction {
        let step = Some(self.at.trim()).filter(|step| !step.is_empty()).map(str::to_owned);
        match self.act {
            Act::Cancel => TransactionAction::Cancel,
            Act::Rerun => TransactionAction::Rerun { step },
            Act::Resume => TransactionAction::Resume { step, body },
        }
    }

    /// What says which, and what is done to them.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("act", self.act.word().to_owned())];
        fields.extend(self.wanted.fields().into_iter().map(|(name, _, value)| (name, value.to_owned())));
        match &self.all {
            Some(all) => fields.push(("all", all.clone())),
            None => fields.extend(self.id.iter().map(|id| ("id", id.clone()))),
        }
        fields
    }
}

#[derive(Template)]
#[template(path = "several.html")]
struct Several {
    shell: Shell,
    act: &'static str,
    said: &'static str,
    counted: Counted,
    rows: Vec<Row>,
    fields: Vec<(&'static str, String)>,
    progress: String,
    at: String,
    body: String,
    wrong: Option<Wrong>,
    back: String,
}

/// What would be done: nothing is.
pub async fn ask(State(app): State<App>, change: Change<Form>) -> Result<Html<String>, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    if form.all.is_some() && form.counted.is_none() {
        form.which(app.engine.now())?;
        let mut fields = form.fields();
        fields.push(("at", form.at));
        return show(&Counting {
            shell: Shell::new(&looker, "transactions", "Counting transactions…"),
            list: "Transactions",
            path: "/console/transactions/ask",
            method: "post",
            fields,
            back: form.wanted.address("", None),
        });
    }
    asked(&app, &looker, form, None).await
}

async fn asked(app: &App, looker: &Looker, form: Form, wrong: Option<Wrong>) -> Result<Html<String>, Problem> {
    let (now, action) = (app.engine.now(), form.action(Json::Null));
    let preview = app.engine.preview_transactions(looker.account(), &form.which(now)?, &action).await?;
    let counted = Counted::of(&preview);
    let noun = if preview.matching == 1 { "transaction" } else { "transactions" };
    show(&Several {
        shell: Shell::new(looker, "transactions", format!("{} {} {noun}?", form.act.said(), counted.count)),
        act: form.act.word(),
        said: form.act.said(),
        counted,
        progress: Progress::of(&preview, now).text(),
        rows: preview.sample.into_iter().map(|view| Row::of(view, None, now)).collect(),
        fields: form.fields(),
        at: form.at,
        body: if form.body.is_empty() { "{}".to_owned() } else { form.body },
        wrong,
        back: form.wanted.address("", None),
    })
}

/// The next thousand of them.
pub async fn act(State(app): State<App>, change: Change<Form>) -> Result<Html<String>, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Operate)?;
    let given = match form.act {
        Act::Resume => body(&form.body),
        Act::Cancel | Act::Rerun => Ok(Json::Null),
    };
    let given = match given {
        Ok(given) => given,
        Err(wrong) => return asked(&app, &looker, form, Some(wrong)).await,
    };
    let mut progress = Progress::read(form.progress.as_deref().unwrap_or_default())?;
    let (which, action) = (form.which(progress.asked)?, form.action(given));
    let came = app.engine.act_on_transactions(looker.account(), &which, &action, &progress.query()).await;
    let wrong = progress.note(came)?;
    let mut fields = form.fields();
    fields.extend([("at", form.at), ("body", form.body)]);
    let action = Action {
        section: "transactions",
        path: "/console/transactions/do",
        done: form.act.done(),
        fields,
        back: form.wanted.address("", None),
        became: None,
    };
    progress::page(Shell::new(&looker, "transactions", ""), action, &progress, wrong)
}
