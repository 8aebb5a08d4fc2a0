//! Finds an account's secret values in a text and puts `***` in their place.
//!
//! Invariant: each value of [`VALUE_BYTES_MIN`] bytes or more is found as it is and in the forms that
//! requests and logs give it, also where two of them overlap.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use holdfast_definitions::{Json, Members};

use crate::round::hex;

/// Shorter values are in every text: to mask them would make it unreadable and hide nothing.
pub const VALUE_BYTES_MIN: usize = 4;
/// From this length on a value is also found within a longer text in base64 (`user:password`).
const WITHIN_BASE64_BYTES_MIN: usize = 8;

pub const MASKED: &str = "***";

/// What is to be masked; one pass a text, however many values there are.
#[derive(Default)]
pub struct Mask(Option<AhoCorasick>);

impl Mask {
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> =
            values.into_iter().filter(|value| value.len() >= VALUE_BYTES_MIN).flat_map(forms).collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return Self(None);
        }
        // Only the number of patterns could be refused, and it is far below the limit.
        Self(AhoCorasick::builder().match_kind(MatchKind::Standard).build(forms).ok())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The text with every value in it as `***`; borrowed where there is none.
    pub fn apply<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        let Some(finder) = &self.0 else { return text.into() };
        let mut found: Vec<(usize, usize)> =
            finder.find_overlapping_iter(text).map(|found| (found.start(), found.end())).collect();
        if found.is_empty() {
            return text.into();
        }
        found.sort_unstable();
        let mut masked = String::with_capacity(text.len());
        let mut done = 0;
        let mut spans = found.into_iter().peekable();
        while let Some((start, mut end)) = spans.next() {
            // What overlaps or touches is one span.
            while let Some((_, longer)) = spans.next_if(|(next, _)| *next <= end) {
                end = end.max(longer);
            }
            masked.push_str(&text[done..start]);
            masked.push_str(MASKED);
            done = end;
        }
        masked.push_str(&text[done..]);
        masked.into()
    }
}

impl Mask {
    /// A value with every secret in its texts, names and numbers masked. Texts may hold JSON of their
    /// own, which a mask over the written whole would find escaped once more.
    pub fn json(&self, value: Json) -> Json {
        if self.is_empty() {
            return value;
        }
        match value {
            Json::Text(text) => Json::Text(self.apply(&text).into_owned()),
            Json::Number(ref number) => match self.apply(number.text()) {
                std::borrow::Cow::Borrowed(_) => value,
                std::borrow::Cow::Owned(masked) => Json::Text(masked),
            },
            Json::Array(items) => items.iter().map(|item| self.json(item.clone())).collect::<Vec<_>>().into(),
            Json::Object(members) => {
                let masked =
                    |(name, value): (&String, &Json)| (self.apply(name).into_owned(), self.json(value.clone()));
                members.iter().map(masked).collect::<Members>().into()
            }
            other => other,
        }
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(***)")
    }
}

/// A value as it is, and as it is written elsewhere.
fn forms(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let lower = hex(bytes);
    let mut forms = vec![
        value.to_owned(),
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        lower.to_uppercase(),
        lower,
    ];
    for (space, more) in [("%20", ""), ("+", ""), ("%20", "!*'()")] {
        let percent = percent(bytes, space, more);
        forms.push(lower_case_escapes(&percent));
        forms.push(percent);
    }
    // Within a JSON text, without its quotes.
    let json = serde_json::Value::from(value).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    if bytes.len() >= WITHIN_BASE64_BYTES_MIN {
        forms.extend(within_base64(bytes));
    }
    forms
}

/// RFC 3986 §2.1, with all but the unreserved and `more` encoded.
fn percent(bytes: &[u8], space: &str, more: &str) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b' ' => text.push_str(space),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            byte if more.as_bytes().contains(byte) => text.push(char::from(*byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn lower_case_escapes(text: &str) -> String {
    let mut digits = 0;
    let one = |c: char| match (c, digits) {
        ('%', _) => {
            digits = 2;
            c
        }
        (_, 0) => c,
        _ => {
            digits -= 1;
            c.to_ascii_lowercase()
        }
    };
    text.chars().map(one).collect()
}

/// The digits that depend on the value alone, wherever in the encoded bytes it stands.
fn within_base64(bytes: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3_usize {
        let mut shifted = vec![0; before];
        shifted.extend_from_slice(bytes);
        // Six bits a digit: those that have a bit of what stands before or after are left out.
        let (first, last) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted);
            forms.push(text[first..last].to_owned());
        }
    }
    forms
}
