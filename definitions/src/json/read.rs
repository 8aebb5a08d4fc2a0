//! JSON text in, over the events of `json-event-parser`: it hands numbers on as they are written.

use std::fmt;

use indexmap::map::Entry;
use json_event_parser::{JsonEvent, JsonSyntaxError, LowLevelJsonParser};

use super::{Json, Members};
use crate::Number;

/// How deep arrays and objects may be nested.
pub const DEPTH_MAX: usize = 128;

/// Where a JSON text is wrong. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    pub line: u64,
    pub column: u64,
    pub message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for JsonError {}

/// A value that is not whole yet.
enum Open {
    Array(Vec<Json>),
    Object(Members, Option<String>),
}

pub fn parse(text: &[u8], depth_max: usize) -> Result<Json, JsonError> {
    check_depth(text, depth_max)?;
    let mut parser = LowLevelJsonParser::new();
    let mut read = 0;
    let mut open: Vec<Open> = Vec::new();
    let mut whole: Option<Json> = None;
    loop {
        let from = read;
        let step = parser.parse_next(&text[from..], true);
        read += step.consumed_bytes;
        let Some(event) = step.event else { continue };
        let value = match event.map_err(|error| syntax(&error))? {
            JsonEvent::Eof => return whole.ok_or_else(|| at(text, text.len(), "the text is empty".into())),
            JsonEvent::StartArray => {
                open.push(Open::Array(Vec::new()));
                continue;
            }
            JsonEvent::StartObject => {
                open.push(Open::Object(Members::new(), None));
                continue;
            }
            JsonEvent::ObjectKey(name) => {
                if let Some(Open::Object(members, key)) = open.last_mut() {
                    if members.contains_key(&*name) {
                        return Err(duplicate(text, from, &name));
                    }
                    *key = Some(name.into_owned());
                }
                continue;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => match open.pop() {
                Some(Open::Array(items)) => Json::from(items),
                Some(Open::Object(members, _)) => Json::from(members),
                None => continue,
            },
            JsonEvent::Null => Json::Null,
            JsonEvent::Boolean(value) => Json::Bool(value),
            JsonEvent::Number(number) => Json::Number(Number::from_json(&number)),
            JsonEvent::String(text) => Json::Text(text.into_owned()),
        };
        match open.last_mut() {
            None => whole = Some(value),
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(members, key)) => {
                if let Some(name) = key.take()
                    && let Entry::Vacant(vacant) = members.entry(name)
                {
                    vacant.insert(value);
                }
            }
        }
    }
}

/// Refuses what is nested too deep before anything is built. One look at each byte.
fn check_depth(text: &[u8], depth_max: usize) -> Result<(), JsonError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (position, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > depth_max {
                    return Err(at(text, position, format!("nested deeper than {depth_max}")));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn syntax(error: &JsonSyntaxError) -> JsonError {
    let start = error.location().start;
    JsonError { line: start.line + 1, column: start.column + 1, message: error.message().to_owned() }
}

/// Names longer than this are cut short in a message.
const NAME_SHOWN_MAX: usize = 100;

/// `from` is where the parser went on: the name's quote is the first one there.
fn duplicate(text: &[u8], from: usize, name: &str) -> JsonError {
    let position = from + text[from..].iter().position(|byte| *byte == b'"').unwrap_or_default();
    let mut written = String::new();
    super::write_text(&name.chars().take(NAME_SHOWN_MAX).collect::<String>(), &mut written);
    at(text, position, format!("the name {written} stands twice in one object"))
}

fn at(text: &[u8], position: usize, message: String) -> JsonError {
    let before = &text[..position.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1;
    JsonError { line, column, message }
}
