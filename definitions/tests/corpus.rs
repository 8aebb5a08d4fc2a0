//! Every kind of mistake: its page, a bad definition, and what is said of it.

use std::{fs, path::PathBuf};

use holdfast_definitions::{Diagnostic, Lines, Severity, Suggestion, check, codes, explain, render_terminal};

/// Codes whose wrong example is too large for a page: built here.
fn built(code: &str) -> Option<String> {
    match code {
        "HF002" => Some(format!("cycle: orders\nsteps: {{}} #{}", "x".repeat(1 << 20))),
        "HF021" => {
            let steps: String = (0..1_000).map(|n| format!("  s{n}: {{ set: 1, next: s{} }}\n", n + 1)).collect();
            Some(format!("cycle: orders\nsteps:\n  placed: {{ webhook: , next: s0 }}\n{steps}  s1000: {{ set: 1 }}\n"))
        }
        _ => None,
    }
}

/// What only a server finds: a test of its deploys shows it.
const OF_THE_SERVER: [&str; 2] = ["HF083", "HF110"];

/// Of scenario files: `scenarios.rs` has them.
fn is_of_scenarios(code: &str) -> bool {
    code.starts_with("HF14")
}

fn examples(page: &str) -> Vec<&str> {
    page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn earned(text: &str) -> Vec<&'static str> {
    check("example.yaml", text).diagnostics.iter().map(|one| one.code).collect()
}

#[test]
fn every_code_has_a_page_whose_examples_are_true() {
    let mut all = 0;
    for code in codes().filter(|code| !is_of_scenarios(code)) {
        all += 1;
        let page = explain(code).unwrap_or_else(|| panic!("{code} has no page"));
        let examples = examples(page);
        let wrong = built(code).unwrap_or_else(|| examples[0].to_owned());
        let right = examples[examples.len() - 1];
        let is_found = earned(&wrong).contains(&code) != OF_THE_SERVER.contains(&code);
        assert!(is_found, "{code}: its wrong example earns {:?}", earned(&wrong));
        let errors: Vec<_> = check("right.yaml", right)
            .diagnostics
            .into_iter()
            .filter(|one| one.severity == Severity::Error || one.code == code)
            .collect();
        assert!(errors.is_empty(), "{code}: its right example earns {errors:?}");
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
    }
    assert!(all >= 40, "{all} kinds of mistakes");
    assert_eq!(explain("hf001"), explain("HF001"));
    assert_eq!(explain("HF999"), None);
}

fn corpus(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/corpora/definitions").join(folder);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn each_bad_definition_earns_what_it_did() {
    let earned = |code: &&str| built(code).is_none() && !OF_THE_SERVER.contains(code) && !is_of_scenarios(code);
    let mut missing: Vec<_> = codes().filter(earned).collect();
    for file in corpus("bad") {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let found = check(&format!("{name}.yaml"), &text).diagnostics;
        let code = name[..5].to_uppercase();
        assert!(found.iter().any(|one| one.code == code), "{name} does not earn {code}");
        missing.retain(|known| *known != code);
        let shown: Vec<_> = found.iter().map(|one| render_terminal(one, &text, false)).collect();
        insta::assert_snapshot!(name, shown.join("\n\n"));
    }
    assert_eq!(missing, [] as [&str; 0], "no bad definition earns these");
}

/// The text with a suggestion taken.
fn taken(text: &str, suggestion: &Suggestion) -> String {
    let lines = Lines::new(text);
    let start = lines.offset_of(suggestion.line, suggestion.column);
    let end = lines.offset_of(suggestion.end_line, suggestion.end_column);
    format!("{}{}{}", &text[..start], suggestion.replacement, &text[end..])
}

#[test]
fn a_suggestion_that_is_taken_makes_its_mistake_good() {
    let pages = codes().filter_map(explain).flat_map(examples).map(str::to_owned);
    let bad = corpus("bad").into_iter().map(|file| fs::read_to_string(file).unwrap());
    let mut good = std::collections::BTreeSet::new();
    for text in pages.chain(bad) {
        for one in check("a.yaml", &text).diagnostics {
            let Some(suggestion) = &one.suggestion else { continue };
            let left = check("a.yaml", &taken(&text, suggestion)).diagnostics;
            let is_same =
                |left: &Diagnostic| (left.code, left.line, &left.message) == (one.code, one.line, &one.message);
            assert!(!left.iter().any(is_same), "{suggestion:?} does not help against {one:?}: {left:?}");
            let help = one.help.unwrap_or_default();
            assert!(help.contains(&format!("`{}`", suggestion.replacement)), "{help} is not {suggestion:?}");
            good.insert(one.code);
        }
    }
    assert!(good.len() >= 15, "{good:?}");
}

#[test]
fn a_suggestion_that_is_taken_leaves_the_rest_as_it_was() {
    for (text, wrong, right) in [
        ("cycle: a\nsteps:\n  \"ä\": { \"webhok\":null }\n", "webhok", "webhook"),
        ("cycle: a\nsteps:\n  a: { webhook: , next: b }\n  b: { set: 'ä ${$.aa.body} x' }\n", "$.aa.", "$.a."),
        ("cycle: a\nsteps:\n  a: { webhook: , next: b }\n  b:\n    set: |\n\n      y ${$.a.bdy}\n", "bdy", "body"),
        (
            "cycle: a\nvars: { shop: 1 }\nsteps:\n  a: { webhook: , next: b }\n  b:\n    set: >\n      x\n      ${vars.shp}\n",
            "shp",
            "shop",
        ),
    ] {
        let found = check("a.yaml", text).diagnostics;
        let suggestion = found.iter().find_map(|one| one.suggestion.clone());
        let suggestion = suggestion.unwrap_or_else(|| panic!("{found:?} suggests nothing"));
        assert_eq!(taken(text, &suggestion), text.replace(wrong, right));
    }
    // As clients get it; a diagnostic without one has no such field.
    let found = check("a.yaml", "cycle: a\nstep:\n").diagnostics;
    let shown = serde_json::to_value(&found).expect("JSON");
    let suggestion =
        serde_json::json!({ "replacement": "steps", "line": 2, "column": 1, "end_line": 2, "end_column": 5 });
    assert_eq!(shown[1]["suggestion"], suggestion, "{shown}");
    assert!(shown[0].get("suggestion").is_none(), "{shown}");
    // Twice in one text: which is meant is not known.
    let twice = "cycle: a\nsteps:\n  a: { webhook: , next: b }\n  b: { set: '${$.aa.body} ${$.aa.body}' }\n";
    assert!(check("a.yaml", twice).diagnostics.iter().all(|one| one.suggestion.is_none()));
}

#[test]
fn each_good_definition_is_clean() {
    let files = corpus("good");
    assert!(files.len() >= 4);
    for file in files {
        let found = check("good.yaml", &fs::read_to_string(&file).unwrap()).diagnostics;
        assert_eq!(found, [], "{}", file.display());
    }
}
