//! What a definition leaves to its deploy: its variables, as an editor offers them.

use crate::{
    Json, Lines,
    lower::{get, is_connector},
    template::is_name,
    yaml::{self, Node, Value},
};

/// A variable as a cycle of a text declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    pub cycle: String,
    pub name: String,
    /// Null: a deploy must give it.
    pub declared: Json,
    /// What is written behind it on its line.
    pub comment: Option<String>,
    /// Where its declared value stands, as in a diagnostic.
    pub line: usize,
    pub column: usize,
}

/// The variables that can be given, in the order of the text, whatever else is wrong with it. None
/// where the text is no YAML.
pub fn variables(text: &str) -> Option<Vec<Variable>> {
    let (documents, _) = yaml::read(text);
    if documents.is_empty() {
        return None;
    }
    let lines = Lines::new(text);
    let mut found = Vec::new();
    for root in documents.iter().map(|document| &document.root).filter(|root| !is_connector(root)) {
        let cycle = get(root, "cycle").map(|name| name.name().to_owned()).unwrap_or_default();
        let Some(Value::Map(members)) = get(root, "vars").map(|vars| &vars.value) else { continue };
        let given = |(key, value): &&(Node, Node)| {
            is_name(key.name()) && !matches!(value.value, Value::List(_) | Value::Map(_))
        };
        found.extend(members.iter().filter(given).map(|(key, value)| Variable {
            cycle: cycle.clone(),
            name: key.name().to_owned(),
            declared: value.json(),
            comment: comment(&lines, key, value),
            line: value.span.line,
            column: value.span.column,
        }));
    }
    Some(found)
}

/// Behind the value, on its key's line.
fn comment(lines: &Lines, key: &Node, value: &Node) -> Option<String> {
    let place = |line, column| lines.offset_of(line, column);
    let start = place(value.span.line, value.span.column);
    let end = match lines.text()[start..].chars().next().filter(|_| value.span.line == key.span.line) {
        Some(quote @ ('"' | '\'')) => start + quoted(&lines.text()[start..], quote),
        Some(_) if value.span.end_line == key.span.line => place(value.span.end_line, value.span.end_column),
        _ => place(key.span.end_line, key.span.end_column),
    };
    let rest = lines.text()[end..].lines().next()?.trim_start_matches([':', ' ', '\t']);
    let said = rest.strip_prefix('#')?.trim();
    (!said.is_empty()).then(|| said.to_owned())
}

/// How long a scalar in quotes is: the reader counts a comment behind it as its own.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if character == quote && text[at + 1..].starts_with(quote) && quote == '\'' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
