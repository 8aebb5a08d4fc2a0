//! What a transaction waits for, in words.

use chrono::{DateTime, Utc};
use holdfast_definitions::{Json, Members};
use holdfast_engine::{TransactionStatus, TransactionView, Underway};

use super::words::When;

/// Of an error that stands in a list.
const ERROR_SHOWN: usize = 80;

pub fn is_under_way(status: TransactionStatus) -> bool {
    matches!(status, TransactionStatus::Running | TransactionStatus::Queued)
}

pub fn in_a_word(view: &TransactionView, underway: Option<&Underway>, now: DateTime<Utc>) -> String {
    match (view.status, underway) {
        (TransactionStatus::Held, _) => "for a hit".to_owned(),
        (TransactionStatus::Failed, _) => message(view).unwrap_or_default(),
        (status, Some(underway)) if is_under_way(status) => of_run(underway, now),
        _ => String::new(),
    }
}

/// Why a run under way does not go on at once.
pub fn of_run(underway: &Underway, now: DateTime<Utc>) -> String {
    let at = |at| When { at, now }.short();
    match underway {
        Underway { delayed: Some(until), .. } => format!("for a time, {}", at(*until)),
        Underway { again: Some(again), .. } => format!("for another attempt, {}", at(*again)),
        Underway { began: false, stopped: true, .. } => "for its cycle to be started".to_owned(),
        Underway { behind_its_key: true, .. } => "behind another with its key".to_owned(),
        Underway { for_a_place: true, .. } => "for a place".to_owned(),
        Underway { began: false, .. } => "for its turn".to_owned(),
        _ => "for the step to end".to_owned(),
    }
}

fn message(view: &TransactionView) -> Option<String> {
    let message = view.error.as_ref()?.get("message")?.as_text()?;
    let short = message.chars().take(ERROR_SHOWN).collect::<String>();
    Some(if short.len() < message.len() { short + "…" } else { short })
}

/// A hit as it is sent from a shell: a body of JSON.
pub fn curl(public_url: &str, identifier: &str, body: &str) -> String {
    let body = Json::parse(body.as_bytes()).unwrap_or_default();
    let hit = Members::from_iter([("body".to_owned(), body)]);
    curl_of(&format!("{public_url}/hooks/{identifier}"), &Json::from(hit))
}

/// `{ headers, query, body }` as it is sent from a shell.
pub fn curl_of(url: &str, hit: &Json) -> String {
    let members = |name: &str| match hit.get(name) {
        Some(Json::Object(members)) => members.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        _ => Vec::new(),
    };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(members("query")).finish();
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let mut lines = vec![format!("curl {}", quoted(&format!("{url}{query}")))];
    lines.push("-H 'content-type: application/json'".to_owned());
    lines.extend(members("headers").iter().map(|(name, value)| format!("-H {}", quoted(&format!("{name}: {value}")))));
    let body = hit.get("body").map_or_else(|| "{}".to_owned(), Json::to_string);
    lines.push(format!("-d {}", quoted(&body)));
    lines.join(" \\\n  ")
}

fn plain(value: &Json) -> String {
    value.as_text().map_or_else(|| value.to_string(), str::to_owned)
}

/// A word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
#[path = "waits_tests.rs"]
mod tests;
