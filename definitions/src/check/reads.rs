//! What each path can find: only steps that have run before this one.

use std::collections::HashSet;

use super::graph::Graph;
use crate::{
    Edge, codes,
    problem::{Problem, suggestion},
    written::{Read, WrittenCycle, WrittenKind},
};

/// What a webhook puts out.
const WEBHOOK_OUTPUT: &[&str] = &["method", "headers", "query", "body", "received_at"];

pub fn check(cycle: &WrittenCycle, graph: &Graph, order: &[usize], problems: &mut Vec<Problem>) {
    let before = before(cycle, graph, order);
    for (at, step) in cycle.steps.iter().enumerate() {
        // A mapping where none may be was said already.
        let misplaced = graph.is_start(at) && matches!(step.kind, WrittenKind::Webhook(_));
        for read in step.reads.iter().filter(|read| !(misplaced && read.before)) {
            check_read(cycle, graph, &before[at], at, read, problems);
        }
    }
    check_cases(cycle, problems);
}

/// The steps that have put something out when a step is reached.
#[derive(Clone, Default)]
struct Before {
    /// On every way here.
    surely: HashSet<usize>,
    /// On some way here.
    maybe: HashSet<usize>,
}

fn before(cycle: &WrittenCycle, graph: &Graph, order: &[usize]) -> Vec<Before> {
    let mut before = vec![Before::default(); cycle.steps.len()];
    for &at in order {
        let mut mine = Before::default();
        let mut first = true;
        for (from, edge) in graph.predecessors(at) {
            let (mut surely, mut maybe) = (before[from].surely.clone(), before[from].maybe.clone());
            // A hold that ran into its `expires` took no hit.
            if *edge != Edge::Expires {
                surely.insert(from);
                maybe.insert(from);
            }
            mine.surely = if first { surely } else { mine.surely.intersection(&surely).copied().collect() };
            mine.maybe.extend(maybe);
            first = false;
        }
        before[at] = mine;
    }
    before
}

fn check_read(
    cycle: &WrittenCycle,
    graph: &Graph,
    before: &Before,
    at: usize,
    read: &Read,
    problems: &mut Vec<Problem>,
) {
    let names = read.path.leading_names();
    let Some(first) = names.first() else { return };
    let path = read.path.text();
    let Some(&target) = graph.by_id.get(*first) else {
        let known: Vec<&str> = cycle.steps.iter().map(|step| step.id.value.as_str()).collect();
        let message = format!("`{path}` reads step `{first}`, which there is not");
        let help = suggestion(first, &known);
        problems.push(Problem::error(codes::READS_UNKNOWN, read.span, message).help(help));
        return;
    };
    let here = &cycle.steps[at].id.value;
    match &cycle.steps[target].kind {
        WrittenKind::Decision { .. } | WrittenKind::Respond(_) | WrittenKind::Fail(_) => {
            let message = format!("`{path}` reads step `{first}`, which puts nothing out");
            problems.push(Problem::error(codes::READS_NOTHING, read.span, message));
            return;
        }
        WrittenKind::Webhook(_) => {
            if let Some(part) = names.get(1).filter(|part| !WEBHOOK_OUTPUT.contains(part)) {
                let message = format!("`{path}`: a webhook puts out no `{part}`");
                let help = suggestion(part, WEBHOOK_OUTPUT);
                problems.push(Problem::error(codes::OUTPUT_PROPERTY, read.span, message).help(help));
                return;
            }
        }
        _ => {}
    }
    // A webhook's mapping is read when the transaction comes there, before its own hit.
    let own = target == at && read.before;
    if own || !before.maybe.contains(&target) {
        let message = format!("`{path}` reads step `{first}`, which never runs before `{here}`");
        let help = match own {
            true => "`transaction` is read when the transaction is held, before the hit has come",
            false => "read a step that leads here",
        };
        problems.push(Problem::error(codes::READS_LATER, read.span, message).help(help));
    } else if !before.surely.contains(&target) {
        let message = format!("`{path}` reads step `{first}`, which has not run on every way to `{here}`");
        let help =
            "on the other ways it is null; in a template `${… ?? default}` says what then, in a decision `exists`";
        problems.push(Problem::warning(codes::READS_MAYBE, read.span, message).help(help));
    }
}

/// A case that asks what an earlier one asks is never reached.
fn check_cases(cycle: &WrittenCycle, problems: &mut Vec<Problem>) {
    for step in &cycle.steps {
        let WrittenKind::Decision { cases, .. } = &step.kind else { continue };
        let mut seen = std::collections::HashMap::new();
        for case in cases.iter().filter(|case| case.when.is_some()) {
            if let Some(line) = seen.get(case.sameness.as_str()) {
                let message = "this case is never reached: an earlier one asks the same".to_owned();
                let help = format!("the earlier one is in line {line}");
                problems.push(Problem::error(codes::CASE_NEVER, case.span, message).help(help));
            }
            seen.entry(case.sameness.as_str()).or_insert(case.span.line);
        }
        always(step, problems);
    }
}

/// `all: []` holds always: what comes after it is never reached.
fn always(step: &crate::written::WrittenStep, problems: &mut Vec<Problem>) {
    let WrittenKind::Decision { cases, .. } = &step.kind else { return };
    let holds =
        |case: &crate::written::WrittenCase| matches!(&case.when, Some(crate::Condition::All(all)) if all.is_empty());
    if let Some(at) = cases.iter().position(holds) {
        for case in &cases[at + 1..] {
            let message = "this case is never reached: the one before it always holds".to_owned();
            problems.push(Problem::error(codes::CASE_NEVER, case.span, message));
        }
    }
}
