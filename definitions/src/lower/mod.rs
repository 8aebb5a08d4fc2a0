//! From spanned nodes to the cycle as written. Everything wrong is noted and the rest goes on.

mod auth;
mod challenge;
mod concurrency;
mod connected;
mod connector;
mod decision;
mod each;
mod http;
mod respond;
mod script;
mod senders;
mod step;
mod value;
mod verify;
mod webhook;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    Connector, Connectors, Json, Number, Retention, codes,
    problem::{Problem, Span},
    written::{Spanned, WrittenCycle, WrittenWebhook},
    yaml::{Node, Value},
};

pub use connector::given_to;
pub use step::KINDS;
pub use webhook::HIT_PARTS;

/// Steps of a cycle.
pub const STEPS_MAX: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);
const RETENTION_MAX: Duration = Duration::from_secs(31 * 24 * 3_600);

/// What is known at the top of a definition.
const TOP: &[&str] = &["cycle", "description", "retention", "concurrency", "vars", "steps"];

#[derive(Default)]
pub struct Lowering {
    pub problems: Vec<Problem>,
    /// Declared at the top, with their values.
    vars: BTreeMap<String, Json>,
    /// What is given for them at a deploy; none where nothing is deployed.
    given: Option<Given>,
    /// Those of them that it has taken.
    taken: Given,
    /// The secrets, and variables of the environment, that it reads.
    secrets: BTreeSet<String>,
    env: BTreeSet<String>,
    /// What webhooks may subscribe with, and what they do.
    connectors: Connectors,
    used: Connectors,
}

/// Variables' values, by name.
pub type Given = BTreeMap<String, Json>;

/// A cycle, where so much is there that checking it says something.
pub fn lower(root: &Node, given: Option<&Given>, connectors: &Connectors) -> (Option<WrittenCycle>, Vec<Problem>) {
    let mut lowering = Lowering { given: given.cloned(), connectors: connectors.clone(), ..Lowering::default() };
    let cycle = lowering.cycle(root);
    (cycle, lowering.problems)
}

/// Whether a document is a connector's.
pub fn is_connector(root: &Node) -> bool {
    get(root, "connector").is_some() && get(root, "cycle").is_none()
}

/// A connector, where its name could be read.
pub fn lower_connector(root: &Node, source: &str) -> (Option<Spanned<Connector>>, Vec<Problem>) {
    let mut lowering = Lowering::default();
    let connector = lowering.connector(root, source);
    (connector, lowering.problems)
}

/// A shared webhook's settings, and the secrets that they read.
pub struct SharedSettings {
    pub webhook: WrittenWebhook,
    pub secrets: BTreeSet<String>,
    pub problems: Vec<Problem>,
}

pub fn shared_settings(root: &Node, name: &str) -> SharedSettings {
    let mut lowering = Lowering::default();
    lowering.check_name(&Spanned { value: name.to_owned(), span: Span::START }, "a shared webhook");
    let webhook = lowering.shared_webhook(root);
    SharedSettings { webhook, secrets: lowering.secrets, problems: lowering.problems }
}

impl Lowering {
    fn cycle(&mut self, root: &Node) -> Option<WrittenCycle> {
        let Value::Map(members) = &root.value else {
            let message = format!("a definition is a map with the keys {}, not {}", TOP.join(", "), root.kind());
            self.error(codes::NO_CYCLE, root.span, message);
            return None;
        };
        self.refuse_unknown(members, TOP, "a definition");
        let name = self.required(root, "cycle").and_then(|node| self.text(node, "cycle"));
        if let Some(name) = &name {
            self.check_name(name, "a cycle");
        }
        let description = get(root, "description").and_then(|node| self.text(node, "description"));
        let retention = get(root, "retention").map_or(Retention::FromStart(RETENTION_MAX), |node| self.retention(node));
        let concurrency = get(root, "concurrency").and_then(|node| self.concurrency(node));
        if let Some(node) = get(root, "vars") {
            self.vars(node);
        }
        let steps_node = self.required(root, "steps")?;
        let steps = self.steps(steps_node);
        Some(WrittenCycle {
            name: name?,
            description: description.map(|text| text.value),
            retention,
            concurrency,
            vars: std::mem::take(&mut self.vars),
            given: std::mem::take(&mut self.taken),
            secrets: std::mem::take(&mut self.secrets),
            env: std::mem::take(&mut self.env),
            connectors: std::mem::take(&mut self.used),
            steps,
            steps_span: steps_node.span,
        })
    }

