//! The steps inside an `each`: a graph of their own, with one beginning.

use std::collections::HashMap;

use super::graph::{self, Graph};
use crate::{
    codes,
    problem::Problem,
    written::{WrittenCycle, WrittenEach, WrittenKind, WrittenStep},
};

/// What is known of the steps inside one `each`.
pub struct Body {
    pub graph: Graph,
    /// Each after all that lead to it.
    pub order: Vec<usize>,
    pub first: usize,
}

/// By the position of the `each`.
pub type Bodies = HashMap<usize, Body>;

/// An id is that of one step, inside and outside.
pub fn check_ids(cycle: &WrittenCycle, problems: &mut Vec<Problem>) {
    let mut lines: HashMap<&str, usize> = HashMap::new();
    // What stands twice in one map was said where the text was read.
    for step in &cycle.steps {
        lines.insert(&step.id.value, step.id.span.line);
    }
    for step in cycle.steps.iter().flat_map(WrittenStep::inner) {
        let id = &step.id;
        if let Some(line) = lines.get(id.value.as_str()) {
            let message = format!("there is another step `{}`", id.value);
            let help = format!("it stands in line {line}; an id is that of one step of the cycle, inside `each` too");
            problems.push(Problem::error(codes::ID_TWICE, id.span, message).help(help));
        } else {
            lines.insert(&id.value, id.span.line);
        }
    }
}

/// The graph of every `each`, by its position.
pub fn graphs(cycle: &WrittenCycle, problems: &mut Vec<Problem>) -> HashMap<usize, Graph> {
    let mut graphs = HashMap::new();
    for (at, step) in cycle.steps.iter().enumerate() {
        if let WrittenKind::Each(each) = &step.kind {
            let around = (step.id.value.as_str(), cycle.steps.as_slice());
            graphs.insert(at, graph::build(&each.steps, Some(around), problems));
            if let Some(first) = each.first.as_ref()
                && !each.steps.iter().any(|step| step.id.value == first.value)
            {
                problems.push(graph::missing(&each.steps, Some(around), first, false));
            }
        }
    }
    graphs
}

/// None for one that has a loop or no beginning, which is said.
pub fn bodies(cycle: &WrittenCycle, mut graphs: HashMap<usize, Graph>, problems: &mut Vec<Problem>) -> Bodies {
    let mut bodies = Bodies::new();
    for (at, step) in cycle.steps.iter().enumerate() {
        let WrittenKind::Each(each) = &step.kind else { continue };
        let Some(graph) = graphs.remove(&at) else { continue };
        let Some(order) = graph::order(&each.steps, &graph, problems) else { continue };
        super::on_error::check(&each.steps, problems);
        let Some(first) = first(&step.id.value, each, &graph, problems) else { continue };
        graph::check_reached(&each.steps, &graph, vec![first], problems);
        bodies.insert(at, Body { graph, order, first });
    }
    bodies
}

fn first(id: &str, each: &WrittenEach, graph: &Graph, problems: &mut Vec<Problem>) -> Option<usize> {
    if let Some(first) = &each.first {
        return graph.find(first);
    }
    let starts: Vec<usize> = (0..each.steps.len()).filter(|at| graph.is_start(*at)).collect();
    if let [one] = starts.as_slice() {
        return Some(*one);
    }
    let ids: Vec<&str> = starts.iter().map(|at| each.steps[*at].id.value.as_str()).collect();
    let message = format!("where does each element of `{id}` begin? No step leads to {}", ids.join(", "));
    let help = format!("lead to all but one of them, or say `first: {}`", ids.first().copied().unwrap_or_default());
    problems.push(Problem::error(codes::EACH_FIRST, each.span, message).help(help));
    None
}
