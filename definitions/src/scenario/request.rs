//! A hit of a scenario, and what outside systems answer.

use std::collections::BTreeMap;

use super::{GivenAnswer, GivenAnswers, Request, RequestBody, read::Reading};
use crate::{
    Json, StepKind, codes,
    lower::get,
    problem::Problem,
    yaml::{Node, Value},
};

const HIT: &[&str] = &["hit", "as", "method", "headers", "query", "body", "raw", "content_type", "verified", "expect"];
const METHODS: &[&str] = &["POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
const ANSWER: &[&str] = &["status", "headers", "body", "error", "message"];
/// What a call fails with where nobody answers.
pub const FAILURES: &[&str] = &["timeout", "network", "connect", "tls", "address", "too_large"];
const METHODS_CALLED: &[&str] = &["subscribe", "handle", "refresh", "unsubscribe"];

impl Reading<'_> {
    pub(super) fn hit(&mut self, members: &[(Node, Node)], value: &Node) -> Option<Request> {
        self.lowering.refuse_unknown(members, HIT, "a hit");
        let find = |name: &str| members.iter().find(|(key, _)| key.name() == name).map(|(_, value)| value);
        let step = self.cycle_step(value, "hit", |kind| matches!(kind, StepKind::Webhook(_)), "webhook");
        let name = find("as").and_then(|node| self.name(node));
        let method = find("method").map_or(Some("POST".to_owned()), |node| self.choice(node, "method", METHODS));
        let mut headers = find("headers").map_or_else(Vec::new, |node| self.pairs(node, "headers"));
        for (name, _) in &mut headers {
            name.make_ascii_lowercase();
        }
        if let Some(text) = find("content_type").and_then(|node| self.lowering.text(node, "content_type")) {
            headers.retain(|(name, _)| name != "content-type");
            headers.push(("content-type".to_owned(), text.value));
        }
        let body = match (find("body"), find("raw")) {
            (None, None) => RequestBody::None,
            (Some(body), None) => RequestBody::Json(body.json()),
            (None, Some(raw)) => RequestBody::Raw(self.lowering.text(raw, "raw")?.value),
            (Some(_), Some(raw)) => {
                let message = "the hit has two bodies: `body` and `raw`".to_owned();
                let help = "`body` is sent as JSON, `raw` as it is written, with a `content_type`";
                self.lowering.problems.push(Problem::error(codes::SCENARIO_BODY, raw.span, message).help(help));
                RequestBody::None
            }
        };
        let verified = find("verified").is_none_or(|node| match node.value {
            Value::Bool(verified) => verified,
            _ => {
                self.lowering.wrong_type(node, "verified", "true or false");
                true
            }
        });
        let query = find("query").map_or_else(Vec::new, |node| self.pairs(node, "query"));
        let expect = find("expect").map(|node| self.answer_wanted(node));
        Some(Request { step: step?, name, method: method?, headers, query, body, verified, expect })
    }

    /// What the scenario calls a hit.
    fn name(&mut self, node: &Node) -> Option<String> {
        let name = self.lowering.text(node, "as")?.value;
        if self.hits.contains(&name) {
            let message = format!("another hit is called `{name}` already");
            self.lowering.error(codes::SCENARIO_NAME, node.span, message);
        }
        self.hits.push(name.clone());
        Some(name)
    }

    pub(super) fn choice(&mut self, node: &Node, what: &str, known: &[&str]) -> Option<String> {
        let word = self.lowering.text(node, what)?.value;
        if known.contains(&word.as_str()) {
            return Some(word);
        }
        let message = format!("`{what}` can't be `{word}`");
        self.lowering.problems.push(Problem::error(codes::CHOICE, node.span, message).suggest(&word, known));
        None
    }

    /// Names and texts; a list is a name several times.
    fn pairs(&mut self, node: &Node, what: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (name, value) in self.members(node, what, "a map from names to texts") {
            let values = match &value.value {
                Value::List(items) => items.iter().collect(),
                _ => vec![value],
            };
            for value in values {
                if let Some(text) = self.lowering.text(value, name) {
                    pairs.push((name.to_owned(), text.value));
                }
            }
        }
        pairs
    }

    /// `given.http`.
    pub(super) fn answers(&mut self, node: &Node) -> BTreeMap<String, GivenAnswers> {
        let mut answers = BTreeMap::new();
        let Value::Map(members) = &node.value else {
            self.lowering.wrong_type(node, "http", "a map from steps to what they are answered");
            return answers;
        };
        for (key, value) in members {
            self.calling_step(key);
            let calls: Vec<Vec<GivenAnswer>> = match &value.value {
                Value::List(calls) => calls.iter().map(|call| self.attempts(call)).collect(),
                _ => vec![self.answer(value).into_iter().collect()],
            };
            if calls.is_empty() {
                let message = format!("no answer is given for `{}`", key.name());
                self.lowering.error(codes::SCENARIO_GIVEN, value.span, message);
            }
            answers.insert(key.name().to_owned(), GivenAnswers(calls));
        }
        answers
    }

    fn attempts(&mut self, node: &Node) -> Vec<GivenAnswer> {
        match &node.value {
            Value::List(items) if !items.is_empty() => items.iter().filter_map(|item| self.answer(item)).collect(),
            _ => self.answer(node).into_iter().collect(),
        }
    }

    fn answer(&mut self, node: &Node) -> Option<GivenAnswer> {
        let Value::Map(members) = &node.value else {
            let wanted = "a map: `{ status: 200, body: … }`, or `{ error: timeout }`";
            self.lowering.wrong_type(node, "an answer", wanted);
            return None;
        };
        self.lowering.refuse_unknown(members, ANSWER, "an answer");
        if let Some(error) = get(node, "error") {
            let kind = self.choice(error, "error", FAILURES)?;
            let message = get(node, "message").and_then(|node| self.lowering.text(node, "message"));
            let message = message.map_or_else(|| "no answer: the scenario gives none".to_owned(), |text| text.value);
            if let Some(other) = ["status", "headers", "body"].iter().find_map(|name| get(node, name)) {
                let message = "where there is an error there is no answer".to_owned();
                self.lowering.error(codes::SCENARIO_GIVEN, other.span, message);
            }
            return Some(GivenAnswer::Error { kind, message });
        }
        let status = match get(node, "status") {
            Some(status) => self.lowering.count(status, "status", (200, 599))?,
            None => 200,
        };
        let mut headers = get(node, "headers").map_or_else(Vec::new, |node| self.pairs(node, "headers"));
        for (name, _) in &mut headers {
            name.make_ascii_lowercase();
        }
        let body = get(node, "body").map_or(Json::Null, Node::json);
        Some(GivenAnswer::Answer { status: u16::try_from(status).ok()?, headers, body })
    }

    /// A step that calls another system: an `http` step, in an `each` too, or a webhook's connector.
    fn calling_step(&mut self, key: &Node) {
        let Some(cycle) = self.cycle.clone() else { return };
        let mut known: Vec<String> = Vec::new();
        for step in &cycle.steps {
            match &step.kind {
                StepKind::Http(_) => known.push(step.id.clone()),
                StepKind::Each(each) => {
                    let calls = each.body.steps.iter().filter(|step| matches!(step.kind, StepKind::Http(_)));
                    known.extend(calls.map(|step| step.id.clone()));
                }
                StepKind::Webhook(webhook) if webhook.connected.is_some() => {
                    known.extend(METHODS_CALLED.iter().map(|method| format!("{}.{method}", step.id)));
                }
                _ => {}
            }
        }
        if known.iter().any(|known| known == key.name()) {
            return;
        }
        let message = match cycle.find(key.name()) {
            Some(_) => format!("the step `{}` of {} calls nobody", key.name(), cycle.name),
            None => format!("{} has no step `{}` that calls another system", cycle.name, key.name()),
        };
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let problem = Problem::error(codes::SCENARIO_STEP, key.span, message);
        self.lowering.problems.push(match known.is_empty() {
            true => problem.help("no step of it calls another system"),
            false => problem.suggest(key.name(), &known),
        });
    }
}