    fn vars(&mut self, node: &Node) {
        let Value::Map(members) = &node.value else {
            return self.wrong_type(node, "vars", "a map from names to values");
        };
        for (key, value) in members {
            let name = key.name();
            if !crate::template::is_name(name) {
                let message = format!("`{name}` is no name for a variable");
                let help = "letters, digits and underscores, at most 100, not starting with a digit";
                self.problems.push(Problem::error(codes::VAR, key.span, message).help(help));
            } else if matches!(value.value, Value::List(_) | Value::Map(_)) {
                let message = format!(
                    "the variable `{name}` must be a text, a number, a boolean or null (to be given at the deploy), \
                     not {}",
                    value.kind()
                );
                self.error(codes::VAR, value.span, message);
            }
            // Declared all the same: what reads it is not wrong as well.
            let value = self.given(name, value);
            self.vars.insert(name.to_owned(), value);
        }
    }

    /// The value that is given at a deploy, or else the declared one. A text becomes what is declared.
    fn given(&mut self, name: &str, declared: &Node) -> Json {
        let Some(given) = &self.given else { return declared.json() };
        let (wanted, value) = match (&declared.value, given.get(name)) {
            (Value::Null, None) => {
                let message = format!("the variable `{name}` has no value: it must be given at the deploy");
                let help = format!("`holdfast cycles deploy FILE --var {name}=VALUE`, or `?var.{name}=VALUE`");
                self.problems.push(Problem::error(codes::VAR_GIVEN, declared.span, message).help(help));
                return Json::Null;
            }
            (_, None) => return declared.json(),
            (Value::Number(_), Some(Json::Text(text))) => ("a number", Number::parse(text).map(Json::Number)),
            (Value::Bool(_), Some(Json::Text(text))) => ("true or false", text.parse().ok().map(Json::Bool)),
            (_, Some(value)) => ("", Some(value.clone())),
        };
        let Some(value) = value else {
            let message = format!("the variable `{name}` is {wanted}, and what is given for it is not");
            self.error(codes::VAR_GIVEN, declared.span, message);
            return declared.json();
        };
        self.taken.insert(name.to_owned(), value.clone());
        value
    }

    pub(super) fn check_name(&mut self, name: &Spanned<String>, what: &str) {
        let text = &name.value;
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 100 || !text.chars().all(letters) || text.starts_with('-') {
            let message = format!("`{text}` is no name for {what}");
            let help = "lower-case letters, digits and hyphens, at most 100, not starting with a hyphen";
            let problem = Problem::error(codes::CYCLE_NAME, name.span, message);
            self.problems.push(match as_name(text) {
                Some(close) => problem.help(format!("{help}: `{close}`")).instead(close),
                None => problem.help(help),
            });
        }
    }

    fn retention(&mut self, node: &Node) -> Retention {
        let range = (HOUR, RETENTION_MAX);
        let Value::Map(members) = &node.value else {
            let kept = self.duration_in(node, "retention", codes::RETENTION_RANGE, range);
            return Retention::FromStart(kept.unwrap_or(RETENTION_MAX));
        };
        self.refuse_unknown(members, &["completed", "failed"], "`retention`");
        let mut one = |name| {
            let given = get(node, name);
            given.and_then(|node| self.duration_in(node, name, codes::RETENTION_RANGE, range)).unwrap_or(RETENTION_MAX)
        };
        Retention::ByOutcome { completed: one("completed"), failed: one("failed") }
    }

