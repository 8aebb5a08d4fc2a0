//! The graph of a cycle: where each step leads, loops, and what is never reached.

use std::collections::HashMap;

use petgraph::{
    Direction,
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef,
};

use crate::{
    Edge, codes,
    problem::{Problem, Span},
    written::{ON_ERROR_WORDS, Target, WrittenCycle, WrittenKind, WrittenStep},
};

/// A node a step, in the order of the definition.
pub struct Graph {
    /// Those to `end` are left out.
    pub edges: DiGraph<usize, Edge>,
    /// Those to `end`, by the step that they leave.
    pub ends: Vec<(usize, Edge)>,
    pub by_id: HashMap<String, usize>,
}

impl Graph {
    pub fn find(&self, target: &Target) -> Option<usize> {
        self.by_id.get(&target.value).copied()
    }

    pub fn successors(&self, step: usize) -> impl Iterator<Item = (usize, &Edge)> {
        self.edges.edges(NodeIndex::new(step)).map(|edge| (edge.target().index(), edge.weight()))
    }

    pub fn predecessors(&self, step: usize) -> impl Iterator<Item = (usize, &Edge)> {
        let incoming = self.edges.edges_directed(NodeIndex::new(step), Direction::Incoming);
        incoming.map(|edge| (edge.source().index(), edge.weight()))
    }

    pub fn is_start(&self, step: usize) -> bool {
        self.predecessors(step).next().is_none()
    }
}

/// `around`: where the steps are those of an `each`, its id and the steps beside it.
pub fn build(steps: &[WrittenStep], around: Option<(&str, &[WrittenStep])>, problems: &mut Vec<Problem>) -> Graph {
    let mut edges = DiGraph::new();
    let mut by_id = HashMap::new();
    for (at, step) in steps.iter().enumerate() {
        edges.add_node(at);
        by_id.insert(step.id.value.clone(), at);
    }
    let mut graph = Graph { edges, ends: Vec::new(), by_id };
    for (at, step) in steps.iter().enumerate() {
        let mut targets: Vec<(Edge, &Target)> = Vec::new();
        match &step.kind {
            WrittenKind::Decision { cases, otherwise } => {
                let case = |(at, next)| (Edge::Case(at), next);
                let next = cases.iter().enumerate().filter_map(|(at, case)| Some((at, case.next.as_ref()?)));
                targets.extend(next.map(case));
                targets.extend(otherwise.iter().map(|next| (Edge::Else, next)));
            }
            WrittenKind::Fail(_) => {}
            kind => {
                targets.extend(step.next.iter().map(|next| (Edge::Next, next)));
                if step.next.is_none() {
                    graph.ends.push((at, Edge::Next));
                }
                if let WrittenKind::Webhook(webhook) = kind {
                    targets.extend(webhook.expires.iter().map(|(_, next)| (Edge::Expires, next)));
                }
            }
        }
        // Beside `fail` it was refused already.
        targets.extend(step.error_target().map(|target| (Edge::Error, target)));
        for (edge, target) in targets {
            if target.value == "end" {
                graph.ends.push((at, edge));
                continue;
            }
            match graph.find(target) {
                Some(to) => {
                    graph.edges.add_edge(NodeIndex::new(at), NodeIndex::new(to), edge);
                }
                None => problems.push(missing(steps, around, target, edge == Edge::Error)),
            }
        }
    }
    graph
}

pub fn missing(
    steps: &[WrittenStep],
    around: Option<(&str, &[WrittenStep])>,
    target: &Target,
    on_error: bool,
) -> Problem {
    let named = |steps: &[WrittenStep]| steps.iter().any(|step| step.id.value == target.value);
    if let Some((each, outside)) = around
        && named(outside)
    {
        let message = format!("`{}` is outside of `{each}`: no step inside leads there", target.value);
        let help = "lead to a step inside or to `end`, where the element ends; `next` of the `each` goes on from there";
        return Problem::error(codes::MISSING_STEP, target.span, message).help(help);
    }
    if let Some(each) = steps.iter().find(|step| named(step.inner())) {
        let message = format!("`{}` is inside of `{}`: no step outside leads there", target.value, each.id.value);
        let help = format!("lead to `{}`, which runs it for every element", each.id.value);
        return Problem::error(codes::MISSING_STEP, target.span, message).help(help);
    }
    let mut known: Vec<&str> = steps.iter().map(|step| step.id.value.as_str()).collect();
    known.push("end");
    if on_error {
        known.extend(ON_ERROR_WORDS);
    }
    let message = format!("there is no step `{}`", target.value);
    Problem::error(codes::MISSING_STEP, target.span, message).suggest(&target.value, &known)
}

/// The steps in an order in which each comes after all that lead to it; none where there is a loop,
/// which is spelled out.
pub fn order(steps: &[WrittenStep], graph: &Graph, problems: &mut Vec<Problem>) -> Option<Vec<usize>> {
    if let Ok(order) = petgraph::algo::toposort(&graph.edges, None) {
        return Some(order.into_iter().map(NodeIndex::index).collect());
    }
    for component in petgraph::algo::kosaraju_scc(&graph.edges) {
        let looped = component.len() > 1 || component.iter().any(|node| graph.edges.contains_edge(*node, *node));
        if !looped {
            continue;
        }
        let members: Vec<usize> = component.iter().map(|node| node.index()).collect();
        let Some(first) = members.iter().copied().min() else { continue };
        let way = way_round(graph, first, &members);
        let ids: Vec<&str> = way.iter().map(|step| steps[*step].id.value.as_str()).collect();
        let message = format!("the steps go round in a loop: {}", ids.join(" → "));
        let help = "a transaction only goes forward; a webhook is resumed many times without a loop";
        problems.push(Problem::error(codes::LOOP, steps[first].id.span, message).help(help));
    }
    None
}

