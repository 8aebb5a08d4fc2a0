//! YAML in, checked cycle and diagnostics out. Pure: no clock, no I/O, no async, no randomness.
//!
//! Three stages, three types: the cycle as written (spanned nodes), as checked, as compiled
//! ([`Cycle`]). Only a checked one compiles, so an unchecked cycle cannot be run.

mod challenge;
mod check;
mod codes;
mod connector;
mod cycle;
mod decision;
mod diagnostic;
mod diagram;
mod duration;
mod each;
mod editor;
mod explain;
mod http;
mod json;
mod key;
mod language;
mod lower;
mod mapping;
mod number;
mod path;
mod problem;
mod render;
mod scenario;
mod schema;
mod shared;
mod step;
mod suggestion;
mod template;
mod variables;
mod verify;
mod webhook;
mod written;
mod yaml;

pub use challenge::{Answer, Challenge, ChallengeMethod, Mac, Piece};
pub use check::{check, check_given, check_with};
pub use codes::{SCRIPT, VAR_GIVEN, codes};
pub use connector::{Call, Connected, Connector, ConnectorEvent, Connectors, Gives, Method};
pub use cycle::{Concurrency, Cycle, Edge, Next, Retention, StepIndex};
pub use decision::{Case, Condition, ConditionError, OPERATORS, Operator};
pub use diagnostic::{Diagnostic, Severity};
pub use diagram::{
    Figure as PictureFigure, Mark, Marks, Note as PictureNote, Notes as PictureNotes, STYLE as PICTURE_STYLE, dot,
    mermaid, picture, picture_of, picture_with, svg,
};
pub use duration::{DurationError, format_duration, parse_duration};
pub use each::{ELEMENTS_MAX, Each};
pub use editor::{EDITOR_SCHEMA, SCENARIO_SCHEMA};
pub use explain::explain;
pub use http::{Auth, BodyType, Http, Retry};
pub use json::{DEPTH_MAX, Json, JsonError, Members, write_text};
pub use key::{Key, NotAKey};
pub use language::{
    Completion, CompletionKind, Definition, Hover, Lines, Position as TextPosition, Symbol, SymbolKind, complete,
    definition, hover, symbols,
};
pub use lower::Given;
pub use mapping::{ENTRIES_MAX, Entry, Extracted, KEYS_MAX, KeyError, Mapping};
pub use number::Number;
pub use path::{Exhausted, NODES_MAX, Path, PathError, RESULTS_MAX};
pub use problem::{Span, nearest};
pub use render::{render_line, render_terminal};
pub use scenario::{
    Action, CheckedScenarios, Difference, Expected, GivenAnswer, GivenAnswers, Promised, Promises, Request,
    RequestBody, SCENARIO_START, Scenario, ScenarioGiven, ScenarioStep, Wanted, WantedValue, check_scenarios,
    scenario_cycles,
};
pub use schema::{Misfit, Schema};
pub use shared::{SharedChecked, check_route, check_shared};
pub use step::{Decision, Delay, Fail, Notify, OnError, Respond, Script, Step, StepKind};
pub use suggestion::Suggestion;
pub use template::{Lookup, Scope, Template, TemplateError, TemplateProblem};
pub use variables::{Variable, variables};
pub use verify::{
    Algorithm, Encoding, HttpSignatures, KeyForm, Part, SECRETS_MAX, Secrets, Signature, Timestamp, Verify,
};
pub use webhook::{Expires, OnAmbiguous, OnNoMatch, Rate, Webhook};

/// What a text of one or more YAML documents compiled to, and everything that is wrong with it.
/// A cycle is present only where it has no error.
#[derive(Debug, Default)]
pub struct Checked {
    pub cycles: Vec<std::sync::Arc<Cycle>>,
    pub connectors: Vec<std::sync::Arc<Connector>>,
    pub diagnostics: Vec<Diagnostic>,
}