    fn steps(&mut self, node: &Node) -> Vec<crate::written::WrittenStep> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "steps", "a map from step ids to steps");
            return Vec::new();
        };
        if members.is_empty() {
            self.error(codes::NO_STEPS, node.span, "the cycle has no steps".into());
        }
        let count = members.len() + members.iter().map(|(_, step)| inner_steps(step)).sum::<usize>();
        if count > STEPS_MAX {
            let message = format!("the cycle has {count} steps; at most {STEPS_MAX} are allowed");
            self.error(codes::TOO_MANY_STEPS, node.span, message);
        }
        members.iter().take(STEPS_MAX).map(|(id, step)| self.step(id, step)).collect()
    }

    pub(crate) fn error(&mut self, code: codes::Code, span: Span, message: String) {
        self.problems.push(Problem::error(code, span, message));
    }

    pub(crate) fn wrong_type(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("`{what}` must be {wanted}, not {}", node.kind());
        self.error(codes::WRONG_TYPE, node.span, message);
    }

    /// Each unknown key, with what was likely meant or the list of what is known.
    pub(crate) fn refuse_unknown(&mut self, members: &[(Node, Node)], known: &[&str], of: &str) {
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.name())) {
            let message = format!("unknown key `{}` in {of}", key.name());
            self.problems.push(Problem::error(codes::UNKNOWN_KEY, key.span, message).suggest(key.name(), known));
        }
    }

    pub(crate) fn required<'a>(&mut self, node: &'a Node, name: &str) -> Option<&'a Node> {
        let found = get(node, name);
        if found.is_none() {
            self.error(codes::MISSING_KEY, node.span, format!("the key `{name}` is missing"));
        }
        found
    }

    /// A text; a number or a boolean where only text can be meant is taken as it is written.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        let value = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.text().to_owned(),
            Value::Bool(value) => value.to_string(),
            _ => {
                self.wrong_type(node, what, "a text");
                return None;
            }
        };
        Some(Spanned { value, span: node.span })
    }

    /// A whole number of a range, both ends included.
    pub(crate) fn count(&mut self, node: &Node, what: &str, (least, most): (u32, u32)) -> Option<u32> {
        let Value::Number(number) = &node.value else {
            self.wrong_type(node, what, "a number");
            return None;
        };
        let given = number.as_i64();
        let found = given.and_then(|count| u32::try_from(count).ok()).filter(|count| (least..=most).contains(count));
        if found.is_none() {
            let message = format!("`{what}` is {}; it goes from {least} to {most}", number.text());
            let problem = Problem::error(codes::SETTING_RANGE, node.span, message);
            self.problems.push(match given.map(|given| given.clamp(least.into(), most.into())) {
                Some(nearest) => problem.help(format!("the nearest is `{nearest}`")).instead(nearest.to_string()),
                None => problem,
            });
        }
        found
    }

    pub(crate) fn duration(&mut self, node: &Node, what: &str) -> Option<Duration> {
        let text = self.text(node, what)?;
        match crate::parse_duration(&text.value) {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.error(codes::DURATION, node.span, format!("`{what}`: {error}"));
                None
            }
        }
    }

    pub(super) fn duration_in(
        &mut self,
        node: &Node,
        what: &str,
        code: codes::Code,
        (least, most): (Duration, Duration),
    ) -> Option<Duration> {
        let duration = self.duration(node, what)?;
        if (least..=most).contains(&duration) {
            return Some(duration);
        }
        let shown = crate::format_duration;
        let message = format!("`{what}` is {}; it goes from {} to {}", shown(duration), shown(least), shown(most));
        let nearest = shown(duration.clamp(least, most));
        let problem = Problem::error(code, node.span, message).help(format!("the nearest is `{nearest}`"));
        self.problems.push(problem.instead(nearest));
        None
    }
}

/// What a text would be as a name; none where nothing would be left.
fn as_name(text: &str) -> Option<String> {
    let close: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = close.split('-').filter(|word| !word.is_empty()).collect();
    Some(words.join("-")).filter(|name| !name.is_empty() && name.len() <= 100)
}

/// The names that `preset` may have.
#[cfg(test)]
pub(crate) fn presets() -> impl Iterator<Item = &'static str> {
    let written = senders::VERIFY.iter().chain(senders::CHALLENGE).map(|(name, _)| *name);
    written.chain(verify::OTHER_PRESETS.iter().copied())
}

/// How many steps stand inside an `each`.
fn inner_steps(step: &Node) -> usize {
    match get(step, "each").and_then(|each| get(each, "steps")).map(|steps| &steps.value) {
        Some(Value::Map(members)) => members.len(),
        _ => 0,
    }
}

pub(crate) fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Map(members) => members.iter().find(|(key, _)| key.name() == name).map(|(_, value)| value),
        _ => None,
    }
}
