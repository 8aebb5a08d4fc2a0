//! Which edges of a cycle a transaction's runs have taken.
//!
//! What is not a choice is no edge here: the way from a step to the end, where the step has no other.

use holdfast_definitions::{Cycle, Edge, Json, Next, OnError, Step, StepIndex, StepKind};
use holdfast_engine::RunStatus;

use super::{PlayedRun, TakenEdge};

/// Every edge of a cycle, those inside an `each` included, in the order of the definition.
pub fn edges(cycle: &Cycle) -> Vec<TakenEdge> {
    let mut all = Vec::new();
    for step in &cycle.steps {
        let edge = |why: Edge, next: Next| TakenEdge { from: step.id.clone(), to: target(cycle, next), why };
        match &step.kind {
            StepKind::Decision(decision) => {
                all.extend(decision.cases.iter().enumerate().map(|(at, case)| edge(Edge::Case(at), case.next)));
                all.push(edge(Edge::Else, decision.otherwise));
            }
            StepKind::Fail(_) => {}
            _ => all.extend(matches!(step.next, Next::Step(_)).then(|| edge(Edge::Next, step.next))),
        }
        if let StepKind::Webhook(webhook) = &step.kind
            && let Some(expires) = &webhook.expires
        {
            all.push(edge(Edge::Expires, expires.next));
        }
        if let OnError::Go(next) = step.on_error {
            all.push(edge(Edge::Error, next));
        }
        if let StepKind::Each(each) = &step.kind {
            all.extend(edges(&each.body));
        }
    }
    all
}

/// `which -> broken (when $.a equals 1)`: as `holdfast test` says it.
pub fn written(cycle: &Cycle, edge: &TakenEdge) -> String {
    let to = edge.to.as_deref().unwrap_or("end");
    let why = match &edge.why {
        Edge::Next => String::new(),
        Edge::Case(at) => {
            let step = find(cycle, &edge.from);
            let case = step.and_then(|step| match &step.kind {
                StepKind::Decision(decision) => decision.cases.get(*at),
                _ => None,
            });
            case.map_or_else(|| format!(" (case {})", at + 1), |case| format!(" (when {})", case.when))
        }
        Edge::Else => " (else)".to_owned(),
        Edge::Expires => " (expires)".to_owned(),
        Edge::Error => " (on_error)".to_owned(),
    };
    format!("{} -> {to}{why}", edge.from)
}

/// A step of the cycle, or inside an `each` of it.
fn find<'a>(cycle: &'a Cycle, id: &str) -> Option<&'a Step> {
    cycle.steps.iter().find_map(|step| match &step.kind {
        _ if step.id == id => Some(step),
        StepKind::Each(each) => find(&each.body, id),
        _ => None,
    })
}

fn target(cycle: &Cycle, next: Next) -> Option<String> {
    match next {
        Next::Step(index) => Some(cycle.step(index).id.clone()),
        Next::End => None,
    }
}

/// What one run has taken.
pub fn taken(cycle: &Cycle, run: &PlayedRun) -> Vec<TakenEdge> {
    let passed: Vec<Passed<'_>> = run.steps.iter().map(Passed::of).collect();
    let mut all = through(cycle, &passed, run.status == RunStatus::Completed);
    for step in &run.steps {
        let Some(StepKind::Each(each)) = cycle.find(&step.step).map(|at| &cycle.step(at).kind) else { continue };
        let Some(Json::Array(elements)) = &step.elements else { continue };
        for element in elements.iter() {
            let Some(Json::Array(steps)) = element.get("steps") else { continue };
            let passed: Vec<Passed<'_>> = steps.iter().map(Passed::inside).collect();
            all.extend(through(&each.body, &passed, true));
        }
    }
    all
}

/// A step that was passed, or is held at.
struct Passed<'a> {
    step: &'a str,
    status: &'a str,
    output: Option<&'a Json>,
}

impl<'a> Passed<'a> {
    fn of(step: &'a super::PlayedStep) -> Self {
        Self { step: &step.step, status: &step.status, output: step.output.as_ref() }
    }

    fn inside(step: &'a Json) -> Self {
        let text = |name| step.get(name).and_then(Json::as_text).unwrap_or_default();
        Self { step: text("step"), status: text("status"), output: step.get("output") }
    }
}

fn through(cycle: &Cycle, passed: &[Passed<'_>], ended: bool) -> Vec<TakenEdge> {
    let mut all = Vec::new();
    for (at, one) in passed.iter().enumerate() {
        let Some(index) = cycle.find(one.step) else { continue };
        let next = passed.get(at + 1).map(|next| next.step);
        // The last step of a run that did not end leads nowhere yet.
        if next.is_none() && !ended {
            continue;
        }
        if let Some((why, to)) = chosen(cycle, index, one)
            && target(cycle, to).as_deref() == next
        {
            all.push(TakenEdge { from: one.step.to_owned(), to: target(cycle, to), why });
        }
    }
    all
}

/// Where a step led. None: to an end that is no choice.
fn chosen(cycle: &Cycle, index: StepIndex, passed: &Passed<'_>) -> Option<(Edge, Next)> {
    let step = cycle.step(index);
    match (&step.kind, step.on_error) {
        (StepKind::Webhook(webhook), _) if passed.status == "expired" => {
            Some((Edge::Expires, webhook.expires.as_ref()?.next))
        }
        (_, OnError::Go(next)) if passed.status == "failed" => Some((Edge::Error, next)),
        (StepKind::Decision(decision), _) => match passed.output {
            Some(Json::Number(case)) => {
                let case = usize::try_from(case.as_i64()?).ok()?;
                Some((Edge::Case(case), decision.cases.get(case)?.next))
            }
            _ => Some((Edge::Else, decision.otherwise)),
        },
        _ => matches!(step.next, Next::Step(_)).then_some((Edge::Next, step.next)),
    }
}
