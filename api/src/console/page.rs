//! What every page has: its frame, and how it is sent.

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use holdfast_engine::Scope;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::session::Looker;
use crate::{App, Problem};

/// What a change says when it is done: `?done=…` of the page that follows.
pub const DONE: &str = "done";

/// What stands around a page: `shell` of its template.
#[derive(Debug)]
pub struct Shell {
    pub title: String,
    /// Which entry of the menu it belongs to: the first word of its path.
    pub section: &'static str,
    pub account: String,
    /// The name of the key that looks.
    pub name: String,
    pub token: String,
    /// Without a session there is nothing to sign out of.
    pub signed_in: bool,
    /// What a manual clock says, to the second.
    pub stands: Option<String>,
    /// Of the key: what it may not do is not shown.
    pub deploys: bool,
    pub operates: bool,
    pub administers: bool,
    pub oversees: bool,
}

impl Shell {
    pub fn new(looker: &Looker, section: &'static str, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            section,
            account: looker.account().to_owned(),
            name: looker.name.clone(),
            token: looker.token.clone(),
            signed_in: !looker.session.is_empty(),
            stands: looker.stands.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string()),
            deploys: looker.can(Scope::Deploy),
            operates: looker.can(Scope::Operate),
            administers: looker.can(Scope::Admin),
            oversees: looker.oversees(),
        }
    }
}

/// A template as an answer.
pub fn show(template: &impl Template) -> Result<Html<String>, Problem> {
    template.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page could not be made");
        Problem::internal()
    })
}

/// After a change: the page to look at, which says what was done. A page that asked by script is told
/// to go there as well.
pub fn then(path: &str, done: &str) -> Response {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair(DONE, done).finish();
    let joint = if path.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{path}{joint}{query}")).into_response()
}

pub async fn home() -> Redirect {
    Redirect::to("/console/cycles")
}

/// The query of a page; a field left empty is one that is not there.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let given = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let mut kept = form_urlencoded::Serializer::new(String::new());
        kept.extend_pairs(given.filter(|(_, value)| !value.trim().is_empty()));
        let read = serde_html_form::from_str(&kept.finish());
        read.map(Self).map_err(|error| Problem::invalid(format!("address: {error}")))
    }
}

/// The query of a page with a list.
#[derive(Debug, Default, Deserialize)]
pub struct Listed {
    /// A cursor.
    pub after: Option<String>,
    /// What was done by the change that led here.
    pub done: Option<String>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    title: String,
    detail: String,
    diagnostics: Vec<String>,
    status: u16,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice {
    title: String,
    detail: String,
    diagnostics: Vec<String>,
}

/// A problem document as a page, or, for a page that asked by script, as a notice in it.
pub fn problem(status: StatusCode, document: &Value, partial: bool) -> Response {
    let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    let found = document["diagnostics"].as_array().into_iter().flatten();
    let diagnostics = found.map(|found| {
        let text = |name: &str| found[name].as_str().unwrap_or_default();
        format!("{}:{} {} [{}]", found["line"], found["column"], text("message"), text("code"))
    });
    let (title, detail, diagnostics) = (text("title"), text("detail"), diagnostics.collect());
    let made = if partial {
        Notice { title, detail, diagnostics }.render()
    } else {
        ProblemPage { title, detail, diagnostics, status: status.as_u16() }.render()
    };
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, kind, made.unwrap_or_default()).into_response()
}
