//! What may stand at a place, by the JSON Schema that editors get: one description of the language for both.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde_json::Value;

use super::{outline::Node, place::Segment};
use crate::EDITOR_SCHEMA;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(EDITOR_SCHEMA).unwrap_or_default());

/// Everything that the schema says of one place: a value fits some of it.
#[derive(Default)]
pub struct Shape {
    schemas: Vec<&'static Value>,
    /// The definitions on the way: `next`, `path`, `secret`.
    names: BTreeSet<&'static str>,
}

impl Shape {
    /// Of the place that a path leads to, in a document that begins with `root`.
    pub fn at(text: &str, root: &Node, path: &[Segment<'_>]) -> Self {
        let mut shape = Self::default();
        shape.add(&SCHEMA, &keys(text, Some(root)));
        let mut node = Some(root);
        for segment in path {
            node = node.and_then(|node| match segment {
                Segment::Key(key) => node.get(text, key),
                Segment::Item(at) => node.items().get(*at),
            });
            shape = shape.below(*segment, &keys(text, node));
        }
        shape
    }

    fn below(&self, segment: Segment<'_>, keys: &[&str]) -> Self {
        let mut below = Self::default();
        for schema in &self.schemas {
            let found = match segment {
                Segment::Item(_) => schema.get("items"),
                Segment::Key(key) => schema
                    .get("properties")
                    .and_then(|properties| properties.get(key))
                    .or_else(|| schema.get("additionalProperties")),
            };
            found.into_iter().for_each(|found| below.add(found, keys));
        }
        below
    }

    /// A schema, and those that it is put together of. Of an `if` whose keys are not there yet both ways are open.
    fn add(&mut self, schema: &'static Value, keys: &[&str]) {
        self.schemas.push(schema);
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next()) {
            self.names.insert(name);
            SCHEMA["definitions"].get(name).into_iter().for_each(|found| self.add(found, keys));
        }
        for list in ["allOf", "oneOf", "anyOf"] {
            schema.get(list).and_then(Value::as_array).into_iter().flatten().for_each(|one| self.add(one, keys));
        }
        if let Some(condition) = schema.get("if") {
            let holds = holds(condition, keys);
            let mut way = |name| schema.get(name).into_iter().for_each(|one| self.add(one, keys));
            if holds || keys.is_empty() {
                way("then");
            }
            if !holds {
                way("else");
            }
        }
    }

    pub fn is(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The keys that may stand beside those that are there, with what is said of each.
    pub fn open_keys(&self, present: &[&str]) -> BTreeMap<&'static str, Property> {
        let mut keys = BTreeMap::new();
        let closed = |schema: &Value| schema.get("additionalProperties") == Some(&Value::Bool(false));
        for schema in &self.schemas {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else { continue };
            // Another of several forms is being written.
            if closed(schema)
                && present.iter().any(|key| !properties.contains_key(*key))
                && self.some_form_fits(present)
            {
                continue;
            }
            for (key, schema) in properties {
                keys.entry(key.as_str()).or_insert_with(|| Property::of(schema));
            }
        }
        keys.retain(|key, _| !present.contains(key) && !self.is_excluded(key, present));
        keys
    }

    fn some_form_fits(&self, present: &[&str]) -> bool {
        self.schemas
            .iter()
            .filter_map(|schema| schema.get("properties")?.as_object())
            .any(|properties| present.iter().all(|key| properties.contains_key(*key)))
    }

    /// Of keys of which exactly one must stand, one is there: a step's kind, a condition's operator.
    fn is_excluded(&self, key: &str, present: &[&str]) -> bool {
        self.schemas.iter().filter_map(|schema| schema.get("oneOf")?.as_array()).any(|forms| {
            let alone =
                |key: &str| forms.iter().any(|form| required(form).eq([key]) && form.get("properties").is_none());
            alone(key) && present.iter().any(|present| alone(present))
        })
    }

    /// What is said of a key here.
    pub fn property(&self, key: &str) -> Option<Property> {
        let found = |schema: &&'static Value| schema.get("properties")?.get(key);
        self.schemas.iter().find_map(found).map(Property::of)
    }

    /// The values that are named: choices, examples, true and false.
    pub fn choices(&self) -> Vec<String> {
        let mut choices: Vec<String> = Vec::new();
        for schema in &self.schemas {
            for list in ["enum", "examples"] {
                let values = schema.get(list).and_then(Value::as_array).into_iter().flatten();
                choices.extend(values.filter_map(Value::as_str).map(str::to_owned));
            }
            choices.extend(schema.get("const").and_then(Value::as_str).map(str::to_owned));
            if schema.get("type") == Some(&Value::from("boolean")) {
                choices.extend(["true", "false"].map(str::to_owned));
            }
        }
        let mut seen = BTreeSet::new();
        choices.retain(|choice| seen.insert(choice.clone()));
        choices
    }
}

/// What is said of a key.
#[derive(Clone, Debug)]
pub struct Property {
    pub description: String,
    /// Its value is a map or a list, and nothing else.
    pub nested: bool,
}

impl Property {
    fn of(schema: &'static Value) -> Self {
        let mut shape = Shape::default();
        shape.add(schema, &[]);
        let said = shape.schemas.iter().filter_map(|schema| schema.get("description")?.as_str());
        // A form of several says what it is alone: the key's own words, and those of its definition.
        let words: Vec<&str> = said.take(if schema.get("description").is_some() { 2 } else { 1 }).collect();
        let nested = |kind: &str| matches!(kind, "object" | "array");
        let kinds: Vec<&str> = shape.schemas.iter().filter_map(|schema| schema.get("type")?.as_str()).collect();
        Self { description: words.join("\n\n"), nested: !kinds.is_empty() && kinds.iter().all(|kind| nested(kind)) }
    }
}

fn keys<'t>(text: &'t str, node: Option<&'t Node>) -> Vec<&'t str> {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries.iter().filter(|entry| entry.colon).filter_map(|entry| text.get(entry.key.clone())).collect()
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether keys fit the `if` of a schema: they have those that it requires.
fn holds(condition: &Value, keys: &[&str]) -> bool {
    let any = condition.get("anyOf").and_then(Value::as_array);
    let all = |schema: &Value| required(schema).all(|key| keys.contains(&key));
    any.map_or_else(|| all(condition), |any| any.iter().any(all))
}
