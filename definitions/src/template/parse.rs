//! From a text with `${…}` to its parts.

use std::sync::Arc;

use super::{Node, Piece, Reading, Source};
use crate::{Json, Path, PathError};

/// What is wrong with a template, and in which of its texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    /// The JSON pointer (RFC 6901) of the text within the value.
    pub pointer: String,
    /// Characters before the `${` in that text.
    pub offset: usize,
    pub problem: TemplateProblem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    #[error("`${{` is not closed by `}}`")]
    Unclosed,
    #[error("`${{}}` is empty")]
    Empty,
    #[error(
        "unknown `${{{0}}}`: known are a path (`$.step.body`), `vars.NAME`, `env.NAME`, `secrets.NAME`, `transaction.id` and `cycle.name`"
    )]
    Unknown(String),
    #[error("`{text}` is no JSONPath: {error}")]
    Path { text: String, error: PathError },
    #[error("the default `{0}` is no JSON value: texts stand in double quotes")]
    Default(String),
}

pub fn node(value: Json, pointer: &str) -> Result<Node, TemplateError> {
    match value {
        Json::Text(text) => self::text(text, pointer),
        Json::Array(items) => {
            let each = Arc::unwrap_or_clone(items)
                .into_iter()
                .enumerate()
                .map(|(at, item)| node(item, &format!("{pointer}/{at}")));
            let nodes = each.collect::<Result<Vec<_>, _>>()?;
            Ok(fold(nodes, Node::Array, |values| values.into_iter().collect()))
        }
        Json::Object(members) => {
            let mut names = Vec::with_capacity(members.len());
            let mut nodes = Vec::with_capacity(members.len());
            for (name, value) in Arc::unwrap_or_clone(members) {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                nodes.push(node(value, &format!("{pointer}/{escaped}"))?);
                names.push(name);
            }
            let again = names.clone();
            Ok(fold(
                nodes,
                |nodes| Node::Object(names.into_iter().zip(nodes).collect()),
                |values| Json::from(again.into_iter().zip(values).collect::<crate::Members>()),
            ))
        }
        constant => Ok(Node::Constant(constant)),
    }
}

/// What holds only constants is one itself.
fn fold(nodes: Vec<Node>, computed: impl FnOnce(Vec<Node>) -> Node, constant: impl FnOnce(Vec<Json>) -> Json) -> Node {
    if !nodes.iter().all(|node| matches!(node, Node::Constant(_))) {
        return computed(nodes);
    }
    let values = nodes.into_iter().filter_map(|node| match node {
        Node::Constant(value) => Some(value),
        _ => None,
    });
    Node::Constant(constant(values.collect()))
}

fn text(text: String, pointer: &str) -> Result<Node, TemplateError> {
    if !text.contains("${") {
        return Ok(Node::Constant(Json::Text(text)));
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let mut literal = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("${") {
        let before = &text[..text.len() - rest.len() + at];
        // Counted only for a mistake: a text may hold very many `${`.
        let wrong = |problem| TemplateError { pointer: pointer.to_owned(), offset: before.chars().count(), problem };
        if rest[..at].ends_with('$') {
            // `$${` is a literal `${`.
            literal.push_str(&rest[..at - 1]);
            literal.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        literal.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = closing(inner).ok_or_else(|| wrong(TemplateProblem::Unclosed))?;
        let reading = reading(&inner[..end]).map_err(wrong)?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Value(reading));
        rest = &inner[end + 1..];
    }
    literal.push_str(rest);
    if pieces.is_empty() {
        return Ok(Node::Constant(Json::Text(literal)));
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(match (pieces.len(), pieces.pop()) {
        (1, Some(Piece::Value(reading))) => Node::Value(reading),
        (_, last) => Node::Text(pieces.into_iter().chain(last).collect()),
    })
}

/// The `}` that ends it: braces inside quotes and nested ones (a default may be an object) count.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(c),
            ('{', None) => depth += 1,
            ('}', None) if depth == 0 => return Some(at),
            ('}', None) => depth -= 1,
            _ => {}
        }
    }
    None
}

fn reading(text: &str) -> Result<Reading, TemplateProblem> {
    let (source, default) = match split_default(text) {
        Some(at) => (&text[..at], Some(text[at + 2..].trim())),
        None => (text, None),
    };
    let default = match default {
        None => None,
        Some(text) => Some(Json::parse(text.as_bytes()).map_err(|_| TemplateProblem::Default(text.to_owned()))?),
    };
    let source = match source.trim() {
        "" => return Err(TemplateProblem::Empty),
        "transaction.id" => Source::TransactionId,
        "cycle.name" => Source::CycleName,
        path if path.starts_with('$') => {
            Source::Path(Path::parse(path).map_err(|error| TemplateProblem::Path { text: path.to_owned(), error })?)
        }
        other if named(other, "vars.").is_some() => Source::Var(other["vars.".len()..].to_owned()),
        other if named(other, "env.").is_some() => Source::Env(other["env.".len()..].to_owned()),
        other if named(other, "secrets.").is_some() => Source::Secret(other["secrets.".len()..].to_owned()),
        other => return Err(TemplateProblem::Unknown(other.to_owned())),
    };
    Ok(Reading { source, default })
}

/// The name behind a prefix.
fn named<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix).filter(|name| is_name(name))
}

/// Of a variable or a secret: letters, digits and underscores, at most 100, not starting with a digit.
pub fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(letters)
}

/// Where `??` stands, outside quotes: a filter's `?` is never doubled.
fn split_default(text: &str) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(c),
            ('?', None) if text[at..].starts_with("??") => return Some(at),
            _ => {}
        }
    }
    None
}
