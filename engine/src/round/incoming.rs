//! A hit on its way to a transaction, and the row that is kept of it.

use std::sync::Arc;

use holdfast_definitions::{Json, Members, Retention};
use uuid::Uuid;

use super::repeats::RepeatName;
use crate::{
    Answer, Arrival, Error, HitStatus,
    catalog::{Deployment, Hook},
    clock::{Micros, micros},
    history::{output, output_of},
    limits::RETENTION_MAX,
    store::HitRow,
    work::Work,
};

/// A hit on its way to a transaction.
#[derive(Debug)]
pub struct Incoming {
    pub ticket: Option<usize>,
    pub hook: Arc<Hook>,
    pub deployment: Arc<Deployment>,
    pub row: HitRow,
    /// `{ method, headers, query, body, received_at }`.
    pub data: Json,
    /// A caller of its own waits on the connection.
    pub live: bool,
    /// The row stands already: it changes, and is not inserted.
    pub stored: bool,
    pub repeats: Vec<RepeatName>,
    /// The webhook's script has answered the caller: kept with the hit, for repeats.
    pub answered: Option<Answer>,
    /// What it was made of, to be decided again in a later round; none where its transaction is given.
    pub work: Option<Work>,
}

impl Incoming {
    /// A hit made for one transaction by hand.
    pub fn by_hand(id: Uuid, now: Micros, hook: &Arc<Hook>, deployment: &Arc<Deployment>, body: &Json) -> Self {
        let headers = Json::from(Members::from_iter([("content-type".to_owned(), Json::from("application/json"))]));
        let query = Json::from(Members::new());
        let row = HitRow {
            webhook: hook.identifier.clone(),
            hit: id,
            received_at: now,
            method: "POST".into(),
            headers: headers.to_string(),
            query: query.to_string(),
            raw: body.to_string().into(),
            body: None,
            status: HitStatus::Applied.word().into(),
            reason: Some("resumed by hand".into()),
            transaction: None,
            run: None,
            ambiguous: false,
            replay_of: None,
            early_until: None,
            expires_at: now + micros(RETENTION_MAX),
        };
        let data = output(&row.method, headers, query, body.clone(), now);
        Self::for_transaction(row, data, hook, deployment)
    }

    /// A stored hit that came early, for the transaction that has now come.
    pub fn early(hit: &HitRow, live: bool, hook: &Arc<Hook>, deployment: &Arc<Deployment>) -> Result<Self, Error> {
        let row = HitRow { status: HitStatus::Applied.word().into(), reason: None, early_until: None, ..hit.clone() };
        let data = output_of(&row)?;
        Ok(Self { live, stored: true, ..Self::for_transaction(row, data, hook, deployment) })
    }

    /// It goes where it is told, whatever its keys say.
    fn for_transaction(row: HitRow, data: Json, hook: &Arc<Hook>, deployment: &Arc<Deployment>) -> Self {
        Self {
            ticket: None,
            hook: hook.clone(),
            deployment: deployment.clone(),
            row,
            data,
            live: false,
            stored: false,
            repeats: Vec::new(),
            answered: None,
            work: None,
        }
    }
}

/// A hit row made anew of an earlier one's request.
pub fn fresh_copy(row: &HitRow, made: &HitRow) -> HitRow {
    HitRow {
        method: row.method.clone(),
        headers: row.headers.clone(),
        query: row.query.clone(),
        raw: row.raw.clone(),
        body: row.body.clone(),
        ..made.clone()
    }
}

/// How long a hit of no transaction is kept: as long as the cycle's transactions.
pub fn kept(retention: Option<Retention>) -> std::time::Duration {
    match retention {
        Some(Retention::FromStart(kept)) => kept,
        Some(Retention::ByOutcome { completed, failed }) => completed.max(failed),
        None => RETENTION_MAX,
    }
}

/// Whether the decoded body is what the raw bytes parse to as JSON, so that one of them is enough.
pub fn is_plain_json(arrival: &Arrival) -> bool {
    if arrival.by_script.is_some() {
        return false;
    }
    if arrival.raw.is_empty() {
        return matches!(arrival.body, Json::Null);
    }
    let header = |name: &str| arrival.headers.get(name).and_then(Json::as_text);
    let essence =
        header("content-type").and_then(|value| value.split(';').next()).map(|e| e.trim().to_ascii_lowercase());
    let json = essence.is_some_and(|essence| essence == "application/json" || essence.ends_with("+json"));
    json && header("content-encoding").is_none() && arrival.raw.first() != Some(&0xef)
}
