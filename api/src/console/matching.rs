//! Try a match: which transaction would take a request that was never sent, and why.
//!
//! Invariant: nothing is sent, and nothing of what is tried is kept.

use askama::Template;
use axum::{extract::State, response::Html};
use bytes::Bytes;
use holdfast_definitions::{Json, Members};
use holdfast_engine::{HitId, Scope};
use serde::Deserialize;

use super::{
    contents::{pretty, short},
    hits::{Choice, choices},
    page::{Query, Shell, show},
    session::{Change, Looker},
    why::{Outcome, Why},
};
use crate::{
    App, Problem,
    decode::{self, Fault, Format, NotUnderstood, Place},
    v1,
};

/// What is shown of a line that can't be read, on either side of the place.
const AROUND_CHARS: usize = 60;

#[derive(Template)]
#[template(path = "match.html")]
struct Match {
    shell: Shell,
    /// Mid-cycle ones, then those that start.
    resuming: Vec<Choice>,
    starting: Vec<Choice>,
    tried: Tried,
    told: Told,
    /// The hit that it began with.
    from: Option<(String, String)>,
}

enum Told {
    /// There is no body yet, or no webhook.
    Nothing,
    Wrong(Box<Wrong>),
    Why(Box<Why>),
}

/// What was given can't be read.
#[derive(Debug)]
struct Wrong {
    field: &'static str,
    message: String,
    place: Option<Place>,
    /// The line, and how many characters of it stand before the place.
    line: Option<(String, String, String)>,
}

/// A request as it is typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tried {
    webhook: String,
    body: String,
    /// One a line: `name: value`.
    headers: String,
    /// `a=1&b=2`
    query: String,
    hit: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct From {
    webhook: Option<String>,
    hit: Option<String>,
    cycle: Option<String>,
    step: Option<String>,
}

pub async fn form(State(app): State<App>, looker: Looker, Query(from): Query<From>) -> Result<Html<String>, Problem> {
    let mut tried = Tried::default();
    if let Some(id) = from.hit {
        let id: HitId = v1::id("hit", &id)?;
        let hit = app.engine.hit(looker.account(), id).await?;
        tried = Tried {
            webhook: hit.webhook,
            body: if hit.raw.is_empty() && hit.body == Json::Null { String::new() } else { pretty(&hit.body) },
            headers: header_lines(&hit.headers),
            query: query_text(&hit.query),
            hit: id.to_string(),
        };
    } else if let Some(webhook) = from.webhook {
        tried.webhook = webhook;
    } else if let (Some(cycle), Some(step)) = (from.cycle, from.step) {
        tried.webhook = app.engine.identifier(looker.account(), &cycle, &step).unwrap_or_default();
    }
    page(&app, &looker, tried).await
}

pub async fn try_it(State(app): State<App>, change: Change<Tried>) -> Result<Html<String>, Problem> {
    let Change { looker, form } = change;
    looker.needs(Scope::Read)?;
    page(&app, &looker, form).await
}

async fn page(app: &App, looker: &Looker, mut tried: Tried) -> Result<Html<String>, Problem> {
    let all = choices(app, looker.account()).await?;
    let (starting, resuming): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.start);
    if tried.webhook.is_empty() {
        let first = resuming.first().or(starting.first());
        tried.webhook = first.map(|one| one.identifier.clone()).unwrap_or_default();
    }
    let told = told(app, looker, &tried).await?;
    let from = Some(tried.hit.clone()).filter(|hit| !hit.is_empty()).map(|hit| (hit.clone(), short(&hit)));
    show(&Match { shell: Shell::new(looker, "match", "Try a match"), resuming, starting, tried, told, from })
}

async fn told(app: &App, looker: &Looker, tried: &Tried) -> Result<Told, Problem> {
    let nothing = [&tried.body, &tried.headers, &tried.query].into_iter().all(|field| field.trim().is_empty());
    if nothing || tried.webhook.is_empty() {
        return Ok(Told::Nothing);
    }
    let request = match request(app, tried).await {
        Ok(request) => request,
        Err(wrong) => return Ok(Told::Wrong(wrong)),
    };
    let told = app.engine.explain_dry(looker.account(), &tried.webhook, request).await?;
    Ok(Told::Why(Box::new(Why::of(told, app.engine.now()))))
}

