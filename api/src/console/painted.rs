//! The way that a transaction took, on the picture of the version that it runs on, and in words.

use std::collections::BTreeMap;

use holdfast_definitions::{Cycle, Json, Mark, Marks, StepKind, picture_of};
use holdfast_engine::{RunStatus, RunView, StepTrace};

use super::runs::items;

/// How the elements of an `each` fared, as a whole or at a step inside.
#[derive(Debug, Default)]
struct Fared {
    done: usize,
    failed: usize,
    /// Begun and not ended.
    begun: usize,
}

/// `lineage`: the runs that led where it is; what others passed is shown behind it.
pub fn painted(cycle: &Cycle, runs: &[RunView], lineage: &[u32]) -> (String, String) {
    let mut marks = Marks::default();
    let (led, others): (Vec<_>, Vec<_>) = runs.iter().partition(|run| lineage.contains(&run.number));
    others.iter().for_each(|run| paint(cycle, run, false, &mut marks));
    led.iter().for_each(|run| paint(cycle, run, true, &mut marks));
    let mut way: Vec<&StepTrace> = led.iter().flat_map(|run| &run.steps).collect();
    // Run again, it is what came of it last.
    way.dedup_by(|step, before| {
        let same = step.step == before.step;
        if same {
            *before = *step;
        }
        same
    });
    let way: Vec<_> = way.into_iter().map(in_words).collect();
    (picture_of(cycle, &marks), way.join(" → "))
}

fn in_words(step: &StepTrace) -> String {
    match step.elements {
        Some(_) => format!("{} ({})", step.step, elements_of(step)),
        None => step.step.clone(),
    }
}

fn paint(cycle: &Cycle, run: &RunView, newest: bool, marks: &mut Marks) {
    for (at, step) in run.steps.iter().enumerate() {
        let mark = match step.status.as_str() {
            "failed" => Mark::Failed,
            "held" => Mark::Held,
            "running" => Mark::Running,
            _ if newest => Mark::Passed,
            _ => Mark::Before,
        };
        marks.mark(&step.step, mark);
        if let Some(StepKind::Each(each)) = cycle.find(&step.step).map(|found| &cycle.step(found).kind) {
            paint_elements(&each.body, step, newest, marks);
        }
        let next = run.steps.get(at + 1).map(|next| next.step.as_str());
        let ended = run.status == RunStatus::Completed || step.kind == "fail";
        if next.is_some() || ended {
            marks.take(&step.step, next, newest);
        }
    }
}

/// The ways that any element took, and at each step how many came through it.
fn paint_elements(body: &Cycle, step: &StepTrace, newest: bool, marks: &mut Marks) {
    let mut inside = BTreeMap::<&str, Fared>::new();
    for element in items(step.elements.as_ref()) {
        let steps = items(element.get("steps"));
        for (at, inner) in steps.iter().enumerate() {
            let id = word(inner, "step");
            inside.entry(id).or_default().count(word(inner, "status"));
            let next = steps.get(at + 1).map(|next| word(next, "step"));
            let fails = || body.find(id).is_some_and(|step| matches!(body.step(step).kind, StepKind::Fail(_)));
            if next.is_some() || word(element, "status") == "completed" || fails() {
                marks.take(id, next, newest);
            }
        }
    }
    for (id, fared) in &inside {
        let mark = match fared.failed {
            0 if newest => Mark::Passed,
            0 => Mark::Before,
            _ => Mark::Failed,
        };
        marks.mark(id, mark);
        marks.say(id, fared.said(""));
    }
    marks.say(&step.step, elements_of(step));
}

/// `3 elements: 1 done, 2 failed`
fn elements_of(step: &StepTrace) -> String {
    let mut all = Fared::default();
    items(step.elements.as_ref()).iter().for_each(|element| all.count(word(element, "status")));
    let left_out = match step.elements_left_out {
        0 => String::new(),
        left_out => format!(", and {left_out} more of which nothing is kept"),
    };
    let begun = if step.status == "running" { "under way" } else { "dropped" };
    format!("{}{left_out}", all.said(begun))
}

impl Fared {
    fn count(&mut self, status: &str) {
        match status {
            "failed" => self.failed += 1,
            "running" => self.begun += 1,
            _ => self.done += 1,
        }
    }

    /// `3 elements: 1 done, 2 failed`; `begun`: what those are called that have not ended.
    fn said(&self, begun: &str) -> String {
        let all = self.done + self.failed + self.begun;
        let elements = if all == 1 { "element" } else { "elements" };
        let parts = [(self.done, "done"), (self.failed, "failed"), (self.begun, begun)];
        let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"));
        match all {
            0 => "no element".to_owned(),
            _ => format!("{all} {elements}: {}", parts.collect::<Vec<_>>().join(", ")),
        }
    }
}

fn word<'a>(json: &'a Json, name: &str) -> &'a str {
    json.get(name).and_then(Json::as_text).unwrap_or_default()
}

#[cfg(test)]
#[path = "painted_tests.rs"]
mod tests;
