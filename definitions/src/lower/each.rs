//! An `each` step: the array, and the steps for every element of it.

use super::{Lowering, STEPS_MAX, get};
use crate::{
    codes,
    problem::Problem,
    written::{Read, WrittenEach, WrittenKind, WrittenStep},
    yaml::{Node, Value},
};

const KNOWN: &[&str] = &["in", "parallel", "partial", "first", "steps", "result"];
const PARALLEL: (u32, u32) = (1, 50);

impl Lowering {
    pub(super) fn each(&mut self, key: &Node, node: &Node, reads: &mut Vec<Read>) -> WrittenKind {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "each", "a map with at least `in` and `steps`");
            return WrittenKind::Broken;
        };
        self.refuse_unknown(members, KNOWN, "`each`");
        let elements = self.required(node, "in").and_then(|node| {
            let path = self.path(node, "in")?;
            reads.push(Read { path: path.clone(), span: node.span, before: false });
            Some(path)
        });
        let parallel = get(node, "parallel").map_or(Some(1), |node| self.count(node, "parallel", PARALLEL));
        let partial = match get(node, "partial") {
            None => false,
            Some(Node { value: Value::Bool(given), .. }) => *given,
            Some(other) => {
                self.wrong_type(other, "partial", "true or false");
                false
            }
        };
        let first = get(node, "first").and_then(|node| self.target(node, "first"));
        let mut result_reads = Vec::new();
        let result = get(node, "result").and_then(|node| self.template(node, &mut result_reads));
        let steps = self.required(node, "steps").and_then(|node| self.inner_steps(node));
        match (elements, steps) {
            (Some(elements), Some(steps)) => WrittenKind::Each(Box::new(WrittenEach {
                span: key.span,
                elements,
                parallel: parallel.unwrap_or(1),
                partial,
                first,
                steps,
                result,
                result_reads,
            })),
            _ => WrittenKind::Broken,
        }
    }

    fn inner_steps(&mut self, node: &Node) -> Option<Vec<WrittenStep>> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "steps", "a map from step ids to steps");
            return None;
        };
        if members.is_empty() {
            self.error(codes::NO_STEPS, node.span, "the `each` has no steps".into());
            return None;
        }
        Some(members.iter().take(STEPS_MAX).map(|(id, step)| self.inner_step(id, step)).collect())
    }

    fn inner_step(&mut self, id: &Node, node: &Node) -> WrittenStep {
        let mut step = self.step(id, node);
        let (word, help) = match step.kind {
            WrittenKind::Webhook(_) => ("webhook", "an element can't be held: a transaction waits outside of `each`"),
            WrittenKind::Respond(_) => ("respond", "answer the caller once, outside of `each`"),
            WrittenKind::Each(_) => ("each", "find the inner elements with the path of one `each`: `in: $.a[*].b[*]`"),
            _ => return step,
        };
        let span = match &node.value {
            Value::Map(members) => members.iter().find(|(key, _)| key.name() == word).map(|(key, _)| key.span),
            _ => None,
        };
        let message = format!("`each` holds no `{word}`");
        self.problems.push(Problem::error(codes::EACH_HOLDS, span.unwrap_or(id.span), message).help(help));
        step.kind = WrittenKind::Broken;
        step
    }
}
