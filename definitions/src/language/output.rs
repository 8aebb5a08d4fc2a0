//! What is known of what a path can find: the outputs of the steps before, and what the file reads of them
//! already.

use super::{
    outline::{Document, Node},
    place::CURSOR,
    reading::{Part, Reading, readings},
    steps::{Scope, Step},
};
use crate::{
    check::{ELEMENT, HTTP_OUTPUT, WEBHOOK_OUTPUT},
    lower::{HIT_PARTS, given_to},
};

/// What a failure says of itself.
const ERROR: &[&str] = &["kind", "message", "status"];
/// What a handled error of an `each` stands beside.
const EACH_ERROR: &[&str] = &["error", "results"];

/// A name that may stand next in a path.
pub struct Known {
    pub name: String,
    /// What it is.
    pub detail: String,
}

/// What is below `parts` in the document of a transaction.
pub fn in_document(text: &str, document: &Document, scope: &Scope<'_, '_>, parts: &[Part<'_>]) -> Vec<Known> {
    let Some((first, rest)) = parts.split_first() else {
        let known = |step: &Step<'_>| Known { name: step.id.to_owned(), detail: what(step) };
        return scope.readable().into_iter().map(known).collect();
    };
    let Part::Name(id) = first else { return Vec::new() };
    let Some(step) = scope.readable().into_iter().find(|step| step.id == *id) else { return Vec::new() };
    let mut known = match scope.is_around(step) {
        true if rest.is_empty() => plain(ELEMENT, "the element, and its place from 0"),
        true => Vec::new(),
        false => put_out(text, step, rest),
    };
    add_used(text, document, parts, &mut known);
    known
}

/// What is below `parts` in the request that arrives at a webhook.
pub fn in_hit(text: &str, document: &Document, webhook: Option<&Node>, parts: &[Part<'_>]) -> Vec<Known> {
    let mut known = match parts {
        [] => plain(HIT_PARTS, "of the request that arrives"),
        [Part::Name("body"), rest @ ..] => by_schema(text, webhook, rest),
        _ => Vec::new(),
    };
    if !parts.is_empty() {
        add_used(text, document, parts, &mut known);
    }
    known
}

/// What is below `parts` of what a connector's method is given.
pub fn in_method(text: &str, document: &Document, method: &str, parts: &[Part<'_>]) -> Vec<Known> {
    let mut known = Vec::new();
    if parts.is_empty() {
        known.extend(plain(given_to(method), "given to the method"));
        known.extend(plain(&["response"], "what the call was answered"));
    } else {
        add_used(text, document, parts, &mut known);
    }
    known
}

/// A step in a few words.
pub fn what(step: &Step<'_>) -> String {
    match (step.kind, step.name) {
        (Some((kind, _)), Some(name)) => format!("{kind}: {name}"),
        (Some((kind, _)), None) => kind.to_owned(),
        (None, _) => "a step".to_owned(),
    }
}

/// What is below `parts` in a step's output.
fn put_out(text: &str, step: &Step<'_>, parts: &[Part<'_>]) -> Vec<Known> {
    let mut known = Vec::new();
    let (kind, node) = match step.kind {
        Some((kind, node)) => (kind, Some(node)),
        None => ("", None),
    };
    match (kind, parts) {
        ("webhook", []) => {
            known.extend(plain(WEBHOOK_OUTPUT, "of the request"));
            if node.is_some_and(|node| node.get(text, "connector").is_some()) {
                known.extend(plain(&["event"], "of the connector"));
            }
        }
        ("webhook", [Part::Name("body"), rest @ ..]) => known.extend(by_schema(text, node, rest)),
        ("http", []) => known.extend(plain(HTTP_OUTPUT, "of the answer")),
        ("set", _) => known.extend(node.into_iter().flat_map(|node| in_literal(text, node, parts))),
        ("each", [Part::Index(_) | Part::Any, rest @ ..]) => {
            let result = node.and_then(|node| node.get(text, "result"));
            known.extend(result.into_iter().flat_map(|result| in_literal(text, result, rest)));
        }
        _ => {}
    }
    match parts {
        [] if step.errs() && kind == "each" => known.extend(plain(EACH_ERROR, "where it failed")),
        [] if step.errs() => known.extend(plain(&["error"], "where it failed")),
        [Part::Name("error")] if step.errs() => known.extend(plain(ERROR, "of the failure")),
        _ => {}
    }
    known
}

fn plain(names: &[&str], detail: &str) -> Vec<Known> {
    names.iter().map(|name| Known { name: (*name).to_owned(), detail: detail.to_owned() }).collect()
}

/// The names of a literal, such as that of `set`.
fn in_literal(text: &str, node: &Node, parts: &[Part<'_>]) -> Vec<Known> {
    let found = parts.iter().try_fold(node, |node, part| match part {
        Part::Name(name) => node.get(text, name),
        Part::Index(at) => node.items().get(*at),
        Part::Any => node.items().first(),
    });
    let entries = found.map(Node::entries).unwrap_or_default();
    let known = |entry: &super::outline::Entry| Known {
        name: text[entry.key.clone()].to_owned(),
        detail: entry.value.scalar(text).unwrap_or("a value").to_owned(),
    };
    entries.iter().map(known).collect()
}

/// The properties that a webhook's `schema` says its body has.
fn by_schema(text: &str, webhook: Option<&Node>, parts: &[Part<'_>]) -> Vec<Known> {
    let schema = webhook.and_then(|webhook| webhook.get(text, "schema"));
    let found = parts.iter().try_fold(schema, |schema, part| {
        let schema = schema?;
        match part {
            Part::Name(name) => Some(schema.get(text, "properties")?.get(text, name)),
            Part::Index(_) | Part::Any => Some(schema.get(text, "items")),
        }
    });
    let properties = found.flatten().and_then(|schema| schema.get(text, "properties"));
    let known = |entry: &super::outline::Entry| Known {
        name: text[entry.key.clone()].to_owned(),
        detail: entry.value.get(text, "type").and_then(|kind| kind.scalar(text)).unwrap_or("by its schema").to_owned(),
    };
    properties.map(Node::entries).unwrap_or_default().iter().map(known).collect()
}

/// What other paths of the document read there.
fn add_used(text: &str, document: &Document, parts: &[Part<'_>], known: &mut Vec<Known>) {
    let text = &text[document.range.clone()];
    // What stands at the cursor is no name yet.
    let whole = |path: &Reading<'_>| !text[path.range.end..].starts_with(CURSOR);
    for path in readings(text).filter(whole) {
        let names = path.names();
        let Some((Part::Name(next), before)) = names.get(..=parts.len()).and_then(|names| names.split_last()) else {
            continue;
        };
        if !next.is_empty() && same(before, parts) && known.iter().all(|known| known.name != *next) {
            known.push(Known { name: (*next).to_owned(), detail: "read elsewhere in this file".to_owned() });
        }
    }
}

/// One element is like another.
fn same(a: &[Part<'_>], b: &[Part<'_>]) -> bool {
    let element = |part: &Part<'_>| matches!(part, Part::Index(_) | Part::Any);
    a.iter().zip(b).all(|(a, b)| a == b || element(a) && element(b))
}
