//! Why a hit matched, or did not: the look-up done again in the open, with what came near.

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::{Json, Key, Members};
use uuid::Uuid;

use super::Engine;
use crate::{
    CandidateView, Error, Explanation, ExtractedValue, HitId, TransactionId, TransactionStatus,
    catalog::{Deployment, Hook, Keying},
    clock::{Micros, to_utc},
    history::output_of,
    mapping_words::key_reason,
    round::key_names,
    store::{Candidate, HitRow, KeyRow, TransactionQuery, TransactionRow},
};

/// Candidates shown.
const CANDIDATES_MAX: i64 = 20;
/// Transactions of each status whose keys are compared for near misses: the newest.
const NEAR_LOOKED_AT: i64 = 1_000;
/// Near misses shown.
const NEAR_MAX: usize = 10;

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
            },
        };
        told.tell(data).await?;
        Ok(told.explanation)
    }
}

struct Telling<'a> {
    engine: &'a Engine,
    account: &'a str,
    hook: &'a Hook,
    cycle: &'a Deployment,
    hit: Option<&'a HitRow>,
    now: Micros,
    explanation: Explanation,
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
            self.near_misses(&keys).await?;
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
        for value in keying.mapping().extract_hit(data) {
            if self.explanation.extracted.iter().any(|known| known.path == value.path) {
                continue;
            }
            let kind = kind_of(value.value.as_ref());
            self.explanation.extracted.push(ExtractedValue { path: value.path, kind, value: value.value });
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
            (None, _) => format!("{read}; no transaction waits for it at {step}"),
        };
    }

    /// What came nearest: equal keys of transactions that can no longer take it or are elsewhere,
    /// then keys at this step that differ by little.
    async fn near_misses(&mut self, keys: &[(&Keying, Key)]) -> Result<(), Error> {
        let mut near = Vec::new();
        for (_, key) in keys {
            self.elsewhere(key, &mut near).await?;
        }
        let near_by = self.near_by().await?;
        for (keying, key) in keys {
            for (transaction, row) in &near_by {
                let Some(held) = self.key_of(keying, row) else { continue };
                let id = TransactionId(row.transaction);
                if transaction.expires_at <= self.now {
                    if held == *key {
                        near.push((
                            0,
                            format!(
                                "transaction {id} had this key, but it expired {} ago",
                                ago(self.now - transaction.expires_at)
                            ),
                        ));
                    }
                } else if let Some(miss) = nearness(key, &held) {
                    near.push((miss.0, format!("{}; transaction {id} waits for {}", said_key(key), miss.1)));
                } else if held == *key && row.due_at.is_some_and(|due| due <= self.now) {
                    near.push((0, format!("transaction {id} has this key, but its hold ran into its `expires`")));
                }
            }
        }
        near.sort();
        near.dedup();
        near.truncate(NEAR_MAX);
        self.explanation.near_misses = near.into_iter().map(|(_, text)| text).collect();
        Ok(())
    }

    /// The keys at this step of the cycle's newest transactions, the expired ones that have not gone
    /// yet among them.
    async fn near_by(&self) -> Result<Vec<(TransactionRow, KeyRow)>, Error> {
        let store = &self.engine.shared.store;
        let mut newest = HashMap::new();
        let statuses = [TransactionStatus::Held, TransactionStatus::Completed, TransactionStatus::Failed];
        let lane = |status: TransactionStatus| (self.cycle.row.cycle_id, status.word(), Uuid::max());
        let lanes = statuses.map(lane).to_vec();
        let query = TransactionQuery { lanes, failed_at: None, from: Uuid::nil(), limit: NEAR_LOOKED_AT };
        let found = store.list_transactions(self.account, &query).await?;
        newest.extend(found.into_iter().map(|row| (row.transaction, row)));
        let ids: Vec<Uuid> = newest.keys().copied().collect();
        let mut near_by = Vec::new();
        for chunk in ids.chunks(500) {
            let mut names = Vec::new();
            for hold in store.holds(self.account, chunk).await? {
                names.extend(key_names(&hold)?.into_iter().filter(|name| name.webhook == self.hook.identifier));
            }
            for (_, key) in store.key_rows(self.account, &names).await? {
                near_by.extend(newest.get(&key.transaction).map(|row| (row.clone(), key)));
            }
        }
        Ok(near_by)
    }

    fn key_of(&self, keying: &Keying, row: &KeyRow) -> Option<Key> {
        Key::from_bytes(row.key.strip_prefix(&keying.fingerprint[..])?)
    }

    /// The same values at another step of the cycle.
    async fn elsewhere(&self, key: &Key, near: &mut Vec<(usize, String)>) -> Result<(), Error> {
        for hook in self.cycle.hooks.iter().filter(|hook| hook.step != self.hook.step) {
            for keying in &hook.mappings {
                let seek = keying.seek(&hook.identifier, key);
                for one in self.engine.shared.store.seek(self.account, &seek, self.now, 3).await? {
                    let id = TransactionId(one.transaction.transaction);
                    let at = &hook.step;
                    near.push((0, format!("a transaction with this key exists ({id}) but it is at step `{at}`")));
                }
            }
        }
        Ok(())
    }
}

/// How two keys of one mapping nearly agree: (distance, what the other waits for).
fn nearness(key: &Key, held: &Key) -> Option<(usize, String)> {
    let (mine, theirs) = (key.parts(), held.parts());
    if mine.len() != theirs.len() || mine == theirs {
        return None;
    }
    let mut distance = 0;
    let mut equal = 0;
    for (mine, theirs) in mine.iter().zip(&theirs) {
        if mine == theirs {
            equal += 1;
            continue;
        }
        distance += part_distance(mine, theirs)?;
    }
    (equal > 0 || distance <= 2).then(|| (distance + 1, shown_all(&theirs)))
}

/// Differs in case or white space (1), in leading zeros or one letter (2); else no near miss, unless
/// other parts of the key agree.
fn part_distance(mine: &Json, theirs: &Json) -> Option<usize> {
    let (mine, theirs) = (text(mine), text(theirs));
    let folded = |text: &str| text.trim().to_lowercase();
    if folded(&mine) == folded(&theirs) {
        return Some(1);
    }
    let unpadded = |text: &str| folded(text).trim_start_matches(['0', '#']).to_owned();
    if unpadded(&mine) == unpadded(&theirs) || (mine.len() > 2 && one_letter_apart(&mine, &theirs)) {
        return Some(2);
    }
    Some(3)
}

fn one_letter_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long.iter()).take_while(|(x, y)| x == y).count();
    let rest = if short.len() == long.len() { same + 1 } else { same };
    short.get(rest..).unwrap_or_default() == long.get(same + 1..).unwrap_or_default()
}

fn text(value: &Json) -> String {
    match value {
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown_all(values: &[Json]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" and ")
}

/// What a path read.
pub fn extracted(path: String, value: Option<&Json>) -> ExtractedValue {
    ExtractedValue { path, kind: kind_of(value), value: value.cloned() }
}

fn said_key(key: &Key) -> String {
    format!("the hit has {}", shown_all(&key.parts()))
}

fn said(value: &ExtractedValue) -> String {
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
fn ago(micros: Micros) -> String {
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
