//! Conditions, typed and compiled.
//!
//! Equality is that of correlation keys (see `key`). An ordering holds between two numbers, or a
//! number and its plain canonical text; between two texts (by code point); between unlike types it
//! is false. A missing value is only ever `exists: false`, `empty: true`, or `not_…`. A path that is
//! not singular yields an array, which is never missing: ask whether it is `empty`.

mod operator;
mod written;

use chrono::{DateTime, Utc};

use crate::{Exhausted, Json, Next, Path};

pub use operator::{ConditionError, OPERATORS, Operator, same};

#[derive(Debug)]
pub struct Case {
    pub when: Condition,
    pub next: Next,
}

#[derive(Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test { value: Path, operator: Operator },
}

impl Condition {
    /// Whether it holds. `now` (UTC) is what `before: now-7d` means.
    pub fn holds(&self, document: &Json, now: DateTime<Utc>) -> Result<bool, Exhausted> {
        match self {
            Self::All(all) => {
                for one in all {
                    if !one.holds(document, now)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(any) => {
                for one in any {
                    if one.holds(document, now)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => Ok(!inner.holds(document, now)?),
            Self::Test { value, operator } if value.is_singular() => Ok(operator.test(value.find(document), now)),
            Self::Test { value, operator } => Ok(operator.test(Some(&value.value(document)?), now)),
        }
    }

    /// The paths that it reads, for `check`.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().flat_map(Self::paths).collect(),
            Self::Not(inner) => inner.paths(),
            Self::Test { value, .. } => vec![value],
        }
    }
}

#[cfg(test)]
mod tests;
