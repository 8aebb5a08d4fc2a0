//! A JSON value whose numbers keep the text they were written with.
//!
//! Invariant: nothing here passes a number through floating point. Objects keep their order and
//! never hold a name twice. Arrays and objects are shared: a clone counts, and copies nothing.

mod read;

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::Error as _};
use serde_json::value::RawValue;

pub use read::{DEPTH_MAX, JsonError};

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
    Array(Arc<Vec<Json>>),
    Object(Arc<Members>),
}

impl Json {
    /// Reads one JSON text (RFC 8259), nested at most [`DEPTH_MAX`] deep, no name twice in an object.
    pub fn parse(text: &[u8]) -> Result<Self, JsonError> {
        read::parse(text, DEPTH_MAX)
    }

    /// As [`Json::parse`], nested at most `depth_max` deep: for what was written here.
    pub fn parse_within(text: &[u8], depth_max: usize) -> Result<Self, JsonError> {
        read::parse(text, depth_max)
    }

    /// Whether arrays and objects are nested deeper than that.
    pub fn is_deeper_than(&self, depth: usize) -> bool {
        let within = |value: &Self| match depth.checked_sub(1) {
            Some(left) => value.is_deeper_than(left),
            None => true,
        };
        match self {
            Self::Array(items) => depth == 0 || items.iter().any(within),
            Self::Object(members) => depth == 0 || members.values().any(within),
            _ => false,
        }
    }

    /// The member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// The element of an array.
    pub fn at(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Array(items) => items.get(index),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// `null`, `boolean`, `number`, `text`, `array` or `object`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "text",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The members of an object, to be changed; others that share it keep what they have.
    pub fn members_mut(&mut self) -> Option<&mut Members> {
        match self {
            Self::Object(members) => Some(Arc::make_mut(members)),
            _ => None,
        }
    }

    /// Bytes of the text that [`Json::write_to`] writes.
    pub fn written_len(&self) -> usize {
        match self {
            Self::Null => 4,
            Self::Bool(true) => 4,
            Self::Bool(false) => 5,
            Self::Number(number) => number.text().len(),
            Self::Text(text) => written_text_len(text),
            Self::Array(items) => {
                let commas = items.len().saturating_sub(1);
                2 + commas + items.iter().map(Self::written_len).sum::<usize>()
            }
            Self::Object(members) => {
                let commas = members.len().saturating_sub(1);
                let member = |(name, value): (&String, &Self)| written_text_len(name) + 1 + value.written_len();
                2 + commas + members.iter().map(member).sum::<usize>()
            }
        }
    }

    /// Writes it compactly.
    pub fn write_to(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => out.push_str(number.text()),
            Self::Text(text) => write_text(text, out),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write_to(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    value.write_to(out);
                }
                out.push('}');
            }
        }
    }
}

/// Bytes of the text that [`write_text`] writes.
fn written_text_len(text: &str) -> usize {
    let escapes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..0x20 => 5,
        _ => 0,
    });
    2 + text.len() + escapes.sum::<usize>()
}

/// A JSON string (RFC 8259 §7): runs that need no escape are copied whole.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        from = at + 1;
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write_to(&mut out);
        f.write_str(&out)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            // Through a raw value: the only way that keeps the text of a number.
            Self::Number(number) => {
                RawValue::from_string(number.text().to_owned()).map_err(S::Error::custom)?.serialize(serializer)
            }
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get().as_bytes()).map_err(de::Error::custom)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Array(Arc::new(items))
    }
}

impl From<Members> for Json {
    fn from(members: Members) -> Self {
        Self::Object(Arc::new(members))
    }
}

/// An array.
impl FromIterator<Json> for Json {
    fn from_iter<T: IntoIterator<Item = Json>>(items: T) -> Self {
        Self::from(Vec::from_iter(items))
    }
}

#[cfg(test)]
mod tests;
