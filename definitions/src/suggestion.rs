//! What a mistake most likely means, as a text to be put in its place.

use serde::Serialize;

use crate::{Lines, problem::Span};

/// A text that makes a mistake good where it is put in the place of what stands there. Lines and columns as
/// in the diagnostic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    pub replacement: String,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// Before it is known where in the text that is.
#[derive(Clone, Debug)]
pub enum Instead {
    /// Of all that the mistake is in.
    Whole(String),
    /// Of a part of it, which must stand there exactly once.
    Part { what: String, by: String },
}

impl Instead {
    /// None where it can't be told what would be replaced. Quotes stay around what stands in them.
    pub fn found(self, span: Span, lines: &Lines) -> Option<Suggestion> {
        let start = lines.offset_of(span.line, span.column);
        let text = &lines.text()[start..lines.offset_of(span.end_line, span.end_column).max(start)];
        let (within, replacement) = match self {
            Self::Whole(by) => (unquoted(text), by),
            Self::Part { what, by } => {
                let mut found = text.match_indices(&what);
                let (at, _) = found.next()?;
                (found.next().is_none().then_some(at..at + what.len())?, by)
            }
        };
        let (line, column) = lines.line_and_column(start + within.start);
        let (end_line, end_column) = lines.line_and_column(start + within.end);
        Some(Suggestion { replacement, line, column, end_line, end_column })
    }
}

fn unquoted(text: &str) -> std::ops::Range<usize> {
    let quoted = ['"', '\''].iter().any(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote));
    if quoted { 1..text.len() - 1 } else { 0..text.len() }
}
