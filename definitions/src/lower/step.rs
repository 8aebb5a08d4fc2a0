//! A step: one kind, a name, and where it leads.

use super::{Lowering, get};
use crate::{
    codes,
    problem::{Problem, nearest},
    written::{Read, Spanned, Target, WrittenKind, WrittenStep},
    yaml::{Node, Value},
};

/// The kinds that are known.
pub const KINDS: &[&str] =
    &["webhook", "decision", "respond", "set", "fail", "http", "script", "delay", "notify", "each"];
const OTHERS: &[&str] = &["name", "next", "on_error"];

impl Lowering {
    pub(super) fn step(&mut self, id: &Node, node: &Node) -> WrittenStep {
        self.check_id(id);
        let mut step = WrittenStep {
            id: Spanned { value: id.name().to_owned(), span: id.span },
            name: None,
            kind: WrittenKind::Broken,
            next: None,
            on_error: None,
            reads: Vec::new(),
        };
        let Value::Map(members) = &node.value else {
            let message = format!("a step is a map with its kind ({}), not {}", KINDS.join(", "), node.kind());
            self.error(codes::WRONG_TYPE, node.span, message);
            return step;
        };
        self.unknown_keys(members);
        step.name = get(node, "name").and_then(|name| self.text(name, "name")).map(|name| name.value);
        step.next = get(node, "next").and_then(|next| self.target(next, "next"));
        step.on_error = get(node, "on_error").and_then(|node| self.target(node, "on_error"));
        let mut kinds = members.iter().filter(|(key, _)| KINDS.contains(&key.name()));
        let Some((kind, value)) = kinds.next() else {
            if members.iter().all(|(key, _)| OTHERS.contains(&key.name())) {
                let message = format!("step `{}` has no kind", step.id.value);
                let help = format!("it needs one of: {}", KINDS.join(", "));
                self.problems.push(Problem::error(codes::NO_KIND, id.span, message).help(help));
            }
            return step;
        };
        for (other, _) in kinds {
            let message = format!("step `{}` is a `{}` already: a step has one kind", step.id.value, kind.name());
            self.error(codes::SEVERAL_KINDS, other.span, message);
        }
        step.kind = self.kind(kind, value, &mut step.reads);
        if let (WrittenKind::Decision { .. } | WrittenKind::Fail(_), Some(next)) = (&step.kind, &step.next) {
            let message = format!("`next` means nothing beside `{}`", kind.name());
            let help = match step.kind {
                WrittenKind::Fail(_) => "a `fail` step ends the transaction",
                _ => "a decision goes where its cases say",
            };
            self.problems.push(Problem::error(codes::NEXT_UNUSED, next.span, message).help(help));
        }
        self.check_on_error(&step, kind.name());
        step
    }

    /// A `fail` step fails on purpose, and a decision has no `next` to go on to.
    fn check_on_error(&mut self, step: &WrittenStep, kind: &str) {
        let Some(given) = &step.on_error else { return };
        let why = match (&step.kind, given.value.as_str()) {
            (WrittenKind::Fail(_), _) => "a `fail` step ends the transaction",
            (WrittenKind::Decision { .. }, "ignore") => "a decision that fails has no `next` to go on to: name a step",
            _ => return,
        };
        let message = format!("`on_error: {}` means nothing beside `{kind}`", given.value);
        self.problems.push(Problem::error(codes::ON_ERROR_UNUSED, given.span, message).help(why));
    }

    fn kind(&mut self, kind: &Node, value: &Node, reads: &mut Vec<Read>) -> WrittenKind {
        match kind.name() {
            "webhook" => WrittenKind::Webhook(Box::new(self.webhook(kind.span, value, reads))),
            "decision" => self.decision(value, reads),
            "respond" => self.respond(value, reads),
            "http" => self.http(value, reads),
            "script" => self.script(value),
            "delay" => self.delay(value, reads),
            "notify" => self.notify(value, reads),
            "each" => self.each(kind, value, reads),
            "set" => self.template(value, reads).map_or(WrittenKind::Broken, WrittenKind::Set),
            _ => {
                let message = match &value.value {
                    Value::Map(members) => {
                        self.refuse_unknown(members, &["message"], "`fail`");
                        self.required(value, "message")
                    }
                    _ => Some(value),
                };
                match message.and_then(|message| self.template(message, reads)) {
                    Some(message) => WrittenKind::Fail(message),
                    None => WrittenKind::Broken,
                }
            }
        }
    }

    fn check_id(&mut self, id: &Node) {
        let text = id.name();
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let starts = text.starts_with(|c: char| c.is_ascii_digit());
        if text == "end" {
            let message = "a step can't be called `end`".to_owned();
            let help = "`end` is where a transaction ends: `next: end`";
            self.problems.push(Problem::error(codes::STEP_NAMED_END, id.span, message).help(help));
        } else if text.is_empty() || text.len() > 100 || starts || !text.chars().all(letters) {
            let message = format!("`{text}` is no step id");
            let help = "letters, digits and underscores, at most 100, not starting with a digit";
            self.problems.push(Problem::error(codes::STEP_ID, id.span, message).help(help));
        }
    }

    /// A key that looks like a kind is refused as one, with the list of kinds.
    fn unknown_keys(&mut self, members: &[(Node, Node)]) {
        let known: Vec<&str> = KINDS.iter().chain(OTHERS).copied().collect();
        let has_kind = members.iter().any(|(key, _)| KINDS.contains(&key.name()));
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.name())) {
            let close = nearest(key.name(), known.iter().copied());
            let (code, message) = match has_kind {
                true => (codes::UNKNOWN_KEY, format!("unknown key `{}` in a step", key.name())),
                false => (codes::UNKNOWN_KIND, format!("unknown kind of step `{}`", key.name())),
            };
            let help = match (close, has_kind) {
                (Some(close), _) => format!("did you mean `{close}`?"),
                (None, true) => format!("known are: {}, {}", KINDS.join(", "), OTHERS.join(", ")),
                (None, false) => format!("known kinds are: {}", KINDS.join(", ")),
            };
            let problem = Problem::error(code, key.span, message).help(help);
            self.problems.push(match close {
                Some(close) => problem.instead(close),
                None => problem,
            });
        }
    }

    pub(super) fn target(&mut self, node: &Node, what: &str) -> Option<Target> {
        self.text(node, what)
    }
}
