//! Bytes into text, by the charsets that senders still use.

use std::borrow::Cow;

use super::{Fault, Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Also us-ascii, which is a part of it.
    Utf8,
    Latin1,
}

impl Charset {
    pub fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Some(Self::Utf8),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" => Some(Self::Latin1),
            _ => None,
        }
    }

    /// The text, without a byte order mark (RFC 8259 §8.1 lets a reader ignore it).
    pub fn text(self, bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
        match self {
            Self::Utf8 => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                let text = std::str::from_utf8(bytes).map_err(|error| {
                    let place = Place::of(bytes, error.valid_up_to());
                    Fault::at(place, "this is not UTF-8")
                })?;
                Ok(Cow::Borrowed(text))
            }
            // Its 256 characters are the first 256 of Unicode.
            Self::Latin1 => Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())),
        }
    }
}

/// An XML document says its encoding itself, unless its media type does (RFC 7303 §3).
pub fn of_xml(named: Option<Charset>, bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let charset = match named {
        Some(charset) => charset,
        None => match declared_encoding(bytes) {
            None => Charset::Utf8,
            Some(name) => Charset::of(&name).ok_or_else(|| {
                let message = format!("the encoding {name} is not understood; there are UTF-8 and ISO-8859-1");
                Fault::at(Place { line: 1, column: 1 }, message)
            })?,
        },
    };
    charset.text(bytes)
}

/// The encoding of `<?xml version="1.0" encoding="…"?>`, if there is one.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let end = bytes.iter().take(200).position(|byte| *byte == b'>')?;
    let declaration = std::str::from_utf8(&bytes[..end]).ok()?.strip_prefix("<?xml")?;
    let (_, rest) = declaration.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(rest[1..].split_once(quote)?.0.to_owned())
}