/// A shortest way from a step back to itself, within its component.
fn way_round(graph: &Graph, first: usize, members: &[usize]) -> Vec<usize> {
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut next = std::collections::VecDeque::from([first]);
    while let Some(at) = next.pop_front() {
        for (to, _) in graph.successors(at).filter(|(to, _)| members.contains(to)) {
            if to == first {
                let mut way = vec![first, at];
                let mut at = at;
                while at != first {
                    at = came_from[&at];
                    way.push(at);
                }
                way.reverse();
                return way;
            }
            if let std::collections::hash_map::Entry::Vacant(entry) = came_from.entry(to) {
                entry.insert(at);
                next.push_back(to);
            }
        }
    }
    vec![first]
}

/// A start is a webhook; a webhook that something leads to is held, and needs a mapping.
pub fn check_starts(cycle: &WrittenCycle, graph: &Graph, problems: &mut Vec<Problem>) {
    let mut starts = 0;
    for (at, step) in cycle.steps.iter().enumerate() {
        let id = &step.id.value;
        match (&step.kind, graph.is_start(at)) {
            (WrittenKind::Webhook(webhook), true) => {
                starts += 1;
                if let Some(mapping) = &webhook.mapping {
                    let message = format!("no step leads to `{id}`: a start webhook has no mapping");
                    let help =
                        "a mapping is for a webhook that transactions wait at: lead a step to it, or leave it out";
                    problems.push(Problem::error(codes::MAPPING_ON_START, mapping.span, message).help(help));
                }
                for setting in &webhook.mid_only {
                    let message = format!("`{}` means nothing at a start webhook", setting.value);
                    problems.push(Problem::error(codes::MID_ONLY, setting.span, message));
                }
            }
            (WrittenKind::Webhook(webhook), false) if webhook.shared.is_some() => {
                let place = webhook.shared.as_ref().map_or(webhook.span, |shared| shared.span);
                let message = format!("a step leads to `{id}`: only a start webhook can be attached to a shared one");
                let help = "a shared webhook starts transactions; leave `shared` out and give the step a mapping";
                problems.push(Problem::error(codes::SHARED_MID, place, message).help(help));
            }
            (WrittenKind::Webhook(webhook), false) if webhook.mapping.is_none() => {
                let message = format!("transactions wait at `{id}`, but it has no mapping");
                let before = webhook_before(cycle, graph, at);
                let help = format!(
                    "say which transaction a hit is for: `mapping: [{{ hit: $.body.id, transaction: $.{before}.body.id }}]`"
                );
                problems.push(Problem::error(codes::MAPPING_MISSING, webhook.span, message).help(help));
            }
            _ => {}
        }
    }
    let broken = cycle.steps.iter().any(|step| matches!(step.kind, WrittenKind::Broken));
    if starts == 0 && !cycle.steps.is_empty() && !broken {
        let message = "no transaction can start: there is no webhook that no step leads to".to_owned();
        problems.push(Problem::error(codes::NO_START, cycle.steps_span, message));
        return;
    }
    let webhook = |at: usize| matches!(cycle.steps[at].kind, WrittenKind::Webhook(_) | WrittenKind::Broken);
    let first = (0..cycle.steps.len()).filter(|at| graph.is_start(*at) && webhook(*at)).collect();
    check_reached(&cycle.steps, graph, first, problems);
}

/// The nearest webhook whose output a transaction has when it comes to a step.
fn webhook_before<'c>(cycle: &'c WrittenCycle, graph: &Graph, step: usize) -> &'c str {
    let (mut seen, mut next) = (vec![step], 0);
    while let Some(at) = seen.get(next).copied() {
        next += 1;
        for (from, _) in graph.predecessors(at) {
            if matches!(cycle.steps[from].kind, WrittenKind::Webhook(_)) && from != step {
                return &cycle.steps[from].id.value;
            }
            if !seen.contains(&from) {
                seen.push(from);
            }
        }
    }
    "step"
}

/// Every step can be reached from one of those.
pub fn check_reached(steps: &[WrittenStep], graph: &Graph, first: Vec<usize>, problems: &mut Vec<Problem>) {
    for at in unreached(steps, graph, first) {
        let step = &steps[at];
        let message = format!("step `{}` is never reached", step.id.value);
        let help = "lead a step to it with `next`, or take it out";
        problems.push(Problem::error(codes::UNREACHABLE, step.id.span, message).help(help));
    }
}

fn unreached(steps: &[WrittenStep], graph: &Graph, mut next: Vec<usize>) -> Vec<usize> {
    let mut reached = vec![false; steps.len()];
    while let Some(at) = next.pop() {
        if !std::mem::replace(&mut reached[at], true) {
            next.extend(graph.successors(at).map(|(to, _)| to));
        }
    }
    (0..steps.len()).filter(|at| !reached[*at] && steps[*at].id.value != "end").collect()
}

/// Where a step stands, for messages about it.
pub fn span_of(cycle: &WrittenCycle, step: usize) -> Span {
    cycle.steps[step].id.span
}
