//! What may stand in a value: choices, steps, paths, and what `${…}` reads.

use std::{collections::BTreeSet, ops::Range};

use super::{Completion, CompletionKind, Cursor};
use crate::{
    language::{
        outline::{Node, Scalar, Style},
        output::{self, Known},
        place::{CURSOR, Segment},
        reading::{Part, Reading, is_name, open_template},
        steps::{self, Scope, Step},
    },
    written::ON_ERROR_WORDS,
};

impl Cursor<'_> {
    pub(super) fn values(&self, scalar: &Scalar) -> Vec<Completion> {
        let key = self.place.key().unwrap_or_default();
        let before = &self.text()[scalar.range.start..self.marked.cursor()];
        if key == "script" {
            return Vec::new();
        }
        if let Some(open) = open_template(before) {
            return self.template(scalar.range.start + open..scalar.range.end);
        }
        if scalar.style == Style::Block {
            return Vec::new();
        }
        let shape = self.shape();
        let whole = scalar.range.clone();
        if shape.is("hitPath") || shape.is("path") {
            return self.path(whole, shape.is("hitPath"));
        }
        let all = steps::steps(self.text(), self.place.document);
        let scope = Scope::at(&all, &self.place.path);
        let named = |names: Vec<&Step<'_>>| names.into_iter().map(|step| self.step(step, &whole)).collect::<Vec<_>>();
        match key {
            "next" | "else" | "on_error" if shape.is("next") || key == "on_error" => {
                let own = scope.own().map(|step| step.id);
                let mut found = named(scope.beside().iter().filter(|step| Some(step.id) != own).collect());
                found.push(self.word("end", "where the transaction ends", &whole));
                if key == "on_error" {
                    found.extend(ON_ERROR_WORDS.iter().map(|word| self.word(word, "", &whole)));
                }
                found
            }
            "to" if shape.is("stepId") => {
                let is_webhook = |step: &&Step<'_>| step.kind.is_some_and(|(kind, _)| kind == "webhook");
                named(scope.readable().into_iter().filter(is_webhook).collect())
            }
            "first" if shape.is("stepId") => {
                named(scope.step.map(|step| step.inner.iter().collect()).unwrap_or_default())
            }
            "connector" | "event" => self.connectors(key, &whole),
            _ if shape.is("secret") || shape.is("secretName") => {
                let secrets = used(self.text(), "secrets.");
                secrets.iter().map(|name| self.word(&format!("${{secrets.{name}}}"), "a secret", &whole)).collect()
            }
            _ => shape.choices().iter().map(|choice| self.word(choice, "", &whole)).collect(),
        }
    }

    fn word(&self, word: &str, detail: &str, replaces: &Range<usize>) -> Completion {
        Completion {
            label: word.to_owned(),
            kind: CompletionKind::Value,
            detail: Some(detail.to_owned()).filter(|detail| !detail.is_empty()),
            documentation: None,
            replaces: replaces.clone(),
            inserts: word.to_owned(),
        }
    }

    fn step(&self, step: &Step<'_>, replaces: &Range<usize>) -> Completion {
        let detail = output::what(step);
        Completion { kind: CompletionKind::Step, ..self.word(step.id, &detail, replaces) }
    }

    /// The connectors of the file, or the events of the one that is named beside.
    fn connectors(&self, key: &str, replaces: &Range<usize>) -> Vec<Completion> {
        let text = self.text();
        let beside = self.place.path.split_last().and_then(|(_, around)| self.place.node(text, around));
        let wanted = beside.and_then(|node| node.get(text, "connector")).and_then(|node| node.scalar(text));
        let mut found = Vec::new();
        for document in self.documents {
            let name = document.root.get(text, "connector").and_then(|node| node.scalar(text));
            if key == "connector" {
                found.extend(name.map(|name| self.word(name, "a connector", replaces)));
            } else if name.is_some() && name == wanted {
                let events = document.root.get(text, "events").map(Node::entries).unwrap_or_default();
                let event = |entry: &crate::language::outline::Entry| &text[entry.key.clone()];
                found.extend(events.iter().map(|entry| self.word(event(entry), "an event", replaces)));
            }
        }
        found
    }

    /// Inside of `${…}`; the range begins behind the brace.
    fn template(&self, range: Range<usize>) -> Vec<Completion> {
        let text = self.text();
        let close = text[range.clone()].find(['}', ' ']).map_or(range.end, |at| range.start + at);
        let range = range.start..close;
        let before = &text[range.start..self.marked.cursor()];
        let mut found = match before.is_empty() || before.starts_with('$') {
            true => self.path(range.clone(), false),
            false if before.contains([' ', '?']) => return Vec::new(),
            false => Vec::new(),
        };
        if before.starts_with('$') {
            return found;
        }
        let mut offer = |name: &str, detail: &str| {
            found.push(Completion { kind: CompletionKind::Variable, ..self.word(name, detail, &range) });
        };
        let vars = self.place.document.root.get(text, "vars").map(Node::entries).unwrap_or_default();
        for entry in vars {
            offer(&format!("vars.{}", &text[entry.key.clone()]), entry.value.scalar(text).unwrap_or("to be given"));
        }
        for (prefix, detail) in [("secrets.", "a secret"), ("env.", "of the environment")] {
            let names = used(text, prefix);
            names.iter().for_each(|name| offer(&format!("{prefix}{name}"), detail));
            if names.is_empty() && !before.starts_with(prefix) {
                offer(prefix, detail);
            }
        }
        offer("transaction.id", "the id of the transaction");
        offer("cycle.name", "the name of the cycle");
        found
    }

    /// A path, from its `$` to the end of what is written of it.
    fn path(&self, written: Range<usize>, hit: bool) -> Vec<Completion> {
        let text = self.text();
        let before = &text[written.start..self.marked.cursor()];
        if before.is_empty() || before == "$" {
            let replaces = written.start..self.word_end().max(self.marked.behind());
            return self.known(hit, &[]).into_iter().map(|one| self.property(&one, &replaces, "$.")).collect();
        }
        if !before.starts_with('$') {
            return Vec::new();
        }
        let reading = Reading::at(before, 0);
        let Some(((Part::Name(_), last), parts)) = reading.parts.split_last() else { return Vec::new() };
        // A name in brackets is not completed: it is behind a dot.
        if reading.range.end != before.len() || !before[..last.start].ends_with('.') {
            return Vec::new();
        }
        let start = written.start + last.start;
        let parts: Vec<Part<'_>> = parts.iter().map(|(part, _)| part.clone()).collect();
        let known = self.known(hit, &parts);
        known.iter().map(|one| self.property(one, &(start..self.word_end()), "")).collect()
    }

    /// A name that can't stand behind a dot takes the dot's place, in brackets.
    fn property(&self, known: &Known, replaces: &Range<usize>, prefix: &str) -> Completion {
        let name = &known.name;
        let simple = name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit());
        let (replaces, inserts) = match (simple, prefix.is_empty()) {
            (true, _) => (replaces.clone(), format!("{prefix}{name}")),
            (false, true) => (replaces.start - 1..replaces.end, format!("['{name}']")),
            (false, false) => (replaces.clone(), format!("$['{name}']")),
        };
        let label = if prefix.is_empty() { name.clone() } else { inserts.clone() };
        let detail = Some(known.detail.clone());
        Completion { label, kind: CompletionKind::Property, detail, documentation: None, replaces, inserts }
    }

    fn known(&self, hit: bool, parts: &[Part<'_>]) -> Vec<Known> {
        let (text, document) = (self.text(), self.place.document);
        if let [Segment::Key("events"), Segment::Key(_), Segment::Key(method), ..] = self.place.path.as_slice() {
            return output::in_method(text, document, method, parts);
        }
        let all = steps::steps(text, document);
        let scope = Scope::at(&all, &self.place.path);
        if hit {
            let webhook = scope.own().and_then(|step| step.kind).map(|(_, node)| node);
            return output::in_hit(text, document, webhook, parts);
        }
        output::in_document(text, document, &scope, parts)
    }

    /// The end of the word that the cursor is in.
    fn word_end(&self) -> usize {
        let behind = self.marked.behind();
        let rest = &self.text()[behind..];
        behind + rest.find(|c: char| !is_name(c)).unwrap_or(rest.len())
    }
}

/// The names that stand behind a prefix somewhere in a text.
fn used(text: &str, prefix: &str) -> BTreeSet<String> {
    let name = |(at, _): (usize, &str)| {
        let rest = &text[at + prefix.len()..];
        let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())];
        // What stands at the cursor is no name yet.
        (!name.is_empty() && !rest[name.len()..].starts_with(CURSOR)).then(|| name.to_owned())
    };
    text.match_indices(prefix).filter_map(name).collect()
}
