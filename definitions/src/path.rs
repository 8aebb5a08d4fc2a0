//! JSONPath (RFC 9535), compiled once and fenced.
//!
//! `jsonpath-rust` parses; the evaluation is ours, over its tree, since it must stop: a query looks
//! at a bounded number of nodes, and a pattern of `match` or `search` is compiled once, at load, so it
//! is a literal and never comes from a payload. A singular query is a list of steps and allocates
//! nothing.

mod compile;
mod eval;
mod put;

use crate::Json;
use compile::Query;

/// Nodes that one evaluation looks at, at most. What a filter reads of a value counts by its size.
pub const NODES_MAX: usize = 1_000_000;
/// Values that one evaluation yields, at most.
pub const RESULTS_MAX: usize = 10_000;

/// Bytes of a path's text, at most.
pub const PATH_BYTES_MAX: usize = 4096;
/// How deep brackets and parentheses may be nested in a path: the parser's time doubles with each
/// level of a path that turns out wrong, and its recursion takes stack.
pub const PATH_DEPTH_MAX: usize = 10;

/// A compiled query.
#[derive(Debug, Clone)]
pub struct Path {
    text: String,
    query: Query,
    /// For a singular query (RFC 9535 §2.3.5.1): names and indexes only.
    steps: Option<Vec<Step>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Name(String),
    /// Negative from the end.
    Index(i64),
}

/// Why a text is no path that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("{0}")]
    Syntax(String),
    /// The pattern of `match` or `search` must be a literal.
    #[error(
        "the pattern of {0}() must be a text written in the path: one that comes from a payload could take for ever"
    )]
    PatternNotLiteral(&'static str),
    #[error("the pattern of {function}() can't be used: {message}")]
    Pattern { function: &'static str, message: String },
    #[error("`..` can't stand inside a filter: it would look at everything for each element")]
    DescendantInFilter,
    #[error("unknown function {0}(): known are length, count, value, match and search")]
    Function(String),
}

/// An evaluation was stopped at its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a path looked at more than 1000000 nodes or found more than 10000 values")]
pub struct Exhausted;

impl Path {
    pub fn parse(text: &str) -> Result<Self, PathError> {
        check_size(text)?;
        let query = compile::compile(text, true)?;
        Ok(Self { text: text.to_owned(), steps: compile::singular(&query), query })
    }

    /// Without the fences, for the compliance suite alone.
    #[cfg(test)]
    pub(crate) fn parse_unfenced(text: &str) -> Result<Self, PathError> {
        let query = compile::compile(text, false)?;
        Ok(Self { text: text.to_owned(), steps: None, query })
    }

    /// The query as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_singular(&self) -> bool {
        self.steps.is_some()
    }

    /// The names at its beginning: `["order", "body"]` of `$.order.body[0]`.
    pub fn leading_names(&self) -> Vec<&str> {
        self.query.leading_names()
    }

    /// For a singular path: the value there, or None. Otherwise None.
    pub fn find<'a>(&self, root: &'a Json) -> Option<&'a Json> {
        self.steps.as_ref()?.iter().try_fold(root, |value, step| child(value, step))
    }

    /// Every value, in order.
    pub fn all<'a>(&self, root: &'a Json) -> Result<Vec<&'a Json>, Exhausted> {
        eval::evaluate(&self.query, root, NODES_MAX, RESULTS_MAX)
    }

    /// The value of a singular path (null where nothing is there), or the array of the others.
    pub fn value(&self, root: &Json) -> Result<Json, Exhausted> {
        if self.is_singular() {
            return Ok(self.find(root).cloned().unwrap_or_default());
        }
        Ok(self.all(root)?.into_iter().cloned().collect())
    }
}

/// Refuses what would take the parser too long, before it sees it.
fn check_size(text: &str) -> Result<(), PathError> {
    if text.len() > PATH_BYTES_MAX {
        return Err(PathError::Syntax(format!("a path is at most {PATH_BYTES_MAX} bytes long")));
    }
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for c in text.chars() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(c),
            ('[' | '(', None) => depth += 1,
            (']' | ')', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > PATH_DEPTH_MAX {
            return Err(PathError::Syntax(format!("brackets are nested deeper than {PATH_DEPTH_MAX}")));
        }
    }
    Ok(())
}

pub(crate) fn child<'a>(value: &'a Json, step: &Step) -> Option<&'a Json> {
    match (value, step) {
        (Json::Object(members), Step::Name(name)) => members.get(name),
        (Json::Array(items), Step::Index(index)) => items.get(position(*index, items.len())?),
        _ => None,
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(index).ok()
}

#[cfg(test)]
mod compliance;
#[cfg(test)]
mod tests;
