//! A shared webhook: one address for many cycles, with the settings that make sense before a cycle is
//! known.
//!
//! It compiles into a cycle of one start webhook, so that whoever takes a request asks it as any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    Connectors, Cycle, Diagnostic, Path, Retention,
    check::compiled,
    lower::shared_settings,
    problem::{Problem, Span},
    written::{Spanned, WrittenCycle, WrittenKind, WrittenStep},
    yaml::{self, Document, Node, Value},
};

/// The step that it has.
const STEP: &str = "shared";
const KEPT: Duration = Duration::from_secs(31 * 24 * 3_600);

/// What the text of a shared webhook's settings compiled to, and everything that is wrong with it.
#[derive(Debug, Default)]
pub struct SharedChecked {
    /// Present only where there is no error.
    pub cycle: Option<Arc<Cycle>>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads, checks and compiles the settings of the shared webhook `name`: nothing, or a map of them.
/// `file` is only shown in diagnostics.
pub fn check_shared(file: &str, name: &str, text: &str) -> SharedChecked {
    let (mut documents, mut problems) = yaml::read(text);
    let nothing = Node { value: Value::Null, span: Span::START, block: false };
    let root = if documents.is_empty() { nothing } else { documents.remove(0).root };
    let lowered = shared_settings(&root, name);
    problems.extend(lowered.problems);
    if !documents.is_empty() {
        let message = "a shared webhook's settings are one document".to_owned();
        problems.push(Problem::error(crate::codes::WRONG_TYPE, documents[0].root.span, message));
    }
    let named = |value: &str| Spanned { value: value.to_owned(), span: Span::START };
    let step = WrittenStep {
        id: named(STEP),
        name: None,
        kind: WrittenKind::Webhook(Box::new(lowered.webhook)),
        next: None,
        on_error: None,
        reads: Vec::new(),
    };
    let written = WrittenCycle {
        name: named(name),
        description: None,
        retention: Retention::FromStart(KEPT),
        concurrency: None,
        vars: BTreeMap::new(),
        secrets: lowered.secrets,
        env: BTreeSet::new(),
        connectors: Connectors::new(),
        given: BTreeMap::new(),
        steps: vec![step],
        steps_span: Span::START,
    };
    let document = Document { root, source: text.to_owned() };
    let cycle = compiled(written, &document, &mut problems);
    let broken = problems.iter().any(Problem::is_error);
    let lines = crate::Lines::new(text);
    let mut diagnostics: Vec<_> = problems.into_iter().map(|problem| problem.diagnostic(file, &lines)).collect();
    diagnostics.sort_by_key(|one| (one.line, one.column, one.severity, one.code));
    SharedChecked { cycle: cycle.filter(|_| !broken), diagnostics }
}

/// Where in a hit the value stands that accounts claim: a singular path into `{ method, headers, query,
/// body }`. The message says what is wrong.
pub fn check_route(text: &str) -> Result<Path, String> {
    let path = Path::parse(text).map_err(|error| format!("the route `{text}` is no JSONPath: {error}"))?;
    if !path.is_singular() {
        return Err(format!("the route `{text}` can find several values: names and indexes only, such as `$.body.id`"));
    }
    match path.leading_names().first() {
        Some(&("method" | "headers" | "query" | "body")) => Ok(path),
        _ => Err(format!("the route `{text}` does not begin with `$.body`, `$.headers`, `$.query` or `$.method`")),
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
