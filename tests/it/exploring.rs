//! `holdfast test --explore`: planted faults are found, in the fewest hits; a healthy cycle has none.

use std::path::{Path, PathBuf};

use holdfast_tests::binary;
use serde_json::Value;

/// The corpus: each cycle with its scenario.
fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/explore")
}

async fn explored(arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = tokio::process::Command::new(binary());
    command.args(["test", "--explore", "--json"]).args(arguments).env("NO_COLOR", "1");
    let output = command.output().await.expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let document = serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{error}: {said}\n{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), document)
}

/// Of one cycle of the corpus: (fault, hits, what sets it apart), by length.
async fn found(cycle: &str) -> Vec<(String, Vec<String>, [bool; 3])> {
    let file = corpus().join(format!("{cycle}.test.yaml"));
    let (code, document) = explored(&["--tries", "150", &file.display().to_string()]).await;
    let findings = document["findings"].as_array().expect("findings").clone();
    assert_eq!(code, Some(i32::from(!findings.is_empty())), "{document:#}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let finding = |one: &Value| {
        let hits = one["hits"].as_array().expect("hits").iter().map(text).collect();
        let apart = ["out_of_order", "doubled", "waits"].map(|name| one[name].as_bool().expect("a boolean"));
        (text(&one["fault"]), hits, apart)
    };
    findings.iter().map(finding).collect()
}

fn finding(fault: &str, hits: &[&str], apart: [bool; 3]) -> (String, Vec<String>, [bool; 3]) {
    (fault.to_owned(), hits.iter().map(|hit| (*hit).to_owned()).collect(), apart)
}

const REORDERED: [bool; 3] = [true, false, false];
const DOUBLED: [bool; 3] = [false, true, false];
const LATE: [bool; 3] = [false, false, true];
const AT_ONCE: [bool; 3] = [false, false, false];

#[tokio::test]
async fn each_planted_fault_is_found_in_the_fewest_hits() {
    for (cycle, expected) in [
        ("healthy", vec![]),
        ("early-lost", vec![finding("lost", &["paid", "ordered"], REORDERED)]),
        ("overtaken", vec![finding("ended", &["placed", "status", "status"], REORDERED)]),
        ("answer", vec![finding("answer", &["asked", "asked"], REORDERED)]),
        ("charged-twice", vec![finding("sent", &["ordered", "confirmed", "confirmed"], DOUBLED)]),
        ("stuck-late", vec![finding("stuck", &["ordered", "paid"], LATE)]),
        ("twin-stuck", vec![finding("stuck", &["ordered", "ordered", "paid"], DOUBLED)]),
        (
            "out-of-step",
            vec![
                finding("lost", &["ordered", "packed", "sent"], AT_ONCE),
                finding("stuck", &["packed", "ordered", "sent"], [true, false, true]),
            ],
        ),
    ] {
        assert_eq!(found(cycle).await, expected, "{cycle}");
    }
}

#[tokio::test]
async fn what_is_shown_can_be_pasted_and_shows_the_fault() {
    let file = corpus().join("early-lost.test.yaml");
    let (_, document) = explored(&["--tries", "60", &file.display().to_string()]).await;
    let steps = document["findings"][0]["steps"].as_str().expect("steps");
    let home = tempfile::tempdir().expect("a folder");
    std::fs::copy(corpus().join("early-lost.yaml"), home.path().join("early-lost.yaml")).expect("copied");
    let scenario = format!(
        "test: pasted\ncycle: early-lost\n{steps}  - expect:\n      transaction: {{ status: held, step: paid }}\n"
    );
    std::fs::write(home.path().join("pasted.test.yaml"), scenario).expect("written");
    let mut command = tokio::process::Command::new(binary());
    let output = command.arg("test").arg(home.path()).output().await.expect("the binary runs");
    assert!(output.status.success(), "{}\n{steps}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn the_same_seed_finds_the_same_and_says_that_not_all_was_tried() {
    let file = corpus().join("answer.test.yaml").display().to_string();
    let arguments = ["--tries", "20", "--seed", "7", file.as_str()];
    let (_, first) = explored(&arguments).await;
    assert_eq!(first["seed"], 7);
    assert_eq!(first["scenarios"][0]["sampled"], true, "{first:#}");
    assert_eq!(first, explored(&arguments).await.1);
}

#[tokio::test]
async fn a_scenario_that_fails_is_not_explored() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::copy(corpus().join("early-lost.yaml"), home.path().join("early-lost.yaml")).expect("copied");
    let scenario = "test: wrong\ncycle: early-lost\nsteps:\n  - hit: ordered\n    body: { id: 1, order: 7 }\n  \
                    - expect: { transaction: { status: completed } }\n";
    std::fs::write(home.path().join("wrong.test.yaml"), scenario).expect("written");
    let mut command = tokio::process::Command::new(binary());
    let output = command.args(["test", "--explore"]).arg(home.path()).output().await.expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("only scenarios that pass are explored"), "{told}");
}
