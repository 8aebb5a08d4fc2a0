//! The runs of a transaction, and their steps in time.

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_definitions::{Cycle, Json};
use holdfast_engine::{RunView, StepTrace};

use super::{
    words::{When, lasted},
    written::{Cut, cut, pretty},
};

/// Bytes of what a step brought that are shown at it.
const SHOWN: usize = 8 << 10;
/// A bar's length.
const WHOLE: i64 = 1_000;
/// So that a step that took no time is seen.
const LEAST: i64 = 8;

pub struct Run {
    pub number: u32,
    pub entry: String,
    pub status: &'static str,
    /// In the place of a hit's: why it began.
    pub began: &'static str,
    pub hit: Option<String>,
    pub started: When,
    pub took: String,
    pub answer: Option<Answer>,
    pub steps: Vec<Step>,
}

pub struct Answer {
    pub status: String,
    pub step: Option<String>,
    pub whole: Cut,
}

pub struct Step {
    /// Of its element.
    pub id: String,
    pub step: String,
    pub kind: String,
    pub status: String,
    pub started: When,
    pub took: String,
    /// Where its bar begins, and how long it is.
    pub bar: (i64, i64),
    /// What is shown of it will not change.
    pub ended: bool,
    pub error: Option<(String, Cut)>,
    /// A decision's choice, or a response.
    pub result: Option<Cut>,
    pub attempts: Vec<Attempt>,
    pub console: Vec<String>,
    pub elements: Vec<String>,
    pub left_out: usize,
    /// Where its difference is, if it wrote into the document.
    pub difference: Option<String>,
}

pub struct Attempt {
    pub took: String,
    pub asked: String,
    pub came: String,
    pub well: bool,
    pub whole: Cut,
}

impl Run {
    /// `at`: the address of the transaction.
    pub fn of(run: RunView, cycle: &Cycle, at: &str, now: DateTime<Utc>) -> Self {
        let last = run.steps.iter().map(ended).max().unwrap_or(run.started_at);
        let ended = run.ended_at.unwrap_or(now).max(last);
        let span = (run.started_at, ended);
        let began = match run.steps.first() {
            Some(step) if step.status == "expired" => "since no hit came in time",
            _ => "run again by hand",
        };
        let steps = run.steps.into_iter().enumerate();
        Self {
            number: run.number,
            status: run.status.word(),
            began,
            hit: run.hit.map(|hit| hit.to_string()),
            started: When { at: run.started_at, now },
            took: lasted(micros(ended - run.started_at)),
            answer: run.answer.map(Answer::of),
            steps: steps
                .map(|(position, step)| Step::of(step, (run.number, position), (cycle, at), span, now))
                .collect(),
            entry: run.entry,
        }
    }
}

impl Answer {
    fn of(answer: Json) -> Self {
        let text = |name: &str| answer.get(name).filter(|value| **value != Json::Null).map(plain);
        Self { status: text("status").unwrap_or_default(), step: text("step"), whole: shown(&answer) }
    }
}

impl Step {
    fn of(
        step: StepTrace,
        (run, position): (u32, usize),
        (cycle, at): (&Cycle, &str),
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Self {
        let told = matches!(step.kind.as_str(), "decision" | "respond");
        let wrote = step.output.is_some() && !told && cycle.find(&step.step).is_some();
        let error = step.error.as_ref().map(|error| {
            let text = |name: &str| error.get(name).map(plain).unwrap_or_default();
            (format!("{}: {}", text("kind"), text("message")), shown(error))
        });
        Self {
            id: format!("step-{run}-{position}"),
            bar: bar((from, to), (step.started_at, ended(&step))),
            took: lasted(step.duration_us),
            started: When { at: step.started_at, now },
            ended: !matches!(step.status.as_str(), "running" | "held"),
            error,
            result: step.output.as_ref().filter(|_| told).map(shown),
            attempts: items(step.attempts.as_ref()).iter().map(Attempt::of).collect(),
            console: items(step.console.as_ref()).iter().map(plain).collect(),
            elements: items(step.elements.as_ref()).iter().map(element).collect(),
            left_out: step.elements_left_out,
            difference: wrote.then(|| format!("{at}/runs/{run}/steps/{}", step.step)),
            step: step.step,
            kind: step.kind,
            status: step.status,
        }
    }

    /// Whether anything stands behind its line.
    pub fn has_more(&self) -> bool {
        self.error.is_some()
            || self.result.is_some()
            || self.difference.is_some()
            || !self.attempts.is_empty()
            || !self.console.is_empty()
            || !self.elements.is_empty()
    }
}

impl Attempt {
    fn of(attempt: &Json) -> Self {
        let text = |outer: &str, name: &str| attempt.get(outer).and_then(|outer| outer.get(name)).map(plain);
        let status = text("response", "status");
        let well = status.as_deref().is_some_and(|status| status.starts_with('2'));
        let wrong = || {
            let part = |name| text("error", name).unwrap_or_default();
            format!("{}: {}", part("kind"), part("message"))
        };
        let took = match attempt.get("duration_us") {
            Some(Json::Number(number)) => number.as_i64().and_then(|took| u64::try_from(took).ok()).unwrap_or_default(),
            _ => 0,
        };
        let request = |name| text("request", name).unwrap_or_default();
        Self {
            took: lasted(took),
            asked: format!("{} {}", request("method"), request("url")),
            well,
            came: status.unwrap_or_else(wrong),
            whole: shown(attempt),
        }
    }
}

/// `3 failed: book failed (status: …)`.
fn element(element: &Json) -> String {
    let text = |name: &str| element.get(name).map(plain).unwrap_or_default();
    let steps = items(element.get("steps")).iter().map(|step| {
        let text = |name: &str| step.get(name).map(plain).unwrap_or_default();
        let error = step.get("error").and_then(|error| error.get("message")).map(plain);
        let error = error.map(|error| format!(" ({error})")).unwrap_or_default();
        format!("{} {}{error}", text("step"), text("status"))
    });
    format!("{} {}: {}", text("index"), text("status"), steps.collect::<Vec<_>>().join(", "))
}

pub fn items(list: Option<&Json>) -> &[Json] {
    match list {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

fn plain(value: &Json) -> String {
    value.as_text().map_or_else(|| value.to_string(), str::to_owned)
}

fn shown(value: &Json) -> Cut {
    cut(pretty(value), SHOWN)
}

fn ended(step: &StepTrace) -> DateTime<Utc> {
    let took = TimeDelta::microseconds(i64::try_from(step.duration_us).unwrap_or(i64::MAX));
    step.started_at.checked_add_signed(took).unwrap_or(step.started_at)
}

fn micros(span: TimeDelta) -> u64 {
    span.num_microseconds().and_then(|span| u64::try_from(span).ok()).unwrap_or_default()
}

/// Where in the run's time the step's lies, in thousandths.
fn bar((from, to): (DateTime<Utc>, DateTime<Utc>), (start, end): (DateTime<Utc>, DateTime<Utc>)) -> (i64, i64) {
    let whole = (to - from).num_microseconds().unwrap_or(i64::MAX).max(1);
    let part = |span: TimeDelta| {
        let span = i128::from(span.num_microseconds().unwrap_or(i64::MAX).max(0));
        i64::try_from(span * i128::from(WHOLE) / i128::from(whole)).unwrap_or(WHOLE).min(WHOLE)
    };
    let begin = part(start - from).min(WHOLE - LEAST);
    (begin, part(end - start).max(LEAST).min(WHOLE - begin))
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
