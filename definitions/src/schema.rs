//! A webhook's `schema`: JSON Schema, draft 2020-12, for the body of what it takes.
//!
//! Invariants: nothing is fetched; patterns take linear time; what is said of a body never repeats it.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::Json;

/// What is told of one body.
const MISFITS_MAX: usize = 20;

#[derive(Debug)]
pub struct Schema(Validator);

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where in the body: a JSON Pointer (RFC 6901), empty for the whole.
    pub pointer: String,
    pub message: String,
}

impl Schema {
    /// What is wrong with the schema itself, and where in it.
    pub(crate) fn compile(schema: &Json) -> Result<Self, Misfit> {
        let options = jsonschema::options().with_draft(Draft::Draft202012).offline();
        let built = options.with_pattern_options(PatternOptions::regex()).build(&plain(schema));
        built
            .map(Self)
            .map_err(|error| Misfit { pointer: error.instance_path().as_str().to_owned(), message: error.to_string() })
    }

    /// The first few misfits; none where the body fits.
    pub fn misfits(&self, body: &Json) -> Vec<Misfit> {
        let body = plain(body);
        let misfit = |error: jsonschema::ValidationError<'_>| Misfit {
            pointer: error.instance_path().as_str().to_owned(),
            message: error.masked().to_string(),
        };
        self.0.iter_errors(&body).take(MISFITS_MAX).map(misfit).collect()
    }
}

/// As the validator reads it. A number is compared as a double where it is no 64-bit integer.
fn plain(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => {
            let text = number.text();
            let whole = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
            whole.unwrap_or_else(|_| {
                let nearest = text.parse::<f64>().unwrap_or_default().clamp(f64::MIN, f64::MAX);
                serde_json::Number::from_f64(nearest).map_or(Value::Null, Value::Number)
            })
        }
        Json::Text(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Json::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).expect("JSON")
    }

    fn misfits(schema: &str, body: &str) -> Vec<(String, String)> {
        let schema = Schema::compile(&json(schema)).expect("a schema");
        schema.misfits(&json(body)).into_iter().map(|one| (one.pointer, one.message)).collect()
    }

    #[test]
    fn a_misfit_says_where_and_not_what() {
        let schema = r##"{ "type": "object", "required": ["id"], "properties": {
            "id": { "type": "integer" }, "lines": { "items": { "$ref": "#/$defs/line" } } },
            "$defs": { "line": { "properties": { "sku": { "pattern": "^[A-Z]+$" } } } } }"##;
        assert_eq!(misfits(schema, r#"{ "id": 99999999999999999999, "lines": [{ "sku": "A" }] }"#), []);
        let found = misfits(schema, r#"{ "id": "canary", "lines": [{}, { "sku": "canary" }] }"#);
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/id", "/lines/1/sku"]);
        assert!(!format!("{found:?}").contains("canary"), "{found:?}");
        assert_eq!(misfits(schema, "{}")[0].0, "");
        assert_eq!(misfits("true", "1e999"), []);
        assert_eq!(misfits(r#"{ "maximum": 5 }"#, "1e999").len(), 1);
    }

    #[test]
    fn the_drafts_own_vocabulary_is_there() {
        let schema = r#"{ "prefixItems": [{ "type": "string" }], "items": false, "dependentRequired": { "a": ["b"] },
            "unevaluatedProperties": false, "properties": { "a": true, "b": true } }"#;
        assert_eq!(misfits(schema, r#"["x"]"#), []);
        assert_eq!(misfits(schema, r#"["x", 1]"#).len(), 1);
        assert_eq!(misfits(schema, r#"{ "a": 1 }"#).len(), 1);
        assert_eq!(misfits(schema, r#"{ "c": 1 }"#).len(), 1);
    }

    #[test]
    fn what_is_no_schema_is_told_and_nothing_is_fetched() {
        let wrong = |schema: &str| Schema::compile(&json(schema)).expect_err("refused");
        assert_eq!(wrong(r#"{ "properties": { "id": { "type": "numbr" } } }"#).pointer, "/properties/id/type");
        for elsewhere in ["http://127.0.0.1:9/schema", "file:///etc/hostname", "https://example.com/s.json"] {
            wrong(&format!(r#"{{ "$ref": "{elsewhere}" }}"#));
        }
        wrong(r#"{ "pattern": "(a)\\1" }"#);
        wrong(r#"{ "pattern": "(?=a)" }"#);
    }

    #[test]
    fn a_pattern_takes_linear_time() {
        let body = format!("\"{}!\"", "a".repeat(200_000));
        let began = std::time::Instant::now();
        assert_eq!(misfits(r#"{ "pattern": "^(a+)+$" }"#, &body).len(), 1);
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
    }
}
