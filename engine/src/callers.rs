//! The callers of a transaction that are still to be answered, and when each is.
//!
//! A caller waits at a hold only while some `respond` that answers it can be reached from there; a
//! run that ends answers every caller that waited at the hold it resumed, and its own.

use holdfast_definitions::Json;
use uuid::Uuid;

use crate::{Error, history::parse};

/// A caller: the hit it sent, the webhook step it sent it to, and the run whose hold it waits at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub hit: Uuid,
    pub step: String,
    pub hold: i32,
}

/// How a run ended, as far as its callers care.
#[derive(Debug)]
pub enum Ended<'a> {
    /// Held: the steps whose callers can still be answered from there, and the older hold at the
    /// same step whose place it takes.
    Held {
        may_answer: &'a [&'a str],
        replaces: Option<i32>,
    },
    Over,
}

/// Splits the callers, after a run that began from the hold `base`, into those that go on waiting
/// and those that get what the run's end says. `lineage` is the hits that led to the end of the run.
pub fn settle(
    callers: Vec<Caller>,
    run: i32,
    base: Option<i32>,
    lineage: &[(String, Uuid)],
    ended: &Ended<'_>,
) -> (Vec<Caller>, Vec<Caller>) {
    let (mut waiting, mut over) = (Vec::new(), Vec::new());
    for mut caller in callers {
        let here = caller.hold == run || Some(caller.hold) == base;
        let (may_answer, replaced) = match ended {
            Ended::Held { may_answer, replaces } => (*may_answer, *replaces == Some(caller.hold)),
            Ended::Over => (&[][..], false),
        };
        if !here && !replaced {
            waiting.push(caller);
        } else if may_answer.contains(&caller.step.as_str()) && lineage.iter().any(|(_, hit)| *hit == caller.hit) {
            caller.hold = run;
            waiting.push(caller);
        } else {
            over.push(caller);
        }
    }
    (waiting, over)
}

/// As stored: `[[hit, step, hold], …]`; none where nobody waits.
pub fn to_text(callers: &[Caller]) -> Option<String> {
    if callers.is_empty() {
        return None;
    }
    let rows = callers.iter().map(|caller| {
        Json::from(vec![
            Json::from(caller.hit.to_string()),
            Json::from(caller.step.as_str()),
            Json::from(i64::from(caller.hold)),
        ])
    });
    Some(rows.collect::<Json>().to_string())
}

pub fn from_text(text: Option<&str>) -> Result<Vec<Caller>, Error> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let Json::Array(rows) = parse(text)? else { return Err(Error::Internal("callers are no array".into())) };
    rows.iter()
        .map(|row| {
            let hit = row.at(0).and_then(Json::as_text).and_then(|hit| hit.parse().ok());
            let step = row.at(1).and_then(Json::as_text).map(str::to_owned);
            let hold = match row.at(2) {
                Some(Json::Number(number)) => number.as_i64().and_then(|hold| i32::try_from(hold).ok()),
                _ => None,
            };
            match (hit, step, hold) {
                (Some(hit), Some(step), Some(hold)) => Ok(Caller { hit, step, hold }),
                _ => Err(Error::Internal("a stored caller can't be read".into())),
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "callers_tests.rs"]
mod tests;
