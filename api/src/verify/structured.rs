//! As much of structured fields (RFC 8941) as message signatures need: dictionaries of inner lists
//! and byte sequences, with their parameters.
//!
//! Invariant: what is not understood is no value, never a guess.

use super::crypto;
use holdfast_definitions::Encoding;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub name: String,
    pub parameters: Vec<(String, String)>,
}

/// `("date" "@method");created=1`, and its text, which is signed as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inner {
    pub items: Vec<Item>,
    pub parameters: Vec<(String, String)>,
    pub text: String,
}

/// The members of a dictionary, split at commas outside quotes and parentheses.
pub fn dictionary(text: &str) -> Option<Vec<(&str, &str)>> {
    let (mut members, mut start, mut quoted, mut escaped, mut deep) = (Vec::new(), 0, false, false, 0_usize);
    for (at, c) in text.char_indices().chain([(text.len(), ',')]) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => deep += 1,
            ')' if !quoted => deep = deep.checked_sub(1)?,
            ',' if !quoted && deep == 0 => {
                let (label, value) = text[start..at].trim().split_once('=')?;
                members.push((label, value));
                start = at + 1;
            }
            _ => {}
        }
    }
    let whole = !quoted && deep == 0 && start == text.len() + 1;
    let twice =
        members.iter().enumerate().any(|(at, (label, _))| members[..at].iter().any(|(other, _)| other == label));
    (whole && !twice).then_some(members)
}

/// `:cXV…=:`
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(':')?.strip_suffix(':')?;
    crypto::decode(inner, Encoding::Base64)
}

pub fn inner(text: &str) -> Option<Inner> {
    let mut rest = text.strip_prefix('(')?.trim_start_matches(' ');
    let mut items = Vec::new();
    while !rest.starts_with(')') {
        let (name, after) = quoted(rest)?;
        let (parameters, after) = parameters(after)?;
        items.push(Item { name, parameters });
        rest = after.trim_start_matches(' ');
        if after == rest && !rest.starts_with(')') {
            return None;
        }
    }
    let (parameters, rest) = parameters(&rest[1..])?;
    rest.is_empty().then(|| Inner { items, parameters, text: text.to_owned() })
}

/// The text between quotes, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.strip_prefix('"')?.char_indices() {
        match c {
            '"' | '\\' if escaped => {
                value.push(c);
                escaped = false;
            }
            _ if escaped => return None,
            '\\' => escaped = true,
            '"' => return Some((value, &text[at + 2..])),
            ' '..='~' => value.push(c),
            _ => return None,
        }
    }
    None
}

fn parameters(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut all = Vec::new();
    while let Some(rest) = text.strip_prefix(';') {
        let rest = rest.trim_start_matches(' ');
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.*".contains(c))).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            None => (String::new(), after),
            Some(after) if after.starts_with('"') => quoted(after)?,
            Some(after) => {
                let end = after.find([';', ')', ' ']).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        if name.is_empty() || all.iter().any(|(other, _)| other == name) {
            return None;
        }
        all.push((name.to_owned(), value));
        text = after;
    }
    Some((all, text))
}

pub fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
