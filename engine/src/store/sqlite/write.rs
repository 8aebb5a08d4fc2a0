//! The rows of a round, written set by set: one statement a kind of row, none for a kind with none.
//!
//! Order matters where kinds touch the same row: a hold is marked resumed before the newer hold
//! takes its place, and what is taken away goes before what is added.

use super::super::{EarlyRow, HitRow, HitUpdate, KeyName, KeyRow, Result, RunRow, TransactionRow, Writes};
use super::sheet::{Row, Sheet};
use super::sql;
use super::writer::Work;

/// Runs a statement over a set of rows; the blob is bound where the statement names it.
pub async fn put<T>(
    work: &mut Work,
    account: &str,
    statement: &'static str,
    rows: &[T],
    write: impl FnMut(&mut Row<'_>, &T),
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    run(work, account, statement, Sheet::of(rows, write)).await
}

async fn run(work: &mut Work, account: &str, statement: &'static str, sheet: Sheet) -> Result<()> {
    let (rows, blob) = sheet.finish();
    let mut query = sqlx::query(statement).bind(account).bind(rows);
    if statement.contains("?3") {
        query = query.bind(blob);
    }
    let done = query.execute(work.connection()?).await;
    done.map(|_| ()).map_err(|cause| work.failed(cause))
}

pub async fn write(work: &mut Work, account: &str, writes: &Writes) -> Result<()> {
    put(work, account, sql::HITS_ADD, &writes.hits, hit).await?;
    put(work, account, sql::HITS_CHANGE, &writes.hit_updates, hit_update).await?;
    put(work, account, sql::TRANSACTIONS_ADD, &writes.transactions, transaction).await?;
    put(work, account, sql::TRANSACTIONS_CHANGE, &writes.transaction_updates, transaction).await?;
    put(work, account, sql::RUNS_ADD, &writes.runs, run_row).await?;
    write_holds(work, account, writes).await?;
    put(work, account, sql::REPEATS_ADD, &writes.repeats, |row, repeat| {
        row.text(&repeat.webhook).bytes(&repeat.key_hash).bytes(&repeat.body_hash).id(repeat.hit).int(repeat.at);
    })
    .await?;
    put(work, account, sql::ANSWERS_ADD, &writes.answers, |row, answer| {
        row.id(answer.hit).maybe_id(answer.transaction).text(&answer.kind).int(answer.status);
        row.maybe_text(answer.step.as_deref()).large(answer.headers.as_bytes()).large(&answer.body);
        row.int(answer.expires_at);
    })
    .await?;
    put(work, account, sql::QUEUE_GONE, &writes.queue_gone, |row, queued| {
        row.id(queued.cycle_id).id(queued.hit);
    })
    .await?;
    put(work, account, sql::QUEUE_ADD, &writes.queue, |row, queued| {
        row.id(queued.cycle_id).id(queued.hit).text(&queued.webhook);
    })
    .await?;
    // UPDATE ... FROM takes one row only for each it changes.
    let mut counts: Vec<(&str, i64)> = Vec::new();
    for (webhook, change) in &writes.queued {
        match counts.iter_mut().find(|(name, _)| name == webhook) {
            Some((_, count)) => *count += change,
            None => counts.push((webhook, *change)),
        }
    }
    put(work, account, sql::QUEUED_ADD, &counts, |row, (webhook, change)| {
        row.text(webhook).int(*change);
    })
    .await
}

async fn write_holds(work: &mut Work, account: &str, writes: &Writes) -> Result<()> {
    put(work, account, sql::KEYS_RESUMED, &writes.keys_resumed, |row, name| {
        row.text(&name.webhook).bytes(&name.key_hash).id(name.transaction);
    })
    .await?;
    if !writes.keys_gone.is_empty() {
        run(work, account, sql::KEYS_GONE, either_state(&writes.keys_gone)).await?;
    }
    put(work, account, sql::KEYS_ADD, &writes.keys, key).await?;
    put(work, account, sql::TIMERS_GONE, &writes.timers_gone, |row, timer| {
        row.int(timer.due_at).id(timer.transaction).int(timer.run);
    })
    .await?;
    put(work, account, sql::TIMERS_ADD, &writes.timers, |row, timer| {
        row.int(timer.due_at).id(timer.transaction).int(timer.run);
    })
    .await?;
    put(work, account, sql::EARLY_GONE, &writes.early_gone, early).await?;
    put(work, account, sql::EARLY_ADD, &writes.early, early).await
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

fn run_row(row: &mut Row<'_>, run: &RunRow) {
    row.id(run.transaction).int(run.run).maybe_int(run.base).text(&run.entry).maybe_text(run.webhook.as_deref());
    row.maybe_id(run.hit).text(&run.status).maybe_text(run.step.as_deref()).int(run.started_at);
    row.large(run.steps.as_bytes()).maybe_large(run.document.as_deref());
    row.maybe_large(run.hold_keys.as_deref()).maybe_large(run.error.as_deref());
}

fn key(row: &mut Row<'_>, key: &KeyRow) {
    row.text(&key.webhook).bytes(&key.key_hash).id(key.transaction).int(key.run).bytes(&key.key);
    row.maybe_instant(key.due_at);
}

fn early(row: &mut Row<'_>, early: &EarlyRow) {
    row.text(&early.webhook).bytes(&early.key_hash).id(early.hit).bytes(&early.key).int(early.until_at);
}
