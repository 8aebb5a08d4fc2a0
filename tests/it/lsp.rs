//! `holdfast lsp`, over standard input and output, by the library that VS Code is a client with: it is installed
//! at the version that `tests/clients/lsp` names; where that can't be done, the test fails.

use std::{fs, path::Path, process::Command};

use holdfast_tests::binary;

/// Runs one of the client's scripts, which asserts for itself.
fn client(script: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/lsp");
    // Each its own: two installations into one folder would meet.
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("npm-lsp-{script}"));
    fs::create_dir_all(&at).expect("a folder");
    for file in ["package.json", "client.js", script] {
        fs::copy(from.join(file), at.join(file)).expect("a copy");
    }
    let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let installed = Command::new("npm").current_dir(&at).args(install).output().expect("npm runs");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let output = Command::new("node").current_dir(&at).arg(script).arg(binary()).output().expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_editor_s_session_from_hello_to_exit() {
    client("session.js");
}

#[test]
fn who_does_not_keep_to_the_protocol_is_told_so() {
    client("refusals.js");
}
