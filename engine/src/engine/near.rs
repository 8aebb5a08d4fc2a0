//! What came nearest, for a hit that matched nothing: keys that differ by little, equal keys of
//! transactions that are elsewhere, were too late or have not come yet, and values that stand where the
//! mapping does not look.
//!
//! Invariant: it reads a bounded number of rows, whatever is stored, and decides nothing.

use std::collections::{HashMap, HashSet};

use holdfast_definitions::{Json, Key, Path, nearest};
use uuid::Uuid;

use super::explain::{Telling, ago, shown_all};
use crate::{
    Difference, Error, NearMiss, TransactionId, TransactionStatus, Waiting,
    catalog::Keying,
    differ::{OTHER, nearness},
    round::key_names,
    store::{KeyRow, TransactionQuery, TransactionRow},
};

/// Transactions of each status whose keys are compared: the newest.
const LOOKED_AT: i64 = 1_000;
/// Transactions of each status, with no key at the step, whose documents are read: the newest.
const DOCUMENTS: usize = 10;
/// Near misses shown.
const NEAR_MAX: usize = 10;
/// Of those that wait, as an example of what would have matched.
const WAITING_MAX: usize = 5;
/// Values of the request that are looked up, where the mapping's own found nothing.
const VALUES_MAX: usize = 40;
/// Values longer than this are no correlation values by accident.
const VALUE_BYTES_MAX: usize = 200;

/// A near miss and how far off it is; the nearest first, then the newest.
type Ranked = (usize, std::cmp::Reverse<TransactionId>, NearMiss);

/// Transactions and their keys at the step.
struct NearBy {
    keyed: Vec<(TransactionRow, KeyRow)>,
    /// The newest of each status that have none there.
    unkeyed: Vec<TransactionRow>,
}

