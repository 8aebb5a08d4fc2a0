//! The editor's fields for what a definition leaves to its deploy: its variables.
//!
//! Invariant: what was given at an earlier deploy, or is typed, is given again, whether it is shown or not;
//! a field left empty gives nothing, and what is declared stands.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use askama::Template;
use holdfast_definitions::{Cycle, Diagnostic, Given, Json, VAR_GIVEN, Variable, variables};
use holdfast_engine::Error;

use crate::{App, Problem};

/// Of a field's name: as the API's parameter.
pub const PREFIX: &str = "var.";
/// Others are given at the command line.
const FIELDS_MAX: usize = 100;

/// What is typed, by the variable's name.
pub type Typed = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, Template)]
#[template(path = "cycle_vars.html")]
pub struct Fields {
    pub fields: Vec<Field>,
    pub more: usize,
    /// The text could be read.
    pub known: bool,
    given: Given,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub value: String,
    pub kind: Kind,
    /// No cycle of the text says what it is unless it is given.
    pub required: bool,
    /// What stands unless it is given, and in which cycle where there are several.
    pub declared: Vec<String>,
    pub comment: Option<String>,
    pub wrong: Vec<String>,
    places: Vec<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    Number,
    Boolean,
}

impl Kind {
    fn of(declared: &Json) -> Self {
        match declared {
            Json::Number(_) => Self::Number,
            Json::Bool(_) => Self::Boolean,
            _ => Self::Text,
        }
    }

    pub fn said(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
        }
    }
}

impl Fields {
    /// Of a text that is no YAML there is what was typed, and nothing about it.
    pub async fn of(app: &App, account: &str, text: &str, typed: &Typed) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Ok(Self { known: true, ..Self::default() });
        }
        let Some(found) = variables(text) else {
            let unknown = |(name, value): (&String, &String)| Field { value: value.clone(), ..Field::new(name) };
            return Ok(Self { fields: typed.iter().take(FIELDS_MAX).map(unknown).collect(), ..Self::default() });
        };
        let kept = kept(app, account, &found).await?;
        let several = found.iter().any(|one| one.cycle != found[0].cycle);
        let (mut fields, mut given): (Vec<Field>, _) = (Vec::new(), Given::new());
        let mut known: HashMap<String, usize> = HashMap::new();
        for one in found {
            let at = *known.entry(one.name.clone()).or_insert(fields.len());
            if at == fields.len() {
                fields.push(Field::new(&one.name));
            }
            fields[at].declare(one, several);
        }
        for field in &mut fields {
            if let Some(value) = value(typed.get(&field.name), kept.get(&field.name)) {
                field.value = shown(&value);
                given.insert(field.name.clone(), value);
            }
        }
        let more = fields.len().saturating_sub(FIELDS_MAX);
        fields.truncate(FIELDS_MAX);
        Ok(Self { fields, more, known: true, given })
    }

    pub fn given(&self) -> &Given {
        &self.given
    }

    /// What is wrong with a value goes to its field: how many did.
    pub fn take(&mut self, diagnostics: &mut Vec<Diagnostic>) -> usize {
        let before = diagnostics.len();
        diagnostics.retain(|found| {
            let place = (found.line, found.column);
            let mut fields = self.fields.iter_mut();
            let field = fields.find(|field| found.code == VAR_GIVEN.0 && field.places.contains(&place));
            let Some(field) = field else { return true };
            if !field.wrong.contains(&found.message) {
                field.wrong.push(found.message.clone());
            }
            false
        });
        before - diagnostics.len()
    }

    pub fn are_wrong(&self) -> bool {
        self.fields.iter().any(|field| !field.wrong.is_empty())
    }

    /// The same as long as the same fields are shown: they are then left as they are being filled in.
    pub fn shape(&self) -> String {
        let field = |field: &Field| {
            let needed = if field.required { "!" } else { "" };
            format!("{}{needed} {}", field.name, field.kind.said())
        };
        self.fields.iter().map(field).collect::<Vec<_>>().join(",")
    }
}

impl Field {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: String::new(),
            kind: Kind::Text,
            required: false,
            declared: Vec::new(),
            comment: None,
            wrong: Vec::new(),
            places: Vec::new(),
        }
    }

    fn declare(&mut self, one: Variable, several: bool) {
        let kind = Kind::of(&one.declared);
        self.kind = if self.places.is_empty() || self.kind == kind { kind } else { Kind::Text };
        self.required |= one.declared == Json::Null;
        self.places.push((one.line, one.column));
        self.comment = self.comment.take().or(one.comment);
        if one.declared != Json::Null {
            let of = if several { format!(" in {}", one.cycle) } else { String::new() };
            self.declared.push(format!("{}{of}", one.declared));
        }
    }
}

/// What is given for a variable: of what was given as an empty text an empty field says the same.
fn value(typed: Option<&String>, kept: Option<&Json>) -> Option<Json> {
    match (typed.map(String::as_str), kept) {
        (None, kept) => kept.cloned(),
        (Some(""), kept) => kept.filter(|kept| kept.as_text() == Some("")).cloned(),
        (Some(typed), _) => Some(Json::from(typed)),
    }
}

fn shown(value: &Json) -> String {
    value.as_text().map_or_else(|| value.to_string(), str::to_owned)
}

/// What was given for them at the newest deploy of each cycle.
async fn kept(app: &App, account: &str, declared: &[Variable]) -> Result<Given, Problem> {
    let mut kept = Given::new();
    let mut known: Option<(&str, Option<Arc<Cycle>>)> = None;
    for one in declared {
        let newest = match &known {
            Some((name, newest)) if *name == one.cycle => newest.clone(),
            _ => newest(app, account, &one.cycle).await?,
        };
        if let Some(value) = newest.as_ref().and_then(|newest| newest.given.get(&one.name)) {
            kept.insert(one.name.clone(), value.clone());
        }
        known = Some((&one.cycle, newest));
    }
    Ok(kept)
}

async fn newest(app: &App, account: &str, cycle: &str) -> Result<Option<Arc<Cycle>>, Problem> {
    match app.engine.definition(account, cycle, None).await {
        Ok(newest) => Ok(Some(newest)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
