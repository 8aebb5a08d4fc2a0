//! Values with `${…}` in them.
//!
//! Invariant: what a template reads was parsed when the definition was; rendering compiles nothing.

mod parse;

use crate::{Exhausted, Json, Members, Path};

pub(crate) use parse::is_name;
pub use parse::{TemplateError, TemplateProblem};

/// A JSON value, some of whose texts are computed.
#[derive(Debug)]
pub struct Template(Node);

#[derive(Debug)]
enum Node {
    Constant(Json),
    /// A text that is one `${…}`: the value with its type.
    Value(Reading),
    /// Parts joined as text.
    Text(Vec<Piece>),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

#[derive(Debug)]
enum Piece {
    Literal(String),
    Value(Reading),
}

#[derive(Debug)]
struct Reading {
    source: Source,
    /// `?? …`: instead of what is missing or null, or of an empty list.
    default: Option<Json>,
}

#[derive(Debug)]
enum Source {
    Path(Path),
    TransactionId,
    CycleName,
    Var(String),
    Env(String),
    Secret(String),
}

/// Named values: variables, the environment, secrets.
pub trait Lookup: Send + Sync {
    fn get(&self, name: &str) -> Option<Json>;
}

/// No values at all.
impl Lookup for () {
    fn get(&self, _: &str) -> Option<Json> {
        None
    }
}

impl Lookup for std::collections::BTreeMap<String, Json> {
    fn get(&self, name: &str) -> Option<Json> {
        self.get(name).cloned()
    }
}

/// What a template may read.
pub struct Scope<'a> {
    pub document: &'a Json,
    /// `${transaction.id}`
    pub transaction_id: &'a str,
    /// `${cycle.name}`
    pub cycle_name: &'a str,
    /// `${vars.NAME}`
    pub vars: &'a dyn Lookup,
    /// `${env.NAME}`: what the operator has allowed of the environment.
    pub env: &'a dyn Lookup,
    /// `${secrets.NAME}`; none where secrets may not be read, which a check has refused before.
    pub secrets: Option<&'a dyn Lookup>,
}

impl Template {
    /// Compiles every text of a value.
    pub fn from_json(value: Json) -> Result<Self, TemplateError> {
        parse::node(value, "").map(Self)
    }

    pub fn constant(value: Json) -> Self {
        Self(Node::Constant(value))
    }

    /// The value where nothing in it is computed.
    pub fn as_constant(&self) -> Option<&Json> {
        match &self.0 {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The value. What is missing is null, or empty text inside a longer string.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Json, Exhausted> {
        render(&self.0, scope)
    }

    /// The paths that it reads, for `check`.
    pub fn paths(&self) -> Vec<&Path> {
        self.sources()
            .into_iter()
            .filter_map(|source| if let Source::Path(path) = source { Some(path) } else { None })
            .collect()
    }

    /// The names of the variables that it reads.
    pub fn vars(&self) -> Vec<&str> {
        self.sources()
            .into_iter()
            .filter_map(|source| if let Source::Var(name) = source { Some(name.as_str()) } else { None })
            .collect()
    }

    /// The names of the environment's variables that it reads.
    pub fn env(&self) -> Vec<&str> {
        self.sources()
            .into_iter()
            .filter_map(|source| if let Source::Env(name) = source { Some(name.as_str()) } else { None })
            .collect()
    }

    /// The names of the secrets that it reads.
    pub fn secrets(&self) -> Vec<&str> {
        self.sources()
            .into_iter()
            .filter_map(|source| if let Source::Secret(name) = source { Some(name.as_str()) } else { None })
            .collect()
    }

    fn sources(&self) -> Vec<&Source> {
        let mut sources = Vec::new();
        collect(&self.0, &mut sources);
        sources
    }
}

fn render(node: &Node, scope: &Scope<'_>) -> Result<Json, Exhausted> {
    match node {
        Node::Constant(value) => Ok(value.clone()),
        Node::Value(reading) => reading.value(scope),
        Node::Text(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Literal(literal) => text.push_str(literal),
                    Piece::Value(reading) => push_text(&reading.value(scope)?, &mut text),
                }
            }
            Ok(Json::Text(text))
        }
        Node::Array(items) => items.iter().map(|item| render(item, scope)).collect::<Result<_, _>>(),
        Node::Object(members) => members
            .iter()
            .map(|(name, value)| Ok((name.clone(), render(value, scope)?)))
            .collect::<Result<Members, _>>()
            .map(Json::from),
    }
}

impl Reading {
    fn value(&self, scope: &Scope<'_>) -> Result<Json, Exhausted> {
        let value = match &self.source {
            Source::Path(path) => path.value(scope.document)?,
            Source::TransactionId => Json::from(scope.transaction_id),
            Source::CycleName => Json::from(scope.cycle_name),
            Source::Var(name) => scope.vars.get(name).unwrap_or_default(),
            Source::Env(name) => scope.env.get(name).unwrap_or_default(),
            Source::Secret(name) => scope.secrets.and_then(|secrets| secrets.get(name)).unwrap_or_default(),
        };
        let nothing = match &value {
            Json::Null => true,
            Json::Array(items) => items.is_empty() && matches!(&self.source, Source::Path(path) if !path.is_singular()),
            _ => false,
        };
        Ok(match &self.default {
            Some(default) if nothing => default.clone(),
            _ => value,
        })
    }
}

fn push_text(value: &Json, text: &mut String) {
    match value {
        Json::Null => {}
        Json::Text(part) => text.push_str(part),
        other => other.write_to(text),
    }
}

fn collect<'a>(node: &'a Node, sources: &mut Vec<&'a Source>) {
    let mut add = |reading: &'a Reading| sources.push(&reading.source);
    match node {
        Node::Constant(_) => {}
        Node::Value(reading) => add(reading),
        Node::Text(pieces) => {
            for piece in pieces {
                if let Piece::Value(reading) = piece {
                    add(reading);
                }
            }
        }
        Node::Array(items) => items.iter().for_each(|item| collect(item, sources)),
        Node::Object(members) => members.iter().for_each(|(_, value)| collect(value, sources)),
    }
}

#[cfg(test)]
mod tests;
