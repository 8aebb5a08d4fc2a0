//! The canonical correlation value: what a hit and a held transaction are compared by.
//!
//! Equality is exact and never passes through floating point (contract, sections 3 and 17): text
//! byte for byte; numbers by decimal value; a text equals a number only where the text is that
//! number's plain canonical decimal form. So a text in that form *is* encoded as the number, and
//! equal values have equal bytes.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{
    Json,
    number::{Decimal, Number, is_canonical},
};

const NUMBER: u8 = b'n';
const TEXT: u8 = b't';
const BOOLEAN: u8 = b'b';

/// A composite correlation value in its canonical encoding: one tagged, length-prefixed part for
/// each mapping entry, in the order of the mapping.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<[u8]>);

/// Why a value can't be a key's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAKey {
    Missing,
    Null,
    EmptyText,
    Object,
    Array,
    /// The exponent of the number does not fit 64 bits.
    ExponentTooLarge,
}

impl Key {
    /// One part for each value.
    pub fn from_values<'a>(values: impl IntoIterator<Item = Option<&'a Json>>) -> Result<Self, NotAKey> {
        let mut bytes = Vec::new();
        for value in values {
            push_part(&mut bytes, &scalar(value)?);
        }
        Ok(Self(bytes.into()))
    }

    /// Of parts that [`scalar`] made.
    pub(crate) fn from_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            push_part(&mut bytes, part);
        }
        Self(bytes.into())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Of bytes that [`Key::bytes`] gave; none where they are no key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = Self(bytes.into());
        let length: usize = key.raw_parts().map(|part| part.len() + 4).sum();
        (length == bytes.len() && !bytes.is_empty()).then_some(key)
    }

    /// The first 16 bytes of the SHA-256 of the key.
    pub fn hash(&self) -> [u8; 16] {
        let mut hash = [0; 16];
        hash.copy_from_slice(&Sha256::digest(&self.0)[..16]);
        hash
    }

    /// The parts as people read them: a number in its shortest form, a text, or a boolean.
    pub fn parts(&self) -> Vec<Json> {
        self.raw_parts().map(readable).collect()
    }

    fn raw_parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            let (part, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = tail;
            Some(part)
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts().iter().enumerate() {
            write!(f, "{}{part}", if at > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

fn push_part(bytes: &mut Vec<u8>, part: &[u8]) {
    // A part comes from a body, which is far below 4 GiB.
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

/// The canonical encoding of one value: equal values have equal bytes, here and in conditions.
pub(crate) fn scalar(value: Option<&Json>) -> Result<Vec<u8>, NotAKey> {
    match value.ok_or(NotAKey::Missing)? {
        Json::Null => Err(NotAKey::Null),
        Json::Object(_) => Err(NotAKey::Object),
        Json::Array(_) => Err(NotAKey::Array),
        Json::Bool(value) => Ok(vec![BOOLEAN, u8::from(*value)]),
        Json::Number(number) => encode(number),
        Json::Text(text) if text.is_empty() => Err(NotAKey::EmptyText),
        Json::Text(text) => text_part(text),
    }
}

fn text_part(text: &str) -> Result<Vec<u8>, NotAKey> {
    match Number::parse(text) {
        Some(number) if is_canonical(text) => encode(&number),
        _ => Ok([&[TEXT], text.as_bytes()].concat()),
    }
}

fn encode(number: &Number) -> Result<Vec<u8>, NotAKey> {
    let Decimal { negative, digits, exponent } = number.decimal().ok_or(NotAKey::ExponentTooLarge)?;
    let sign = if negative { '-' } else { '+' };
    Ok(format!("{}{sign}{digits}e{exponent}", char::from(NUMBER)).into_bytes())
}

fn readable(part: &[u8]) -> Json {
    match part.split_first() {
        Some((&BOOLEAN, rest)) => Json::Bool(rest == [1]),
        Some((&TEXT, rest)) => Json::Text(String::from_utf8_lossy(rest).into_owned()),
        Some((_, rest)) => Json::Number(shortest(&String::from_utf8_lossy(rest))),
        None => Json::Null,
    }
}

/// Digits that are still written out plainly.
const PLAIN_MAX: i64 = 40;

fn shortest(encoded: &str) -> Number {
    let (sign, rest) = encoded.split_at_checked(1).unwrap_or(("+", "e0"));
    let (digits, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let sign = if sign == "-" { "-" } else { "" };
    let length = digits.len() as i64;
    let text = if digits.is_empty() {
        "0".to_owned()
    } else if (length..=PLAIN_MAX).contains(&exponent) {
        format!("{sign}{digits}{}", "0".repeat((exponent - length) as usize))
    } else if (1..length).contains(&exponent) {
        let (whole, fraction) = digits.split_at(exponent as usize);
        format!("{sign}{whole}.{fraction}")
    } else if (-6..=0).contains(&exponent) {
        format!("{sign}0.{}{digits}", "0".repeat(-exponent as usize))
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}e{}", exponent - 1)
    };
    Number::from_json(&text)
}

#[cfg(test)]
mod tests;
