//! Steps that need little: `script`, `delay` and `notify`.

use std::time::Duration;

use super::{Lowering, get};
use crate::{
    Delay, Json, Notify, Script, Template, codes,
    problem::Problem,
    written::{Read, WrittenKind},
    yaml::{Node, Value},
};

const DELAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(31 * 24 * 3_600));
const EVENT_BYTES_MAX: usize = 100;
/// What Holdfast's own events begin with.
const FAMILIES: &[&str] = &["cycle", "transaction", "hold", "hit", "step", "subscription", "endpoint"];

impl Lowering {
    pub(super) fn script(&mut self, node: &Node) -> WrittenKind {
        self.source(node, "step", "document, context").map_or(WrittenKind::Broken, WrittenKind::Script)
    }

    /// JavaScript with a function of that name.
    pub(super) fn source(&mut self, node: &Node, function: &str, given: &str) -> Option<Script> {
        let Value::Text(source) = &node.value else {
            self.wrong_type(node, "script", &format!("a text: JavaScript with a `function {function}({given})`"));
            return None;
        };
        if !has_function(source, function) {
            let message = match source.trim() {
                "" => "the script is empty".to_owned(),
                _ => format!("the script has no function `{function}`"),
            };
            let help = format!("write `function {function}({given}) {{ return {{}} }}`");
            self.problems.push(Problem::error(codes::SCRIPT_STEP, node.span, message).help(help));
            return None;
        }
        // Of `|` and `>`, the empty lines at the beginning are part of the text and not of its place.
        let empty = source.len() - source.trim_start_matches('\n').len();
        let line = if node.block { node.span.line.saturating_sub(empty) } else { node.span.line };
        Some(Script { source: source.as_str().into(), line: u32::try_from(line).unwrap_or(u32::MAX) })
    }

    pub(super) fn delay(&mut self, node: &Node, reads: &mut Vec<Read>) -> WrittenKind {
        let Value::Map(members) = &node.value else {
            return self.delay_for(node, "delay", reads).map_or(WrittenKind::Broken, WrittenKind::Delay);
        };
        self.refuse_unknown(members, &["for", "until"], "`delay`");
        let delay = match (get(node, "for"), get(node, "until")) {
            (Some(node), None) => self.delay_for(node, "for", reads),
            (None, Some(node)) => self.delay_until(node, reads),
            (Some(_), Some(until)) => {
                self.error(codes::WRONG_TYPE, until.span, "`delay` is either `for` or `until`, not both".into());
                None
            }
            (None, None) => {
                self.error(codes::MISSING_KEY, node.span, "the key `for` or `until` is missing".into());
                None
            }
        };
        delay.map_or(WrittenKind::Broken, WrittenKind::Delay)
    }

    fn delay_for(&mut self, node: &Node, what: &str, reads: &mut Vec<Read>) -> Option<Delay> {
        self.text(node, what)?;
        let template = self.template(node, reads)?;
        match template.as_constant() {
            Some(_) => self.duration_in(node, what, codes::SETTING_RANGE, DELAY).map(Delay::For),
            None => Some(Delay::ForTemplate(template)),
        }
    }

    fn delay_until(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Delay> {
        let text = self.text(node, "until")?.value;
        let template = self.template(node, reads)?;
        if template.as_constant().is_some() && chrono::DateTime::parse_from_rfc3339(&text).is_err() {
            let message = format!("`until`: {text:?} is no time");
            let help = "an RFC 3339 time with its offset: 2026-12-24T08:00:00Z";
            self.problems.push(Problem::error(codes::TIME, node.span, message).help(help));
            return None;
        }
        Some(Delay::Until(template))
    }

    pub(super) fn notify(&mut self, node: &Node, reads: &mut Vec<Read>) -> WrittenKind {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "notify", "a map `{ event, data }`");
            return WrittenKind::Broken;
        };
        self.refuse_unknown(members, &["event", "data"], "`notify`");
        let event = self.required(node, "event").and_then(|node| self.event(node));
        let data = match get(node, "data") {
            Some(data) => self.template(data, reads),
            None => Some(Template::constant(Json::Null)),
        };
        match (event, data) {
            (Some(event), Some(data)) => WrittenKind::Notify(Notify { event, data }),
            _ => WrittenKind::Broken,
        }
    }

    fn event(&mut self, node: &Node) -> Option<String> {
        let event = self.text(node, "event")?.value;
        let word = |word: &str| {
            let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(letters)
        };
        if event.len() > EVENT_BYTES_MAX || !event.split('.').all(word) {
            let message = format!("`{event}` is no name for an event");
            let help = "lower-case words of letters, digits and underscores, joined by dots, at most 100 characters: \
                        `order.late`";
            self.problems.push(Problem::error(codes::EVENT_NAME, node.span, message).help(help));
            return None;
        }
        let family = event.split('.').next().unwrap_or_default();
        if FAMILIES.contains(&family) {
            let message = format!("`{event}` is named like Holdfast's own events");
            let help = format!("an event's name does not begin with {}", FAMILIES.join(", "));
            self.problems.push(Problem::error(codes::EVENT_NAME, node.span, message).help(help));
            return None;
        }
        Some(event)
    }
}

/// Something that looks like the definition of the function; the sandbox has the last word.
fn has_function(source: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    source.match_indices(name).any(|(at, word)| {
        let (before, after) = (&source[..at], &source[at + word.len()..]);
        if before.ends_with(|c| part(c) || c == '.') || after.starts_with(part) {
            return false;
        }
        let declared = before.trim_end().ends_with("function");
        let assigned = after.trim_start().strip_prefix('=').is_some_and(|rest| !rest.starts_with('='));
        declared || assigned
    })
}

#[cfg(test)]
mod tests {
    use super::has_function;

    #[test]
    fn a_function_step_is_found_however_it_is_written() {
        for source in ["function step(d) {}", "async function  step (d) {}", "const step = d => 1", "step=d=>1"] {
            assert!(has_function(source, "step"), "{source}");
        }
        for source in ["", "function steps() {}", "if (step == 1) {}", "a.step = 1", "function onestep() {}"] {
            assert!(!has_function(source, "step"), "{source}");
        }
    }
}
