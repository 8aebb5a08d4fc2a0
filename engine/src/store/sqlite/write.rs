//! The rows of a round, written set by set: one statement a kind of row, none for a kind with none,
//! all of them in one call.
//!
//! Order matters where kinds touch the same row: a hold is marked resumed before the newer hold
//! takes its place, and what is taken away goes before what is added.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use sqlx::{AssertSqlSafe, Sqlite, query::Query, sqlite::SqliteArguments};

use super::super::{
    EarlyRow, HitRow, HitUpdate, KeyName, KeyRow, Result, RunRow, TimerRow, TransactionRow, UnderwayRow, Writes,
};
use super::sheet::{Row, Sheet};
use super::sql;
use super::writer::Work;
use crate::clock::Micros;

/// What a round writes, in this order. A round uses a few of them.
const STATEMENTS: [&str; 20] = [
    sql::HITS_ADD,
    sql::HITS_CHANGE,
    sql::TRANSACTIONS_ADD,
    sql::TRANSACTIONS_CHANGE,
    sql::TRANSACTIONS_EXPIRE,
    sql::RUNS_ADD,
    sql::UNDERWAY_GONE,
    sql::UNDERWAY_PUT,
    sql::KEYS_RESUMED,
    sql::KEYS_GONE,
    sql::KEYS_ADD,
    sql::TIMERS_GONE,
    sql::TIMERS_ADD,
    sql::EARLY_GONE,
    sql::EARLY_ADD,
    sql::REPEATS_ADD,
    sql::ANSWERS_ADD,
    sql::QUEUE_GONE,
    sql::QUEUE_ADD,
    sql::QUEUED_ADD,
];

/// What of a commit one call does: the statements of these positions (a bit each), after a `BEGIN`,
/// before a `COMMIT`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Call {
    positions: u32,
    begins: bool,
    commits: bool,
}

/// It as one text: a call is a journey to the connection's thread and back. There are as many texts
/// as mixes of what rounds write.
fn script(call: Call) -> Arc<str> {
    static SCRIPTS: LazyLock<Mutex<HashMap<Call, Arc<str>>>> = LazyLock::new(Mutex::default);
    let mut scripts = SCRIPTS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = scripts.entry(call).or_insert_with(|| {
        let mut text = if call.begins { format!("{}; ", sql::BEGIN) } else { String::new() };
        let mut parameter = 2;
        for (_, statement) in (0..).zip(STATEMENTS).filter(|(at, _)| call.positions >> at & 1 == 1) {
            // `$` and not `?`: a number that is skipped would count as a parameter of its own.
            let statement = statement.replace("?1", "$1").replace("?2", &format!("${parameter}"));
            text.push_str(&statement.replace("?3", &format!("${}", parameter + 1)));
            text.push_str("; ");
            parameter += 2;
        }
        if call.commits {
            text.push_str(&sql::HEAD_MOVE.replace("?1", "$1").replace("?2", &format!("${parameter}")));
            text.push_str(&format!("; {}", sql::COMMIT));
        }
        text.into()
    });
    text.clone()
}

/// None where there is nothing to do.
fn query<'q>(
    work: &mut Work,
    account: &str,
    writes: &Writes,
    commits: bool,
) -> Option<Query<'q, Sqlite, SqliteArguments>> {
    let sheets = sheets(writes);
    let positions = (0..).zip(&sheets).filter(|(_, sheet)| sheet.is_some()).fold(0, |all, (at, _)| all | 1 << at);
    if positions == 0 && !commits {
        return None;
    }
    let text = script(Call { positions, begins: work.opening(), commits });
    let mut query = sqlx::query(AssertSqlSafe(text)).bind(account.to_owned());
    for sheet in sheets.into_iter().flatten() {
        let (rows, blob) = sheet.finish();
        query = query.bind(rows).bind(blob);
    }
    Some(query)
}

pub async fn write(work: &mut Work, account: &str, writes: &Writes) -> Result<()> {
    let Some(query) = query(work, account, writes, false) else { return Ok(()) };
    let done = query.execute(work.connection()?).await;
    done.map(|_| ()).map_err(|cause| work.failed(cause))
}

/// Writes, moves the account's instant on and commits, in one call. `revision` is the account's as it
/// then is, where that is known.
pub async fn commit(
    mut work: Work,
    account: String,
    writes: &Writes,
    now: Micros,
    revision: Option<i64>,
) -> Result<()> {
    match query(&mut work, &account, writes, true) {
        Some(query) => work.commit_by(query.bind(now), revision.map(|revision| (account, (now, revision)))).await,
        None => work.commit().await,
    }
}

