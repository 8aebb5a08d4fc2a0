//! The steps of a cycle that is being written: where each leads, and which come before which.

use std::{collections::BTreeSet, ops::Range};

use super::{
    outline::{Document, Node},
    place::Segment,
};
use crate::{lower::KINDS, written::ON_ERROR_WORDS};

pub struct Step<'t> {
    pub id: &'t str,
    /// Of its id.
    pub range: Range<usize>,
    /// Its kind, and what is written of it.
    pub kind: Option<(&'static str, &'t Node)>,
    /// For people.
    pub name: Option<&'t str>,
    pub on_error: Option<&'t str>,
    pub leads: Vec<Lead<'t>>,
    /// Those inside of an `each`.
    pub inner: Vec<Step<'t>>,
}

/// Where a step leads.
pub struct Lead<'t> {
    pub to: &'t str,
    /// `next`, `else`, …
    pub by: &'static str,
}

/// The steps of a document, in their order.
pub fn steps<'t>(text: &'t str, document: &'t Document) -> Vec<Step<'t>> {
    document.root.get(text, "steps").map(|node| below(text, node)).unwrap_or_default()
}

fn below<'t>(text: &'t str, node: &'t Node) -> Vec<Step<'t>> {
    let step = |entry: &'t super::outline::Entry| {
        let node = &entry.value;
        let kind = node.entries().iter().find_map(|entry| {
            let kind = KINDS.iter().find(|kind| text.get(entry.key.clone()) == Some(**kind))?;
            Some((*kind, &entry.value))
        });
        let word = |key| node.get(text, key).and_then(|node| node.scalar(text));
        let inner = match kind {
            Some(("each", each)) => each.get(text, "steps").map(|steps| below(text, steps)).unwrap_or_default(),
            _ => Vec::new(),
        };
        Step {
            id: &text[entry.key.clone()],
            range: entry.key.clone(),
            kind,
            name: word("name"),
            on_error: word("on_error"),
            leads: leads(text, node, kind),
            inner,
        }
    };
    node.entries().iter().map(step).collect()
}

fn leads<'t>(text: &'t str, node: &'t Node, kind: Option<(&str, &'t Node)>) -> Vec<Lead<'t>> {
    let mut leads = Vec::new();
    let mut lead =
        |node: Option<&'t Node>, by| leads.extend(node.and_then(|node| node.scalar(text)).map(|to| Lead { to, by }));
    match kind {
        Some(("decision", cases)) => {
            for case in cases.items() {
                lead(case.get(text, "next"), "next");
                lead(case.get(text, "else"), "else");
            }
        }
        Some(("webhook", webhook)) => {
            lead(webhook.get(text, "expires").and_then(|expires| expires.get(text, "next")), "expires");
        }
        _ => {}
    }
    lead(node.get(text, "next"), "next");
    lead(node.get(text, "on_error"), "on_error");
    leads.retain(|lead| lead.by != "on_error" || !ON_ERROR_WORDS.contains(&lead.to));
    leads
}

impl Step<'_> {
    /// Its failure goes on somewhere: its error can be read there.
    pub fn errs(&self) -> bool {
        self.on_error.is_some_and(|word| !["fail", "stop"].contains(&word))
    }
}

/// The ids of the steps that can run before one: those from which ways lead to it.
pub fn before<'t>(steps: &[Step<'t>], id: &str) -> BTreeSet<&'t str> {
    let mut before = BTreeSet::new();
    let mut next = vec![id];
    while let Some(id) = next.pop() {
        for step in steps.iter().filter(|step| step.leads.iter().any(|lead| lead.to == id)) {
            if before.insert(step.id) {
                next.push(step.id);
            }
        }
    }
    before
}

/// Whose paths are read at a place: a step's, or a step's inside of an `each`.
pub struct Scope<'s, 't> {
    /// The steps of the cycle.
    pub all: &'s [Step<'t>],
    pub step: Option<&'s Step<'t>>,
    /// Where the place is inside of `step`, which is an `each`.
    pub inside: Option<Inside<'s, 't>>,
}

pub enum Inside<'s, 't> {
    Step(&'s Step<'t>),
    /// Its `result`.
    Result,
}

impl<'s, 't> Scope<'s, 't> {
    pub fn at(all: &'s [Step<'t>], path: &[Segment<'_>]) -> Self {
        let named = |steps: &'s [Step<'t>], id: &str| steps.iter().find(|step| step.id == id);
        let mut scope = Scope { all, step: None, inside: None };
        if let [Segment::Key("steps"), Segment::Key(id), rest @ ..] = path {
            scope.step = named(all, id);
            let inner = scope.step.map(|step| step.inner.as_slice()).unwrap_or_default();
            scope.inside = match rest {
                [Segment::Key("each"), Segment::Key("steps"), Segment::Key(id), ..] => {
                    named(inner, id).map(Inside::Step)
                }
                [Segment::Key("each"), Segment::Key("result"), ..] => Some(Inside::Result),
                _ => None,
            };
        }
        scope
    }

    /// The steps that `next` may name here.
    pub fn beside(&self) -> &'s [Step<'t>] {
        match (&self.inside, self.step) {
            (Some(Inside::Step(_)), Some(step)) => &step.inner,
            _ => self.all,
        }
    }

    /// The step that the place belongs to.
    pub fn own(&self) -> Option<&'s Step<'t>> {
        match &self.inside {
            Some(Inside::Step(step)) => Some(step),
            _ => self.step,
        }
    }

    /// The steps that paths may begin with here. Before anything leads to a step it is not known which.
    pub fn readable(&self) -> Vec<&'s Step<'t>> {
        let mut readable = Vec::new();
        match (&self.inside, self.step) {
            (Some(Inside::Step(step)), Some(each)) => readable.extend(earlier(&each.inner, step)),
            (Some(Inside::Result), Some(each)) => readable.extend(&each.inner),
            _ => {}
        }
        if self.inside.is_some() {
            readable.extend(self.step);
        }
        readable.extend(self.step.into_iter().flat_map(|step| earlier(self.all, step)));
        readable
    }

    /// Whether a step is the `each` around the place: its element is read, not its results.
    pub fn is_around(&self, step: &Step<'_>) -> bool {
        self.inside.is_some() && self.step.is_some_and(|each| std::ptr::eq(each, step))
    }
}

fn earlier<'s, 't>(steps: &'s [Step<'t>], of: &Step<'t>) -> Vec<&'s Step<'t>> {
    let before = before(steps, of.id);
    let others = || steps.iter().filter(|step| step.id != of.id);
    if before.is_empty() { others().collect() } else { others().filter(|step| before.contains(step.id)).collect() }
}
