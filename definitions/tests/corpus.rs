//! Every kind of mistake: its page, a bad definition, and what is said of it.

use std::{fs, path::PathBuf};

use holdfast_definitions::{Severity, check, codes, explain, render_terminal};

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

#[test]
fn each_good_definition_is_clean() {
    let files = corpus("good");
    assert!(files.len() >= 4);
    for file in files {
        let found = check("good.yaml", &fs::read_to_string(&file).unwrap()).diagnostics;
        assert_eq!(found, [], "{}", file.display());
    }
}
