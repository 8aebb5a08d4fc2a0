//! `holdfast check` of many files: all of them in one go, told in their order, and fast.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use holdfast_tests::binary;

const FILES: usize = 1_000;
/// Of an unoptimised build, on a machine that runs other tests as well. `tests/bench --only check` holds the
/// release build to a second.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_thousand_definitions_are_checked_in_one_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions/cycles")).expect("examples");
    let paths = examples.map(|entry| entry.expect("a file").path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let texts: Vec<String> = yaml.map(|path| fs::read_to_string(path).expect("its text")).collect();
    let files: Vec<_> = (0..FILES).map(|at| folder.path().join(format!("{at:04}.yaml"))).collect();
    for (at, file) in files.iter().enumerate() {
        let text = &texts[at % texts.len()];
        // Every hundredth is wrong.
        let text = if at % 100 == 7 { text.replacen("steps:", "stesp:", 1) } else { text.clone() };
        fs::write(file, text).expect("written");
    }
    let began = Instant::now();
    let output = Command::new(binary()).args(["check", "--format", "line"]).args(&files).output().expect("it runs");
    let took = began.elapsed();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).expect("text");
    let wrong: Vec<&str> = told.lines().filter(|line| line.contains("unknown key `stesp`")).collect();
    assert_eq!(wrong.len(), FILES / 100, "{told}");
    assert!(wrong.is_sorted() && wrong.iter().all(|line| line.contains("did you mean `steps`?")), "{told}");
    assert!(took < PATIENCE, "it took {took:?}");
}
