//! The language reference says what the language is.

use std::{collections::BTreeSet, fs};

use holdfast_definitions::{OPERATORS, check, codes, explain};

const REFERENCE: &str = include_str!("../../docs/language.md");
const EDITORS: &str = include_str!("../../docs/editors.md");
const SENDERS: &str = include_str!("../../docs/senders.md");

#[test]
fn the_table_of_codes_is_whole_and_says_what_the_pages_say() {
    let listed: Vec<&str> = REFERENCE.lines().filter(|line| line.starts_with("| HF")).collect();
    let known: Vec<String> = codes()
        .map(|code| {
            let page = explain(code).unwrap_or_default();
            let title = page.lines().next().unwrap_or_default().trim_start_matches(&format!("# {code}: "));
            format!("| {code} | {title} |")
        })
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn its_examples_are_clean() {
    for page in [REFERENCE, SENDERS, EDITORS] {
        let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!blocks.is_empty());
        for block in blocks {
            assert_eq!(check("example.yaml", block).diagnostics, [], "{block}");
        }
    }
}

#[test]
fn every_operator_is_there() {
    for operator in OPERATORS {
        assert!(REFERENCE.contains(&format!("`{operator}`")), "{operator}");
    }
}

/// Every key that a definition may have is in the reference: as code, or in an example.
#[test]
fn every_key_is_in_the_reference() {
    let docs = format!("{REFERENCE}{SENDERS}");
    // How the lowering asks for a key.
    let asked = regex::Regex::new(r#"(?:get|required)\(\s*\w+,\s*"([a-z_0-9]+)"\s*\)"#).expect("a pattern");
    let mut keys = BTreeSet::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lower")).expect("the folder") {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("its text");
        keys.extend(asked.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    assert!(keys.len() > 50, "{keys:?}");
    let is_told = |key: &&String| {
        let (code, dotted) = (format!("`{key}`"), format!(".{key}`"));
        let written = regex::Regex::new(&format!(r"(?m)(?:^|[\s{{`,]){key}\b(?:`|:|,| \}})")).expect("a pattern");
        docs.contains(&code) || docs.contains(&dotted) || written.is_match(&docs)
    };
    let missing: Vec<&String> = keys.iter().filter(|key| !is_told(key)).collect();
    assert!(missing.is_empty(), "{missing:?} of {} keys are not in docs/language.md or docs/senders.md", keys.len());
}
