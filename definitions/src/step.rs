//! The compiled steps: one kind each.

use crate::{Case, Next, StepIndex, Template, Webhook};

#[derive(Debug)]
pub struct Step {
    /// Letters, digits, underscores; not starting with a digit.
    pub id: String,
    /// For people.
    pub name: Option<String>,
    pub kind: StepKind,
    /// Where it goes on: for a decision, unused (its cases say); for `fail`, always the end.
    pub next: Next,
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
