//! The heart: what a transaction does next. Pure: no clock, no I/O, no randomness.
//!
//! Invariant: a pass ends at the first hold or at the end, and says all that must be done about it
//! as [`Effect`]s; nothing has happened until the store has them.

mod response;

pub use response::response;

use chrono::{DateTime, Utc};
use holdfast_definitions::{
    Case, Cycle, Delay, Json, Key, KeyError, Lookup, Members, Next, OnError, Respond, Scope, StepIndex, StepKind,
    Template,
};

use crate::{
    Answer,
    clock::{Micros, micros},
    limits::{Limits, OUTPUT_DEPTH_MAX, RETENTION_MAX},
    mapping_words::key_reason,
};

/// What can happen to a transaction.
#[derive(Debug)]
pub enum Event {
    /// A hit at a webhook: the run begins there with this output.
    Hit { step: StepIndex, output: Json },
    /// A hold that no hit has resumed ran into its `expires`: it goes on where that says.
    Expired { step: StepIndex },
    /// Begins at a step, with the document as it is given.
    Rerun { step: StepIndex },
    /// A step that was done outside of the machine: the run goes on from there.
    Done { step: StepIndex, done: Done },
}

/// What came of a step that was done outside of the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Goes into the document. An object where the step failed: its error is put beside.
    pub output: Option<Json>,
    pub error: Option<StepError>,
    /// Shown in the trace.
    pub shown: Shown,
    /// Events of the account's own that it raised: (event, data).
    pub raised: Vec<(String, Json)>,
    /// The cycle stops, whatever comes of the step.
    pub stop: bool,
}

/// What the trace shows of a step that took time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    pub at: Option<Micros>,
    pub duration_us: u64,
    /// A list: what was tried, and what came of it.
    pub attempts: Option<Json>,
    /// A list: what a script wrote.
    pub console: Option<Json>,
    /// Of an `each`.
    pub elements: Option<Elements>,
}

/// What the trace shows of the elements of an `each`.
#[derive(Clone, Debug, PartialEq)]
pub struct Elements {
    /// A list of `{ index, status, steps }`.
    pub shown: Json,
    /// Elements that are not in the list.
    pub left_out: usize,
    /// Steps of all elements: they count among those of the run.
    pub steps: usize,
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
    /// The step is done outside of the machine; the run goes on with [`Event::Done`].
    Call {
        step: StepIndex,
    },
    /// The run goes on at that time.
    Delay {
        step: StepIndex,
        until: Micros,
    },
    /// An event of the account's own.
    Notify {
        step: StepIndex,
        event: String,
        data: Json,
    },
    /// The cycle stops.
    Stop,
    Complete,
    Fail {
        step: StepIndex,
        error: StepError,
    },
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepError {
    /// `mapping`, `respond`, `limit`, `fail`, `delay`, `status`, `script`, `each`, or how the network failed.
    pub kind: &'static str,
    pub message: String,
    /// The status that an `http` step was answered with.
    pub status: Option<u16>,
}

impl StepError {
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), status: None }
    }
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
    pub shown: Shown,
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
pub struct Setting<'a> {
    pub now: DateTime<Utc>,
    pub transaction_id: &'a str,
    pub limits: &'a Limits,
    /// What may be read of the environment.
    pub env: &'a dyn Lookup,
    /// Steps of the run before this pass.
    pub steps_before: usize,
}

/// Runs from the event to the next hold or the end. `document` is the transaction's as it was at
/// the hold (or at a re-run's step), and afterwards with what the pass added.
pub fn advance(cycle: &Cycle, document: &mut Json, event: Event, setting: &Setting<'_>) -> Pass {
    let mut size = document.written_len();
    advance_sized(cycle, (document, &mut size), event, setting)
}

/// As [`advance`], where the document's bytes are known: they are kept up.
pub fn advance_sized(
    cycle: &Cycle,
    (document, size): (&mut Json, &mut usize),
    event: Event,
    setting: &Setting<'_>,
) -> Pass {
    let mut walk = Walk { cycle, document, setting, size, steps_inside: 0, trace: Vec::new(), effects: Vec::new() };
    let (at, next) = match event {
        Event::Hit { step, output } => (step, walk.enter(step, output)),
        Event::Expired { step } => (step, walk.expired(step)),
        Event::Rerun { step } => (step, Ok(Next::Step(step))),
        Event::Done { step, done } => (step, walk.done(step, done)),
    };
    walk.go(at, next);
    Pass { trace: walk.trace, effects: walk.effects }
}

struct Walk<'a> {
    cycle: &'a Cycle,
    document: &'a mut Json,
    setting: &'a Setting<'a>,
    /// Bytes of the document as JSON.
    size: &'a mut usize,
    /// Steps of the elements of an `each` that was done.
    steps_inside: usize,
    trace: Vec<Trace>,
    effects: Vec<Effect>,
}

