//! The same hits played on two versions of a cycle: where the new one goes another way, and what of that is
//! only supposed.

use std::collections::BTreeMap;

use holdfast_definitions::Json;

use super::{Moment, PlayedHit, PlayedTransaction, Sent, SentWhat, steady::steady};

/// One thing that is otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// `transaction 1: status`, `hit 2 (paid): answer`, `sent`
    pub what: String,
    pub old: Json,
    pub new: Json,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    pub turns: Vec<Turn>,
    /// What was taken as given: a call that is made otherwise than before was answered as before.
    pub assumed: Vec<String>,
}

/// In the order of transactions, hits and what was sent. Documents are not compared, nor are instants
/// and ids.
pub fn compare(old: &Moment, new: &Moment) -> Compared {
    let mut turns = Vec::new();
    let mut turn = |what: String, old: Json, new: Json| {
        if old != new {
            turns.push(Turn { what, old, new });
        }
    };
    for at in 0..old.transactions.len().max(new.transactions.len()) {
        let of = |moment: &Moment| moment.transactions.get(at).map(course);
        let (old, new) = (of(old).unwrap_or_default(), of(new).unwrap_or_default());
        for ((name, old), (_, new)) in old.into_iter().zip(new) {
            turn(format!("transaction {}: {name}", at + 1), old, new);
        }
    }
    for (at, (old, new)) in old.hits.iter().zip(&new.hits).enumerate() {
        let what = |name| format!("hit {} ({}): {name}", at + 1, old.step);
        turn(what("status"), fate(old), fate(new));
        turn(what("answer"), answer(old), answer(new));
    }
    turn("sent".to_owned(), sent(old), sent(new));
    Compared { turns, assumed: assumed(old, new) }
}

/// Of one that is not there, all is null.
fn course(transaction: &PlayedTransaction) -> [(&'static str, Json); 3] {
    let step = transaction.step.as_deref().map_or(Json::Null, Json::from);
    [
        ("status", Json::from(transaction.word())),
        ("step", step),
        ("steps", transaction.steps().map(Json::from).collect()),
    ]
}

fn fate(hit: &PlayedHit) -> Json {
    Json::from(match &hit.reason {
        Some(reason) => format!("{} ({reason})", hit.word()),
        None => hit.word().to_owned(),
    })
}

fn answer(hit: &PlayedHit) -> Json {
    let answer = hit.answer.as_ref();
    answer.map_or(Json::Null, |answer| Json::from(vec![Json::from(u64::from(answer.status)), steady(&answer.body)]))
}

fn sent(moment: &Moment) -> Json {
    moment.sent.iter().map(shown).collect()
}

/// Without its headers: the same call on two versions has ids of its own in them.
fn shown(sent: &Sent) -> Json {
    let step = Json::from(sent.step.as_str());
    let parts = match &sent.what {
        SentWhat::Call { method, url, query, body, .. } => {
            vec![step, Json::from(method.as_str()), Json::from(url.as_str()), query.clone(), body.clone()]
        }
        SentWhat::Event { event, data } => vec![step, Json::from(event.as_str()), data.clone()],
    };
    steady(&Json::from(parts))
}

/// Calls of a step that both versions made, but not the same ones.
fn assumed(old: &Moment, new: &Moment) -> Vec<String> {
    let calls = |moment: &Moment| {
        let mut calls: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for one in moment.sent.iter().filter(|one| matches!(one.what, SentWhat::Call { .. })) {
            calls.entry(one.step.clone()).or_default().push(shown(one));
        }
        calls
    };
    let (old, new) = (calls(old), calls(new));
    let told = |(step, new): (&String, &Vec<Json>)| {
        let old = old.get(step)?;
        let same = old.iter().zip(new).all(|(old, new)| old == new);
        match (same, new.len() > old.len()) {
            (true, false) => None,
            (_, true) => Some(format!(
                "{step} is called {} times in place of {}: the last answer was given again",
                new.len(),
                old.len()
            )),
            (false, false) => Some(format!("{step} is asked otherwise: it was answered as before")),
        }
    };
    new.iter().filter_map(told).collect()
}
