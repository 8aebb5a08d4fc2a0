//! Results for a terminal: what failed, what was not taken, and a line that sums it up.

use std::time::Duration;

use holdfast_definitions::Severity;

use super::{
    Found,
    cover::Covered,
    difference,
    run::{Outcome, Result},
};
use crate::cli::{check::show, say};

pub fn say_all(found: &Found, results: &[Result], coverage: &[Covered], took: Duration) {
    for place in &found.places {
        place.diagnostics.iter().for_each(|(one, text)| show(one, text));
    }
    for file in &found.files {
        file.diagnostics.iter().for_each(|one| show(one, &file.text));
    }
    for result in results.iter().filter(|result| !result.passed()) {
        say(failure(found, result).trim_end());
        say("");
    }
    for covered in coverage {
        for (_, written, _) in covered.edges.iter().filter(|(.., taken)| !taken) {
            say(format!("not taken: {}: {written}", covered.cycle));
        }
    }
    say(summary(found, results, coverage, took));
}

/// A failed scenario, with the place of everything that is not as expected.
pub fn failure(found: &Found, result: &Result) -> String {
    let Some((file, scenario)) = found.files.get(result.file).and_then(|file| {
        let scenario = file.scenarios.get(result.scenario)?;
        Some((file.path.display(), scenario))
    }) else {
        return String::new();
    };
    let mut out = format!("FAILED {}\n", scenario.name);
    match &result.outcome {
        Outcome::Played { unmet, .. } => {
            for one in unmet {
                let span = one.span;
                out.push_str(&format!("  {file}:{}:{}: {}\n", span.line, span.column, one.path));
                out.push_str(&difference::shown(one));
            }
        }
        Outcome::Unplayable { line, message } => {
            out.push_str(&format!("  {file}:{line}: it can't be played: {message}\n"));
        }
    }
    out
}

fn summary(found: &Found, results: &[Result], coverage: &[Covered], took: Duration) -> String {
    let passed = results.iter().filter(|result| result.passed()).count();
    let failed = results.len() - passed;
    let errors = found.files.iter().flat_map(|file| &file.diagnostics);
    let errors = errors.filter(|one| one.severity == Severity::Error).count();
    let mut parts = vec![format!("{} passed", count(passed, "scenario"))];
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if errors > 0 {
        parts.push(format!("{} in scenario files", count(errors, "mistake")));
    }
    let mut line = format!("{} in {:.2} s", parts.join(", "), took.as_secs_f64());
    if results.is_empty() && errors == 0 {
        line = "there is no scenario: write one into NAME.test.yaml beside a cycle (docs/testing.md)".to_owned();
    }
    let (taken, all): (Vec<_>, Vec<_>) = coverage.iter().map(|covered| (covered.taken(), covered.edges.len())).unzip();
    if !coverage.is_empty() {
        let (taken, all) = (taken.iter().sum::<usize>(), all.iter().sum::<usize>());
        line = format!("{line}; {taken} of {} of {} taken", count(all, "edge"), count(coverage.len(), "cycle"));
    }
    line
}

fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}
