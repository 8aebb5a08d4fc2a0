//! Results as one JSON document.

use std::time::Duration;

use holdfast_definitions::{Diagnostic, Edge};
use serde_json::{Value, json};

use super::{
    Found,
    cover::Covered,
    run::{Outcome, Result},
};
use crate::cli::say;

pub fn say_all(found: &Found, results: &[Result], coverage: &[Covered], took: Duration) -> anyhow::Result<()> {
    let of_places = found.places.iter().flat_map(|place| place.diagnostics.iter().map(|(one, _)| one));
    let diagnostics: Vec<&Diagnostic> =
        of_places.chain(found.files.iter().flat_map(|file| &file.diagnostics)).collect();
    let passed = results.iter().filter(|result| result.passed()).count();
    let scenarios: Vec<Value> = results.iter().filter_map(|result| scenario(found, result)).collect();
    let document = json!({
        "scenarios": scenarios,
        "diagnostics": diagnostics,
        "cycles": coverage.iter().map(cycle).collect::<Vec<_>>(),
        "passed": passed,
        "failed": results.len() - passed,
        "duration_us": micros(took),
    });
    say(serde_json::to_string_pretty(&document)?);
    Ok(())
}

fn scenario(found: &Found, result: &Result) -> Option<Value> {
    let file = found.files.get(result.file)?;
    let scenario = file.scenarios.get(result.scenario)?;
    let (status, unmet, error) = match &result.outcome {
        Outcome::Played { unmet, .. } => {
            let unmet = unmet.iter().map(|one| {
                json!({
                    "line": one.span.line,
                    "column": one.span.column,
                    "path": one.path,
                    "expected": one.wanted,
                    "came": one.came,
                })
            });
            (if result.passed() { "passed" } else { "failed" }, unmet.collect::<Vec<_>>(), Value::Null)
        }
        Outcome::Unplayable { line, message } => {
            ("unplayable", Vec::new(), json!({ "line": line, "message": message }))
        }
    };
    Some(json!({
        "test": scenario.name,
        "cycle": scenario.cycle,
        "file": file.path.display().to_string(),
        "line": scenario.span.line,
        "status": status,
        "unmet": unmet,
        "error": error,
        "duration_us": micros(result.took),
    }))
}

fn cycle(covered: &Covered) -> Value {
    let edges = covered.edges.iter().map(|(edge, written, taken)| {
        let (why, case) = match edge.why {
            Edge::Next => ("next", None),
            Edge::Case(at) => ("case", Some(at + 1)),
            Edge::Else => ("else", None),
            Edge::Expires => ("expires", None),
            Edge::Error => ("on_error", None),
        };
        json!({ "from": edge.from, "to": edge.to, "why": why, "case": case, "text": written, "taken": taken })
    });
    json!({ "cycle": covered.cycle, "file": covered.file, "edges": edges.collect::<Vec<_>>() })
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
