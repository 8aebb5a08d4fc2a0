//! A cycle as written: every name with its place, the graph still in words.

use crate::{
    Challenge, Concurrency, Condition, Connected, Connectors, Delay, Http, Json, Notify, OnAmbiguous, OnNoMatch, Path,
    Rate, Retention, Schema, Script, Template, Verify, problem::Span,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

#[derive(Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// The name of a step, or `end`.
pub type Target = Spanned<String>;

#[derive(Debug)]
pub struct WrittenCycle {
    pub name: Spanned<String>,
    pub description: Option<String>,
    pub retention: Retention,
    /// With the place of its key.
    pub concurrency: Option<Spanned<Concurrency>>,
    pub vars: BTreeMap<String, Json>,
    pub secrets: BTreeSet<String>,
    pub env: BTreeSet<String>,
    /// Those that its webhooks subscribe with.
    pub connectors: Connectors,
    pub given: BTreeMap<String, Json>,
    pub steps: Vec<WrittenStep>,
    pub steps_span: Span,
}

#[derive(Debug)]
pub struct WrittenStep {
    pub id: Spanned<String>,
    pub name: Option<String>,
    pub kind: WrittenKind,
    pub next: Option<Target>,
    /// A step, `end`, or one of [`ON_ERROR_WORDS`].
    pub on_error: Option<Target>,
    /// Paths into the document, each with its place.
    pub reads: Vec<Read>,
}

/// What `on_error` says besides a step's id; the word wins over a step that is called like it.
pub const ON_ERROR_WORDS: &[&str] = &["ignore", "fail", "stop"];

impl WrittenStep {
    /// Where its failure goes, where that is a step or the end.
    pub fn error_target(&self) -> Option<&Target> {
        self.on_error.as_ref().filter(|target| !ON_ERROR_WORDS.contains(&target.value.as_str()))
    }

    /// The steps inside it.
    pub fn inner(&self) -> &[Self] {
        match &self.kind {
            WrittenKind::Each(each) => &each.steps,
            _ => &[],
        }
    }

    pub fn ignores_errors(&self) -> bool {
        self.on_error.as_ref().is_some_and(|target| target.value == "ignore")
    }
}

/// A path into the document.
#[derive(Debug)]
pub struct Read {
    pub path: Path,
    pub span: Span,
    /// It is read when the step is reached, and so before its own output is there.
    pub before: bool,
}

#[derive(Debug)]
pub enum WrittenKind {
    Webhook(Box<WrittenWebhook>),
    Decision {
        cases: Vec<WrittenCase>,
        otherwise: Option<Target>,
    },
    Respond(Box<WrittenRespond>),
    Set(Template),
    Fail(Template),
    Http(Box<Http>),
    Script(Script),
    Delay(Delay),
    Notify(Notify),
    Each(Box<WrittenEach>),
    /// Its kind is wrong; that was said.
    Broken,
}

#[derive(Debug)]
pub struct WrittenEach {
    /// Of its key.
    pub span: Span,
    pub elements: Path,
    pub parallel: u32,
    pub partial: bool,
    pub first: Option<Target>,
    pub steps: Vec<WrittenStep>,
    pub result: Option<Template>,
    /// What the result reads.
    pub result_reads: Vec<Read>,
}

#[derive(Debug)]
pub struct WrittenRespond {
    pub status: Template,
    pub headers: Vec<(String, Template)>,
    pub body: Template,
    pub to: Option<Target>,
}

#[derive(Debug)]
pub struct WrittenWebhook {
    pub span: Span,
    /// The entries that could be read, and where the mapping stands.
    pub mapping: Option<Spanned<Vec<(Path, Path)>>>,
    pub timeout: Option<Duration>,
    pub dedupe: Option<Path>,
    pub early: Option<Spanned<Duration>>,
    pub expires: Option<(Duration, Target)>,
    pub on_no_match: OnNoMatch,
    pub on_ambiguous: OnAmbiguous,
    pub shared: Option<Spanned<String>>,
    pub connected: Option<Connected>,
    pub verify: Option<Verify>,
    pub challenge: Option<Challenge>,
    pub rate: Option<Rate>,
    pub schema: Option<Schema>,
    pub script: Option<Script>,
    /// Settings that only a mid-cycle webhook may have, where they stand.
    pub mid_only: Vec<Spanned<&'static str>>,
}

impl WrittenWebhook {
    /// With nothing said.
    pub fn at(span: Span) -> Self {
        Self {
            span,
            mapping: None,
            timeout: None,
            dedupe: None,
            early: None,
            expires: None,
            on_no_match: OnNoMatch::Accept,
            on_ambiguous: OnAmbiguous::Newest,
            shared: None,
            connected: None,
            verify: None,
            challenge: None,
            rate: None,
            schema: None,
            script: None,
            mid_only: Vec::new(),
        }
    }
}

#[derive(Debug)]
pub struct WrittenCase {
    pub when: Option<Condition>,
    /// Two cases with the same text here ask the same.
    pub sameness: String,
    pub next: Option<Target>,
    pub span: Span,
}
