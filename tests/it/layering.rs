//! The crates depend on each other one way only: definitions <- sandbox <- engine <- api <- tests; the benchmark stands beside.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

/// From the bottom up; a crate may use those before it.
const LAYERS: [&str; 6] =
    ["holdfast-definitions", "holdfast-sandbox", "holdfast-engine", "holdfast-api", "holdfast-tests", "holdfast-bench"];

/// What a layer must not know, by name.
const FOREIGN: [(&str, &[&str]); 5] = [
    ("holdfast-definitions", &["tokio", "sqlx", "axum", "hyper", "reqwest"]),
    ("holdfast-sandbox", &["sqlx", "axum", "hyper", "reqwest", "clap"]),
    // It calls others (`egress`), and serves nobody.
    ("holdfast-engine", &["axum", "reqwest", "clap", "saphyr-parser"]),
    ("holdfast-api", &["sqlx"]),
    // It measures the binary from outside.
    (
        "holdfast-bench",
        &["holdfast-definitions", "holdfast-sandbox", "holdfast-engine", "holdfast-api", "holdfast-tests"],
    ),
];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(arguments).output().expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo's metadata is JSON")
}

/// The direct dependencies of a crate, those of its tests and of its build included.
fn dependencies(metadata: &Value, name: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == name).expect("the crate is in the workspace");
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    dependencies.iter().filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect()
}

#[test]
fn the_workspace_is_these_crates() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<_> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(LAYERS));
}

#[test]
fn nothing_points_back() {
    let metadata = metadata();
    for (height, name) in LAYERS.iter().enumerate() {
        for used in dependencies(&metadata, name) {
            let Some(below) = LAYERS.iter().position(|layer| **layer == used) else { continue };
            assert!(below < height, "{name} depends on {used}, which stands above it");
        }
    }
}

#[test]
fn no_layer_knows_what_is_not_its_own() {
    let metadata = metadata();
    for (name, foreign) in FOREIGN {
        let used = dependencies(&metadata, name);
        for crate_name in foreign {
            assert!(!used.contains(*crate_name), "{name} depends on {crate_name}");
        }
    }
}