/// `{ method, headers, query, body }`.
async fn request(app: &App, tried: &Tried) -> Result<Json, Box<Wrong>> {
    let headers = headers(&tried.headers)?;
    let body = body(app, headers.get("content-type").and_then(Json::as_text), &tried.body).await?;
    let query = decode::fields(tried.query.trim().trim_start_matches('?'));
    Ok(Json::from(Members::from_iter([
        ("method".to_owned(), Json::from("POST")),
        ("headers".to_owned(), headers),
        ("query".to_owned(), query),
        ("body".to_owned(), body),
    ])))
}

/// JSON, where no content type says otherwise.
async fn body(app: &App, content_type: Option<&str>, text: &str) -> Result<Json, Box<Wrong>> {
    let wrong = |message, place| {
        Box::new(Wrong { field: "body", message, place, line: place.and_then(|place| line(text, place)) })
    };
    if text.trim().is_empty() {
        return Ok(Json::Null);
    }
    let format = Format::of(content_type.or(Some("application/json")));
    let format = format.map_err(|NotUnderstood(message)| wrong(message, None))?;
    let read = format.read(Bytes::copy_from_slice(text.as_bytes()), &app.limits).await;
    read.map_err(|fault| match fault {
        Fault::Unreadable { place, message } => wrong(message, place),
        Fault::Limit { limit, max } => wrong(format!("it is over the limit {limit}: {max}"), None),
        Fault::Unnamed => wrong("it is no JSON".to_owned(), None),
    })
}

/// Names in lower case; repeated ones joined by `, `.
fn headers(text: &str) -> Result<Json, Box<Wrong>> {
    let mut members = Members::new();
    for (at, written) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let split = written.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = split.filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace))
        else {
            let place = Place { line: at + 1, column: 1 };
            let message = "a header is `name: value`, one a line".to_owned();
            return Err(Box::new(Wrong { field: "headers", message, place: Some(place), line: line(text, place) }));
        };
        let name = name.to_ascii_lowercase();
        let value = match members.get(&name).and_then(Json::as_text) {
            Some(before) => format!("{before}, {value}"),
            None => value.to_owned(),
        };
        members.insert(name, Json::Text(value));
    }
    Ok(Json::from(members))
}

/// A line before and behind a place of it, cut where it is long, and blanks up to it.
fn line(text: &str, place: Place) -> Option<(String, String, String)> {
    let line: Vec<char> = text.split('\n').nth(place.line.checked_sub(1)?)?.trim_end().chars().collect();
    let at = place.column.saturating_sub(1).min(line.len());
    let from = at.saturating_sub(AROUND_CHARS);
    let before: String = line.get(from..at)?.iter().collect();
    let mut rest = line.get(at..)?.iter();
    let here = rest.next().map_or_else(|| "⏎".to_owned(), char::to_string);
    let before = if from > 0 { format!("…{before}") } else { before };
    Some((before, here, rest.take(AROUND_CHARS).collect()))
}

/// Without those that say how the body was sent: what is shown of it is what was read.
fn header_lines(headers: &Json) -> String {
    let Json::Object(members) = headers else { return String::new() };
    let kept = members.iter().filter(|(name, _)| !name.starts_with("content-") && *name != "transfer-encoding");
    kept.filter_map(|(name, value)| Some(format!("{name}: {}\n", value.as_text()?))).collect()
}

fn query_text(query: &Json) -> String {
    let Json::Object(members) = query else { return String::new() };
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in members.iter() {
        match value {
            Json::Array(items) => {
                text.extend_pairs(items.iter().filter_map(|item| Some((name, item.as_text()?))));
            }
            other => {
                text.append_pair(name, other.as_text().unwrap_or_default());
            }
        }
    }
    text.finish()
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
