//! The JSON Schemas of a definition and of a scenario, for editors that complete and explain as one types.
//!
//! They say what can be said without following paths: `check` says the rest. Draft 7, which the
//! language servers for YAML know best.

/// Of a definition, as JSON.
pub const EDITOR_SCHEMA: &str = include_str!("editor.json");

/// Of one scenario of a `*.test.yaml`, as JSON.
pub const SCENARIO_SCHEMA: &str = include_str!("scenario.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{EDITOR_SCHEMA, SCENARIO_SCHEMA};
    use crate::OPERATORS;

    fn schema(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// Every name under `properties`, and every value of an `enum`.
    fn names(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    match (key.as_str(), value) {
                        ("properties", Value::Object(properties)) => into.extend(properties.keys().cloned()),
                        ("enum", Value::Array(values)) => {
                            into.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
                        }
                        _ => {}
                    }
                    names(value, into);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, into)),
            _ => {}
        }
    }

    #[test]
    fn every_key_of_the_language_and_every_preset_is_in_it() {
        let mut known = BTreeSet::new();
        names(&schema(EDITOR_SCHEMA), &mut known);
        let asked = regex::Regex::new(r#"(?:get|required|needed)\(\s*\w+,\s*"([a-z_0-9]+)"\s*[,)]"#).unwrap();
        let mut keys = BTreeSet::new();
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lower")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            keys.extend(asked.captures_iter(&text).map(|found| found[1].to_owned()));
        }
        assert!(keys.len() > 50, "{keys:?}");
        let presets = crate::lower::presets().map(str::to_owned);
        let all = keys.into_iter().chain(OPERATORS.iter().map(|name| (*name).to_owned())).chain(presets);
        let missing: Vec<_> = all.filter(|name| !known.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_word_of_a_scenario_is_in_its_schema() {
        let mut known = BTreeSet::new();
        names(&schema(SCENARIO_SCHEMA), &mut known);
        let lists = regex::Regex::new(r"(?s)const ([A-Z_]+): &\[&str\] =\s*&\[(.*?)\];").unwrap();
        let word = regex::Regex::new(r#""([A-Za-z_]+)""#).unwrap();
        let mut words = BTreeSet::new();
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/scenario")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            // A connector's methods stand behind the step's name.
            let lists = lists.captures_iter(&text).filter(|list| &list[1] != "METHODS_CALLED");
            for list in lists {
                words.extend(word.captures_iter(&list[2]).map(|found| found[1].to_owned()));
            }
        }
        assert!(words.len() > 50, "{words:?}");
        let missing: Vec<_> = words.iter().filter(|word| !known.contains(*word)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_key_is_explained() {
        fn unexplained(at: &str, value: &Value, into: &mut Vec<String>) {
            let Value::Object(members) = value else { return };
            for (key, value) in members {
                if let ("properties", Value::Object(properties)) = (key.as_str(), value) {
                    let explained = |value: &Value| value.get("description").is_some() || value.get("$ref").is_some();
                    // What stands inside these says itself what it is.
                    let plain = ["literal", "text", "prefix", "encoding", "attempts"];
                    let bare = properties.iter().filter(|(name, value)| {
                        !explained(value) && !plain.contains(&name.as_str()) && value.get("const").is_none()
                    });
                    into.extend(bare.map(|(name, _)| format!("{at}/{name}")));
                }
                unexplained(&format!("{at}/{key}"), value, into);
            }
        }
        let mut into = Vec::new();
        unexplained("", &schema(EDITOR_SCHEMA), &mut into);
        unexplained("", &schema(SCENARIO_SCHEMA), &mut into);
        assert!(into.iter().all(|at| at.ends_with("/any") || at.ends_with("/all")), "{into:?}");
    }
}
