//! Decisions and their conditions.

use super::{Lowering, get};
use crate::{
    Condition, ConditionError, OPERATORS, Operator, codes,
    problem::Problem,
    written::{Read, Target, WrittenCase, WrittenKind},
    yaml::{Node, Value},
};

impl Lowering {
    pub(super) fn decision(&mut self, node: &Node, reads: &mut Vec<Read>) -> WrittenKind {
        let Value::List(items) = &node.value else {
            self.wrong_type(node, "decision", "a list of `{ when, next }`, last `{ else }`");
            return WrittenKind::Broken;
        };
        let mut cases = Vec::new();
        let mut otherwise: Option<Target> = None;
        for (at, item) in items.iter().enumerate() {
            let Value::Map(members) = &item.value else {
                self.wrong_type(item, "decision", "a list of `{ when, next }`, last `{ else }`");
                continue;
            };
            if let Some(node) = get(item, "else") {
                self.refuse_unknown(members, &["else"], "the `else` of a decision");
                if at + 1 < items.len() {
                    let message = "`else` must be the last case: what comes after it is never reached".to_owned();
                    self.error(codes::ELSE_NOT_LAST, item.span, message);
                }
                otherwise = self.target(node, "else").or(otherwise);
                continue;
            }
            self.refuse_unknown(members, &["when", "next"], "a case of a decision");
            let when = self.required(item, "when");
            let sameness = when.map(|when| when.json().to_string()).unwrap_or_default();
            let when = when.and_then(|when| self.condition(when, reads));
            let next = self.required(item, "next").and_then(|next| self.target(next, "next"));
            cases.push(WrittenCase { when, sameness, next, span: item.span });
        }
        if otherwise.is_none() && !items.iter().any(|item| get(item, "else").is_some()) {
            let message = "the decision has no `else`: what happens where no case holds?".to_owned();
            let help = "end the list with `- else: end`, or name a step";
            self.problems.push(Problem::error(codes::ELSE_MISSING, node.span, message).help(help));
        }
        WrittenKind::Decision { cases, otherwise }
    }

    fn condition(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Condition> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "when", "a condition: `{ value: PATH, equals: … }`, `all`, `any` or `not`");
            return None;
        };
        for (name, several) in [("all", true), ("any", true), ("not", false)] {
            let Some(inner) = get(node, name) else { continue };
            self.refuse_unknown(members, &[name], &format!("`{name}`"));
            if !several {
                return Some(Condition::Not(Box::new(self.condition(inner, reads)?)));
            }
            let Value::List(items) = &inner.value else {
                self.wrong_type(inner, name, "a list of conditions");
                return None;
            };
            let all: Vec<_> = items.iter().map(|item| self.condition(item, reads)).collect();
            let all = all.into_iter().collect::<Option<Vec<_>>>()?;
            return Some(if name == "all" { Condition::All(all) } else { Condition::Any(all) });
        }
        self.test(node, members, reads)
    }

    fn test(&mut self, node: &Node, members: &[(Node, Node)], reads: &mut Vec<Read>) -> Option<Condition> {
        let value = self.required(node, "value").and_then(|node| {
            let path = self.path(node, "value")?;
            reads.push(Read { path: path.clone(), span: node.span, before: false });
            Some(path)
        });
        let ignore_case = match get(node, "ignore_case") {
            None => false,
            Some(Node { value: Value::Bool(given), .. }) => *given,
            Some(other) => {
                self.wrong_type(other, "ignore_case", "true or false");
                false
            }
        };
        let mut operators = members.iter().filter(|(key, _)| !["value", "ignore_case"].contains(&key.name()));
        let Some((name, operand)) = operators.next() else {
            let message = "the condition has no operator".to_owned();
            let help = format!("one of: {}", OPERATORS.join(", "));
            self.problems.push(Problem::error(codes::OPERATOR_COUNT, node.span, message).help(help));
            return None;
        };
        if let Some((other, _)) = operators.next() {
            let message = format!("the condition has two operators, `{}` and `{}`", name.name(), other.name());
            let help = "join two conditions with `all` or `any`";
            self.problems.push(Problem::error(codes::OPERATOR_COUNT, other.span, message).help(help));
            return None;
        }
        match Operator::from_name(name.name(), operand.json(), ignore_case) {
            Ok(operator) => Some(Condition::Test { value: value?, operator }),
            Err(error) => {
                self.operator_error(name, operand, &error);
                None
            }
        }
    }

    fn operator_error(&mut self, name: &Node, operand: &Node, error: &ConditionError) {
        let message = error.to_string();
        let problem = match error {
            ConditionError::UnknownOperator(_) => {
                Problem::error(codes::UNKNOWN_OPERATOR, name.span, message).suggest(name.name(), OPERATORS)
            }
            ConditionError::IgnoreCase(_) => Problem::error(codes::IGNORE_CASE, name.span, message),
            ConditionError::Pattern(_) => Problem::error(codes::PATTERN, operand.span, message)
                .help("quote it in single quotes, so that YAML leaves backslashes alone"),
            ConditionError::NotTime { .. } => Problem::error(codes::TIME, operand.span, message),
            _ => Problem::error(codes::OPERAND, operand.span, message),
        };
        self.problems.push(problem);
    }
}
