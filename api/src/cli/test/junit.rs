//! Results as JUnit's XML, in the form that build servers read: a suite for each file, a case for each
//! scenario.

use std::{fmt::Write as _, time::Duration};

use holdfast_definitions::{Severity, render_line};

use super::{
    Found, report,
    run::{Outcome, Result},
};

pub fn written(found: &Found, results: &[Result], took: Duration) -> String {
    let suites: String = found.files.iter().enumerate().map(|(at, _)| suite(found, results, at)).collect();
    let failures = results.iter().filter(|result| is_failure(result)).count();
    let errors = results.len() - failures - results.iter().filter(|result| result.passed()).count();
    let (tests, errors) = (results.len() + found.errors(), errors + found.errors());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"holdfast\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"{errors}\" time=\"{}\">\n{suites}{}</testsuites>\n",
        seconds(took),
        definitions(found),
    )
}

fn is_failure(result: &Result) -> bool {
    matches!(&result.outcome, Outcome::Played { unmet, .. } if !unmet.is_empty())
}

/// Definitions that no scenario can be played on.
fn definitions(found: &Found) -> String {
    let mistakes: Vec<String> =
        found.places.iter().flat_map(|place| place.diagnostics.iter().map(|(one, _)| render_line(one))).collect();
    if mistakes.is_empty() {
        return String::new();
    }
    let count = mistakes.len();
    let cases: String = mistakes.iter().map(|mistake| mistaken("definitions", mistake)).collect();
    format!(
        "  <testsuite name=\"definitions\" tests=\"{count}\" failures=\"0\" errors=\"{count}\" skipped=\"0\" \
         time=\"0.000\">\n{cases}  </testsuite>\n"
    )
}

fn mistaken(class: &str, mistake: &str) -> String {
    let (class, mistake) = (escaped(class), escaped(mistake));
    format!(
        "    <testcase name=\"{mistake}\" classname=\"{class}\" time=\"0.000\">\n      <error \
         message=\"{mistake}\"/>\n    </testcase>\n"
    )
}

fn suite(found: &Found, results: &[Result], at: usize) -> String {
    let Some(file) = found.files.get(at) else { return String::new() };
    let path = file.path.display().to_string();
    let mine: Vec<&Result> = results.iter().filter(|result| result.file == at).collect();
    let mistakes: Vec<_> = file.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
    let failures = mine.iter().filter(|result| is_failure(result)).count();
    let errors = mine.len() - failures - mine.iter().filter(|result| result.passed()).count() + mistakes.len();
    let took: Duration = mine.iter().map(|result| result.took).sum();
    let mut out = format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" \
         time=\"{}\">\n",
        escaped(&path),
        mine.len() + mistakes.len(),
        seconds(took),
    );
    mistakes.iter().for_each(|one| out.push_str(&mistaken(&path, &render_line(one))));
    for result in mine {
        let name = file.scenarios.get(result.scenario).map_or("", |scenario| scenario.name.as_str());
        let _ = write!(
            out,
            "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"",
            escaped(name),
            escaped(&path),
            seconds(result.took),
        );
        let kind = match &result.outcome {
            Outcome::Played { unmet, .. } if unmet.is_empty() => {
                out.push_str("/>\n");
                continue;
            }
            Outcome::Played { .. } => "failure",
            Outcome::Unplayable { .. } => "error",
        };
        let text = report::failure(found, result);
        let first = text.lines().nth(1).unwrap_or_default().trim();
        let _ = writeln!(
            out,
            ">\n      <{kind} message=\"{}\">{}</{kind}>\n    </testcase>",
            escaped(first),
            escaped(&text)
        );
    }
    out.push_str("  </testsuite>\n");
    out
}

fn seconds(took: Duration) -> String {
    format!("{:.3}", took.as_secs_f64())
}

/// For an attribute or a text; what XML 1.0 can't hold (section 2.2) becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            character if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}');
            }
            other => out.push(other),
        }
    }
    out
}
