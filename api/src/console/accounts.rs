//! Accounts: made, limited, removed, and which of them is looked at.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{Html, Response},
};
use chrono::{DateTime, Utc};
use holdfast_engine::{AccountLimits, AccountView, DEFAULT_ACCOUNT, PageQuery};
use serde::Deserialize;

use super::{
    page::{Listed, Query, Shell, show, then},
    session::{Change, Looker, Nothing},
    words::{When, count},
};
use crate::{App, Problem, access};

const PAGE: &str = "/console/accounts";

#[derive(Template)]
#[template(path = "accounts.html")]
struct Accounts {
    shell: Shell,
    done: Option<String>,
    accounts: Vec<Row>,
    next: Option<String>,
}

struct Row {
    name: String,
    /// None: it was there from the start.
    created: Option<When>,
    /// Empty: none.
    hits: String,
    transactions: String,
    bytes: String,
    /// In words.
    limits: String,
    may_go: bool,
}

impl Row {
    fn of(view: AccountView, now: DateTime<Utc>) -> Self {
        let AccountLimits { hits_per_second, transactions, stored_bytes } = view.limits;
        let told = [
            hits_per_second.map(|most| format!("{} hits a second", count(most.into()))),
            transactions.map(|most| format!("{} transactions at once", count(most))),
            stored_bytes.map(|most| format!("{} bytes stored", count(most))),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        let text = |most: Option<u64>| most.map(|most| most.to_string()).unwrap_or_default();
        Self {
            may_go: view.name != DEFAULT_ACCOUNT,
            name: view.name,
            created: (view.created_at != DateTime::UNIX_EPOCH).then_some(When { at: view.created_at, now }),
            hits: text(hits_per_second.map(u64::from)),
            transactions: text(transactions),
            bytes: text(stored_bytes),
            limits: if told.is_empty() { "none".to_owned() } else { told.join(", ") },
        }
    }
}

pub async fn list(
    State(app): State<App>,
    looker: Looker,
    Query(listed): Query<Listed>,
) -> Result<Html<String>, Problem> {
    oversees(&looker)?;
    let page = app.engine.accounts(PageQuery { limit: None, after: listed.after }).await?;
    let now = app.engine.now();
    show(&Accounts {
        shell: Shell::new(&looker, "accounts", "Accounts"),
        done: listed.done,
        accounts: page.data.into_iter().map(|view| Row::of(view, now)).collect(),
        next: page.next,
    })
}

/// Fields as a form has them: empty is none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    name: String,
    hits_per_second: String,
    transactions: String,
    stored_bytes: String,
}

impl Given {
    fn limits(&self) -> Result<AccountLimits, Problem> {
        Ok(AccountLimits {
            hits_per_second: most("hits a second", &self.hits_per_second)?,
            transactions: most("transactions at once", &self.transactions)?,
            stored_bytes: most("stored bytes", &self.stored_bytes)?,
        })
    }
}

fn most<T: std::str::FromStr>(name: &str, text: &str) -> Result<Option<T>, Problem> {
    let text = text.trim().replace([',', '_'], "");
    let read = Some(text).filter(|text| !text.is_empty()).map(|text| text.parse());
    read.transpose().map_err(|_| Problem::invalid(format!("{name} is a whole number, or empty for no limit")))
}

pub async fn create(State(app): State<App>, change: Change<Given>) -> Result<Response, Problem> {
    oversees(&change.looker)?;
    let view = app.engine.create_account(change.form.name.trim(), change.form.limits()?).await?;
    Ok(then(PAGE, &format!("The account {} is made.", view.name)))
}

pub async fn limit(
    State(app): State<App>,
    Path(account): Path<String>,
    change: Change<Given>,
) -> Result<Response, Problem> {
    oversees(&change.looker)?;
    app.engine.set_limits(&account, change.form.limits()?).await?;
    Ok(then(PAGE, &format!("The limits of {account} are in force on every node within a second.")))
}

pub async fn delete(
    State(app): State<App>,
    Path(account): Path<String>,
    change: Change<Nothing>,
) -> Result<Response, Problem> {
    oversees(&change.looker)?;
    app.engine.delete_account(&account).await?;
    Ok(then(PAGE, &format!("The account {account} is not found from now on; what it had is being removed.")))
}

fn oversees(looker: &Looker) -> Result<(), Problem> {
    if looker.oversees() { Ok(()) } else { Err(access::one_account()) }
}
