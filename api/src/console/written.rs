//! JSON as a person has written it: read, or told where it can't be.

use holdfast_definitions::Json;

/// What is wrong, and where: what was written is shown again beside it.
#[derive(Debug, PartialEq)]
pub struct Wrong(pub String);

/// A body: JSON, or nothing for an empty object.
pub fn body(text: &str) -> Result<Json, Wrong> {
    if text.trim().is_empty() { Ok(Json::parse(b"{}").unwrap_or_default()) } else { json(text) }
}

pub fn json(text: &str) -> Result<Json, Wrong> {
    Json::parse(text.as_bytes()).map_err(|error| Wrong(error.to_string()))
}

/// For people: two spaces a level, as short as they fit otherwise.
pub fn pretty(value: &Json) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Json, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(depth + 1, out);
                write(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Json::Object(members) if !members.is_empty() => {
            out.push('{');
            for (at, (name, item)) in members.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(depth + 1, out);
                holdfast_definitions::write_text(name, out);
                out.push_str(": ");
                write(item, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => other.write_to(out),
    }
}

/// A text that is shown in part: `shown`, and the size of the whole where that is more.
#[derive(Debug, PartialEq)]
pub struct Cut {
    pub shown: String,
    pub whole: Option<String>,
}

/// At the end of a character, at most `bytes`.
pub fn cut(mut text: String, bytes: usize) -> Cut {
    if text.len() <= bytes {
        return Cut { shown: text, whole: None };
    }
    let whole = Some(size(text.len()));
    text.truncate(text.floor_char_boundary(bytes));
    Cut { shown: text, whole }
}

/// `640 bytes`, `12 KiB`, `3.4 MiB`.
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{}.{} MiB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// One line of a difference.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// `added`, `removed` or nothing.
    pub class: &'static str,
    pub sign: char,
    pub text: String,
}

/// Lines that are only in one of the two, between those at both ends that are in both.
pub fn difference(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let room = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(room).take_while(|(old, new)| old == new).count();
    let line = |class, sign| move |text: &&str| Line { class, sign, text: (*text).to_owned() };
    let of = |lines: &[&str], from: usize, to: usize, class, sign| {
        lines.get(from..to).unwrap_or_default().iter().map(line(class, sign)).collect::<Vec<_>>()
    };
    let mut all = of(&new, 0, head, "", ' ');
    all.extend(of(&old, head, old.len() - tail, "removed", '-'));
    all.extend(of(&new, head, new.len() - tail, "added", '+'));
    all.extend(of(&new, new.len() - tail, new.len(), "", ' '));
    all
}

#[cfg(test)]
#[path = "written_tests.rs"]
mod tests;
