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

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let all = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = all.map(|entry| entry.expect("a file").path()).collect();
    // A scenario is no definition.
    let is_scenario = |file: &Path| file.to_string_lossy().ends_with(".test.yaml");
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml") && !is_scenario(file));
    files.sort();
    files
}

fn verdicts(schema: &[u8], files: &[PathBuf]) -> Vec<Verdict> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/editor");
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm-editor");
    fs::create_dir_all(&at).expect("a folder");
    for file in ["package.json", "validate.js"] {
        fs::copy(from.join(file), at.join(file)).expect("a copy");
    }
    let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    assert!(Command::new("npm").current_dir(&at).args(install).status().expect("npm").success());
    let mut node = Command::new("node");
    node.current_dir(&at).arg("validate.js").args(files).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = node.spawn().expect("node");
    child.stdin.take().expect("its input").write_all(schema).expect("the schema");
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("a verdict")).collect()
}

#[test]
fn another_validator_takes_every_good_example_and_refuses_what_is_wrong_in_its_form() {
    let printed = Command::new(binary()).arg("schema").output().expect("holdfast runs");
    assert!(printed.status.success());
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/definitions");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions/cycles");
    let good: Vec<_> = files(corpora.join("good")).into_iter().chain(files(examples)).collect();
    assert!(good.len() > 10);
    for verdict in verdicts(&printed.stdout, &good) {
        assert!(verdict.yaml && verdict.valid, "{}: {}", verdict.file, verdict.why);
    }
    let passed: BTreeSet<String> = verdicts(&printed.stdout, &files(corpora.join("bad")))
        .into_iter()
        .filter(|verdict| verdict.yaml && verdict.valid)
        .filter_map(|verdict| Some(Path::new(&verdict.file).file_name()?.to_str()?.get(..5)?.to_owned()))
        .collect();
    let unexpected: Vec<_> = passed.iter().filter(|code| !BEYOND.contains(&code.as_str())).collect();
    assert!(unexpected.is_empty(), "the schema takes {unexpected:?}, which `check` refuses");
}
