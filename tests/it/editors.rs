//! What `holdfast schema` prints, read by another validator: every good example fits it, and of the
//! bad ones those that are wrong in their form do not.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use holdfast_tests::binary;
use serde::Deserialize;

/// What can only be said by following paths, steps or scripts, or by adding up durations.
const BEYOND: &[&str] = &[
    "hf003", "hf008", "hf017", "hf023", "hf024", "hf025", "hf026", "hf029", "hf030", "hf032", "hf033", "hf034",
    "hf035", "hf039", "hf040", "hf041", "hf042", "hf043", "hf044", "hf045", "hf046", "hf047", "hf048", "hf049",
    "hf050", "hf051", "hf052", "hf053", "hf055", "hf059", "hf060", "hf061", "hf062", "hf063", "hf064", "hf072",
    "hf073", "hf074", "hf076", "hf077", "hf080", "hf081", "hf091", "hf092", "hf095", "hf098", "hf099", "hf100",
    "hf101", "hf102", "hf104", "hf105", "hf106", "hf120", "hf133", "hf134", "hf135",
];

#[derive(Deserialize)]
struct Verdict {
    file: String,
    yaml: bool,
    valid: bool,
    why: serde_json::Value,
}

/// In a scenario what can only be said by its cycle, or by comparing names.
const BEYOND_SCENARIOS: &[&str] = &["hf140", "hf141", "hf144"];

fn files(folder: PathBuf) -> Vec<PathBuf> {
    // A scenario is no definition.
    yaml(folder).into_iter().filter(|file| !is_scenario(file)).collect()
}

fn is_scenario(file: &Path) -> bool {
    file.to_string_lossy().ends_with(".test.yaml")
}

fn yaml(folder: PathBuf) -> Vec<PathBuf> {
    let all = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = all.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// By what `holdfast schema` prints with an argument.
fn verdicts(argument: Option<&str>, files: &[PathBuf]) -> Vec<Verdict> {
    let printed = Command::new(binary()).arg("schema").args(argument).output().expect("holdfast runs");
    assert!(printed.status.success());
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/editor");
    // Each its own: two installations into one folder would meet.
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("npm-editor{}", argument.unwrap_or_default()));
    fs::create_dir_all(&at).expect("a folder");
    for file in ["package.json", "validate.js"] {
        fs::copy(from.join(file), at.join(file)).expect("a copy");
    }
    let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    assert!(Command::new("npm").current_dir(&at).args(install).status().expect("npm").success());
    let mut node = Command::new("node");
    node.current_dir(&at).arg("validate.js").args(files).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = node.spawn().expect("node");
    child.stdin.take().expect("its input").write_all(&printed.stdout).expect("the schema");
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a verdict")).collect()
}

#[test]
fn another_validator_takes_every_good_example_and_refuses_what_is_wrong_in_its_form() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/definitions");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions/cycles");
    let good: Vec<_> = files(corpora.join("good")).into_iter().chain(files(examples)).collect();
    assert!(good.len() > 10);
    for verdict in verdicts(None, &good) {
        assert!(verdict.yaml && verdict.valid, "{}: {}", verdict.file, verdict.why);
    }
    let passed = passed(verdicts(None, &files(corpora.join("bad"))));
    let unexpected: Vec<_> = passed.iter().filter(|code| !BEYOND.contains(&code.as_str())).collect();
    assert!(unexpected.is_empty(), "the schema takes {unexpected:?}, which `check` refuses");
}

/// The codes of those that are taken.
fn passed(verdicts: Vec<Verdict>) -> BTreeSet<String> {
    let taken = verdicts.into_iter().filter(|verdict| verdict.yaml && verdict.valid);
    taken.filter_map(|verdict| Some(Path::new(&verdict.file).file_name()?.to_str()?.get(..5)?.to_owned())).collect()
}

#[test]
fn and_every_scenario_that_ships_but_none_that_is_wrong_in_its_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ships = yaml(root.join("../definitions/cycles")).into_iter().filter(|file| is_scenario(file));
    // And those of the document that tells of them.
    let document = fs::read_to_string(root.join("../docs/testing.md")).expect("the document");
    let shown = document.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let folder = tempfile::tempdir().expect("a folder");
    let told = shown.map(|(text, _)| text).filter(|text| text.starts_with("test:")).enumerate().map(|(at, text)| {
        let file = folder.path().join(format!("{at}.test.yaml"));
        fs::write(&file, text).expect("a file");
        file
    });
    let good: Vec<_> = ships.chain(told).collect();
    assert!(good.len() > 16, "{}", good.len());
    for verdict in verdicts(Some("--scenario"), &good) {
        assert!(verdict.yaml && verdict.valid, "{}: {}", verdict.file, verdict.why);
    }
    let passed = passed(verdicts(Some("--scenario"), &yaml(root.join("corpora/scenarios/bad"))));
    assert_eq!(passed.iter().map(String::as_str).collect::<Vec<_>>(), BEYOND_SCENARIOS);
}
