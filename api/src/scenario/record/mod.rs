//! A scenario from a real transaction: its hits, what outside systems answered, the time between, and what
//! came of it.
//!
//! Invariants: pure, from what the API shows to a text. What is masked stands nowhere in the text, and the
//! same value has the same placeholder wherever it stands, so what matched still matches. What proves who
//! sent a hit is never in it. Expectations say what happened, but for instants and ids, which are others
//! whenever it is played.

mod answers;
mod headers;
mod masks;
mod timeline;
mod wanted;

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use holdfast_definitions::{Action, Cycle, Json, Members, Path};

use super::yaml;
use masks::Masks;
use timeline::Timeline;

/// A transaction as the API shows it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The version that it runs on.
    pub cycle: &'a Cycle,
    /// Values are as the definition has them: no other was given at the deploy.
    pub vars_known: bool,
    /// `GET /transactions/{id}`
    pub transaction: &'a Json,
    /// All its runs, oldest first.
    pub runs: &'a [Json],
    /// `GET /hits/{id}` of each run that has one, in any order.
    pub hits: &'a [Json],
}

/// Why there is no scenario of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecordable {
    #[error("the transaction has no hit that is still kept: there is nothing to begin with")]
    NoHit,
    #[error("{0} is no time")]
    Time(String),
    #[error("{path}: it finds more values than are looked at")]
    Mask { path: String },
}

/// The text of a scenario file, with the values at `masked` (paths into `{ method, headers, query, body }`
/// of each hit) replaced.
pub fn record(recorded: &Recorded<'_>, masked: &[Path]) -> Result<String, Unrecordable> {
    let timeline = Timeline::of(recorded)?;
    let masks = Masks::of(timeline.hits(), masked)?;
    let id = text(recorded.transaction, "id");
    let mut out = String::new();
    let version = recorded.transaction.get("version").map(Json::to_string).unwrap_or_default();
    let _ = writeln!(out, "# What transaction {id} did, of version {version} of {}.", recorded.cycle.name);
    for path in masked {
        let _ = writeln!(out, "# Masked: {}", path.text());
    }
    let answers = answers::given(recorded);
    for note in timeline.notes.iter().chain(&answers.notes) {
        let _ = writeln!(out, "# {note}");
    }
    yaml::member(&mut out, 0, "test", &Json::from(format!("as transaction {id} went")));
    yaml::member(&mut out, 0, "cycle", &Json::from(recorded.cycle.name.as_str()));
    out.push_str("given:\n");
    let _ = writeln!(out, "  at: {}", timeline.start.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    for (name, value) in [("http", answers.http), ("vars", unset(recorded.cycle)), ("env", env(recorded.cycle))] {
        if !value.is_empty() {
            yaml::member(&mut out, 2, name, &masks.json(&Json::from(value)));
        }
    }
    out.push_str("steps:\n");
    for moment in &timeline.moments {
        yaml::steps(&mut out, 2, &[masks.action(&moment.action)]);
        if let Some(answer) = wanted::answer(recorded, moment) {
            yaml::member(&mut out, 4, "expect", &masks.json(&answer));
        }
    }
    out.push_str("  - expect:\n");
    for (name, value) in wanted::end(recorded) {
        yaml::member(&mut out, 6, name, &masks.json(&value));
    }
    Ok(out)
}

/// Variables with no value of their own.
fn unset(cycle: &Cycle) -> Members {
    let unset = cycle.vars.iter().filter(|(_, value)| **value == Json::Null);
    unset.map(|(name, _)| (name.clone(), Json::from(ELSEWHERE))).collect()
}

fn env(cycle: &Cycle) -> Members {
    cycle.env.iter().map(|name| (name.clone(), Json::from(ELSEWHERE))).collect()
}

/// In place of what only the server knows: most of it is where others are.
const ELSEWHERE: &str = "https://elsewhere.example";

fn text<'a>(value: &'a Json, name: &str) -> &'a str {
    value.get(name).and_then(Json::as_text).unwrap_or_default()
}

fn list<'a>(value: &'a Json, name: &str) -> &'a [Json] {
    match value.get(name) {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

fn instant(value: &Json, name: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text(value, name)).ok().map(|at| at.to_utc())
}

/// Something that was done.
struct Moment<'a> {
    action: Action,
    /// The hit as the API shows it, and the run that it began.
    hit: Option<(&'a Json, &'a Json)>,
}

#[cfg(test)]
mod tests;
