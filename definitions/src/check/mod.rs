//! From the cycle as written to the cycle that runs: the graph, who can wait for whom, what each
//! path can read. Only a cycle without an error compiles.

mod answers;
mod compile;
mod each;
mod graph;
mod on_error;
mod reads;

use std::{collections::HashSet, sync::Arc};

pub use reads::{ELEMENT, HTTP_OUTPUT, WEBHOOK_OUTPUT};

use crate::{
    Checked, Connector, Connectors, Cycle, Lines, codes,
    lower::{Given, is_connector, lower, lower_connector},
    problem::Problem,
    written::WrittenCycle,
    yaml::{self, Document},
};

/// Reads, checks and compiles every cycle of a file. `file` is only shown in diagnostics.
pub fn check(file: &str, text: &str) -> Checked {
    checked(file, text, None, &Connectors::new())
}

/// As [`check`], with what is given for variables at a deploy; those that have no value must be given.
pub fn check_given(file: &str, text: &str, given: &Given) -> Checked {
    checked(file, text, Some(given), &Connectors::new())
}

/// As [`check`], or [`check_given`], with connectors that are not in the file; one that is comes first.
pub fn check_with(file: &str, text: &str, given: Option<&Given>, connectors: &Connectors) -> Checked {
    checked(file, text, given, connectors)
}

fn checked(file: &str, text: &str, given: Option<&Given>, deployed: &Connectors) -> Checked {
    let (documents, mut problems) = yaml::read(text);
    let broken = problems.iter().any(Problem::is_error);
    let mut cycles = Vec::new();
    let mut names: HashSet<String> = HashSet::new();
    if documents.is_empty() && problems.is_empty() {
        let message = "the file is empty: it defines no cycle".to_owned();
        problems.push(Problem::error(codes::NO_CYCLE, crate::problem::Span::START, message));
    }
    let (described, documents): (Vec<_>, Vec<_>) =
        documents.into_iter().partition(|document| is_connector(&document.root));
    let connectors = connectors(&described, &mut problems);
    let mut known = deployed.clone();
    known.extend(connectors.iter().map(|connector| (connector.name.clone(), connector.clone())));
    for document in documents {
        let (written, mut found) = lower(&document.root, given, &known);
        if let Some(written) = &written
            && !names.insert(written.name.value.clone())
        {
            let message = format!("the file defines the cycle `{}` twice", written.name.value);
            found.push(Problem::error(codes::DUPLICATE_CYCLE, written.name.span, message));
        }
        let cycle = written.and_then(|written| compiled(written, &document, &mut found));
        if !found.iter().any(Problem::is_error) {
            cycles.extend(cycle);
        }
        problems.extend(found);
    }
    let lines = Lines::new(text);
    let mut diagnostics: Vec<_> = problems.into_iter().map(|problem| problem.diagnostic(file, &lines)).collect();
    diagnostics.sort_by_key(|one| (one.line, one.column, one.severity, one.code));
    if broken {
        cycles.clear();
    }
    Checked { cycles, connectors, diagnostics }
}

/// Those of a file that have no error.
fn connectors(documents: &[Document], problems: &mut Vec<Problem>) -> Vec<Arc<Connector>> {
    let mut connectors: Vec<Arc<Connector>> = Vec::new();
    for document in documents {
        let (connector, mut found) = lower_connector(&document.root, &document.source);
        if let Some(connector) = &connector
            && connectors.iter().any(|known| known.name == connector.value.name)
        {
            let message = format!("the file describes the connector `{}` twice", connector.value.name);
            found.push(Problem::error(codes::CONNECTOR_NAME, connector.span, message));
        }
        if !found.iter().any(Problem::is_error) {
            connectors.extend(connector.map(|connector| Arc::new(connector.value)));
        }
        problems.extend(found);
    }
    connectors
}

/// What is stored must be read again, whatever it is put together of.
fn whole_source(written: &WrittenCycle, document: &Document, problems: &mut Vec<Problem>) -> String {
    let source = compile::whole_source(&document.source, &written.connectors);
    if !written.connectors.is_empty() && yaml::read(&source).1.iter().any(Problem::is_error) {
        let message = "the cycle and its connectors are too large together".to_owned();
        problems.push(Problem::error(codes::TOO_LARGE, written.name.span, message));
    }
    source
}

/// None where there is an error, which is among the problems.
pub fn compiled(written: WrittenCycle, document: &Document, problems: &mut Vec<Problem>) -> Option<Arc<Cycle>> {
    let before = problems.len();
    each::check_ids(&written, problems);
    let graph = graph::build(&written.steps, None, problems);
    let graphs = each::graphs(&written, problems);
    let whole = problems.len() == before;
    let order = graph::order(&written.steps, &graph, problems)?;
    if !whole {
        // What a missing step would have led to is not known: what follows would only repeat it.
        return None;
    }
    graph::check_starts(&written, &graph, problems);
    on_error::check(&written.steps, problems);
    let bodies = each::bodies(&written, graphs, problems);
    reads::check(&written, &graph, &order, &bodies, problems);
    reads::check_key(&written, &graph, problems);
    let answers = answers::resolve(&written, &graph, &order, problems);
    let source = whole_source(&written, document, problems);
    if problems.iter().any(Problem::is_error) {
        return None;
    }
    compile::compile(written, &graph, &bodies, &answers, &source).map(Arc::new)
}
