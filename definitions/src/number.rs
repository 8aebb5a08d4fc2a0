//! A decimal number as JSON writes it (RFC 8259 §6), compared exactly.

/// A number kept as its text. `PartialEq` is on the text; compare values with [`Number::compare`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);
