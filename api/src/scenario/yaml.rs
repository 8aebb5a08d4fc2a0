//! A scenario's parts as a person would write them: YAML that reads back as the same values.

use holdfast_definitions::{Action, Json, Members, Request, RequestBody, format_duration, write_text};

/// What still goes on one line.
const WIDTH: usize = 100;
/// Bodies nested deeper are sent as a text: a scenario file is not read so deep.
const DEPTH_MAX: usize = 40;

/// `key: value` at that indent: on one line where it fits, else as a block.
pub fn member(out: &mut String, indent: usize, key: &str, value: &Json) {
    pad(out, indent);
    out.push_str(&scalar_text(key));
    out.push(':');
    after_key(out, indent, value);
}

/// `- key: value`
pub fn item(out: &mut String, indent: usize, key: &str, value: &Json) {
    pad(out, indent);
    out.push_str("- ");
    out.push_str(&scalar_text(key));
    out.push(':');
    after_key(out, indent + 2, value);
}

fn after_key(out: &mut String, indent: usize, value: &Json) {
    let flow = flow(value);
    let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
    let is_block = match value {
        Json::Array(items) => !items.is_empty(),
        Json::Object(members) => !members.is_empty(),
        _ => false,
    };
    if !is_block || column + 1 + flow.chars().count() <= WIDTH {
        if !flow.is_empty() {
            out.push(' ');
            out.push_str(&flow);
        }
        out.push('\n');
        return;
    }
    out.push('\n');
    match value {
        Json::Object(members) => members.iter().for_each(|(name, value)| member(out, indent + 2, name, value)),
        Json::Array(items) => items.iter().for_each(|value| element(out, indent + 2, value)),
        _ => {}
    }
}

fn element(out: &mut String, indent: usize, value: &Json) {
    let flow = flow(value);
    match value {
        Json::Object(members) if indent + 2 + flow.chars().count() > WIDTH => {
            for (at, (name, value)) in members.iter().enumerate() {
                match at {
                    0 => item(out, indent, name, value),
                    _ => member(out, indent + 2, name, value),
                }
            }
        }
        // A list in a list stays on one line, however long.
        _ => {
            pad(out, indent);
            out.push_str("- ");
            out.push_str(&flow);
            out.push('\n');
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// On one line.
pub fn flow(value: &Json) -> String {
    match value {
        Json::Text(text) => scalar_text(text),
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| format!("{}: {}", scalar_text(name), flow(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Plain where no reader could take it for anything else.
fn scalar_text(text: &str) -> String {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '@' | '$' | '+');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '$'))
        && text.chars().all(inside)
        && !text.ends_with(' ')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::new();
    write_text(text, &mut quoted);
    // What YAML does not take as it is, but JSON does.
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

/// `steps:` of a scenario, but for what is expected.
pub fn steps(out: &mut String, indent: usize, actions: &[Action]) {
    for action in actions {
        match action {
            Action::Hit(request) => hit(out, indent, request),
            Action::Advance(by) => {
                pad(out, indent);
                out.push_str(&format!("- advance: {}\n", format_duration(*by)));
            }
            Action::Stop => nothing(out, indent, "stop"),
            Action::Start => nothing(out, indent, "start"),
            Action::Cancel(None) => nothing(out, indent, "cancel"),
            Action::Cancel(Some(of)) => item(out, indent, "cancel", &Json::from(of.as_str())),
            Action::Rerun { from, of } => {
                item(out, indent, "rerun", &Json::from(from.as_str()));
                if let Some(of) = of {
                    member(out, indent + 2, "of", &Json::from(of.as_str()));
                }
            }
            Action::Expect(_) => {}
        }
    }
}

fn nothing(out: &mut String, indent: usize, key: &str) {
    pad(out, indent);
    out.push_str(&format!("- {key}:\n"));
}

/// `- hit: STEP` and what belongs to it, but for what is expected.
pub fn hit(out: &mut String, indent: usize, request: &Request) {
    item(out, indent, "hit", &Json::from(request.step.as_str()));
    let indent = indent + 2;
    if let Some(name) = &request.name {
        member(out, indent, "as", &Json::from(name.as_str()));
    }
    if request.method != "POST" {
        member(out, indent, "method", &Json::from(request.method.as_str()));
    }
    let content_type = request.headers.iter().find(|(name, _)| name == "content-type");
    let others: Vec<_> = request.headers.iter().filter(|(name, _)| name != "content-type").cloned().collect();
    for (key, pairs) in [("headers", &others), ("query", &request.query)] {
        if !pairs.is_empty() {
            member(out, indent, key, &object(pairs));
        }
    }
    let json_type = || Json::from("application/json");
    let said = content_type.map(|(_, value)| Json::from(value.as_str()));
    match &request.body {
        RequestBody::None => said.iter().for_each(|said| member(out, indent, "content_type", said)),
        RequestBody::Json(body) if !body.is_deeper_than(DEPTH_MAX) && is_writable(body) => {
            said.iter().for_each(|said| member(out, indent, "content_type", said));
            member(out, indent, "body", body);
        }
        RequestBody::Json(body) => {
            member(out, indent, "content_type", &said.unwrap_or_else(json_type));
            member(out, indent, "raw", &Json::from(body.to_string()));
        }
        RequestBody::Raw(text) => {
            said.iter().for_each(|said| member(out, indent, "content_type", said));
            member(out, indent, "raw", &Json::from(text.as_str()));
        }
    }
    if !request.verified {
        member(out, indent, "verified", &Json::Bool(false));
    }
}

/// A map with the key `<<` is not read back.
fn is_writable(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().all(is_writable),
        Json::Object(members) => members.iter().all(|(name, value)| name != "<<" && is_writable(value)),
        _ => true,
    }
}

/// A name that comes several times has a list.
fn object(pairs: &[(String, String)]) -> Json {
    let mut members = Members::new();
    for (name, value) in pairs {
        let value = Json::from(value.as_str());
        let joined = match members.get(name) {
            None => value,
            Some(Json::Array(items)) => items.iter().cloned().chain([value]).collect(),
            Some(one) => Json::from(vec![one.clone(), value]),
        };
        members.insert(name.clone(), joined);
    }
    Json::from(members)
}

#[cfg(test)]
mod tests;
