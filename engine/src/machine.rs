//! The heart: what a transaction does next. Pure: no clock, no I/O, no randomness.
//!
//! Invariant: a pass ends at the first hold or at the end, and says all that must be done about it
//! as [`Effect`]s; nothing has happened until the store has them.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use holdfast_definitions::{Case, Cycle, Json, Key, KeyError, Next, Respond, Scope, StepIndex, StepKind, Template};

use crate::{Answer, limits::Limits, mapping_words::key_reason};

/// What can happen to a transaction.
#[derive(Debug)]
pub enum Event {
    /// A hit at a webhook: the run begins there with this output.
    Hit { step: StepIndex, output: Json },
    /// A hold that no hit has resumed ran into its `expires`: it goes on where that says.
    Expired { step: StepIndex },
    /// Begins at a step, with the document as it is given.
    Rerun { step: StepIndex },
}

/// What must be done about it.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// A `respond` step answers the caller whose hit is at the webhook `to`.
    Answer {
        to: StepIndex,
        by: StepIndex,
        answer: Answer,
    },
    /// Held at a mid-cycle webhook under these keys.
    Hold {
        step: StepIndex,
        keys: Vec<Key>,
    },
    Complete,
    Fail {
        step: StepIndex,
        error: StepError,
    },
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepError {
    /// `mapping`, `respond`, `limit` or `fail`.
    pub kind: &'static str,
    pub message: String,
}

/// One step of a pass.
#[derive(Debug, PartialEq)]
pub struct Trace {
    pub step: StepIndex,
    pub status: &'static str,
    /// Goes into the document.
    pub output: Option<Json>,
    /// Is only shown: a decision's choice. A response is in its effect.
    pub result: Option<Json>,
    pub error: Option<StepError>,
}

/// One pass of a transaction: its steps, and the effects in order. The last effect is the end.
#[derive(Debug)]
pub struct Pass {
    pub trace: Vec<Trace>,
    pub effects: Vec<Effect>,
}

impl Pass {
    pub const ENDLESS: &str = "a pass that did not end";
}

/// What a pass may know besides the document.
#[derive(Debug)]
pub struct Setting<'a> {
    pub now: DateTime<Utc>,
    pub transaction_id: &'a str,
    pub limits: &'a Limits,
}

/// Runs from the event to the next hold or the end. `document` is the transaction's as it was at
/// the hold (or at a re-run's step), and afterwards with what the pass added.
pub fn advance(cycle: &Cycle, document: &mut Json, event: Event, setting: &Setting<'_>) -> Pass {
    let size = document.written_len();
    let mut walk = Walk { cycle, document, setting, size, trace: Vec::new(), effects: Vec::new() };
    let next = match event {
        Event::Hit { step, output } => walk.enter(step, output),
        Event::Expired { step } => walk.expired(step),
        Event::Rerun { step } => Ok(Next::Step(step)),
    };
    walk.go(next);
    Pass { trace: walk.trace, effects: walk.effects }
}

struct Walk<'a> {
    cycle: &'a Cycle,
    document: &'a mut Json,
    setting: &'a Setting<'a>,
    /// Bytes of the document as JSON.
    size: usize,
    trace: Vec<Trace>,
    effects: Vec<Effect>,
}

/// A failed step: nothing goes on after it.
struct Stop;

