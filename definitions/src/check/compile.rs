//! A checked cycle becomes one that runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use petgraph::graph::DiGraph;
use sha2::{Digest, Sha256};

use super::{
    answers::Answers,
    each::{Bodies, Body},
    graph::Graph,
};
use crate::{
    Case, Connectors, Cycle, Decision, Each, Entry, Expires, Fail, Json, Mapping, Next, OnError, OnNoMatch, Respond,
    Step, StepIndex, StepKind, Webhook,
    written::{Target, WrittenCycle, WrittenEach, WrittenKind, WrittenRespond, WrittenStep, WrittenWebhook},
};

/// How long a synchronous caller is kept, and an early hit waits, where nothing is said.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const EARLY_DEFAULT: Duration = Duration::from_secs(60);

/// The document with those of its connectors behind it: it compiles again by itself.
pub fn whole_source(source: &str, connectors: &Connectors) -> String {
    let mut whole = source.to_owned();
    for connector in connectors.values() {
        if !whole.ends_with('\n') {
            whole.push('\n');
        }
        if !connector.source.trim_start().starts_with("---") {
            whole.push_str("---\n");
        }
        whole.push_str(connector.source.trim_start());
    }
    whole
}

/// None only where a check was missed, which an error has said.
pub fn compile(
    written: WrittenCycle,
    graph: &Graph,
    bodies: &Bodies,
    answers: &Answers,
    source: &str,
) -> Option<Cycle> {
    let cycle = Cycle {
        name: written.name.value,
        description: written.description,
        retention: written.retention,
        concurrency: written.concurrency.map(|concurrency| concurrency.value),
        vars: written.vars,
        secrets: written.secrets,
        env: written.env,
        connectors: written.connectors,
        graph: indexed(&graph.edges),
        steps: Vec::new(),
        source: source.to_owned(),
        digest: digest(source, &written.given),
        given: written.given,
        by_id: BTreeMap::new(),
    };
    with_steps(cycle, written.steps, graph, bodies, answers)
}

fn index(at: usize) -> StepIndex {
    StepIndex(at as u32)
}

fn with_steps(
    mut cycle: Cycle,
    written: Vec<WrittenStep>,
    graph: &Graph,
    bodies: &Bodies,
    answers: &Answers,
) -> Option<Cycle> {
    let next = |target: Option<&Target>| match target {
        None => Some(Next::End),
        Some(target) if target.value == "end" => Some(Next::End),
        Some(target) => graph.find(target).map(|at| Next::Step(index(at))),
    };
    for (at, step) in written.into_iter().enumerate() {
        let after = next(step.next.as_ref())?;
        let on_error = match step.on_error.as_ref().map(|target| (target.value.as_str(), target)) {
            None | Some(("fail", _)) => OnError::Fail,
            Some(("ignore", _)) => OnError::Ignore,
            Some(("stop", _)) => OnError::Stop,
            Some((_, target)) => OnError::Go(next(Some(target))?),
        };
        let kind = match step.kind {
            WrittenKind::Webhook(written) => {
                let expires = match &written.expires {
                    Some((after, target)) => Some(Expires { after: *after, next: next(Some(target))? }),
                    None => None,
                };
                StepKind::Webhook(Box::new(webhook(*written, expires, answers.reachable[at].contains(&at))))
            }
            WrittenKind::Decision { cases, otherwise } => {
                let case = |case: crate::written::WrittenCase| {
                    Some(Case { when: case.when?, next: next(Some(case.next.as_ref()?))? })
                };
                let cases = cases.into_iter().map(case).collect::<Option<Vec<_>>>()?;
                StepKind::Decision(Decision { cases, otherwise: next(Some(otherwise.as_ref()?))? })
            }
            WrittenKind::Respond(written) => {
                let WrittenRespond { status, headers, body, .. } = *written;
                StepKind::Respond(Respond { status, headers, body, to: index(answers.to[at]?) })
            }
            WrittenKind::Set(template) => StepKind::Set(template),
            WrittenKind::Fail(message) => StepKind::Fail(Fail { message }),
            WrittenKind::Http(http) => StepKind::Http(http),
            WrittenKind::Script(script) => StepKind::Script(script),
            WrittenKind::Delay(delay) => StepKind::Delay(delay),
            WrittenKind::Notify(notify) => StepKind::Notify(notify),
            WrittenKind::Each(written) => StepKind::Each(Box::new(each(*written, bodies.get(&at)?, &cycle)?)),
            WrittenKind::Broken => return None,
        };
        cycle.by_id.insert(step.id.value.clone(), index(at));
        let may_answer = answers.reachable[at].iter().map(|at| index(*at)).collect();
        cycle.steps.push(Step { id: step.id.value, name: step.name, kind, next: after, on_error, may_answer });
    }
    Some(cycle)
}

fn each(written: WrittenEach, body: &Body, around: &Cycle) -> Option<Each> {
    let nobody = Answers { to: vec![None; written.steps.len()], reachable: vec![BTreeSet::new(); written.steps.len()] };
    let cycle = Cycle {
        name: around.name.clone(),
        description: None,
        retention: around.retention,
        concurrency: None,
        vars: around.vars.clone(),
        secrets: BTreeSet::new(),
        env: BTreeSet::new(),
        connectors: BTreeMap::new(),
        given: BTreeMap::new(),
        graph: indexed(&body.graph.edges),
        steps: Vec::new(),
        source: String::new(),
        digest: around.digest,
        by_id: BTreeMap::new(),
    };
    Some(Each {
        elements: written.elements,
        parallel: written.parallel,
        partial: written.partial,
        first: index(body.first),
        result: written.result,
        body: with_steps(cycle, written.steps, &body.graph, &Bodies::new(), &nobody)?,
    })
}

fn digest(source: &str, given: &BTreeMap<String, Json>) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(source);
    for (name, value) in given {
        // No YAML text has a zero in it.
        hash.update(format!("\0{name}={value}"));
    }
    hash.finalize().into()
}

fn webhook(written: WrittenWebhook, expires: Option<Expires>, synchronous: bool) -> Webhook {
    let mapping = written.mapping.map(|mapping| Mapping {
        entries: mapping.value.into_iter().map(|(hit, transaction)| Entry { hit, transaction }).collect(),
    });
    let early = match written.on_no_match {
        OnNoMatch::Reject => Duration::ZERO,
        OnNoMatch::Accept => written.early.map_or(EARLY_DEFAULT, |early| early.value),
    };
    Webhook {
        mapping,
        synchronous,
        timeout: written.timeout.unwrap_or(TIMEOUT_DEFAULT),
        dedupe: written.dedupe,
        early,
        expires,
        on_no_match: written.on_no_match,
        on_ambiguous: written.on_ambiguous,
        shared: written.shared.map(|name| name.value),
        connected: written.connected,
        verify: written.verify,
        challenge: written.challenge,
        rate: written.rate,
        schema: written.schema,
        script: written.script,
    }
}

fn indexed(edges: &DiGraph<usize, crate::Edge>) -> DiGraph<StepIndex, crate::Edge> {
    edges.map(|_, at| StepIndex(*at as u32), |_, edge| edge.clone())
}
