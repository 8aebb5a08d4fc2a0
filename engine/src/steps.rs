//! The steps of a run, as they are stored: one JSON text, written as it is made.
//!
//! Invariant: the answer that a run gave to the very hit that began it may stand here alone. It is
//! then marked, and is told from here as it was sent.

use std::fmt::Write as _;

use holdfast_definitions::{Cycle, Json, StepIndex, write_text};
use uuid::Uuid;

use crate::{
    Answer, Error,
    history::{error_json, parse},
    machine::{Effect, Elements, Pass, Trace},
    store::RunRow,
};

/// A step of a run as it is stored.
#[derive(Debug)]
pub struct StoredStep {
    pub step: String,
    pub status: String,
    pub output: Option<Json>,
    pub result: Option<Json>,
    pub error: Option<Json>,
    /// When it was begun and how long it took, where it took time.
    pub at: Option<i64>,
    pub duration_us: u64,
    /// What was tried, and what came of it.
    pub attempts: Option<Json>,
    /// Of an `each`: a list of `{ index, status, steps }`, and how many elements are not in it.
    pub elements: Option<Json>,
    pub left_out: usize,
    /// What a script wrote.
    pub console: Option<Json>,
    /// Its result is the answer to the run's own hit, and stands nowhere else.
    pub answers: bool,
}

/// The steps of a pass. The output of an entry that the hit itself holds is left out. `answers`: the
/// `respond` whose response is not stored elsewhere.
pub fn store_steps(cycle: &Cycle, pass: &Pass, entry_is_hit: bool, answers: Option<StepIndex>) -> String {
    let mut text = String::with_capacity(64 * pass.trace.len() + 2);
    text.push('[');
    for (position, trace) in pass.trace.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        text.push_str("{\"step\":");
        write_text(&cycle.step(trace.step).id, &mut text);
        text.push_str(",\"status\":");
        write_text(trace.status, &mut text);
        if let Some(output) = trace.output.as_ref().filter(|_| position > 0 || !entry_is_hit) {
            text.push_str(",\"output\":");
            output.write_to(&mut text);
        }
        write_result(pass, trace, &mut text);
        if let Some(error) = &trace.error {
            text.push_str(",\"error\":");
            error_json(error).write_to(&mut text);
        }
        if let Some(at) = trace.shown.at {
            let _ = write!(text, ",\"at\":{at},\"us\":{}", trace.shown.duration_us);
        }
        if let Some(attempts) = &trace.shown.attempts {
            text.push_str(",\"attempts\":");
            attempts.write_to(&mut text);
        }
        if let Some(elements) = &trace.shown.elements {
            push_elements(elements, &mut text);
        }
        if let Some(console) = &trace.shown.console {
            text.push_str(",\"console\":");
            console.write_to(&mut text);
        }
        if answers == Some(trace.step) {
            text.push_str(",\"answers\":true");
        }
        text.push('}');
    }
    text.push(']');
    text
}

/// Members of an `each` step.
pub fn push_elements(elements: &Elements, text: &mut String) {
    text.push_str(",\"elements\":");
    elements.shown.write_to(text);
    let _ = write!(text, ",\"left_out\":{},\"inside\":{}", elements.left_out, elements.steps);
}

/// How many steps are stored here, those inside an `each` included.
pub fn count(steps: &str) -> Result<usize, Error> {
    match parse(steps)? {
        Json::Array(steps) => Ok(steps.iter().map(|step| 1 + count_of(step, "inside")).sum()),
        _ => Err(Error::Internal("steps are no array".into())),
    }
}

fn count_of(step: &Json, name: &str) -> usize {
    match step.get(name) {
        Some(Json::Number(number)) => number.as_i64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default(),
        _ => 0,
    }
}

/// What a run has done so far, and what came since, as one.
pub fn append_steps(before: &str, since: &str) -> String {
    let inner =
        |text: &str| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or_default().to_owned();
    let (before, since) = (inner(before), inner(since));
    let comma = if before.is_empty() || since.is_empty() { "" } else { "," };
    format!("[{before}{comma}{since}]")
}

/// A decision's choice, or a response: `{ status, headers, body }`.
fn write_result(pass: &Pass, trace: &Trace, text: &mut String) {
    if let Some(result) = &trace.result {
        text.push_str(",\"result\":");
        return result.write_to(text);
    }
    let given = pass.effects.iter().find_map(|effect| match effect {
        Effect::Answer { by, answer: Answer::Response { status, headers, body }, .. } if *by == trace.step => {
            Some((status, headers, body))
        }
        _ => None,
    });
    let Some((status, headers, body)) = given else { return };
    let _ = write!(text, ",\"result\":{{\"status\":{status},\"headers\":{{");
    for (at, (name, value)) in headers.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write_text(name, text);
        text.push(':');
        write_text(value, text);
    }
    text.push_str("},\"body\":");
    // A response is made of JSON: its body is always text.
    write_text(&String::from_utf8_lossy(body), text);
    text.push('}');
}

pub fn steps_of(run: &RunRow) -> Result<Vec<StoredStep>, Error> {
    let Json::Array(steps) = parse(&run.steps)? else { return Err(Error::Internal("steps are no array".into())) };
    Ok(steps
        .iter()
        .map(|step| {
            let text = |name: &str| step.get(name).and_then(Json::as_text).unwrap_or_default().to_owned();
            let number = |name: &str| match step.get(name) {
                Some(Json::Number(number)) => number.as_i64(),
                _ => None,
            };
            StoredStep {
                step: text("step"),
                status: text("status"),
                output: step.get("output").cloned(),
                result: step.get("result").cloned(),
                error: step.get("error").cloned(),
                at: number("at"),
                duration_us: number("us").and_then(|us| u64::try_from(us).ok()).unwrap_or_default(),
                attempts: step.get("attempts").cloned(),
                elements: step.get("elements").cloned(),
                left_out: count_of(step, "left_out"),
                console: step.get("console").cloned(),
                answers: step.get("answers").is_some(),
            }
        })
        .collect())
}

/// The answer that the run gave to the hit that began it, where it stands here: (step, answer).
pub fn answer_in(run: &RunRow, hit: Uuid) -> Result<Option<(String, Answer)>, Error> {
    if run.hit != Some(hit) {
        return Ok(None);
    }
    let Some(step) = steps_of(run)?.into_iter().find(|step| step.answers) else { return Ok(None) };
    let result = step.result.unwrap_or_default();
    let status = match result.get("status") {
        Some(Json::Number(number)) => number.as_i64().and_then(|status| u16::try_from(status).ok()),
        _ => None,
    };
    let status = status.ok_or_else(|| Error::Internal("a stored answer has no status".into()))?;
    let headers = match result.get("headers") {
        Some(Json::Object(headers)) => {
            headers.iter().map(|(name, value)| (name.clone(), value.as_text().unwrap_or_default().to_owned())).collect()
        }
        _ => Vec::new(),
    };
    let body = result.get("body").and_then(Json::as_text).unwrap_or_default().to_owned().into();
    Ok(Some((step.step, Answer::Response { status, headers, body })))
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
