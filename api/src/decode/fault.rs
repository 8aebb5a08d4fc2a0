//! Why a body could not be read, and where.

/// A place in a text: lines and columns from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place of a byte. What is no UTF-8 before it counts a column a byte.
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        Self { line, column }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The body is not what its type says.
    Unreadable { place: Option<Place>, message: String },
    /// It is over a limit.
    Limit { limit: &'static str, max: usize },
    /// It came without a `Content-Type`, and is not JSON either.
    Unnamed,
}

impl Fault {
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self::Unreadable { place: Some(place), message: message.into() }
    }

    pub fn nowhere(message: impl Into<String>) -> Self {
        Self::Unreadable { place: None, message: message.into() }
    }
}
