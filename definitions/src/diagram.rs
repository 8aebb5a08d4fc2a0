//! A cycle's graph: as text that other programs draw, and as a picture.

mod layout;
mod marks;
mod notes;
mod svg;

use petgraph::{graph::NodeIndex, visit::EdgeRef};

pub use marks::{Mark, Marks};
pub use notes::{Figure, Note, Notes};
pub use svg::{STYLE, picture, picture_of, picture_with, svg};

use crate::{Cycle, Edge, Next, OnError, Step, StepIndex, StepKind};

/// Why a way is taken.
enum Ending {
    Edge(Edge),
    /// A `fail` step's, to the end.
    Failed,
}

/// A Mermaid flowchart.
pub fn mermaid(cycle: &Cycle) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    mermaid_steps(cycle, "end_", "    ", &mut lines);
    lines.join("\n")
}

fn mermaid_steps(cycle: &Cycle, end: &str, indent: &str, lines: &mut Vec<String>) {
    for step in &cycle.steps {
        let label = label(step).replace('"', "&quot;");
        if let StepKind::Each(each) = &step.kind {
            lines.push(format!("{indent}subgraph {}[\"{label}\"]", node(&step.id)));
            mermaid_steps(&each.body, &format!("end_{}", step.id), &format!("{indent}    "), lines);
            lines.push(format!("{indent}end"));
            continue;
        }
        let (open, close) = match step.kind {
            StepKind::Webhook(_) => ("([", "])"),
            StepKind::Decision(_) => ("{", "}"),
            _ => ("[", "]"),
        };
        lines.push(format!("{indent}{}{open}\"{label}\"{close}", node(&step.id)));
    }
    if links(cycle).iter().any(|(_, to, _)| to.is_none()) {
        lines.push(format!("{indent}{end}((end))"));
    }
    for (from, to, edge) in links(cycle) {
        let text = text_of(&edge);
        let to = to.map_or(end.to_owned(), |to| node(&cycle.step(to).id));
        let arrow = if text.is_empty() { "-->".to_owned() } else { format!("-->|\"{text}\"|") };
        lines.push(format!("{indent}{} {arrow} {to}", node(&cycle.step(from).id)));
    }
}

/// A Graphviz digraph.
pub fn dot(cycle: &Cycle) -> String {
    let mut lines = vec![format!("digraph {} {{", quoted(&cycle.name))];
    dot_steps(cycle, "end", "    ", &mut lines);
    lines.push("}".to_owned());
    lines.join("\n")
}

fn dot_steps(cycle: &Cycle, end: &str, indent: &str, lines: &mut Vec<String>) {
    for step in &cycle.steps {
        let shape = match step.kind {
            StepKind::Webhook(_) => "oval",
            StepKind::Decision(_) => "diamond",
            _ => "box",
        };
        let drawn = format!("{} [label={}, shape={shape}];", quoted(&step.id), quoted(&label(step)));
        let StepKind::Each(each) = &step.kind else {
            lines.push(format!("{indent}{drawn}"));
            continue;
        };
        let inner = format!("{indent}    ");
        lines.push(format!("{indent}subgraph {} {{", quoted(&format!("cluster_{}", step.id))));
        lines.push(format!("{inner}{drawn}"));
        dot_steps(&each.body, &quoted(&format!("end of {}", step.id)), &inner, lines);
        let first = &each.body.step(each.first).id;
        lines.push(format!("{inner}{} -> {} [style=dashed];", quoted(&step.id), quoted(first)));
        lines.push(format!("{indent}}}"));
    }
    if links(cycle).iter().any(|(_, to, _)| to.is_none()) {
        // The node of an inner end has a name of its own.
        let named = if end == "end" { "" } else { "label=end, " };
        lines.push(format!("{indent}{end} [{named}shape=doublecircle];"));
    }
    for (from, to, edge) in links(cycle) {
        let text = text_of(&edge);
        let to = to.map_or(end.to_owned(), |to| quoted(&cycle.step(to).id));
        let text = if text.is_empty() { String::new() } else { format!(" [label={}]", quoted(&text)) };
        lines.push(format!("{indent}{} -> {to}{text};", quoted(&cycle.step(from).id)));
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Some step ids are words of Mermaid's own.
fn node(id: &str) -> String {
    format!("s_{id}")
}

fn label(step: &Step) -> String {
    let name = step.name.as_ref().unwrap_or(&step.id);
    format!("{name} ({})", step.kind.word())
}

/// Every way from step to step, and to the end (none), with why it is taken.
fn links(cycle: &Cycle) -> Vec<(StepIndex, Option<StepIndex>, Ending)> {
    let edge = Ending::Edge;
    let mut links = Vec::new();
    for (at, step) in cycle.steps.iter().enumerate() {
        let from = cycle.graph[NodeIndex::new(at)];
        let mut edges: Vec<_> = cycle.graph.edges(NodeIndex::new(at)).collect();
        edges.sort_by_key(|edge| edge.id());
        links.extend(edges.iter().map(|way| (from, Some(cycle.graph[way.target()]), edge(way.weight().clone()))));
        let end = |next: Next| next == Next::End;
        if matches!(step.on_error, OnError::Go(Next::End)) {
            links.push((from, None, edge(Edge::Error)));
        }
        match &step.kind {
            StepKind::Decision(decision) => {
                let cases = decision.cases.iter().enumerate().filter(|(_, case)| end(case.next));
                links.extend(cases.map(|(at, _)| (from, None, edge(Edge::Case(at)))));
                if end(decision.otherwise) {
                    links.push((from, None, edge(Edge::Else)));
                }
            }
            StepKind::Fail(_) => links.push((from, None, Ending::Failed)),
            kind => {
                if end(step.next) {
                    links.push((from, None, edge(Edge::Next)));
                }
                if let StepKind::Webhook(webhook) = kind
                    && webhook.expires.is_some_and(|expires| end(expires.next))
                {
                    links.push((from, None, edge(Edge::Expires)));
                }
            }
        }
    }
    links
}

fn text_of(ending: &Ending) -> String {
    let Ending::Edge(edge) = ending else { return "failed".to_owned() };
    match edge {
        Edge::Next => String::new(),
        Edge::Case(at) => format!("case {}", at + 1),
        Edge::Else => "else".to_owned(),
        Edge::Expires => "expires".to_owned(),
        Edge::Error => "error".to_owned(),
    }
}
