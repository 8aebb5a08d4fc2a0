//! Who answers whom: the webhook that each `respond` answers, and the callers that may still be
//! answered from each step.

use std::collections::BTreeSet;

use super::graph::{Graph, span_of};
use crate::{
    Edge, codes,
    problem::Problem,
    written::{Target, WrittenCycle, WrittenKind},
};

pub struct Answers {
    /// For each `respond`, the webhook that it answers.
    pub to: Vec<Option<usize>>,
    /// For each step, the webhooks that a `respond` reachable from it answers, itself included.
    pub reachable: Vec<BTreeSet<usize>>,
}

pub fn resolve(cycle: &WrittenCycle, graph: &Graph, order: &[usize], problems: &mut Vec<Problem>) -> Answers {
    let nearest = nearest(cycle, graph, order);
    let behind = behind(cycle, graph, order);
    let mut to = vec![None; cycle.steps.len()];
    for (at, step) in cycle.steps.iter().enumerate() {
        if let WrittenKind::Respond(respond) = &step.kind {
            to[at] = match &respond.to {
                Some(target) => named(cycle, graph, &behind[at], at, target, problems),
                None => implied(cycle, &nearest[at], at, problems),
            };
            if let Some(by) = to[at] {
                nobody_at_shared(cycle, at, by, problems);
            }
        }
    }
    let mut reachable: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); cycle.steps.len()];
    for &at in order.iter().rev() {
        let mut mine: BTreeSet<usize> = to[at].into_iter().collect();
        for (next, _) in graph.successors(at) {
            mine.extend(reachable[next].iter().copied());
        }
        reachable[at] = mine;
    }
    Answers { to, reachable }
}

/// The caller of a shared webhook gets the list of what it started.
fn nobody_at_shared(cycle: &WrittenCycle, at: usize, by: usize, problems: &mut Vec<Problem>) {
    let WrittenKind::Webhook(webhook) = &cycle.steps[by].kind else { return };
    if webhook.shared.is_some() || webhook.connected.is_some() {
        let message = format!("nobody can be waiting for the response of `{}`", cycle.steps[at].id.value);
        let shared = webhook.shared.is_some();
        let webhook = &cycle.steps[by].id.value;
        let help = match shared {
            true => {
                format!("`{webhook}` is attached to a shared webhook, whose caller is told at once what it started")
            }
            false => format!("the caller of `{webhook}` is answered by its connector's `handle`"),
        };
        problems.push(Problem::error(codes::NOBODY_WAITS, span_of(cycle, at), message).help(help));
    }
}

/// The nearest webhooks behind each step, on all ways. Behind an `expires` no hit was taken: the
/// nearest is the one before.
fn nearest(cycle: &WrittenCycle, graph: &Graph, order: &[usize]) -> Vec<BTreeSet<usize>> {
    let mut nearest: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); cycle.steps.len()];
    for &at in order {
        let mut mine = BTreeSet::new();
        for (from, edge) in graph.predecessors(at) {
            match &cycle.steps[from].kind {
                WrittenKind::Webhook(_) if took_hit(graph, from, edge) => {
                    mine.insert(from);
                }
                _ => mine.extend(nearest[from].iter().copied()),
            }
        }
        nearest[at] = mine;
    }
    nearest
}

/// Whether a transaction that leaves a webhook this way was hit there. Holding fails for want of a
/// key, before any hit.
fn took_hit(graph: &Graph, from: usize, edge: &Edge) -> bool {
    match edge {
        Edge::Expires => false,
        Edge::Error => graph.is_start(from),
        _ => true,
    }
}

/// Every webhook whose hit a transaction may have taken before each step.
fn behind(cycle: &WrittenCycle, graph: &Graph, order: &[usize]) -> Vec<BTreeSet<usize>> {
    let mut behind: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); cycle.steps.len()];
    for &at in order {
        let mut mine = BTreeSet::new();
        for (from, edge) in graph.predecessors(at) {
            mine.extend(behind[from].iter().copied());
            if matches!(cycle.steps[from].kind, WrittenKind::Webhook(_)) && *edge != Edge::Expires {
                mine.insert(from);
            }
        }
        behind[at] = mine;
    }
    behind
}

fn named(
    cycle: &WrittenCycle,
    graph: &Graph,
    behind: &BTreeSet<usize>,
    at: usize,
    target: &Target,
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let found = graph.find(target).filter(|found| behind.contains(found));
    if found.is_none() {
        let here = &cycle.steps[at].id.value;
        let ids: Vec<&str> = behind.iter().map(|step| cycle.steps[*step].id.value.as_str()).collect();
        let message = format!("`to: {}` is no webhook that comes before `{here}`", target.value);
        let help = match ids.is_empty() {
            true => "no webhook comes before it".to_owned(),
            false => format!("before it come: {}", ids.join(", ")),
        };
        problems.push(Problem::error(codes::TO_NOT_BEFORE, target.span, message).help(help));
    }
    found
}

fn implied(cycle: &WrittenCycle, nearest: &BTreeSet<usize>, at: usize, problems: &mut Vec<Problem>) -> Option<usize> {
    let mut all = nearest.iter().copied();
    match (all.next(), all.next()) {
        (Some(one), None) => Some(one),
        (None, _) => {
            let message = format!("nobody can be waiting for the response of `{}`", cycle.steps[at].id.value);
            let help = "no webhook comes before it";
            problems.push(Problem::error(codes::NOBODY_WAITS, span_of(cycle, at), message).help(help));
            None
        }
        _ => {
            let ids: Vec<&str> = nearest.iter().map(|step| cycle.steps[*step].id.value.as_str()).collect();
            let message = format!(
                "`{}` answers another webhook on each way here ({}): say which with `to`",
                cycle.steps[at].id.value,
                ids.join(", ")
            );
            let to: Vec<String> = ids.iter().map(|id| format!("`to: {id}`")).collect();
            let problem = Problem::error(codes::TO_NEEDED, span_of(cycle, at), message);
            problems.push(problem.help(format!("write {}", to.join(" or "))));
            None
        }
    }
}
