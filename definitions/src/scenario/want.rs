//! An expectation held against what came.
//!
//! An object is expected in part: what it does not name may be anything. A list is expected whole. Two
//! scalars are the same where `equals` says so (`42` is `"42"`), and null is what is missing.

use crate::{
    Json, Span, decision,
    yaml::{Node, Value},
};

/// A value that is expected, every part with its place.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub value: WantedValue,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum WantedValue {
    Scalar(Json),
    List(Vec<Wanted>),
    Map(Vec<(String, Wanted)>),
}

/// One place at which something else came.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// From the value that was looked at: `document.placed.body`, `steps[2]`; empty for itself.
    pub path: String,
    /// Of what was expected.
    pub span: Span,
    pub wanted: Json,
    /// None where there is nothing.
    pub came: Option<Json>,
}

impl Wanted {
    /// Every place at which `came` is not as expected, in the order in which it was written.
    pub fn differences(&self, came: Option<&Json>) -> Vec<Difference> {
        let mut differences = Vec::new();
        self.compare(came, &mut String::new(), &mut differences);
        differences
    }

    pub fn json(&self) -> Json {
        match &self.value {
            WantedValue::Scalar(value) => value.clone(),
            WantedValue::List(items) => items.iter().map(Self::json).collect(),
            WantedValue::Map(members) => {
                Json::from(members.iter().map(|(name, value)| (name.clone(), value.json())).collect::<crate::Members>())
            }
        }
    }

    fn compare(&self, came: Option<&Json>, path: &mut String, found: &mut Vec<Difference>) {
        let whole = path.len();
        match (&self.value, came) {
            (WantedValue::Scalar(Json::Null), None) => {}
            (WantedValue::Scalar(wanted), Some(came)) if decision::same(wanted, came, false) => {}
            (WantedValue::Map(members), Some(came @ Json::Object(_))) => {
                for (name, wanted) in members {
                    if whole > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    wanted.compare(came.get(name), path, found);
                    path.truncate(whole);
                }
            }
            // One that is too long or too short is shown whole.
            (WantedValue::List(items), Some(Json::Array(came))) if items.len() == came.len() => {
                for (at, wanted) in items.iter().enumerate() {
                    path.push_str(&format!("[{at}]"));
                    wanted.compare(came.get(at), path, found);
                    path.truncate(whole);
                }
            }
            _ => {
                let difference =
                    Difference { path: path.clone(), span: self.span, wanted: self.json(), came: came.cloned() };
                found.push(difference);
            }
        }
    }
}

/// What is written, as it is expected.
pub(super) fn wanted(node: &Node) -> Wanted {
    let value = match &node.value {
        Value::List(items) => WantedValue::List(items.iter().map(wanted).collect()),
        Value::Map(members) => {
            WantedValue::Map(members.iter().map(|(key, value)| (key.name().to_owned(), wanted(value))).collect())
        }
        _ => WantedValue::Scalar(node.json()),
    };
    Wanted { value, span: node.span }
}
