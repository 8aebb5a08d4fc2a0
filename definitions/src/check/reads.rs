//! What each path can find: only steps that have run before this one.

use std::collections::HashSet;

use super::{
    each::{Bodies, Body},
    graph::Graph,
};
use crate::{
    Edge, codes,
    problem::Problem,
    written::{Read, WrittenCycle, WrittenEach, WrittenKind, WrittenStep},
};

/// What a webhook puts out.
pub const WEBHOOK_OUTPUT: &[&str] = &["method", "headers", "query", "body", "received_at"];
pub const HTTP_OUTPUT: &[&str] = &["status", "headers", "body"];
/// What the steps inside an `each` find under its id.
pub const ELEMENT: &[&str] = &["item", "index"];

/// What of a step is in the document.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Output,
    /// Where it failed and `on_error` went on.
    Error,
    /// The one or the other.
    Either,
}

pub fn check(cycle: &WrittenCycle, graph: &Graph, order: &[usize], bodies: &Bodies, problems: &mut Vec<Problem>) {
    let before = before(&cycle.steps, graph, order);
    for (at, step) in cycle.steps.iter().enumerate() {
        let here = Here { steps: &cycle.steps, inside: &[], graph, before: &before[at], name: &step.id.value };
        // A mapping where none may be was said already.
        let misplaced = graph.is_start(at) && matches!(step.kind, WrittenKind::Webhook(_));
        for read in step.reads.iter().filter(|read| !(misplaced && read.before)) {
            check_read(&here, read, problems);
        }
        if let (WrittenKind::Each(each), Some(body)) = (&step.kind, bodies.get(&at)) {
            check_inside(&here, each, body, problems);
        }
    }
    check_cases(&cycle.steps, problems);
}

/// The steps inside an `each` read its element, each other, and what came before the `each`.
fn check_inside(around: &Here<'_>, each: &WrittenEach, body: &Body, problems: &mut Vec<Problem>) {
    let before = before(&each.steps, &body.graph, &body.order);
    let mut check = |before: &Before, name: &str, read: &Read| {
        let names = read.path.leading_names();
        let Some(first) = names.first() else { return };
        let inside = Here { steps: &each.steps, inside: &[], graph: &body.graph, before, name };
        if *first == around.name {
            problems.extend(misread_element(around.name, names.get(1).copied(), read));
        } else if body.graph.by_id.contains_key(*first) {
            check_read(&inside, read, problems);
        } else {
            check_read(&Here { name, inside: &each.steps, ..*around }, read, problems);
        }
    };
    for (at, step) in each.steps.iter().enumerate() {
        step.reads.iter().for_each(|read| check(&before[at], &step.id.value, read));
    }
    let ends = joined(&before, &each.steps, body.graph.ends.iter().map(|(from, edge)| (*from, edge)));
    each.result_reads.iter().for_each(|read| check(&ends, "result", read));
    check_cases(&each.steps, problems);
}

/// Inside an `each`, what is under its own id.
fn misread_element(id: &str, part: Option<&str>, read: &Read) -> Option<Problem> {
    let part = part.filter(|part| !ELEMENT.contains(part))?;
    let message = format!("`{}`: inside of `{id}` there is no `{part}` of it", read.path.text());
    let help = format!("`$.{id}.item` is the element, `$.{id}.index` its place in the array, from 0");
    Some(Problem::error(codes::EACH_OUTPUT, read.span, message).help(help))
}

/// The steps that have put something out when a step is reached.
#[derive(Clone, Default)]
struct Before {
    /// On every way here.
    surely: HashSet<(usize, Part)>,
    /// On some way here.
    maybe: HashSet<(usize, Part)>,
}

fn before(steps: &[WrittenStep], graph: &Graph, order: &[usize]) -> Vec<Before> {
    let mut before = vec![Before::default(); steps.len()];
    for &at in order {
        before[at] = joined(&before, steps, graph.predecessors(at));
    }
    before
}

/// Where these ways come together.
fn joined<'a>(before: &[Before], steps: &[WrittenStep], ways: impl Iterator<Item = (usize, &'a Edge)>) -> Before {
    let mut mine = Before::default();
    let mut first = true;
    for (from, edge) in ways {
        let (mut surely, mut maybe) = (before[from].surely.clone(), before[from].maybe.clone());
        let (always, perhaps) = left_by(edge, steps[from].ignores_errors());
        surely.extend(always.iter().map(|part| (from, *part)));
        maybe.extend(perhaps.iter().map(|part| (from, *part)));
        mine.surely = if first { surely } else { mine.surely.intersection(&surely).copied().collect() };
        mine.maybe.extend(maybe);
        first = false;
    }
    mine
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

/// Where a path is read.
struct Here<'a> {
    /// The steps that it may read.
    steps: &'a [WrittenStep],
    /// Those inside of the `each` around it, for suggestions.
    inside: &'a [WrittenStep],
    graph: &'a Graph,
    before: &'a Before,
    /// The step that reads, or `result`.
    name: &'a str,
}

