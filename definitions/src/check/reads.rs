//! What each path can find: only steps that have run before this one.

use std::collections::HashSet;

use super::graph::Graph;
use crate::{
    Edge, codes,
    problem::{Problem, suggestion},
    written::{Read, WrittenCycle, WrittenKind, WrittenStep},
};

/// What a webhook puts out.
const WEBHOOK_OUTPUT: &[&str] = &["method", "headers", "query", "body", "received_at"];
const HTTP_OUTPUT: &[&str] = &["status", "headers", "body"];

/// What of a step is in the document.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Output,
    /// Where it failed and `on_error` went on.
    Error,
    /// The one or the other.
    Either,
}

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
    surely: HashSet<(usize, Part)>,
    /// On some way here.
    maybe: HashSet<(usize, Part)>,
}

fn before(cycle: &WrittenCycle, graph: &Graph, order: &[usize]) -> Vec<Before> {
    let mut before = vec![Before::default(); cycle.steps.len()];
    for &at in order {
        let mut mine = Before::default();
        let mut first = true;
        for (from, edge) in graph.predecessors(at) {
            let (mut surely, mut maybe) = (before[from].surely.clone(), before[from].maybe.clone());
            let (always, perhaps) = left_by(edge, cycle.steps[from].ignores_errors());
            surely.extend(always.iter().map(|part| (from, *part)));
            maybe.extend(perhaps.iter().map(|part| (from, *part)));
            mine.surely = if first { surely } else { mine.surely.intersection(&surely).copied().collect() };
            mine.maybe.extend(maybe);
            first = false;
        }
        before[at] = mine;
    }
    before
}

/// What a step has put out where it is left by an edge: surely, and maybe.
fn left_by(edge: &Edge, ignores_errors: bool) -> (&'static [Part], &'static [Part]) {
    const ALL: &[Part] = &[Part::Output, Part::Error, Part::Either];
    match edge {
        // A hold that ran into its `expires` took no hit.
        Edge::Expires => (&[], &[]),
        // A call that was answered with another status than expected has an output as well.
        Edge::Error => (&[Part::Error, Part::Either], ALL),
        _ if ignores_errors => (&[Part::Either], ALL),
        _ => (&[Part::Output, Part::Either], &[Part::Output, Part::Either]),
    }
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
    let step = &cycle.steps[target];
    let second = names.get(1).copied();
    let errs = step.error_target().is_some() || step.ignores_errors();
    if let Some(problem) = misread(step, first, second, errs, read) {
        problems.push(problem);
        return;
    }
    let part = match second {
        Some("error") if errs && !puts_anything(&step.kind) => Part::Error,
        Some("error") | None => Part::Either,
        Some(_) => Part::Output,
    };
    // A webhook's mapping is read when the transaction comes there, before its own hit.
    let own = target == at && read.before;
    if own || !before.maybe.contains(&(target, part)) {
        let message = format!("`{path}` reads step `{first}`, which never runs before `{here}`");
        let help = match own {
            true => "`transaction` is read when the transaction is held, before the hit has come",
            false => "read a step that leads here",
        };
        problems.push(Problem::error(codes::READS_LATER, read.span, message).help(help));
    } else if part == Part::Output && !before.surely.contains(&(target, part)) {
        let message = match before.surely.contains(&(target, Part::Either)) {
            true => format!("`{path}` reads step `{first}`, which may have failed on the way to `{here}`"),
            false => format!("`{path}` reads step `{first}`, which has not run on every way to `{here}`"),
        };
        problems.push(Problem::warning(codes::READS_MAYBE, read.span, message).help(NULL_HELP));
    } else if part == Part::Either && !before.surely.contains(&(target, part)) {
        let message = format!("`{path}` reads step `{first}`, which has not run on every way to `{here}`");
        problems.push(Problem::warning(codes::READS_MAYBE, read.span, message).help(NULL_HELP));
    }
}

const NULL_HELP: &str =
    "on the other ways it is null; in a template `${… ?? default}` says what then, in a decision `exists`";

/// Kinds whose output may have any name in it, `error` too.
fn puts_anything(kind: &WrittenKind) -> bool {
    matches!(kind, WrittenKind::Set(_) | WrittenKind::Script(_) | WrittenKind::Broken)
}

/// A part that the step's kind never puts out.
fn misread(step: &WrittenStep, id: &str, part: Option<&str>, errs: bool, read: &Read) -> Option<Problem> {
    let path = read.path.text();
    let output = match &step.kind {
        WrittenKind::Webhook(_) => WEBHOOK_OUTPUT,
        WrittenKind::Http(_) => HTTP_OUTPUT,
        kind if puts_anything(kind) => return None,
        _ if errs && part == Some("error") => return None,
        _ => {
            let message = format!("`{path}` reads step `{id}`, which puts nothing out");
            return Some(Problem::error(codes::READS_NOTHING, read.span, message));
        }
    };
    let part = part?;
    if output.contains(&part) || part == "error" && errs {
        return None;
    }
    let (code, word) = match &step.kind {
        WrittenKind::Webhook(_) => (codes::OUTPUT_PROPERTY, "a webhook"),
        _ => (codes::HTTP_OUTPUT, "`http`"),
    };
    let message = format!("`{path}`: {word} puts out no `{part}`");
    let help = match part {
        "error" => "it is there where `on_error` names a step or says `ignore`".to_owned(),
        _ => suggestion(part, output),
    };
    Some(Problem::error(code, read.span, message).help(help))
}

/// A concurrency key is read when a run begins: a start webhook's output is all that is there then.
pub fn check_key(cycle: &WrittenCycle, graph: &Graph, problems: &mut Vec<Problem>) {
    let Some(concurrency) = &cycle.concurrency else { return };
    let Some(key) = &concurrency.value.key else { return };
    let starts = |at: &usize| graph.is_start(*at) && matches!(cycle.steps[*at].kind, WrittenKind::Webhook(_));
    let ids: Vec<&str> = (0..cycle.steps.len()).filter(starts).map(|at| cycle.steps[at].id.value.as_str()).collect();
    let names = key.leading_names();
    if !names.first().is_some_and(|first| ids.contains(first)) {
        let message = format!("`{}` does not begin at a start webhook", key.text());
        let help = format!("it is read when a run begins; start webhooks are: {}", ids.join(", "));
        problems.push(Problem::error(codes::CONCURRENCY_KEY, concurrency.span, message).help(help));
    } else if let Some(part) = names.get(1).filter(|part| !WEBHOOK_OUTPUT.contains(part)) {
        let message = format!("`{}`: a webhook puts out no `{part}`", key.text());
        let help = suggestion(part, WEBHOOK_OUTPUT);
        problems.push(Problem::error(codes::OUTPUT_PROPERTY, concurrency.span, message).help(help));
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
