//! What was played, as exploring compares it.

use holdfast_definitions::{Cycle, Json, StepKind};
use holdfast_engine::{HitStatus, TransactionStatus};

use super::{Course, Fate, Outcome};
use crate::scenario::{Moment, PlayedHit, PlayedRun, PlayedTransaction, SentWhat, steady::steady};

impl Outcome {
    /// `order`: the scenario's hit that each of the moment's hits is.
    pub fn of(moment: &Moment, order: &[usize], cycle: &Cycle) -> Self {
        let scenarios = |hit: Option<usize>| hit.and_then(|hit| order.get(hit).copied());
        let course = |transaction: &PlayedTransaction| Course {
            start: scenarios(transaction.runs.first().and_then(|run| run.hit)),
            stuck: is_stuck(transaction, cycle),
            status: transaction.status.word().to_owned(),
            step: transaction.step.clone(),
            steps: transaction.runs.last().map(way).unwrap_or_default(),
        };
        let fates = moment.hits.iter().enumerate().zip(order);
        let mut sent: Vec<String> = moment.sent.iter().map(|sent| told(&sent.step, &sent.what)).collect();
        sent.sort();
        Self {
            hits: fates.map(|((at, hit), scenarios)| fate(moment, at, hit, *scenarios)).collect(),
            transactions: moment.transactions.iter().map(course).collect(),
            sent,
            unknown: None,
        }
    }
}

fn fate(moment: &Moment, at: usize, hit: &PlayedHit, scenarios: usize) -> Fate {
    let runs = moment.transactions.iter().flat_map(|transaction| &transaction.runs);
    let told = match &hit.reason {
        Some(reason) => format!("{} ({reason})", hit.word()),
        None => hit.word().to_owned(),
    };
    let answer = hit.answer.as_ref().map(|answer| (answer.status, steady(&answer.body)));
    Fate {
        hit: scenarios,
        taken: matches!(hit.status, Some(HitStatus::Applied | HitStatus::Duplicate)),
        told,
        ways: runs.filter(|run| run.hit == Some(at)).map(way).collect(),
        answer,
    }
}

fn way(run: &PlayedRun) -> Vec<String> {
    run.steps.iter().map(|step| step.step.clone()).collect()
}

/// What waits for a hit and nothing else is meant to wait until its retention is over; what something else
/// would have ended is not.
fn is_stuck(transaction: &PlayedTransaction, cycle: &Cycle) -> bool {
    match transaction.status {
        TransactionStatus::Completed | TransactionStatus::Failed | TransactionStatus::Cancelled => false,
        TransactionStatus::Held if transaction.gone => {
            let step = transaction.step.as_ref().and_then(|step| cycle.find(step));
            match step.map(|at| &cycle.step(at).kind) {
                Some(StepKind::Webhook(webhook)) => webhook.expires.is_some(),
                _ => true,
            }
        }
        _ => true,
    }
}

fn told(step: &str, what: &SentWhat) -> String {
    let value = match what {
        SentWhat::Call { method, url, query, body, .. } => {
            Json::from(vec![Json::from(method.as_str()), Json::from(url.as_str()), query.clone(), body.clone()])
        }
        SentWhat::Event { event, data } => Json::from(vec![Json::from(event.as_str()), data.clone()]),
    };
    match steady(&value) {
        Json::Array(parts) => {
            let empty = Json::from(holdfast_definitions::Members::new());
            let parts = parts.iter().filter(|part| **part != Json::Null && **part != empty);
            let parts = parts.map(|part| part.as_text().map_or_else(|| part.to_string(), str::to_owned));
            format!("{step}: {}", parts.collect::<Vec<_>>().join(" "))
        }
        other => format!("{step}: {other}"),
    }
}
