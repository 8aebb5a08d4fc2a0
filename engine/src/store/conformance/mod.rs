//! What a store must do, said once and run on each database.
//!
//! [`all`] wants an account that is new: `default`, where [`with_account`] names no other. Everything
//! happens about [`NOON`] by a manual clock, and on webhooks of its own, so the order is of no account.
//! The clock and the keys are everybody's: none may stand yet.

mod catalog;
mod endpoints;
mod hits;
mod holds;
mod kept;
mod retention;
mod routes;
mod secrets;
mod sessions;
mod tallies;
mod transactions;
mod underway;

use uuid::Uuid;

use super::{Commit, HitRow, KeyName, KeyRow, RunRow, Seek, Store, TransactionRow, Writes};
use crate::clock::Micros;

/// An instant of 2027, to the microsecond.
pub const NOON: Micros = 1_799_928_000_123_456;
pub const SECOND: Micros = 1_000_000;
pub const DAY: Micros = 86_400 * SECOND;
pub const ACCOUNT: &str = "default";

tokio::task_local! {
    static CHOSEN: &'static str;
}

/// Whose rows are written and read.
pub fn account() -> &'static str {
    CHOSEN.try_with(|chosen| *chosen).unwrap_or(ACCOUNT)
}

/// The same on another account's rows.
pub async fn with_account<T>(account: &'static str, what: impl Future<Output = T>) -> T {
    CHOSEN.scope(account, what).await
}

pub async fn all(store: &dyn Store) {
    store.prepare(NOON).await.expect("made ready");
    store.ping().await.expect("an answer");
    catalog::all(store).await;
    secrets::all(store).await;
    sessions::all(store).await;
    routes::all(store).await;
    endpoints::all(store).await;
    kept::all(store).await;
    tallies::all(store).await;
    hits::all(store).await;
    transactions::all(store).await;
    holds::all(store).await;
    underway::all(store).await;
}

/// For a store that removes row by row what has expired. To be run after [`all`], if on the same.
pub async fn removal(store: &dyn Store) {
    store.prepare(NOON).await.expect("made ready");
    retention::all(store).await;
}

pub async fn begin(store: &dyn Store) -> Box<dyn Commit> {
    store.begin(account(), Some(NOON)).await.expect("begun")
}

pub async fn write(store: &dyn Store, writes: Writes) {
    let mut commit = begin(store).await;
    commit.write(&writes).await.expect("written");
    commit.commit().await.expect("committed");
}

/// The id of the `n`th thing at an instant: ids of one instant are in the order of `n`.
pub fn id_at(instant: Micros, n: u64) -> Uuid {
    Uuid::from_u128(crate::id::floor_of(instant).as_u128() + u128::from(n))
}

pub fn id(n: u64) -> Uuid {
    id_at(NOON, n)
}

pub fn hit(webhook: &str, hit: Uuid) -> HitRow {
    HitRow {
        webhook: webhook.into(),
        hit,
        received_at: NOON,
        method: "POST".into(),
        headers: r#"{"content-type":"application/json"}"#.into(),
        query: "{}".into(),
        raw: br#"{"order":42}"#.to_vec().into(),
        body: None,
        status: "unmatched".into(),
        reason: None,
        transaction: None,
        run: None,
        ambiguous: false,
        replay_of: None,
        early_until: None,
        expires_at: NOON + 31 * DAY,
    }
}

pub fn transaction(cycle_id: Uuid, transaction: Uuid) -> TransactionRow {
    TransactionRow {
        transaction,
        cycle_id,
        version: 1,
        started_at: NOON,
        status: "held".into(),
        step: Some("status".into()),
        runs: 1,
        expires_at: NOON + 31 * DAY,
        completed_at: None,
        failed_at: None,
        callers: None,
    }
}

pub fn run(transaction: Uuid, run: i32) -> RunRow {
    RunRow {
        transaction,
        run,
        base: None,
        entry: "placed".into(),
        webhook: None,
        hit: None,
        status: "held".into(),
        step: Some("status".into()),
        started_at: NOON,
        steps: "[]".into(),
        document: None,
        hold_keys: None,
        error: None,
    }
}

/// The hash is the key's first byte, so that different keys can be made to share it.
pub fn seek(webhook: &str, key: &str) -> Seek {
    Seek { webhook: webhook.into(), key_hash: hash(key), key: key.as_bytes().to_vec() }
}

pub fn key(webhook: &str, key: &str, transaction: Uuid) -> KeyRow {
    KeyRow {
        webhook: webhook.into(),
        key_hash: hash(key),
        transaction,
        run: 1,
        key: key.as_bytes().to_vec(),
        due_at: None,
    }
}

pub fn name_of(key: &KeyRow) -> KeyName {
    KeyName { webhook: key.webhook.clone(), key_hash: key.key_hash.clone(), transaction: key.transaction }
}

fn hash(key: &str) -> Vec<u8> {
    let first = key.as_bytes().first().copied().unwrap_or_default();
    vec![first; 16]
}
