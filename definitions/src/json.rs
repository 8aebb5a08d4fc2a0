//! A JSON value whose numbers keep the text they were written with.
//!
//! Invariant: nothing here passes a number through floating point. Objects keep their order and
//! never hold a name twice.

use indexmap::IndexMap;

use crate::Number;

/// The members of an object, in the order in which they were written.
pub type Members = IndexMap<String, Json>;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    #[default]
    Null,
    Bool(bool),
    /// Kept as written: `1.0` and `1` are different texts and the same number.
    Number(Number),
    Text(String),
    Array(Vec<Json>),
    Object(Members),
}
