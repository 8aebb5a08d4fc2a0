//! Why a hit matched, or did not: the look-up done again in the open, with what came near.

use std::sync::Arc;

use holdfast_definitions::{Json, Key, Members};

use super::{Engine, near};
use crate::{
    CandidateView, Error, Explanation, ExtractedValue, HitId, TransactionId,
    catalog::{Deployment, Hook, Keying},
    clock::{Micros, to_utc},
    history::output_of,
    mapping_words::key_reason,
    store::{Candidate, HitRow},
};

/// Candidates shown.
const CANDIDATES_MAX: i64 = 20;

impl Engine {
    pub async fn explain(&self, account: &str, id: HitId) -> Result<Explanation, Error> {
        let row = self.hit_row(account, id).await?;
        let data = output_of(&row)?;
        self.explain_data(account, &row.webhook.clone(), &data, Some(&row)).await
    }

    /// The same for a request that was never sent: `{ method, headers, query, body }`; what is left
    /// out is empty.
    pub async fn explain_dry(&self, account: &str, identifier: &str, request: Json) -> Result<Explanation, Error> {
        self.shared.follow_catalog().await?;
        let Json::Object(given) = request else {
            return Err(Error::Invalid("the request must be an object: { method, headers, query, body }".into()));
        };
        let empty = || Json::from(Members::new());
        let mut data = Members::from_iter([
            ("method".to_owned(), Json::from("POST")),
            ("headers".to_owned(), empty()),
            ("query".to_owned(), empty()),
            ("body".to_owned(), Json::Null),
        ]);
        for (name, value) in Arc::unwrap_or_clone(given) {
            if !data.contains_key(&name) {
                return Err(Error::Invalid(format!(
                    "unknown property {name:?}: a request has method, headers, query and body"
                )));
            }
            data.insert(name, value);
        }
        self.explain_data(account, identifier, &Json::from(data), None).await
    }

    async fn explain_data(
        &self,
        account: &str,
        identifier: &str,
        data: &Json,
        hit: Option<&HitRow>,
    ) -> Result<Explanation, Error> {
        let catalog = self.shared.catalog();
        if let Some(shared) = catalog.addresses.get(identifier) {
            return self.explain_shared(account, shared, data, hit).await;
        }
        let found = catalog.hook(identifier).filter(|(_, cycle)| cycle.row.account == account);
        let (hook, cycle) = found.ok_or_else(|| Error::NotFound { what: "webhook", id: identifier.to_owned() })?;
        let mut told = Telling {
            engine: self,
            account,
            hook,
            cycle,
            hit,
            now: self.shared.clock.now(),
            explanation: Explanation {
                hit: hit.map(|hit| HitId(hit.hit)),
                webhook: identifier.to_owned(),
                cycle: cycle.row.name.clone(),
                step: hook.step.clone(),
                outcome: hit.map_or_else(String::new, |hit| hit.status.clone()),
                summary: String::new(),
                extracted: Vec::new(),
                key: None,
                candidates: Vec::new(),
                winner: hit.and_then(|hit| hit.transaction).map(TransactionId),
                near_misses: Vec::new(),
                near: Vec::new(),
                waiting: Vec::new(),
                early: Some(hook.webhook().early).filter(|early| !early.is_zero() && !hook.is_start()),
            },
        };
        told.tell(data).await?;
        Ok(told.explanation)
    }
}

pub(super) struct Telling<'a> {
    pub engine: &'a Engine,
    pub account: &'a str,
    pub hook: &'a Hook,
    pub cycle: &'a Deployment,
    pub hit: Option<&'a HitRow>,
    pub now: Micros,
    pub explanation: Explanation,
}