fn unknown(here: &Here<'_>, first: &str, read: &Read) -> Problem {
    let path = read.path.text();
    let holds = |each: &&WrittenStep| each.inner().iter().any(|step| step.id.value == first);
    if let Some(each) = here.steps.iter().find(holds) {
        let each = &each.id.value;
        let message = format!("`{path}` reads step `{first}`, which is inside of `{each}`");
        let help = format!("outside, `$.{each}` is the list of results: say what they are with `result`");
        return Problem::error(codes::EACH_BORDER, read.span, message).help(help);
    }
    let known: Vec<&str> = here.inside.iter().chain(here.steps).map(|step| step.id.value.as_str()).collect();
    let message = format!("`{path}` reads step `{first}`, which there is not");
    Problem::error(codes::READS_UNKNOWN, read.span, message).suggest_name(path, "$.", first, &known)
}

fn check_read(here: &Here<'_>, read: &Read, problems: &mut Vec<Problem>) {
    let Here { steps, graph, before, name: here_name, .. } = *here;
    let names = read.path.leading_names();
    let Some(first) = names.first() else { return };
    let path = read.path.text();
    let Some(&target) = graph.by_id.get(*first) else {
        problems.push(unknown(here, first, read));
        return;
    };
    let step = &steps[target];
    let second = names.get(1).copied();
    let errs = step.error_target().is_some() || step.ignores_errors();
    if let Some(problem) = misread(step, first, second, errs, read) {
        problems.push(problem);
        return;
    }
    let part = match second {
        Some("error") if errs && !puts_anything(&step.kind) => Part::Error,
        Some("results") if matches!(step.kind, WrittenKind::Each(_)) => Part::Error,
        Some("error") | None => Part::Either,
        Some(_) => Part::Output,
    };
    // A webhook's mapping is read when the transaction comes there, before its own hit.
    let own = step.id.value == here_name && read.before;
    if own || !before.maybe.contains(&(target, part)) {
        let message = format!("`{path}` reads step `{first}`, which never runs before `{here_name}`");
        let help = match own {
            true => "`transaction` is read when the transaction is held, before the hit has come",
            false => "read a step that leads here",
        };
        problems.push(Problem::error(codes::READS_LATER, read.span, message).help(help));
    } else if part == Part::Output && !before.surely.contains(&(target, part)) {
        let message = match before.surely.contains(&(target, Part::Either)) {
            true => format!("`{path}` reads step `{first}`, which may have failed on the way to `{here_name}`"),
            false => format!("`{path}` reads step `{first}`, which has not run on every way to `{here_name}`"),
        };
        problems.push(Problem::warning(codes::READS_MAYBE, read.span, message).help(null_help(path)));
    } else if part == Part::Either && !before.surely.contains(&(target, part)) {
        let message = format!("`{path}` reads step `{first}`, which has not run on every way to `{here_name}`");
        problems.push(Problem::warning(codes::READS_MAYBE, read.span, message).help(null_help(path)));
    }
}

fn null_help(path: &str) -> String {
    format!(
        "on the other ways it is null; in a template `${{{path} ?? \"none\"}}` says what then, in a decision `exists`"
    )
}

/// Kinds whose output may have any name in it, `error` too.
fn puts_anything(kind: &WrittenKind) -> bool {
    matches!(kind, WrittenKind::Set(_) | WrittenKind::Script(_) | WrittenKind::Broken)
}

/// A part that the step's kind never puts out.
fn misread(step: &WrittenStep, id: &str, part: Option<&str>, errs: bool, read: &Read) -> Option<Problem> {
    let path = read.path.text();
    let output = match &step.kind {
        WrittenKind::Webhook(webhook) if webhook.connected.is_some() && part == Some("event") => return None,
        WrittenKind::Webhook(_) => WEBHOOK_OUTPUT,
        WrittenKind::Http(_) => HTTP_OUTPUT,
        WrittenKind::Each(_) => return misread_each(id, part?, errs, read),
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
    let problem = Problem::error(code, read.span, message);
    Some(match part {
        "error" => problem.help("it is there where `on_error` names a step or says `ignore`"),
        _ => problem.suggest_name(path, &format!("$.{id}."), part, output),
    })
}

/// Outside, an `each` is the list of its results, or how far it came before it failed.
fn misread_each(id: &str, part: &str, errs: bool, read: &Read) -> Option<Problem> {
    let path = read.path.text();
    if ELEMENT.contains(&part) {
        let message = format!("`{path}` reads the element of `{id}`, which is there only inside of it");
        let help = format!("outside, `$.{id}` is the list of results");
        return Some(Problem::error(codes::EACH_BORDER, read.span, message).help(help));
    }
    if errs && (part == "error" || part == "results") {
        return None;
    }
    let message = format!("`{path}`: `{id}` puts out a list of results, which has no `{part}`");
    let help = match part {
        "error" | "results" => "it is there where `on_error` names a step or says `ignore`".to_owned(),
        _ => format!("`$.{id}[0].{part}` is that of the first result, `$.{id}[*].{part}` those of all"),
    };
    Some(Problem::error(codes::EACH_OUTPUT, read.span, message).help(help))
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
        let problem = Problem::error(codes::OUTPUT_PROPERTY, concurrency.span, message);
        let before = names.first().map(|first| format!("$.{first}.")).unwrap_or_default();
        problems.push(problem.suggest_name(key.text(), &before, part, WEBHOOK_OUTPUT));
    }
}

/// A case that asks what an earlier one asks is never reached.
fn check_cases(steps: &[WrittenStep], problems: &mut Vec<Problem>) {
    for step in steps {
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