impl Walk<'_> {
    fn go(&mut self, mut next: Result<Next, Stop>) {
        loop {
            match next {
                Err(Stop) => return,
                Ok(Next::End) => return self.effects.push(Effect::Complete),
                Ok(Next::Step(step)) if self.trace.len() >= self.setting.limits.steps_per_run => {
                    let message = format!("a run has at most {} steps", self.setting.limits.steps_per_run);
                    let _ = self.fail(step, "limit", message);
                    return;
                }
                Ok(Next::Step(step)) => next = self.step(step),
            }
        }
    }

    fn step(&mut self, at: StepIndex) -> Result<Next, Stop> {
        let cycle = self.cycle;
        let step = cycle.step(at);
        match &step.kind {
            StepKind::Webhook(webhook) => match &webhook.mapping {
                Some(mapping) => self.hold(at, mapping.hold_keys(self.document)),
                // A re-run from a start webhook: its output is in the document already.
                None => {
                    self.note(at, None, None);
                    Ok(step.next)
                }
            },
            StepKind::Decision(decision) => {
                let case = self.first_case(at, &decision.cases)?;
                let next = case.map_or(decision.otherwise, |case| decision.cases[case].next);
                self.note(at, None, Some(case.map_or(Json::from("else"), |case| Json::from(case as u64))));
                Ok(next)
            }
            StepKind::Set(template) => {
                let value = self.render(at, template)?;
                self.output(at, value)?;
                Ok(step.next)
            }
            StepKind::Respond(respond) => {
                let answer = self.response(at, respond)?;
                self.note(at, None, None);
                self.effects.push(Effect::Answer { to: respond.to, by: at, answer });
                Ok(step.next)
            }
            StepKind::Fail(fail) => {
                let message = text_of(&self.render(at, &fail.message)?);
                Err(self.fail(at, "fail", message))
            }
        }
    }

    fn enter(&mut self, at: StepIndex, output: Json) -> Result<Next, Stop> {
        self.output(at, output)?;
        Ok(self.cycle.step(at).next)
    }

    fn expired(&mut self, at: StepIndex) -> Result<Next, Stop> {
        let StepKind::Webhook(webhook) = &self.cycle.step(at).kind else { return Ok(Next::End) };
        self.trace.push(Trace { step: at, status: "expired", output: None, result: None, error: None });
        Ok(webhook.expires.map_or(Next::End, |expires| expires.next))
    }

    fn hold(&mut self, at: StepIndex, keys: Result<Vec<Key>, KeyError>) -> Result<Next, Stop> {
        match keys {
            Ok(keys) => {
                self.trace.push(Trace { step: at, status: "held", output: None, result: None, error: None });
                self.effects.push(Effect::Hold { step: at, keys });
                Err(Stop)
            }
            Err(error) => {
                let message = format!("{}: no hit could ever match it", key_reason(&error));
                Err(self.fail(at, "mapping", message))
            }
        }
    }

    fn response(&mut self, at: StepIndex, respond: &Respond) -> Result<Answer, Stop> {
        let status = self.render(at, &respond.status)?;
        let mut headers = Vec::with_capacity(respond.headers.len());
        for (name, value) in &respond.headers {
            headers.push((name.clone(), text_of(&self.render(at, value)?)));
        }
        let body = self.render(at, &respond.body)?;
        response(&status, headers, body).map_err(|message| self.fail(at, "respond", message))
    }

    fn first_case(&mut self, at: StepIndex, cases: &[Case]) -> Result<Option<usize>, Stop> {
        for (position, case) in cases.iter().enumerate() {
            match case.when.holds(self.document, self.setting.now) {
                Ok(true) => return Ok(Some(position)),
                Ok(false) => {}
                Err(exhausted) => return Err(self.fail(at, "limit", exhausted.to_string())),
            }
        }
        Ok(None)
    }

    fn render(&mut self, at: StepIndex, template: &Template) -> Result<Json, Stop> {
        template.render(&self.scope()).map_err(|exhausted| self.fail(at, "limit", exhausted.to_string()))
    }

    fn output(&mut self, at: StepIndex, value: Json) -> Result<(), Stop> {
        let id = &self.cycle.step(at).id;
        let grown = self.size + value.written_len() + id.len() + 4;
        let most = self.setting.limits.document_bytes;
        if grown > most {
            let message = format!(
                "the document would grow from {} to {grown} bytes; the limit is {most} bytes (document)",
                self.size
            );
            return Err(self.fail(at, "limit", message));
        }
        self.size = grown;
        if let Some(members) = self.document.members_mut() {
            members.insert(id.clone(), value.clone());
        }
        self.note(at, Some(value), None);
        Ok(())
    }

    fn note(&mut self, step: StepIndex, output: Option<Json>, result: Option<Json>) {
        self.trace.push(Trace { step, status: "completed", output, result, error: None });
    }

    fn fail(&mut self, step: StepIndex, kind: &'static str, message: String) -> Stop {
        let error = StepError { kind, message };
        self.trace.push(Trace { step, status: "failed", output: None, result: None, error: Some(error.clone()) });
        self.effects.push(Effect::Fail { step, error });
        Stop
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            document: self.document,
            transaction_id: self.setting.transaction_id,
            cycle_name: &self.cycle.name,
            vars: &self.cycle.vars,
            secrets: None,
        }
    }
}

/// Headers that belong to the connection (RFC 9110 §7.6.1) or to Holdfast.
const HEADERS_RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "holdfast-hit",
    "holdfast-transaction",
    "idempotency-replayed",
];

fn response(status: &Json, mut headers: Vec<(String, String)>, body: Json) -> Result<Answer, String> {
    let status = match status {
        Json::Number(number) => number.as_i64().filter(|status| (200..=599).contains(status)),
        _ => None,
    }
    .ok_or_else(|| format!("the status is {status}, not a number from 200 to 599"))? as u16;
    for (name, value) in &headers {
        if HEADERS_RESERVED.contains(&name.as_str()) {
            return Err(format!("the header {name} can't be set by a response"));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("the header {name} holds a control character"));
        }
    }
    let (default_type, body) = match body {
        Json::Null => return Ok(Answer::Response { status, headers, body: Bytes::new() }),
        Json::Text(text) => ("text/plain; charset=utf-8", Bytes::from(text)),
        other => ("application/json", Bytes::from(other.to_string())),
    };
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".into(), default_type.into()));
    }
    Ok(Answer::Response { status, headers, body })
}

fn text_of(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    }
}
