//! What went out, in one order: by time, and within an instant by transaction, run and step.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use holdfast_definitions::{Cycle, Json, StepKind};
use holdfast_engine::TransactionId;

use super::{
    PlayedTransaction, Sent, SentWhat,
    outside::{Called, Errand},
};

/// (instant, transaction, run, step of the run, element, attempt)
type Place = (DateTime<Utc>, Option<usize>, u32, usize, Option<usize>, usize);

pub fn all(
    cycle: &Cycle,
    called: Vec<Called>,
    positions: &BTreeMap<TransactionId, usize>,
    transactions: &[PlayedTransaction],
) -> Vec<Sent> {
    let mut all: Vec<(Place, Sent)> = Vec::new();
    for one in called {
        let (transaction, run, element) = match &one.by {
            Errand::Step { transaction, run, element, .. } => {
                (positions.get(&TransactionId(*transaction)).copied(), *run, *element)
            }
            Errand::Method(_) => (None, 0, None),
        };
        let step = one.by.name().to_owned();
        let at =
            transaction.and_then(|at| transactions.get(at)).map(|transaction| place(cycle, transaction, run, &step));
        let place = (one.at, transaction, run, at.unwrap_or_default(), element, one.count);
        all.push((place, Sent { at: one.at, transaction, step, what: one.what }));
    }
    for (at, transaction) in transactions.iter().enumerate() {
        raised(cycle, at, transaction, &mut all);
    }
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, sent)| sent).collect()
}

/// The position of a step in its run, inside an `each` that of the `each`; one that is under way comes last.
fn place(cycle: &Cycle, transaction: &PlayedTransaction, run: u32, step: &str) -> usize {
    let is_of = |known: &str| {
        let inside = match cycle.find(known).map(|at| &cycle.step(at).kind) {
            Some(StepKind::Each(each)) => each.body.find(step).is_some(),
            _ => false,
        };
        known == step || inside
    };
    let run = transaction.runs.iter().find(|known| known.number == run);
    run.and_then(|run| run.steps.iter().position(|known| is_of(&known.step))).unwrap_or(usize::MAX)
}

/// The events of a transaction's runs.
fn raised(cycle: &Cycle, transaction: usize, played: &PlayedTransaction, all: &mut Vec<(Place, Sent)>) {
    for run in &played.runs {
        for (position, step) in run.steps.iter().enumerate() {
            let Some(index) = cycle.find(&step.step) else { continue };
            let mut push = |at, id: &str, element, event: &str, data: Option<&Json>| {
                let what = SentWhat::Event { event: event.to_owned(), data: data.cloned().unwrap_or_default() };
                let sent = Sent { at, transaction: Some(transaction), step: id.to_owned(), what };
                all.push(((at, Some(transaction), run.number, position, element, 0), sent));
            };
            match &cycle.step(index).kind {
                StepKind::Notify(notify) if step.error.is_none() => {
                    push(step.at, &step.step, None, &notify.event, step.output.as_ref());
                }
                StepKind::Each(each) => {
                    let Some(Json::Array(elements)) = &step.elements else { continue };
                    for (element, steps) in elements.iter().enumerate() {
                        let Some(Json::Array(steps)) = steps.get("steps") else { continue };
                        for inner in steps.iter() {
                            let id = inner.get("step").and_then(Json::as_text).unwrap_or_default();
                            let found = each.body.find(id).map(|index| &each.body.step(index).kind);
                            let Some(StepKind::Notify(notify)) = found else { continue };
                            let at = inner.get("started_at").and_then(Json::as_text).and_then(|at| at.parse().ok());
                            push(at.unwrap_or(step.at), id, Some(element), &notify.event, inner.get("output"));
                        }
                    }
                }
                _ => {}
            }
        }
    }
}
