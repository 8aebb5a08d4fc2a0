//! What a picture shows of a transaction: how it fared at each step, and the ways that it took.

use std::{collections::BTreeMap, fmt::Write as _};

/// How a transaction fared at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// In a run before the newest, and not since.
    Before,
    Passed,
    Failed,
    Held,
    /// It is there now.
    Running,
}

impl Mark {
    /// Its class, and the sign beside the box: never by colour alone.
    fn class(self) -> (&'static str, &'static str) {
        match self {
            Self::Before => ("before", "✓"),
            Self::Passed => ("passed", "✓"),
            Self::Failed => ("wrong", "✗"),
            Self::Held => ("held", "‖"),
            Self::Running => ("running", "▸"),
        }
    }
}

/// By the ids of steps; what is of no step of the cycle is not drawn.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    steps: BTreeMap<String, Mark>,
    /// Behind the name of a step, where a pointer rests on it.
    said: BTreeMap<String, String>,
    /// From a step to a step, or to the end, and whether it was in the newest run.
    ways: BTreeMap<(String, Option<String>), bool>,
}

impl Marks {
    /// The last mark of a step is the one that shows.
    pub fn mark(&mut self, step: &str, mark: Mark) {
        self.steps.insert(step.to_owned(), mark);
    }

    /// The last of a step is the one that shows.
    pub fn say(&mut self, step: &str, said: String) {
        self.said.insert(step.to_owned(), said);
    }

    pub(super) fn said(&self, step: &str) -> Option<&str> {
        self.said.get(step).map(String::as_str)
    }

    pub fn take(&mut self, from: &str, to: Option<&str>, newest: bool) {
        let way = self.ways.entry((from.to_owned(), to.map(str::to_owned))).or_default();
        *way |= newest;
    }

    /// Of a way's line.
    pub(super) fn way(&self, from: &str, to: Option<&str>) -> &'static str {
        match self.ways.get(&(from.to_owned(), to.map(str::to_owned))) {
            Some(true) => " taken",
            Some(false) => " taken-before",
            None => "",
        }
    }

    /// What stands around a step's box; `at` is its right upper corner.
    pub(super) fn around(&self, step: &str, (x, y): (f64, f64), out: &mut String, draw: impl FnOnce(&mut String)) {
        let Some((class, sign)) = self.steps.get(step).map(|mark| mark.class()) else { return draw(out) };
        let _ = write!(out, "<g class=\"{class}\">");
        draw(out);
        let _ = writeln!(
            out,
            "<circle class=\"seal\" cx=\"{x}\" cy=\"{y}\" r=\"9\"/><text class=\"seal\" x=\"{x}\" y=\"{}\">{sign}</text></g>",
            y + 4.5
        );
    }
}
