//! The operators, with their operands read once.

use std::{cmp::Ordering, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use regex::{Regex, RegexBuilder};

use crate::{Json, Number, duration::parse_duration, key::scalar, number::is_canonical};

/// Every operator, in the order of the language reference.
pub const OPERATORS: &[&str] = &[
    "equals",
    "not_equals",
    "greater_than",
    "at_least",
    "less_than",
    "at_most",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "matches",
    "in",
    "not_in",
    "exists",
    "empty",
    "before",
    "after",
];

/// Operators that `ignore_case` may go with.
const TEXTUAL: &[&str] =
    &["equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with", "matches", "in", "not_in"];

/// A compiled pattern's size in memory, at most.
const PATTERN_BYTES_MAX: usize = 256 << 10;

/// Why an operator can't be used with its operand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    #[error("unknown operator `{0}`")]
    UnknownOperator(String),
    #[error("`{operator}` orders numbers and texts; {found} has no order")]
    NotOrdered { operator: &'static str, found: &'static str },
    #[error("`{operator}` takes a text, not {found}")]
    NotText { operator: &'static str, found: &'static str },
    #[error("`{operator}` takes a list, not {found}")]
    NotList { operator: &'static str, found: &'static str },
    #[error("`{operator}` takes true or false, not {found}")]
    NotBoolean { operator: &'static str, found: &'static str },
    #[error("`{operator}` takes a time (RFC 3339) or `now` with an offset such as `now-7d`; `{found}` is neither")]
    NotTime { operator: &'static str, found: String },
    #[error("the pattern is no regular expression: {0}")]
    Pattern(String),
    #[error("`ignore_case` goes with text operators only, not with `{0}`")]
    IgnoreCase(String),
}

#[derive(Debug)]
pub struct Operator {
    test: Test,
    negated: bool,
    /// As it was written: the name and the operand.
    written: String,
}

#[derive(Debug)]
enum Test {
    Equals { operand: Json, ignore_case: bool },
    In { operands: Vec<Json>, ignore_case: bool },
    Orders { operand: Json, want: &'static [Ordering] },
    Contains { operand: Json, ignore_case: bool },
    StartsWith { operand: String, ignore_case: bool },
    EndsWith { operand: String, ignore_case: bool },
    Matches(Regex),
    Exists(bool),
    Empty(bool),
    Time { operand: Instant, want: Ordering },
}

#[derive(Debug)]
enum Instant {
    At(DateTime<Utc>),
    /// Added to the run's now.
    Now(TimeDelta),
}

impl Operator {
    pub fn from_name(name: &str, operand: Json, ignore_case: bool) -> Result<Self, ConditionError> {
        let Some(name) = OPERATORS.iter().copied().find(|known| *known == name) else {
            return Err(ConditionError::UnknownOperator(name.to_owned()));
        };
        if ignore_case && !TEXTUAL.contains(&name) {
            return Err(ConditionError::IgnoreCase(name.to_owned()));
        }
        let written = format!("{} {operand}", name.replace('_', " "));
        let test = match name {
            "equals" | "not_equals" => Test::Equals { operand, ignore_case },
            "in" | "not_in" => Test::In { operands: list(name, operand)?, ignore_case },
            "contains" | "not_contains" => Test::Contains { operand, ignore_case },
            "greater_than" => ordering(name, operand, &[Ordering::Greater])?,
            "at_least" => ordering(name, operand, &[Ordering::Greater, Ordering::Equal])?,
            "less_than" => ordering(name, operand, &[Ordering::Less])?,
            "at_most" => ordering(name, operand, &[Ordering::Less, Ordering::Equal])?,
            "starts_with" => Test::StartsWith { operand: text(name, operand, ignore_case)?, ignore_case },
            "ends_with" => Test::EndsWith { operand: text(name, operand, ignore_case)?, ignore_case },
            "matches" => Test::Matches(pattern(&text(name, operand, false)?, ignore_case)?),
            "exists" => Test::Exists(boolean(name, &operand)?),
            "empty" => Test::Empty(boolean(name, &operand)?),
            "before" => Test::Time { operand: instant(name, &operand)?, want: Ordering::Less },
            _ => Test::Time { operand: instant(name, &operand)?, want: Ordering::Greater },
        };
        Ok(Self { test, negated: name.starts_with("not_"), written })
    }

    /// `not equals "x"`: as a picture says it.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// `value` is none where it is missing.
    pub fn test(&self, value: Option<&Json>, now: DateTime<Utc>) -> bool {
        self.test.holds(value, now) != self.negated
    }
}

impl Test {
    fn holds(&self, value: Option<&Json>, now: DateTime<Utc>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (Self::Empty(wanted), value) => is_empty(value) == *wanted,
            (_, None) => false,
            (Self::Equals { operand, ignore_case }, Some(value)) => same(value, operand, *ignore_case),
            (Self::In { operands, ignore_case }, Some(value)) => {
                operands.iter().any(|operand| same(value, operand, *ignore_case))
            }
            (Self::Orders { operand, want }, Some(value)) => {
                order(value, operand).is_some_and(|order| want.contains(&order))
            }
            (Self::Contains { operand, ignore_case }, Some(value)) => contains(value, operand, *ignore_case),
            (Self::StartsWith { operand, ignore_case }, Some(Json::Text(value))) => {
                folded(value, *ignore_case).starts_with(operand.as_str())
            }
            (Self::EndsWith { operand, ignore_case }, Some(Json::Text(value))) => {
                folded(value, *ignore_case).ends_with(operand.as_str())
            }
            (Self::Matches(regex), Some(Json::Text(value))) => regex.is_match(value),
            (Self::Time { operand, want }, Some(Json::Text(value))) => {
                let operand = match operand {
                    Instant::At(at) => Some(*at),
                    Instant::Now(offset) => now.checked_add_signed(*offset),
                };
                match (time(value), operand) {
                    (Some(value), Some(operand)) => value.cmp(&operand) == *want,
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// The equality of conditions: that of correlation keys for scalars, member by member for the rest.
pub fn same(left: &Json, right: &Json, ignore_case: bool) -> bool {
    match (left, right) {
        (Json::Null, Json::Null) => true,
        (Json::Text(left), Json::Text(right)) => left == right || (ignore_case && fold(left) == fold(right)),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(&**right).all(|(left, right)| same(left, right, ignore_case))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other, ignore_case)))
        }
        // The same text is the same number even where its exponent is past comparing.
        (Json::Number(left), Json::Number(right)) if left == right => true,
        _ => matches!((scalar(Some(left)), scalar(Some(right))), (Ok(left), Ok(right)) if left == right),
    }
}

fn order(left: &Json, right: &Json) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (numeral(left), numeral(right)) {
        return left.compare(&right);
    }
    match (left, right) {
        (Json::Text(left), Json::Text(right)) => Some(left.chars().cmp(right.chars())),
        _ => None,
    }
}

/// A number, or the text that is some number's plain canonical form.
fn numeral(value: &Json) -> Option<Number> {
    match value {
        Json::Number(number) => Some(number.clone()),
        Json::Text(text) if is_canonical(text) => Number::parse(text),
        _ => None,
    }
}

/// A part of a text, or an element of a list.
fn contains(value: &Json, operand: &Json, ignore_case: bool) -> bool {
    match (value, operand) {
        (Json::Text(value), Json::Text(part)) => {
            folded(value, ignore_case).contains(folded(part, ignore_case).as_ref())
        }
        (Json::Array(items), operand) => items.iter().any(|item| same(item, operand, ignore_case)),
        (Json::Object(members), Json::Text(name)) => members.contains_key(name),
        _ => false,
    }
}

fn is_empty(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null) => true,
        Some(Json::Text(text)) => text.is_empty(),
        Some(Json::Array(items)) => items.is_empty(),
        Some(Json::Object(members)) => members.is_empty(),
        Some(Json::Bool(_) | Json::Number(_)) => false,
    }
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn folded(text: &str, ignore_case: bool) -> std::borrow::Cow<'_, str> {
    if ignore_case { fold(text).into() } else { text.into() }
}

