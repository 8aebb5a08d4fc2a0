//! A request as it is shown: what it said, cut where it is large.

use base64::Engine as _;
use holdfast_definitions::Json;
use holdfast_engine::Hit;

/// Of a document; the rest is at the API.
const SHOWN_BYTES_MAX: usize = 64 << 10;
/// Of a value in a table: a header, a field of the query.
const VALUE_BYTES_MAX: usize = 4 << 10;
/// Of a body in a list.
const GLANCE_CHARS_MAX: usize = 90;

/// A text that may have been cut.
#[derive(Debug)]
pub struct Cut {
    pub text: String,
    /// The whole's size, where this is not the whole: `1.2 MiB`.
    pub of: Option<String>,
}

impl Cut {
    pub fn of(text: String, most: usize) -> Self {
        if text.len() <= most {
            return Self { text, of: None };
        }
        let of = Some(size(text.len()));
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        Self { text: text.get(..end).unwrap_or_default().to_owned(), of }
    }
}

/// A header, or a field of the query.
#[derive(Debug)]
pub struct Field {
    pub name: String,
    pub value: Cut,
}

/// `data` is an object of texts or of lists of them.
pub fn fields(data: &Json) -> Vec<Field> {
    let Json::Object(members) = data else { return Vec::new() };
    let value = |value: &Json| match value {
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    };
    members
        .iter()
        .map(|(name, one)| Field { name: name.clone(), value: Cut::of(value(one), VALUE_BYTES_MAX) })
        .collect()
}

/// Indented, numbers as they were written.
pub fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

pub fn shown(value: &Json) -> Cut {
    Cut::of(pretty(value), SHOWN_BYTES_MAX)
}

/// The body as it came.
#[derive(Debug)]
pub struct AsItCame {
    pub size: String,
    /// It is not UTF-8: what stands here is base64.
    pub base64: bool,
    pub text: Cut,
}

impl AsItCame {
    /// None of a request without a body.
    pub fn of(raw: &[u8]) -> Option<Self> {
        let (text, base64) = match std::str::from_utf8(raw) {
            _ if raw.is_empty() => return None,
            Ok(text) if !text.contains('\0') => (text.to_owned(), false),
            _ => (base64::engine::general_purpose::STANDARD.encode(raw), true),
        };
        Some(Self { size: size(raw.len()), base64, text: Cut::of(text, SHOWN_BYTES_MAX) })
    }
}

/// The beginning of a hit's body on one line.
pub fn glance(hit: &Hit) -> String {
    let text = match &hit.body {
        Json::Null if hit.raw.is_empty() => return String::new(),
        // What is not needed is not written out: a body may be large.
        _ if hit.raw.len() > GLANCE_CHARS_MAX * 40 => {
            let head = hit.raw.get(..GLANCE_CHARS_MAX * 4).unwrap_or_default();
            String::from_utf8_lossy(head).into_owned()
        }
        body => body.to_string(),
    };
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(GLANCE_CHARS_MAX) {
        words.truncate(end);
        words.push('…');
    }
    words
}

/// `812 bytes`, `14.2 KiB`, `1.0 MiB`.
pub fn size(bytes: usize) -> String {
    let tenths = |unit: usize| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        1 => "1 byte".to_owned(),
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", tenths(1_024)),
        _ => format!("{} MiB", tenths(1_048_576)),
    }
}

/// The end of an id, which is what differs: ids begin with their time.
pub fn short(id: impl std::fmt::Display) -> String {
    let id = id.to_string();
    let from = id.len().saturating_sub(8);
    format!("…{}", id.get(from..).unwrap_or_default())
}

#[cfg(test)]
#[path = "contents_tests.rs"]
mod tests;
