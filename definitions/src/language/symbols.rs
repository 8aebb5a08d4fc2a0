//! What a text holds, in the order in which it stands there: cycles and connectors, and their steps and events.

use std::ops::Range;

use super::{
    outline::{self, Document, Entry, Node, Value},
    output,
    steps::{Step, steps},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: String,
    pub detail: String,
    pub kind: SymbolKind,
    /// All of it.
    pub range: Range<usize>,
    /// Its name.
    pub selection: Range<usize>,
    pub children: Vec<Symbol>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    Cycle,
    Connector,
    Step,
    Event,
}

/// Those of a text, which need not be whole.
pub fn symbols(text: &str) -> Vec<Symbol> {
    if text.len() > crate::yaml::TEXT_BYTES_MAX {
        return Vec::new();
    }
    outline::documents(text).iter().filter_map(|document| of_document(text, document)).collect()
}

fn of_document(text: &str, document: &Document) -> Option<Symbol> {
    let root = &document.root;
    let of = |key| root.entries().iter().find(|entry| &text[entry.key.clone()] == key);
    let (kind, detail, children) = match of("connector") {
        Some(_) if of("cycle").is_none() => (SymbolKind::Connector, "connector", events(text, root)),
        _ => (SymbolKind::Cycle, "cycle", in_order(text, &steps(text, document), root)),
    };
    let named = of(detail).or_else(|| root.entries().first())?;
    let (name, selection) = match &named.value.value {
        Value::Scalar(scalar) => (text[scalar.range.clone()].to_owned(), scalar.range.clone()),
        _ => (detail.to_owned(), named.key.clone()),
    };
    let first = root.entries().first().map_or(selection.start, |entry| entry.key.start);
    let range = first.min(selection.start)..end(root).max(selection.end);
    Some(Symbol { name, detail: detail.to_owned(), kind, range, selection, children })
}

fn in_order(text: &str, steps: &[Step<'_>], root: &Node) -> Vec<Symbol> {
    let Some(node) = root.get(text, "steps") else { return Vec::new() };
    let symbol = |(step, entry): (&Step<'_>, &Entry)| {
        let inside = entry.value.get(text, "each").map(|each| in_order(text, &step.inner, each)).unwrap_or_default();
        of_entry(text, entry, output::what(step), SymbolKind::Step, inside)
    };
    steps.iter().zip(node.entries()).map(symbol).collect()
}

fn events(text: &str, root: &Node) -> Vec<Symbol> {
    let entries = root.get(text, "events").map(Node::entries).unwrap_or_default();
    entries.iter().map(|entry| of_entry(text, entry, "event".to_owned(), SymbolKind::Event, Vec::new())).collect()
}

fn of_entry(text: &str, entry: &Entry, detail: String, kind: SymbolKind, children: Vec<Symbol>) -> Symbol {
    let range = entry.key.start..end(&entry.value).max(entry.key.end);
    Symbol { name: text[entry.key.clone()].to_owned(), detail, kind, range, selection: entry.key.clone(), children }
}

/// Where the last of it ends.
fn end(node: &Node) -> usize {
    match &node.value {
        Value::Nothing => 0,
        Value::Scalar(scalar) => scalar.range.end,
        Value::Map(entries) => entries.iter().map(|entry| end(&entry.value).max(entry.key.end)).max().unwrap_or(0),
        Value::List(items) => items.iter().map(end).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, symbols: &[Symbol], depth: usize, into: &mut String) {
        for one in symbols {
            assert!(one.range.start <= one.selection.start && one.selection.end <= one.range.end, "{one:?}");
            let last = text[one.range.clone()].lines().last().unwrap_or_default().trim();
            into.push_str(&format!("{}{} ({}) … {last}\n", "  ".repeat(depth), one.name, one.detail));
            shown(text, &one.children, depth + 1, into);
        }
    }

    #[test]
    fn cycles_and_connectors_hold_their_steps_and_events() {
        let text = "connector: shop\nevents:\n  changed:\n    subscribe: { http: { url: a } }\n---\ncycle: order\nsteps:\n  placed:\n    name: An order\n    webhook:\n    next: all\n  all:\n    each:\n      in: $.placed.body\n      steps:\n        one: { set: 1 }\n  half\n";
        let mut found = String::new();
        shown(text, &symbols(text), 0, &mut found);
        assert_eq!(
            found,
            "shop (connector) … subscribe: { http: { url: a\n  changed (event) … subscribe: { http: { url: a\norder (cycle) … half\n  placed (webhook: An order) … next: all\n  all (each) … one: { set: 1\n    one (set) … one: { set: 1\n  half (a step) … half\n"
        );
        assert_eq!(symbols(""), []);
        assert_eq!(symbols("a b"), []);
    }
}
