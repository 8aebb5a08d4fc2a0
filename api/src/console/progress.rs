//! An action on many, call by call: what a preview has counted, and how far it has come since.
//!
//! Invariant: how far it has come is carried in the page's form and kept nowhere else; it holds the
//! preview's mark, so that no form, sent again by a reload, a double click or from a page gone back to,
//! does a thing twice.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Html;
use chrono::{DateTime, Utc};
use holdfast_engine::{BulkDone, BulkQuery, COUNTED_MAX, Error, LIMIT_MAX, Preview};
use serde::{Deserialize, Serialize};

use super::{
    contents::short,
    page::{Shell, show},
    words::count,
};
use crate::Problem;

/// Of those that it could not be done to, so many are listed.
const LISTED_MAX: usize = 200;

/// What an action would be done to.
pub struct Counted {
    pub matching: u64,
    /// `1,230`, or `10,000 or more`.
    pub count: String,
    pub capped: bool,
    /// (how many, which)
    pub statuses: Vec<(String, String)>,
    pub refused: Vec<(String, String)>,
}

impl Counted {
    pub fn of<T>(preview: &Preview<T>) -> Self {
        let all = |all: &BTreeMap<String, u64>| -> Vec<(String, String)> {
            let capped = all.values().sum::<u64>() >= COUNTED_MAX as u64;
            all.iter().map(|(what, number)| (counted(*number, capped), what.clone())).collect()
        };
        Self {
            matching: preview.matching,
            count: counted(preview.matching, preview.capped),
            capped: preview.capped,
            statuses: all(&preview.statuses),
            refused: all(&preview.refused),
        }
    }
}

fn counted(number: u64, capped: bool) -> String {
    if capped { format!("{} or more", count(number)) } else { count(number) }
}

/// What has been done since a preview.
#[derive(Debug, Deserialize, Serialize)]
pub struct Progress {
    mark: String,
    /// When it was looked at: what a time such as `today` counts from.
    pub asked: DateTime<Utc>,
    /// What the preview has counted.
    of: u64,
    capped: bool,
    after: Option<String>,
    over: bool,
    done: u64,
    unchanged: u64,
    failed: u64,
    /// The first of those that it could not be done to: (id, why not).
    left: Vec<(String, String)>,
}

impl Progress {
    pub fn of<T>(preview: &Preview<T>, asked: DateTime<Utc>) -> Self {
        Self {
            mark: preview.mark.clone(),
            asked,
            of: preview.matching,
            capped: preview.capped,
            after: None,
            over: false,
            done: 0,
            unchanged: 0,
            failed: 0,
            left: Vec::new(),
        }
    }

    /// As a form carries it.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn read(text: &str) -> Result<Self, Problem> {
        serde_json::from_str(text).map_err(|_| Problem::invalid("form: its progress is none of a preview"))
    }

    /// The next call: it takes a second or so.
    pub fn query(&self) -> BulkQuery {
        BulkQuery { limit: Some(LIMIT_MAX), after: self.after.clone(), mark: Some(self.mark.clone()) }
    }

    /// What came of it. What the server could not do now is told, and can be gone on with.
    pub fn note(&mut self, came: Result<BulkDone, Error>) -> Result<Option<String>, Problem> {
        let done = match came {
            Ok(done) => done,
            Err(error @ (Error::Unavailable { .. } | Error::Unknown)) => return Ok(Some(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        self.done += done.done;
        self.unchanged += done.unchanged;
        self.failed += done.failed.len() as u64;
        let room = LISTED_MAX.saturating_sub(self.left.len());
        self.left.extend(done.failed.into_iter().take(room).map(|(id, why)| (id.to_string(), why)));
        self.over = done.next.is_none();
        self.after = done.next;
        Ok(None)
    }

    /// Those that have had their turn.
    fn come_to(&self) -> u64 {
        self.done + self.unchanged + self.failed
    }

    /// Those that were counted and had no turn, once all that match have had theirs.
    fn gone(&self) -> u64 {
        if self.over && !self.capped { self.of.saturating_sub(self.come_to()) } else { 0 }
    }

    fn title(&self, done: &str) -> String {
        match self.over {
            true => format!("{} {done}", count(self.done + self.unchanged)),
            false => format!("{} of {} done", count(self.come_to()), counted(self.of.max(self.come_to()), self.capped)),
        }
    }
}

/// An action, as its page speaks of it.
pub struct Action {
    /// Of the menu, and of the addresses of those that it is done to.
    pub section: &'static str,
    /// Where its form goes.
    pub path: &'static str,
    /// `cancelled`
    pub done: &'static str,
    /// What its form carries beside the progress.
    pub fields: Vec<(&'static str, String)>,
    pub back: String,
    /// Where what became of them is looked at.
    pub became: Option<String>,
}

#[derive(Template)]
#[template(path = "progress.html")]
struct Page<'a> {
    shell: Shell,
    action: Action,
    progress: &'a Progress,
    wrong: Option<String>,
}

impl Page<'_> {
    fn gone(&self) -> Option<String> {
        Some(self.progress.gone()).filter(|gone| *gone > 0).map(count)
    }

    fn count(&self, number: &u64) -> String {
        count(*number)
    }

    fn left(&self) -> impl Iterator<Item = (&str, String, &str)> {
        self.progress.left.iter().map(|(id, why)| (id.as_str(), short(id), why.as_str()))
    }

    fn not_listed(&self) -> Option<String> {
        let more = self.progress.failed.saturating_sub(self.progress.left.len() as u64);
        (more > 0).then(|| count(more))
    }
}

/// The page that comes before those that match are counted, and asks for that.
#[derive(Template)]
#[template(path = "counting.html")]
pub struct Counting {
    pub shell: Shell,
    /// What the list is called.
    pub list: &'static str,
    pub path: &'static str,
    /// `get` or `post`
    pub method: &'static str,
    pub fields: Vec<(&'static str, String)>,
    pub back: String,
}

impl Counting {
    fn posts(&self) -> bool {
        self.method == "post"
    }
}

/// How far it has come, with a form that goes on. `shell` has no title yet.
pub fn page(
    mut shell: Shell,
    action: Action,
    progress: &Progress,
    wrong: Option<String>,
) -> Result<Html<String>, Problem> {
    shell.title = progress.title(action.done);
    show(&Page { shell, action, progress, wrong })
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
