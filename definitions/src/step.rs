//! The compiled steps: one kind each.

use std::time::Duration;

use crate::{Case, Each, Http, Next, StepIndex, Template, Webhook};

#[derive(Debug)]
pub struct Step {
    /// Letters, digits, underscores; not starting with a digit.
    pub id: String,
    /// For people.
    pub name: Option<String>,
    pub kind: StepKind,
    /// Where it goes on: for a decision, unused (its cases say); for `fail`, always the end.
    pub next: Next,
    /// What comes of its failure.
    pub on_error: OnError,
    /// The webhook steps that some `respond` answers which can be reached from here (this step
    /// included, and past later webhooks): whose callers may still get a response.
    pub may_answer: Vec<StepIndex>,
}

#[derive(Debug)]
pub enum StepKind {
    Webhook(Box<Webhook>),
    Decision(Decision),
    Respond(Respond),
    Set(Template),
    Fail(Fail),
    Http(Box<Http>),
    Script(Script),
    Delay(Delay),
    Notify(Notify),
    Each(Box<Each>),
}

impl StepKind {
    /// The word of the definition language.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Decision(_) => "decision",
            Self::Respond(_) => "respond",
            Self::Set(_) => "set",
            Self::Fail(_) => "fail",
            Self::Http(_) => "http",
            Self::Script(_) => "script",
            Self::Delay(_) => "delay",
            Self::Notify(_) => "notify",
            Self::Each(_) => "each",
        }
    }
}

#[derive(Debug)]
pub struct Decision {
    /// The first whose condition holds is taken.
    pub cases: Vec<Case>,
    pub otherwise: Next,
}

#[derive(Debug)]
pub struct Respond {
    /// Yields a number from 200 to 599; anything else fails the step.
    pub status: Template,
    /// Header names in lower case, in order.
    pub headers: Vec<(String, Template)>,
    /// Text is sent as it is (`text/plain; charset=utf-8` unless a header says otherwise); any
    /// other value as JSON.
    pub body: Template,
    /// The webhook whose caller it answers: as written in `to`, or the nearest behind it.
    pub to: StepIndex,
}

#[derive(Debug)]
pub struct Fail {
    pub message: Template,
}

/// What a step's failure leads to. The error is then at `$.<step>.error`, but for the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// On to the step, or to the end.
    Go(Next),
    /// On to `next`.
    Ignore,
    /// The transaction fails.
    Fail,
    /// The transaction fails and the cycle stops.
    Stop,
}

/// JavaScript with a function `step(document, context)`.
#[derive(Clone, Debug)]
pub struct Script {
    pub source: std::sync::Arc<str>,
    /// The line of the definition on which the script's first line stands, from 1.
    pub line: u32,
}

/// Goes on later. A time that is past is now.
#[derive(Debug)]
pub enum Delay {
    For(Duration),
    /// Yields a duration's text (`2h`).
    ForTemplate(Template),
    /// Yields an RFC 3339 time.
    Until(Template),
}

/// Raises an event of the account's own.
#[derive(Debug)]
pub struct Notify {
    /// Lower-case words joined by dots; none of Holdfast's own names.
    pub event: String,
    pub data: Template,
}