impl Telling<'_> {
    pub async fn near_misses(&mut self, keys: &[(&Keying, Key)], data: &Json) -> Result<(), Error> {
        let mut near: Vec<Ranked> = Vec::new();
        for (_, key) in keys {
            self.elsewhere(key, &mut near).await?;
        }
        let near_by = self.near_by().await?;
        for (keying, key) in keys {
            near.extend(
                near_by.keyed.iter().filter_map(|(transaction, row)| self.beside(keying, key, transaction, row)),
            );
        }
        self.otherwise_named(keys, data, &mut near).await?;
        self.not_come(keys, &near_by.unkeyed, &mut near).await?;
        near.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let mut known = HashSet::new();
        near.retain(|(_, _, miss)| known.insert(miss.transaction));
        near.truncate(NEAR_MAX);
        self.explanation.near = near.into_iter().map(|(_, _, miss)| miss).collect();
        self.explanation.near_misses = self.explanation.near.iter().map(|miss| miss.text.clone()).collect();
        if self.explanation.near.is_empty() {
            self.explanation.waiting = self.waiting(&near_by);
        }
        Ok(())
    }

    /// Beside a key at this step.
    fn beside(&self, keying: &Keying, key: &Key, transaction: &TransactionRow, row: &KeyRow) -> Option<Ranked> {
        let held = key_of(keying, row)?;
        let id = TransactionId(row.transaction);
        let equal = held == *key;
        let text = match (equal, transaction.expires_at <= self.now) {
            (true, true) => {
                format!("transaction {id} had this key, but it expired {} ago", ago(self.now - transaction.expires_at))
            }
            (true, false) if row.due_at.is_some_and(|due| due <= self.now) => {
                format!("transaction {id} has this key, but its hold ran into its `expires`")
            }
            (false, false) => return self.differing(keying, key, &held, id),
            _ => return None,
        };
        Some(ranked(0, miss(id, held.parts(), text)))
    }

    fn differing(&self, keying: &Keying, key: &Key, held: &Key, id: TransactionId) -> Option<Ranked> {
        let (mine, theirs) = (key.parts(), held.parts());
        let paths = keying.mapping().entries.iter().map(|entry| entry.hit.text());
        let (mut distance, mut differences) = (0, Vec::new());
        for ((path, mine), theirs) in paths.zip(&mine).zip(&theirs).filter(|((_, mine), theirs)| mine != theirs) {
            let near = nearness(mine, theirs);
            distance += near.distance;
            let (path, hit, held) = (path.to_owned(), mine.clone(), theirs.clone());
            differences.push(Difference { path, hit, held, words: near.words });
        }
        let agrees = differences.len() < mine.len();
        if mine.len() != theirs.len() || differences.is_empty() || !(agrees || distance < OTHER) {
            return None;
        }
        let words: Vec<_> = differences.iter().map(|one| one.words.as_str()).collect();
        let (mine, shown) = (shown_all(&mine), shown_all(&theirs));
        let text = format!("the hit has {mine} and transaction {id} waits for {shown}: {}", words.join("; "));
        Some(ranked(distance, NearMiss { differences, ..miss(id, theirs, text) }))
    }

    /// The same values at another step of the cycle.
    async fn elsewhere(&self, key: &Key, near: &mut Vec<Ranked>) -> Result<(), Error> {
        for hook in self.cycle.hooks.iter().filter(|hook| hook.step != self.hook.step) {
            for keying in &hook.mappings {
                let seek = keying.seek(&hook.identifier, key);
                for one in self.engine.shared.store.seek(self.account, &seek, self.now, 3).await? {
                    let id = TransactionId(one.transaction.transaction);
                    let at = &hook.step;
                    let text = format!("a transaction with this key exists ({id}) but it is at step `{at}`");
                    near.push(ranked(0, NearMiss { step: Some(at.clone()), ..miss(id, key.parts(), text) }));
                }
            }
        }
        Ok(())
    }

    /// A value elsewhere in the request that a transaction waits for.
    async fn otherwise_named(&self, keys: &[(&Keying, Key)], data: &Json, near: &mut Vec<Ranked>) -> Result<(), Error> {
        let mut found = Vec::new();
        for part in ["body", "query"] {
            if let Some(part_of) = data.get(part) {
                values(part_of, &mut format!("$.{part}"), &mut found);
            }
        }
        for keying in self.hook.mappings.iter().filter(|keying| keying.mapping().entries.len() == 1) {
            for (path, value) in &found {
                let Ok(key) = Key::from_values([Some(*value)]) else { continue };
                if keys.iter().any(|(_, known)| *known == key) {
                    continue;
                }
                let seek = keying.seek(&self.hook.identifier, &key);
                for one in self.engine.shared.store.seek(self.account, &seek, self.now, 1).await? {
                    let id = TransactionId(one.transaction.transaction);
                    let read = keying.mapping().entries.first().map_or("another path", |entry| entry.hit.text());
                    let text = format!(
                        "transaction {id} waits for `{value}`, which stands at `{path}`, while the mapping reads `{read}`"
                    );
                    near.push(ranked(0, NearMiss { found_at: Some(path.clone()), ..miss(id, key.parts(), text) }));
                }
            }
        }
        Ok(())
    }

    /// Transactions whose document has this key, and which never came to the step.
    async fn not_come(
        &self,
        keys: &[(&Keying, Key)],
        unkeyed: &[TransactionRow],
        near: &mut Vec<Ranked>,
    ) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        for row in unkeyed.iter().filter(|row| self.now < row.expires_at) {
            let id = TransactionId(row.transaction);
            let Ok(view) = self.engine.transaction(self.account, id).await else { continue };
            let Some(detail) = view.detail else { continue };
            let has = |(keying, key): &&(&Keying, Key)| {
                keying.mapping().hold_keys(&detail.document).is_ok_and(|held| held.contains(key))
            };
            let Some((_, key)) = keys.iter().find(has) else { continue };
            let (step, at) = (&self.hook.step, view.step.map(|step| format!(" at `{step}`")).unwrap_or_default());
            let why = match view.status {
                TransactionStatus::Failed => format!("it failed{at} before it came to `{step}`"),
                TransactionStatus::Cancelled => "it was cancelled".to_owned(),
                TransactionStatus::Completed => format!("it ended without coming to `{step}`"),
                TransactionStatus::Held => format!("it is held{at} and has not come to `{step}`"),
                TransactionStatus::Queued | TransactionStatus::Running => {
                    format!("it is under way and has not come to `{step}`")
                }
            };
            near.push(ranked(0, miss(id, key.parts(), format!("transaction {id} has this key, but {why}"))));
        }
        Ok(())
    }

    /// The keys at this step of the cycle's newest transactions, the expired ones that have not gone
    /// yet among them.
    async fn near_by(&self) -> Result<NearBy, Error> {
        let store = &self.engine.shared.store;
        let lane = |status: TransactionStatus| (self.cycle.row.cycle_id, status.word(), Uuid::max());
        let lanes = TransactionStatus::ALL.iter().map(|status| lane(*status)).collect();
        let query = TransactionQuery { lanes, failed_at: None, from: Uuid::nil(), limit: LOOKED_AT };
        let mut found = store.list_transactions(self.account, &query).await?;
        found.sort_unstable_by_key(|row| std::cmp::Reverse(row.transaction));
        let mut counted: HashMap<String, usize> = HashMap::new();
        let mut few: HashSet<Uuid> = HashSet::new();
        for row in &found {
            let count = counted.entry(row.status.clone()).or_default();
            *count += 1;
            if *count <= DOCUMENTS {
                few.insert(row.transaction);
            }
        }
        let newest: HashMap<Uuid, TransactionRow> = found.into_iter().map(|row| (row.transaction, row)).collect();
        let ids: Vec<Uuid> = newest.keys().copied().collect();
        let mut keyed = Vec::new();
        for chunk in ids.chunks(500) {
            let mut names = Vec::new();
            for hold in store.holds(self.account, chunk).await? {
                names.extend(key_names(&hold)?.into_iter().filter(|name| name.webhook == self.hook.identifier));
            }
            for (_, key) in store.key_rows(self.account, &names).await? {
                few.remove(&key.transaction);
                keyed.extend(newest.get(&key.transaction).map(|row| (row.clone(), key)));
            }
        }
        let unkeyed = few.iter().filter_map(|id| newest.get(id).cloned()).collect();
        Ok(NearBy { keyed, unkeyed })
    }

    /// Some that wait: what a value that matches looks like.
    fn waiting(&self, near_by: &NearBy) -> Vec<Waiting> {
        let one = |(transaction, row): &(TransactionRow, KeyRow)| {
            let held = self.hook.mappings.iter().find_map(|keying| key_of(keying, row));
            let is_held = transaction.status == TransactionStatus::Held.word() && self.now < transaction.expires_at;
            let key = held.filter(|_| is_held)?.parts();
            Some(Waiting { transaction: TransactionId(row.transaction), key })
        };
        let mut waiting: Vec<_> = near_by.keyed.iter().filter_map(one).collect();
        waiting.sort_by_key(|one| std::cmp::Reverse(one.transaction));
        waiting.truncate(WAITING_MAX);
        waiting
    }
}

