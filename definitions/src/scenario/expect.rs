//! What a scenario expects: which words mean something.

use super::{Expected, Wanted, WantedValue, read::Reading};
use crate::{
    Json, codes,
    lower::get,
    problem::Problem,
    yaml::{Node, Value},
};

const EXPECT: &[&str] = &["of", "transaction", "transactions", "hit", "hits", "answer", "sent"];
const TRANSACTION: &[&str] = &["status", "step", "steps", "document", "error", "runs"];
const RUN: &[&str] = &["number", "entry", "hit", "status", "steps", "error"];
const HIT: &[&str] = &["name", "step", "status", "reason", "ambiguous", "transaction", "run", "answer"];
const ANSWER: &[&str] = &["status", "headers", "body"];
const SENT: &[&str] = &["step", "method", "url", "query", "headers", "body", "event", "data", "at", "transaction"];
const STATUSES: &[&str] = &["queued", "running", "held", "completed", "failed", "cancelled", "gone"];
const HIT_STATUSES: &[&str] =
    &["queued", "applied", "unmatched", "filtered", "expired", "duplicate", "rejected", "refused"];

/// Its headers as they come: texts, whatever they look like.
fn texts(mut wanted: Wanted) -> Wanted {
    if let WantedValue::Map(members) = &mut wanted.value
        && let Some((_, headers)) = members.iter_mut().find(|(name, _)| name == "headers")
        && let WantedValue::Map(headers) = &mut headers.value
    {
        for (name, value) in headers {
            name.make_ascii_lowercase();
            if let WantedValue::Scalar(scalar @ (Json::Bool(_) | Json::Number(_))) = &mut value.value {
                *scalar = Json::from(scalar.to_string());
            }
        }
    }
    wanted
}

impl Reading<'_> {
    pub(super) fn expected(&mut self, node: &Node) -> Option<Expected> {
        let Value::Map(members) = &node.value else {
            let wanted = "a map with some of the keys transaction, hit, answer and sent";
            self.lowering.wrong_type(node, "expect", wanted);
            return None;
        };
        self.lowering.refuse_unknown(members, EXPECT, "`expect`");
        if members.iter().all(|(key, _)| key.name() == "of") {
            let message = "nothing is expected".to_owned();
            let help = format!("say what of: {}", EXPECT[1..].join(", "));
            self.lowering.problems.push(Problem::error(codes::SCENARIO_ACTION, node.span, message).help(help));
        }
        Some(Expected {
            of: get(node, "of").and_then(|node| self.hit_name(node, "of")),
            transaction: get(node, "transaction").map(|node| self.transaction(node)),
            transactions: get(node, "transactions").map(|node| self.each_of(node, Self::transaction)),
            hit: get(node, "hit").map(|node| self.hit_wanted(node)),
            hits: get(node, "hits").map(|node| self.each_of(node, Self::hit_wanted)),
            answer: get(node, "answer").map(|node| self.answer_wanted(node)),
            sent: get(node, "sent").map(|node| self.each_of(node, Self::sent)),
        })
    }

    fn each_of(&mut self, node: &Node, one: fn(&mut Self, &Node) -> Wanted) -> Wanted {
        match &node.value {
            Value::List(items) => {
                let items = items.iter().map(|item| one(self, item)).collect();
                Wanted { value: WantedValue::List(items), span: node.span }
            }
            _ => {
                self.lowering.wrong_type(node, "what is expected here", "a list: it is compared whole");
                self.wanted(node)
            }
        }
    }

    fn transaction(&mut self, node: &Node) -> Wanted {
        self.words(node, TRANSACTION, "a transaction");
        self.status(node, STATUSES);
        if let Some(step) = get(node, "step")
            && !matches!(step.value, Value::Null)
        {
            self.cycle_step(step, "step", |_| true, "");
        }
        self.step_list(get(node, "steps"));
        if let Some(Node { value: Value::List(runs), .. }) = get(node, "runs") {
            for run in runs {
                self.words(run, RUN, "a run");
                self.step_list(get(run, "steps"));
            }
        }
        self.document(node);
        self.wanted(node)
    }

    /// It has a property for each step that has put something out.
    fn document(&mut self, node: &Node) {
        let Some(Node { value: Value::Map(members), .. }) = get(node, "document") else { return };
        let Some(cycle) = self.cycle.clone() else { return };
        for (key, _) in members.iter().filter(|(key, _)| cycle.find(key.name()).is_none()) {
            let known: Vec<&str> = cycle.steps.iter().map(|step| step.id.as_str()).collect();
            let message = format!("{} has no step `{}`: the document has what steps put out", cycle.name, key.name());
            let problem = Problem::error(codes::SCENARIO_STEP, key.span, message);
            self.lowering.problems.push(problem.suggest(key.name(), &known));
        }
    }

    fn step_list(&mut self, node: Option<&Node>) {
        let Some(Node { value: Value::List(steps), .. }) = node else { return };
        for step in steps {
            self.cycle_step(step, "steps", |_| true, "");
        }
    }

    fn hit_wanted(&mut self, node: &Node) -> Wanted {
        self.words(node, HIT, "a hit");
        self.status(node, HIT_STATUSES);
        if let Some(answer) = get(node, "answer") {
            self.answer_wanted(answer);
        }
        self.wanted(node)
    }

    pub(super) fn answer_wanted(&mut self, node: &Node) -> Wanted {
        self.words(node, ANSWER, "an answer");
        texts(self.wanted(node))
    }

    fn sent(&mut self, node: &Node) -> Wanted {
        self.words(node, SENT, "what is sent");
        texts(self.wanted(node))
    }

    /// A map of such keys, or nothing at all.
    fn words(&mut self, node: &Node, known: &[&str], what: &str) {
        match &node.value {
            Value::Map(members) => self.lowering.refuse_unknown(members, known, what),
            Value::Null => {}
            _ => self.lowering.wrong_type(node, what, &format!("a map with some of the keys {}", known.join(", "))),
        }
    }

    fn status(&mut self, node: &Node, known: &[&str]) {
        if let Some(status) = get(node, "status") {
            self.choice(status, "status", known);
        }
    }
}
