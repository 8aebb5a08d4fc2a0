//! The evaluation of a query (RFC 9535 §2), which stops at its limits.

use std::cmp::Ordering;

use super::{
    Exhausted, child,
    compile::{self, Comparing, Expression, Operand, Part, Pattern, Pick, Query, Source},
};
use crate::{Json, Number};

pub fn evaluate<'a>(
    query: &Query,
    root: &'a Json,
    nodes_max: usize,
    results_max: usize,
) -> Result<Vec<&'a Json>, Exhausted> {
    let found = Evaluation { root, left: nodes_max }.query(query, root)?;
    if found.len() > results_max { Err(Exhausted) } else { Ok(found) }
}

/// Bytes of a text that cost as much as one more node.
const BYTES_A_LOOK: usize = 64;

struct Evaluation<'a> {
    root: &'a Json,
    /// Nodes that may still be looked at.
    left: usize,
}

impl<'a> Evaluation<'a> {
    fn look(&mut self) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(1).ok_or(Exhausted)?;
        Ok(())
    }

    /// Counts a value that a filter reads whole: once for each of its elements and each
    /// [`BYTES_A_LOOK`] of its texts. Otherwise a filter could read one large text for every element.
    fn read(&mut self, value: &Json) -> Result<(), Exhausted> {
        self.look()?;
        match value {
            Json::Null | Json::Bool(_) => Ok(()),
            Json::Number(number) => self.spend(number.text().len() / BYTES_A_LOOK),
            Json::Text(text) => self.spend(text.len() / BYTES_A_LOOK),
            Json::Array(items) => items.iter().try_for_each(|item| self.read(item)),
            Json::Object(members) => members.iter().try_for_each(|(name, value)| {
                self.spend(name.len() / BYTES_A_LOOK)?;
                self.read(value)
            }),
        }
    }

    fn spend(&mut self, looks: usize) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(looks).ok_or(Exhausted)?;
        Ok(())
    }

    fn query(&mut self, query: &Query, from: &'a Json) -> Result<Vec<&'a Json>, Exhausted> {
        let mut nodes = vec![from];
        for part in &query.segments {
            let mut next = Vec::new();
            for node in nodes {
                if part.descendant {
                    self.descend(part, node, &mut next)?;
                } else {
                    self.select(part, node, &mut next)?;
                }
            }
            nodes = next;
        }
        Ok(nodes)
    }

    /// A value is nested 128 deep at most, which bounds the recursion.
    fn descend(&mut self, part: &Part, node: &'a Json, found: &mut Vec<&'a Json>) -> Result<(), Exhausted> {
        self.select(part, node, found)?;
        for child in children(node) {
            self.look()?;
            self.descend(part, child, found)?;
        }
        Ok(())
    }

    fn select(&mut self, part: &Part, node: &'a Json, found: &mut Vec<&'a Json>) -> Result<(), Exhausted> {
        for pick in &part.selectors {
            self.look()?;
            match pick {
                Pick::Step(step) => found.extend(child(node, step)),
                Pick::All => {
                    for child in children(node) {
                        self.look()?;
                        found.push(child);
                    }
                }
                Pick::Slice(start, end, step) => {
                    if let Json::Array(items) = node {
                        for at in slice(*start, *end, step.unwrap_or(1), items.len()) {
                            self.look()?;
                            found.extend(items.get(at));
                        }
                    }
                }
                Pick::Filter(filter) => {
                    for child in children(node) {
                        self.look()?;
                        if self.holds(filter, child)? {
                            found.push(child);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn holds(&mut self, expression: &Expression, node: &'a Json) -> Result<bool, Exhausted> {
        Ok(match expression {
            Expression::Any(all) => {
                for one in all {
                    if self.holds(one, node)? {
                        return Ok(true);
                    }
                }
                false
            }
            Expression::Every(all) => {
                for one in all {
                    if !self.holds(one, node)? {
                        return Ok(false);
                    }
                }
                true
            }
            Expression::Not(inner) => !self.holds(inner, node)?,
            Expression::Exists(source) => !self.nodes(source, node)?.is_empty(),
            Expression::Matches { text, pattern } => {
                let text = self.operand(text, node)?;
                if let Some(text) = &text {
                    self.read(text.get())?;
                }
                let Some(text) = text.as_ref().and_then(|value| value.get().as_text()) else { return Ok(false) };
                match pattern {
                    Pattern::Compiled(regex) => regex.is_match(text),
                    Pattern::Never => false,
                    Pattern::Computed { operand, whole } => {
                        let pattern = self.operand(operand, node)?;
                        let pattern = pattern.as_ref().and_then(|value| value.get().as_text());
                        pattern
                            .and_then(|pattern| compile::regex(pattern, *whole).ok())
                            .is_some_and(|regex| regex.is_match(text))
                    }
                }
            }
            Expression::Compare(how, left, right) => {
                let (left, right) = (self.operand(left, node)?, self.operand(right, node)?);
                for value in left.iter().chain(&right) {
                    self.read(value.get())?;
                }
                compare(*how, left.as_ref().map(Value::get), right.as_ref().map(Value::get))
            }
        })
    }

    fn nodes(&mut self, source: &Source, node: &'a Json) -> Result<Vec<&'a Json>, Exhausted> {
        self.query(&source.query, if source.from_root { self.root } else { node })
    }

    fn operand(&mut self, operand: &Operand, node: &'a Json) -> Result<Option<Value<'a>>, Exhausted> {
        Ok(match operand {
            Operand::Literal(value) => Some(Value::Made(value.clone())),
            Operand::Value(source) | Operand::Single(source) => match self.nodes(source, node)?.as_slice() {
                [one] => Some(Value::Node(one)),
                _ => None,
            },
            Operand::Count(source) => Some(Value::count(self.nodes(source, node)?.len())),
            Operand::Length(inner) => match self.operand(inner, node)?.as_ref().map(Value::get) {
                Some(Json::Text(text)) => {
                    self.spend(text.len() / BYTES_A_LOOK)?;
                    Some(Value::count(text.chars().count()))
                }
                Some(Json::Array(items)) => Some(Value::count(items.len())),
                Some(Json::Object(members)) => Some(Value::count(members.len())),
                _ => None,
            },
        })
    }
}

enum Value<'a> {
    Node(&'a Json),
    Made(Json),
}

impl Value<'_> {
    fn count(count: usize) -> Self {
        Self::Made(Json::from(count as u64))
    }

    fn get(&self) -> &Json {
        match self {
            Self::Node(value) => value,
            Self::Made(value) => value,
        }
    }
}

fn children(node: &Json) -> Box<dyn Iterator<Item = &Json> + '_> {
    match node {
        Json::Array(items) => Box::new(items.iter()),
        Json::Object(members) => Box::new(members.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// RFC 9535 §2.3.4.2.2.
fn slice(start: Option<i64>, end: Option<i64>, step: i64, length: usize) -> Box<dyn Iterator<Item = usize>> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let normal = |index: i64| if index >= 0 { index } else { length.saturating_add(index) };
    let at = |index: i64| usize::try_from(index).ok();
    let Ok(stride) = usize::try_from(step.unsigned_abs()) else { return Box::new(std::iter::empty()) };
    if step > 0 {
        let lower = normal(start.unwrap_or(0)).clamp(0, length);
        let upper = normal(end.unwrap_or(length)).clamp(0, length);
        Box::new((lower..upper).step_by(stride).filter_map(at))
    } else if step < 0 {
        let upper = normal(start.unwrap_or(length - 1)).clamp(-1, length - 1);
        let lower = end.map_or(-1, |end| normal(end).clamp(-1, length - 1));
        Box::new((lower + 1..=upper).rev().step_by(stride).filter_map(at))
    } else {
        Box::new(std::iter::empty())
    }
}

/// RFC 9535 §2.3.5.2.2.
fn compare(how: Comparing, left: Option<&Json>, right: Option<&Json>) -> bool {
    let equal = || match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => same(left, right),
        _ => false,
    };
    let order = || match (left?, right?) {
        (Json::Number(left), Json::Number(right)) => left.compare(right),
        (Json::Text(left), Json::Text(right)) => Some(left.chars().cmp(right.chars())),
        _ => None,
    };
    match how {
        Comparing::Equal => equal(),
        Comparing::NotEqual => !equal(),
        Comparing::Less => order() == Some(Ordering::Less),
        Comparing::Greater => order() == Some(Ordering::Greater),
        Comparing::AtMost => order() == Some(Ordering::Less) || equal(),
        Comparing::AtLeast => order() == Some(Ordering::Greater) || equal(),
    }
}

fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => same_number(left, right),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(&**right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

fn same_number(left: &Number, right: &Number) -> bool {
    left == right || left.compare(right) == Some(Ordering::Equal)
}