/// Why a walk does not simply go on.
enum Stop {
    /// The pass is over.
    Over,
    Failed(Failure),
}

struct Failure {
    error: StepError,
    /// What stands beside the error in the document.
    output: Option<Json>,
    shown: Box<Shown>,
}

impl Failure {
    fn of(kind: &'static str, message: impl Into<String>) -> Self {
        Self { error: StepError::new(kind, message), output: None, shown: Box::default() }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Walk<'_> {
    fn go(&mut self, mut at: StepIndex, mut next: Result<Next, Stop>) {
        let most = self.setting.limits.steps_per_run;
        loop {
            match next {
                Err(Stop::Over) => return,
                Err(Stop::Failed(failure)) => next = self.failed(at, failure),
                Ok(Next::End) => return self.effects.push(Effect::Complete),
                Ok(Next::Step(step)) if self.trace.len() + self.steps_inside + self.setting.steps_before >= most => {
                    return self.fail(step, Failure::of("limit", format!("a run has at most {most} steps")));
                }
                Ok(Next::Step(step)) => {
                    at = step;
                    next = self.step(step);
                }
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
                let case = self.first_case(&decision.cases)?;
                let next = case.map_or(decision.otherwise, |case| decision.cases[case].next);
                self.note(at, None, Some(case.map_or(Json::from("else"), |case| Json::from(case as u64))));
                Ok(next)
            }
            StepKind::Set(template) => {
                let value = self.render(template)?;
                self.output(at, value, Shown::default())?;
                Ok(step.next)
            }
            StepKind::Respond(respond) => {
                let answer = self.response(respond)?;
                self.note(at, None, None);
                self.effects.push(Effect::Answer { to: respond.to, by: at, answer });
                Ok(step.next)
            }
            StepKind::Fail(fail) => {
                let message = text_of(&self.render(&fail.message)?);
                Err(Failure::of("fail", message).into())
            }
            StepKind::Notify(notify) => {
                let data = self.render(&notify.data)?;
                self.note(at, None, Some(data.clone()));
                self.effects.push(Effect::Notify { step: at, event: notify.event.clone(), data });
                Ok(step.next)
            }
            StepKind::Http(_) | StepKind::Script(_) | StepKind::Each(_) => {
                self.effects.push(Effect::Call { step: at });
                Err(Stop::Over)
            }
            StepKind::Delay(delay) => {
                let until = self.until(delay)?;
                self.effects.push(Effect::Delay { step: at, until });
                Err(Stop::Over)
            }
        }
    }

    fn enter(&mut self, at: StepIndex, output: Json) -> Result<Next, Stop> {
        self.output(at, output, Shown::default())?;
        Ok(self.cycle.step(at).next)
    }

    fn done(&mut self, at: StepIndex, done: Done) -> Result<Next, Stop> {
        let Done { output, error, shown, raised, stop } = done;
        self.steps_inside += shown.elements.as_ref().map_or(0, |elements| elements.steps);
        self.effects.extend(raised.into_iter().map(|(event, data)| Effect::Notify { step: at, event, data }));
        if stop {
            self.effects.push(Effect::Stop);
        }
        if let Some(error) = error {
            return Err(Failure { error, output, shown: Box::new(shown) }.into());
        }
        match output {
            Some(output) => self.output(at, output, shown)?,
            None => {
                self.note(at, None, None);
                if let Some(trace) = self.trace.last_mut() {
                    trace.shown = shown;
                }
            }
        }
        Ok(self.cycle.step(at).next)
    }

    fn expired(&mut self, at: StepIndex) -> Result<Next, Stop> {
        let StepKind::Webhook(webhook) = &self.cycle.step(at).kind else { return Ok(Next::End) };
        self.mark(at, "expired");
        Ok(webhook.expires.map_or(Next::End, |expires| expires.next))
    }

    fn hold(&mut self, at: StepIndex, keys: Result<Vec<Key>, KeyError>) -> Result<Next, Stop> {
        match keys {
            Ok(keys) => {
                self.mark(at, "held");
                self.effects.push(Effect::Hold { step: at, keys });
                Err(Stop::Over)
            }
            Err(error) => {
                let message = format!("{}: no hit could ever match it", key_reason(&error));
                Err(Failure::of("mapping", message).into())
            }
        }
    }

    /// A delay ends when the longest retention does at the latest: nothing is there to go on by then.
    fn until(&self, delay: &Delay) -> Result<Micros, Stop> {
        let now = self.setting.now.timestamp_micros();
        let latest = now.saturating_add(micros(RETENTION_MAX));
        let wrong = |value: &Json, what: &str| Stop::from(Failure::of("delay", format!("{value} is no {what}")));
        let until = match delay {
            Delay::For(length) => now.saturating_add(micros(*length)),
            Delay::ForTemplate(template) => {
                let value = self.render(template)?;
                let length = value.as_text().and_then(|text| holdfast_definitions::parse_duration(text).ok());
                now.saturating_add(micros(length.ok_or_else(|| wrong(&value, "duration such as 2h or 1d12h"))?))
            }
            Delay::Until(template) => {
                let value = self.render(template)?;
                let time = value.as_text().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
                time.ok_or_else(|| wrong(&value, "time (RFC 3339)"))?.timestamp_micros()
            }
        };
        Ok(until.clamp(now, latest))
    }

    fn response(&self, respond: &Respond) -> Result<Answer, Stop> {
        let status = self.render(&respond.status)?;
        let mut headers = Vec::with_capacity(respond.headers.len());
        for (name, value) in &respond.headers {
            headers.push((name.clone(), text_of(&self.render(value)?)));
        }
        let body = self.render(&respond.body)?;
        response(&status, headers, body).map_err(|message| Failure::of("respond", message).into())
    }

    fn first_case(&self, cases: &[Case]) -> Result<Option<usize>, Stop> {
        for (position, case) in cases.iter().enumerate() {
            match case.when.holds(self.document, self.setting.now) {
                Ok(true) => return Ok(Some(position)),
                Ok(false) => {}
                Err(exhausted) => return Err(Failure::of("limit", exhausted.to_string()).into()),
            }
        }
        Ok(None)
    }

    fn render(&self, template: &Template) -> Result<Json, Stop> {
        template.render(&self.scope()).map_err(|exhausted| Failure::of("limit", exhausted.to_string()).into())
    }

    fn output(&mut self, at: StepIndex, value: Json, shown: Shown) -> Result<(), Stop> {
        self.put(at, &value)?;
        self.note(at, Some(value), None);
        if let Some(trace) = self.trace.last_mut() {
            trace.shown = shown;
        }
        Ok(())
    }

    fn put(&mut self, at: StepIndex, value: &Json) -> Result<(), Failure> {
        if value.is_deeper_than(OUTPUT_DEPTH_MAX) {
            let message = format!("what it puts out is nested deeper than {OUTPUT_DEPTH_MAX}");
            return Err(Failure::of("limit", message));
        }
        let id = &self.cycle.step(at).id;
        let grown = *self.size + value.written_len() + id.len() + 4;
        let most = self.setting.limits.document_bytes;
        if grown > most {
            let message = format!(
                "the document would grow from {} to {grown} bytes; the limit is {most} bytes (document)",
                *self.size
            );
            return Err(Failure::of("limit", message));
        }
        *self.size = grown;
        if let Some(members) = self.document.members_mut() {
            members.insert(id.clone(), value.clone());
        }
        Ok(())
    }

    fn note(&mut self, step: StepIndex, output: Option<Json>, result: Option<Json>) {
        self.trace.push(Trace { step, status: "completed", output, result, error: None, shown: Shown::default() });
    }

    fn mark(&mut self, step: StepIndex, status: &'static str) {
        self.trace.push(Trace { step, status, output: None, result: None, error: None, shown: Shown::default() });
    }

    /// A failed step, by its `on_error`. The error is in the document where the run goes on.
    fn failed(&mut self, at: StepIndex, mut failure: Failure) -> Result<Next, Stop> {
        let step = self.cycle.step(at);
        let next = match step.on_error {
            OnError::Go(next) => next,
            OnError::Ignore => step.next,
            OnError::Stop => {
                self.effects.push(Effect::Stop);
                self.fail(at, failure);
                return Err(Stop::Over);
            }
            OnError::Fail => {
                self.fail(at, failure);
                return Err(Stop::Over);
            }
        };
        let mut members = match failure.output.take() {
            Some(Json::Object(members)) => Members::clone(&members),
            _ => Members::new(),
        };
        members.insert("error".to_owned(), crate::history::error_json(&failure.error));
        let output = Json::from(members);
        if let Err(full) = self.put(at, &output) {
            self.fail(at, full);
            return Err(Stop::Over);
        }
        let Failure { error, shown, .. } = failure;
        let trace =
            Trace { step: at, status: "failed", output: Some(output), result: None, error: Some(error), shown: *shown };
        self.trace.push(trace);
        Ok(next)
    }

    fn fail(&mut self, step: StepIndex, failure: Failure) {
        let Failure { error, output, shown } = failure;
        let trace =
            Trace { step, status: "failed", output: None, result: output, error: Some(error.clone()), shown: *shown };
        self.trace.push(trace);
        self.effects.push(Effect::Fail { step, error });
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            document: self.document,
            transaction_id: self.setting.transaction_id,
            cycle_name: &self.cycle.name,
            vars: &self.cycle.vars,
            env: self.setting.env,
            secrets: None,
        }
    }
}

fn text_of(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    }
}
