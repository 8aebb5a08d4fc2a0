//! The example cycles that ship, and real payloads.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace").to_owned()
}

/// The text of `definitions/cycles/{name}.yaml`.
pub fn example(name: &str) -> String {
    let path = root().join("definitions/cycles").join(name).with_extension("yaml");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of `tests/corpora/{name}.json`.
pub fn payload(name: &str) -> String {
    let path = root().join("tests/corpora").join(format!("{name}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
