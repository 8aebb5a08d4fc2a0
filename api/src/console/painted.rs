//! The way that a transaction took, on the picture of the version that it runs on, and in words.

use holdfast_definitions::{Cycle, Mark, Marks, picture_of};
use holdfast_engine::{RunStatus, RunView};

/// `lineage`: the runs that led where it is; what others passed is shown behind it.
pub fn painted(cycle: &Cycle, runs: &[RunView], lineage: &[u32]) -> (String, String) {
    let mut marks = Marks::default();
    let (led, others): (Vec<_>, Vec<_>) = runs.iter().partition(|run| lineage.contains(&run.number));
    others.iter().for_each(|run| paint(run, false, &mut marks));
    led.iter().for_each(|run| paint(run, true, &mut marks));
    let mut way: Vec<&str> = Vec::new();
    for step in led.iter().flat_map(|run| &run.steps) {
        if way.last() != Some(&step.step.as_str()) {
            way.push(&step.step);
        }
    }
    (picture_of(cycle, &marks), way.join(" → "))
}

fn paint(run: &RunView, newest: bool, marks: &mut Marks) {
    for (at, step) in run.steps.iter().enumerate() {
        let mark = match step.status.as_str() {
            "failed" => Mark::Failed,
            "held" => Mark::Held,
            "running" => Mark::Running,
            _ if newest => Mark::Passed,
            _ => Mark::Before,
        };
        marks.mark(&step.step, mark);
        let next = run.steps.get(at + 1).map(|next| next.step.as_str());
        let ended = run.status == RunStatus::Completed || step.kind == "fail";
        if next.is_some() || ended {
            marks.take(&step.step, next, newest);
        }
    }
}