fn ordering(operator: &'static str, operand: Json, want: &'static [Ordering]) -> Result<Test, ConditionError> {
    match operand {
        Json::Number(_) | Json::Text(_) => Ok(Test::Orders { operand, want }),
        other => Err(ConditionError::NotOrdered { operator, found: other.kind() }),
    }
}

fn list(operator: &'static str, operand: Json) -> Result<Vec<Json>, ConditionError> {
    match operand {
        Json::Array(items) => Ok(Arc::unwrap_or_clone(items)),
        other => Err(ConditionError::NotList { operator, found: other.kind() }),
    }
}

fn text(operator: &'static str, operand: Json, ignore_case: bool) -> Result<String, ConditionError> {
    match operand {
        Json::Text(text) if ignore_case => Ok(fold(&text)),
        Json::Text(text) => Ok(text),
        other => Err(ConditionError::NotText { operator, found: other.kind() }),
    }
}

fn boolean(operator: &'static str, operand: &Json) -> Result<bool, ConditionError> {
    match operand {
        Json::Bool(value) => Ok(*value),
        other => Err(ConditionError::NotBoolean { operator, found: other.kind() }),
    }
}

fn pattern(text: &str, ignore_case: bool) -> Result<Regex, ConditionError> {
    RegexBuilder::new(text).case_insensitive(ignore_case).size_limit(PATTERN_BYTES_MAX).build().map_err(|error| {
        let message = error.to_string();
        ConditionError::Pattern(message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
    })
}

fn instant(operator: &'static str, operand: &Json) -> Result<Instant, ConditionError> {
    let wrong = || ConditionError::NotTime { operator, found: operand.to_string() };
    let Json::Text(text) = operand else { return Err(wrong()) };
    let Some(offset) = text.strip_prefix("now") else { return time(text).map(Instant::At).ok_or_else(wrong) };
    let (sign, duration) = match offset.split_at_checked(1) {
        None => return Ok(Instant::Now(TimeDelta::zero())),
        Some(("+", duration)) => (1, duration),
        Some(("-", duration)) => (-1, duration),
        Some(_) => return Err(wrong()),
    };
    let duration = parse_duration(duration).ok().and_then(|duration| TimeDelta::from_std(duration).ok());
    Ok(Instant::Now(duration.ok_or_else(wrong)? * sign))
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}