impl Telling<'_> {
    async fn tell(&mut self, data: &Json) -> Result<(), Error> {
        if self.hook.is_start() {
            self.tell_start();
            return Ok(());
        }
        let mut reasons = Vec::new();
        let mut keys: Vec<(&Keying, Key)> = Vec::new();
        for keying in &self.hook.mappings {
            self.extract(keying, data);
            match keying.mapping().hit_key(data) {
                Ok(key) => keys.push((keying, key)),
                Err(error) => reasons.push(key_reason(&error)),
            }
        }
        self.explanation.key = keys.first().map(|(_, key)| key.parts());
        let mut found = Vec::new();
        for (keying, key) in &keys {
            let seek = keying.seek(&self.hook.identifier, key);
            found.extend(self.engine.shared.store.seek(self.account, &seek, self.now, CANDIDATES_MAX).await?);
        }
        found.sort_unstable_by_key(|one| std::cmp::Reverse(one.transaction.transaction));
        found.truncate(CANDIDATES_MAX as usize);
        self.candidates(&found);
        if self.explanation.winner.is_none() {
            self.near_misses(&keys, data).await?;
        }
        self.summarise(&reasons);
        Ok(())
    }

    fn tell_start(&mut self) {
        let summary = match (self.hit, self.explanation.winner) {
            (Some(_), Some(winner)) => format!("{} is a start webhook: the hit started {winner}", self.hook.step),
            (Some(hit), None) => {
                format!("the hit is {}: {}", hit.status, hit.reason.as_deref().unwrap_or("nothing was started"))
            }
            (None, _) => format!("{} is a start webhook: this would start a transaction", self.hook.step),
        };
        if self.hit.is_none() {
            self.explanation.outcome = "applied".into();
        }
        self.explanation.summary = summary;
    }

    fn extract(&mut self, keying: &Keying, data: &Json) {
        for path in keying.mapping().entries.iter().map(|entry| &entry.hit) {
            if self.explanation.extracted.iter().any(|known| known.path == path.text()) {
                continue;
            }
            let value = extracted(path.text().to_owned(), path.find(data));
            let hint = near::broken(path, data);
            self.explanation.extracted.push(ExtractedValue { hint, ..value });
        }
    }

    fn candidates(&mut self, found: &[Candidate]) {
        let taken = self.explanation.winner;
        // Without a transaction of its own, a hit that was decided took none, whoever waits now.
        let dry = self.hit.is_none();
        for (position, one) in found.iter().enumerate() {
            let id = TransactionId(one.transaction.transaction);
            let won = if dry { position == 0 } else { taken == Some(id) };
            let why = match (won, dry) {
                (true, _) => "it is held at the step under an equal key, and started last of those that are",
                (false, true) => "a transaction that started later has the same key",
                (false, false) if self.hit.is_some_and(|hit| hit.hit < one.transaction.transaction) => {
                    "it started after the hit had come"
                }
                (false, false) => "another transaction took the hit",
            };
            self.explanation.candidates.push(CandidateView {
                transaction: id,
                version: one.transaction.version as u32,
                started_at: to_utc(one.transaction.started_at),
                expires_at: to_utc(one.transaction.expires_at),
                resumed: one.resumed,
                won,
                why: why.to_owned(),
            });
        }
        if dry {
            self.explanation.winner = found.first().map(|one| TransactionId(one.transaction.transaction));
            self.explanation.outcome = if found.is_empty() { "unmatched" } else { "applied" }.into();
        }
    }

    fn summarise(&mut self, reasons: &[String]) {
        let step = &self.hook.step;
        let extracted: Vec<String> = self.explanation.extracted.iter().map(said).collect();
        let read = extracted.join("; ");
        let waiting = self.explanation.candidates.iter().filter(|one| !one.resumed).count();
        self.explanation.summary = match (self.explanation.winner, self.hit) {
            (Some(winner), Some(_)) => format!("{read}; transaction {winner} took the hit at {step}"),
            (Some(winner), None) if waiting > 1 => {
                format!("{read}; {waiting} transactions wait for it (ambiguous); the newest, {winner}, would take it")
            }
            (Some(winner), None) => format!("{read}; transaction {winner} would take it at {step}"),
            (None, Some(hit)) if hit.status != "unmatched" => {
                format!("{read}; the hit is {}: {}", hit.status, hit.reason.as_deref().unwrap_or("no reason was kept"))
            }
            (None, _) if self.explanation.key.is_none() => format!("no key: {}", reasons.join("; ")),
            (None, _) => match self.explanation.near.first() {
                Some(miss) => format!("{read}; no transaction waits for it at {step}, but {}", miss.text),
                None => format!("{read}; no transaction waits for it at {step}"),
            },
        };
    }
}

pub(super) fn shown_all(values: &[Json]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" and ")
}

/// What a path read.
pub fn extracted(path: String, value: Option<&Json>) -> ExtractedValue {
    ExtractedValue { path, kind: kind_of(value), value: value.cloned(), hint: None }
}

pub(super) fn said(value: &ExtractedValue) -> String {
    match (&value.value, value.kind) {
        (None, _) => format!("`{}` is missing", value.path),
        (Some(_), "object" | "array" | "null") => format!("`{}` is {}", value.path, article(value.kind)),
        (Some(shown), kind) => format!("`{}` is {} `{shown}`", value.path, article(kind)),
    }
}

fn article(kind: &str) -> &str {
    match kind {
        "text" => "the text",
        "number" => "the number",
        "boolean" => "the boolean",
        "object" => "an object",
        "array" => "an array",
        other => other,
    }
}

fn kind_of(value: Option<&Json>) -> &'static str {
    match value {
        None => "missing",
        Some(Json::Null) => "null",
        Some(Json::Bool(_)) => "boolean",
        Some(Json::Number(_)) => "number",
        Some(Json::Text(_)) => "text",
        Some(Json::Array(_)) => "array",
        Some(Json::Object(_)) => "object",
    }
}

/// A length of time for people: its two greatest units.
pub(super) fn ago(micros: Micros) -> String {
    let seconds = micros / 1_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h"),
        (_, 0, _) => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}
