//! A decimal number as JSON writes it (RFC 8259 §6), compared exactly.
//!
//! Invariant: an exponent is never expanded into digits, however large it is.

use std::{cmp::Ordering, fmt};

/// A number kept as its text. `PartialEq` is on the text; compare values with [`Number::compare`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

/// The value of a number: `0.d₁d₂… × 10^exponent`, the first and last digit not zero; no digits at
/// all for zero. Two numbers are equal exactly where these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub negative: bool,
    pub digits: String,
    pub exponent: i64,
}

impl Number {
    /// Of a text that a JSON parser has found to be a number.
    pub(crate) fn from_json(text: &str) -> Self {
        Self(text.into())
    }

    /// None where the text is no number by the grammar of JSON.
    pub fn parse(text: &str) -> Option<Self> {
        is_json_number(text).then(|| Self(text.into()))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The exact value; none where the exponent does not fit 64 bits.
    pub fn decimal(&self) -> Option<Decimal> {
        let text = &*self.0;
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].trim_start_matches('+')),
            None => (text, "0"),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: String = [whole, fraction].concat();
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Some(Decimal { negative: false, digits: String::new(), exponent: 0 });
        }
        let shift = whole.len() as i64 - leading as i64;
        let exponent = exponent.parse::<i64>().ok()?.checked_add(shift)?;
        Some(Decimal { negative, digits: digits.to_owned(), exponent })
    }

    /// By exact value; none where an exponent does not fit 64 bits.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(self.decimal()?.compare(&other.decimal()?))
    }

    /// Where it is a whole number that fits.
    pub fn as_i64(&self) -> Option<i64> {
        let decimal = self.decimal()?;
        if decimal.digits.is_empty() {
            return Some(0);
        }
        let zeros = decimal.exponent.checked_sub(decimal.digits.len() as i64)?;
        if !(0..20).contains(&zeros) {
            return None;
        }
        let sign = if decimal.negative { "-" } else { "" };
        format!("{sign}{}{}", decimal.digits, "0".repeat(zeros as usize)).parse().ok()
    }
}

impl Decimal {
    pub fn compare(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.digits.is_empty(), decimal.negative) {
            (true, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            // Digits compare as text: neither begins with a zero, and a longer one is greater.
            let size = self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
            if self.negative { size.reverse() } else { size }
        })
    }
}

/// Whether a text is exactly the plain canonical decimal form of a number: `-?(0|[1-9]\d*)`, with a
/// fraction that does not end in zero, and not `-0`.
pub fn is_canonical(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(|fraction| digits(fraction) && !fraction.ends_with('0'))
        && text != "-0"
}

fn is_json_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(value.to_string().into())
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(value.to_string().into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
