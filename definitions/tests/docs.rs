//! The language reference says what the language is.

use holdfast_definitions::{OPERATORS, check, codes, explain};

const REFERENCE: &str = include_str!("../../docs/language.md");
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
    for page in [REFERENCE, SENDERS] {
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
