//! What was expected and what came, as a person reads it.

use std::fmt::Write as _;

use holdfast_definitions::Json;

use crate::scenario::Unmet;

/// A value in one line up to so many characters.
const LINE_MAX: usize = 100;
/// Lines that are compared line by line; what is longer is shown whole.
const LINES_MAX: usize = 400;
/// Lines around what differs.
const AROUND: usize = 3;

/// Indented lines, without their place.
pub fn shown(unmet: &Unmet) -> String {
    let came = unmet.came.as_ref();
    let (wanted, came_text) = (unmet.wanted.to_string(), came.map_or_else(|| "nothing".to_owned(), Json::to_string));
    let is_short = wanted.chars().count().max(came_text.chars().count()) <= LINE_MAX;
    let mut out = String::new();
    match came {
        Some(came) if !is_short => {
            for line in lines(&pretty(&unmet.wanted), &pretty(came)) {
                let _ = writeln!(out, "      {line}");
            }
        }
        _ => {
            let _ = writeln!(out, "      - {wanted}");
            let _ = writeln!(out, "      + {came_text}");
        }
    }
    out
}

/// `- ` what is expected and is not there, `+ ` what came in its place.
fn lines(wanted: &[String], came: &[String]) -> Vec<String> {
    if wanted.len() > LINES_MAX || came.len() > LINES_MAX {
        let wanted = wanted.iter().map(|line| format!("- {line}"));
        return wanted.chain(came.iter().map(|line| format!("+ {line}"))).collect();
    }
    // The longest common subsequence, from the end.
    let width = came.len() + 1;
    let mut longest = vec![0_usize; (wanted.len() + 1) * width];
    let at = |i: usize, j: usize| i * width + j;
    for i in (0..wanted.len()).rev() {
        for j in (0..came.len()).rev() {
            longest[at(i, j)] = match same(&wanted[i], &came[j]) {
                true => longest[at(i + 1, j + 1)] + 1,
                false => longest[at(i + 1, j)].max(longest[at(i, j + 1)]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut all: Vec<(char, &String)> = Vec::new();
    while i < wanted.len() || j < came.len() {
        if i < wanted.len() && j < came.len() && same(&wanted[i], &came[j]) {
            all.push((' ', &came[j]));
            (i, j) = (i + 1, j + 1);
        } else if j == came.len() || i < wanted.len() && longest[at(i + 1, j)] >= longest[at(i, j + 1)] {
            all.push(('-', &wanted[i]));
            i += 1;
        } else {
            all.push(('+', &came[j]));
            j += 1;
        }
    }
    let near = |at: usize| {
        let (from, to) = (at.saturating_sub(AROUND), (at + AROUND + 1).min(all.len()));
        all[from..to].iter().any(|(sign, _)| *sign != ' ')
    };
    let mut shown = Vec::new();
    for (at, (sign, line)) in all.iter().enumerate() {
        if near(at) {
            shown.push(format!("{sign} {line}"));
        } else if shown.last().is_some_and(|last| last != "  …") {
            shown.push("  …".to_owned());
        }
    }
    shown
}

/// A comma at the end says nothing.
fn same(left: &str, right: &str) -> bool {
    left.trim_end_matches(',') == right.trim_end_matches(',')
}

fn pretty(json: &Json) -> Vec<String> {
    let text = serde_json::to_string_pretty(json).unwrap_or_else(|_| json.to_string());
    text.lines().map(str::to_owned).collect()
}
