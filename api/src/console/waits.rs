//! What a transaction waits for, in words.

use chrono::{DateTime, Utc};
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

/// A hit as it is sent from a shell. `body` is JSON that holds no quote of a shell.
pub fn curl(public_url: &str, identifier: &str, body: &str) -> String {
    format!(
        "curl {public_url}/hooks/{identifier} \\\n  -H 'content-type: application/json' \\\n  -d '{}'",
        quoted(body)
    )
}

/// Between the single quotes of a POSIX shell.
fn quoted(text: &str) -> String {
    text.replace('\'', r"'\''")
}