/// A sheet for each of [`STATEMENTS`] that has rows.
fn sheets(writes: &Writes) -> [Option<Sheet>; STATEMENTS.len()] {
    // UPDATE ... FROM takes one row only for each it changes.
    let mut counts: Vec<(&str, i64)> = Vec::new();
    for (webhook, change) in &writes.queued {
        match counts.iter_mut().find(|(name, _)| name == webhook) {
            Some((_, count)) => *count += change,
            None => counts.push((webhook, *change)),
        }
    }
    [
        some(&writes.hits, hit),
        some(&writes.hit_updates, hit_update),
        some(&writes.transactions, transaction),
        some(&writes.transaction_updates, transaction_change),
        some(&writes.expiries, |row, (transaction, expires_at)| {
            row.id(*transaction).int(*expires_at);
        }),
        some(&writes.runs, run_row),
        some(&writes.underway_gone, |row, (transaction, run)| {
            row.id(*transaction).int(*run);
        }),
        some(&writes.underway, underway),
        some(&writes.keys_resumed, |row, name| {
            row.text(&name.webhook).bytes(&name.key_hash).id(name.transaction);
        }),
        (!writes.keys_gone.is_empty()).then(|| either_state(&writes.keys_gone)),
        some(&writes.keys, key),
        some(&writes.timers_gone, timer),
        some(&writes.timers, timer),
        some(&writes.early_gone, early),
        some(&writes.early, early),
        some(&writes.repeats, |row, repeat| {
            row.text(&repeat.webhook).bytes(&repeat.key_hash).bytes(&repeat.body_hash).id(repeat.hit).int(repeat.at);
        }),
        some(&writes.answers, |row, answer| {
            row.id(answer.hit).maybe_id(answer.transaction).text(&answer.kind).int(answer.status);
            row.maybe_text(answer.step.as_deref()).large(answer.headers.as_bytes()).large(&answer.body);
            row.int(answer.expires_at);
        }),
        some(&writes.queue_gone, |row, queued| {
            row.id(queued.cycle_id).id(queued.hit);
        }),
        some(&writes.queue, |row, queued| {
            row.id(queued.cycle_id).id(queued.hit).text(&queued.webhook);
        }),
        some(&counts, |row, (webhook, change)| {
            row.text(webhook).int(*change);
        }),
    ]
}

fn some<T>(rows: &[T], write: impl FnMut(&mut Row<'_>, &T)) -> Option<Sheet> {
    (!rows.is_empty()).then(|| Sheet::of(rows, write))
}

/// Each name twice: as not resumed, and as resumed.
pub fn either_state(names: &[KeyName]) -> Sheet {
    let mut sheet = Sheet::new();
    for name in names {
        for resumed in [0, 1] {
            sheet.row().text(&name.webhook).bytes(&name.key_hash).int(resumed).id(name.transaction);
        }
    }
    sheet
}

fn hit(row: &mut Row<'_>, hit: &HitRow) {
    row.text(&hit.webhook).id(hit.hit).int(hit.received_at).text(&hit.method);
    row.large(hit.headers.as_bytes()).large(hit.query.as_bytes()).large(&hit.raw).maybe_large(hit.body.as_deref());
    row.text(&hit.status).maybe_text(hit.reason.as_deref()).maybe_id(hit.transaction).maybe_int(hit.run);
    row.int(hit.ambiguous).maybe_id(hit.replay_of).maybe_instant(hit.early_until).int(hit.expires_at);
}

fn hit_update(row: &mut Row<'_>, hit: &HitUpdate) {
    row.text(&hit.webhook).id(hit.hit).text(&hit.status).maybe_text(hit.reason.as_deref());
    row.maybe_id(hit.transaction).maybe_int(hit.run).int(hit.ambiguous).maybe_instant(hit.early_until);
}

fn transaction(row: &mut Row<'_>, transaction: &TransactionRow) {
    row.id(transaction.transaction).id(transaction.cycle_id).int(transaction.version).int(transaction.started_at);
    row.text(&transaction.status).maybe_text(transaction.step.as_deref()).int(transaction.runs);
    row.int(transaction.expires_at).maybe_instant(transaction.completed_at).maybe_instant(transaction.failed_at);
    row.maybe_large(transaction.callers.as_deref());
}

fn transaction_change(row: &mut Row<'_>, changed: &TransactionRow) {
    row.id(changed.transaction).text(&changed.status).maybe_text(changed.step.as_deref()).int(changed.runs);
    row.maybe_instant(changed.completed_at).maybe_instant(changed.failed_at);
    row.maybe_large(changed.callers.as_deref());
}

fn run_row(row: &mut Row<'_>, run: &RunRow) {
    row.id(run.transaction).int(run.run).maybe_int(run.base).text(&run.entry).maybe_text(run.webhook.as_deref());
    row.maybe_id(run.hit).text(&run.status).maybe_text(run.step.as_deref()).int(run.started_at);
    row.large(run.steps.as_bytes()).maybe_large(run.document.as_deref());
    row.maybe_large(run.hold_keys.as_deref()).maybe_large(run.error.as_deref());
}

fn underway(row: &mut Row<'_>, run: &UnderwayRow) {
    row.id(run.transaction).int(run.run).id(run.cycle_id).int(run.version).maybe_int(run.base).text(&run.entry);
    row.maybe_text(run.webhook.as_deref()).maybe_id(run.hit).int(run.started_at).maybe_large(run.document.as_deref());
    row.large(run.steps.as_bytes()).text(&run.status).maybe_text(run.step.as_deref());
    row.large(run.attempts.as_bytes()).int(run.claim).maybe_text(run.node.as_deref()).maybe_instant(run.due_at);
    row.maybe_int(run.place).maybe_int(run.turn).maybe_bytes(run.turn_key.as_deref());
}

fn key(row: &mut Row<'_>, key: &KeyRow) {
    row.text(&key.webhook).bytes(&key.key_hash).id(key.transaction).int(key.run).bytes(&key.key);
    row.maybe_instant(key.due_at);
}

fn timer(row: &mut Row<'_>, timer: &TimerRow) {
    row.int(timer.due_at).id(timer.transaction).int(timer.run);
}

fn early(row: &mut Row<'_>, early: &EarlyRow) {
    row.text(&early.webhook).bytes(&early.key_hash).id(early.hit).bytes(&early.key).int(early.until_at);
}