fn miss(transaction: TransactionId, key: Vec<Json>, text: String) -> NearMiss {
    NearMiss { transaction, step: None, key, differences: Vec::new(), found_at: None, text }
}

fn ranked(distance: usize, miss: NearMiss) -> Ranked {
    (distance, std::cmp::Reverse(miss.transaction), miss)
}

fn key_of(keying: &Keying, row: &KeyRow) -> Option<Key> {
    Key::from_bytes(row.key.strip_prefix(&keying.fingerprint[..])?)
}

/// The texts and numbers of a document with their paths, at most [`VALUES_MAX`].
fn values<'a>(value: &'a Json, path: &mut String, found: &mut Vec<(String, &'a Json)>) {
    let length = path.len();
    match value {
        _ if found.len() >= VALUES_MAX => {}
        Json::Text(text) if text.len() <= VALUE_BYTES_MAX && !text.is_empty() => found.push((path.clone(), value)),
        Json::Number(_) => found.push((path.clone(), value)),
        Json::Object(members) => {
            for (name, member) in members.iter() {
                path.push_str(&step(name));
                values(member, path, found);
                path.truncate(length);
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate().take(VALUES_MAX) {
                path.push_str(&format!("[{index}]"));
                values(item, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// A name as a path's step (RFC 9535 §2.5.1.1).
fn step(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_plain && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() {
        true => format!(".{name}"),
        false => format!("[{}]", Json::from(name)),
    }
}

/// Names listed of an object that lacks one.
const NAMES_MAX: usize = 8;

/// Of a path that finds nothing: how far it leads, and what is there instead.
pub fn broken(path: &Path, data: &Json) -> Option<String> {
    if path.find(data).is_some() {
        return None;
    }
    let (mut at, mut value) = ("$".to_owned(), data);
    for name in path.leading_names() {
        let Json::Object(members) = value else {
            return Some(format!("`{at}` is {}", article(value)));
        };
        if let Some(member) = members.get(name) {
            at.push_str(&step(name));
            value = member;
            continue;
        }
        let other_case = members.keys().find(|known| known.eq_ignore_ascii_case(name)).map(String::as_str);
        let meant = other_case.or_else(|| nearest(name, members.keys().map(String::as_str)));
        let there = match (meant, members.len()) {
            (Some(meant), _) => format!("but `{meant}`"),
            (None, 0) => "and nothing else".to_owned(),
            (None, count) => {
                let names: Vec<_> = members.keys().take(NAMES_MAX).map(|name| format!("`{name}`")).collect();
                let more = if count > NAMES_MAX { " and more" } else { "" };
                format!("but {}{more}", names.join(", "))
            }
        };
        return Some(format!("`{at}` has no `{name}`, {there}"));
    }
    None
}

fn article(value: &Json) -> String {
    match value.kind() {
        "null" => "null".to_owned(),
        kind @ ("array" | "object") => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}
