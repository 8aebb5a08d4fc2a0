//! The rows of one round, a statement a set. What stands is changed first, then what is gone goes,
//! then what is new comes.

use super::super::{
    AnswerRow, EarlyRow, HitRow, HitUpdate, KeyRow, QueueRow, RepeatRow, Result, RunRow, TimerRow, TransactionRow,
    Writes,
};
use super::{
    columns::instant,
    commit::{PostgresCommit, by_name, column},
    sql,
};

pub async fn write(commit: &mut PostgresCommit, writes: &Writes) -> Result<()> {
    if !writes.keys_resumed.is_empty() {
        commit.execute(by_name(sql::KEYS_UNSEEN, commit.account(), &writes.keys_resumed)).await?;
        commit.execute(by_name(sql::KEYS_RESUMED, commit.account(), &writes.keys_resumed)).await?;
    }
    if !writes.keys_gone.is_empty() {
        commit.execute(by_name(sql::KEYS_GONE, commit.account(), &writes.keys_gone)).await?;
    }
    timers(commit, sql::TIMERS_GONE, &writes.timers_gone).await?;
    early_gone(commit, &writes.early_gone).await?;
    queue_gone(commit, &writes.queue_gone).await?;
    hits(commit, &writes.hits).await?;
    hit_updates(commit, &writes.hit_updates).await?;
    transactions(commit, &writes.transactions).await?;
    transaction_updates(commit, &writes.transaction_updates).await?;
    runs(commit, &writes.runs).await?;
    keys(commit, &writes.keys).await?;
    timers(commit, sql::TIMERS_ADD, &writes.timers).await?;
    early(commit, &writes.early).await?;
    repeats(commit, &writes.repeats).await?;
    answers(commit, &writes.answers).await?;
    queue(commit, &writes.queue).await?;
    queued(commit, &writes.queued).await
}

async fn hits(commit: &mut PostgresCommit, rows: &[HitRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::HITS_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| instant(row.received_at)))
        .bind(column(rows, |row| row.method.as_str()))
        .bind(column(rows, |row| row.headers.as_str()))
        .bind(column(rows, |row| row.query.as_str()))
        .bind(column(rows, |row| row.raw.as_ref()))
        .bind(column(rows, |row| row.body.as_deref()))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.reason.as_deref().map(without_nul)))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run))
        .bind(column(rows, |row| row.ambiguous))
        .bind(column(rows, |row| row.replay_of))
        .bind(column(rows, |row| row.early_until.map(instant)))
        .bind(column(rows, |row| instant(row.expires_at)));
    commit.execute(query).await.map(|_| ())
}

/// PostgreSQL's text has no NUL; a reason may quote one out of a path.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

async fn hit_updates(commit: &mut PostgresCommit, rows: &[HitUpdate]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::HITS_CHANGE)
        .bind(commit.account())
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.reason.as_deref().map(without_nul)))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run))
        .bind(column(rows, |row| row.ambiguous))
        .bind(column(rows, |row| row.early_until.map(instant)));
    commit.execute(query).await.map(|_| ())
}

async fn transactions(commit: &mut PostgresCommit, rows: &[TransactionRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::TRANSACTIONS_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.cycle_id))
        .bind(column(rows, |row| row.version))
        .bind(column(rows, |row| instant(row.started_at)))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.step.as_deref()))
        .bind(column(rows, |row| row.runs))
        .bind(column(rows, |row| instant(row.expires_at)))
        .bind(column(rows, |row| row.completed_at.map(instant)))
        .bind(column(rows, |row| row.failed_at.map(instant)))
        .bind(column(rows, |row| row.callers.as_deref()));
    commit.execute(query).await.map(|_| ())
}

async fn transaction_updates(commit: &mut PostgresCommit, rows: &[TransactionRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::TRANSACTIONS_CHANGE)
        .bind(commit.account())
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.step.as_deref()))
        .bind(column(rows, |row| row.runs))
        .bind(column(rows, |row| instant(row.expires_at)))
        .bind(column(rows, |row| row.completed_at.map(instant)))
        .bind(column(rows, |row| row.failed_at.map(instant)))
        .bind(column(rows, |row| row.callers.as_deref()));
    commit.execute(query).await.map(|_| ())
}

async fn runs(commit: &mut PostgresCommit, rows: &[RunRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::RUNS_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run))
        .bind(column(rows, |row| row.base))
        .bind(column(rows, |row| row.entry.as_str()))
        .bind(column(rows, |row| row.webhook.as_deref()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.step.as_deref()))
        .bind(column(rows, |row| instant(row.started_at)))
        .bind(column(rows, |row| row.steps.as_str()))
        .bind(column(rows, |row| row.document.as_deref()))
        .bind(column(rows, |row| row.hold_keys.as_deref()))
        .bind(column(rows, |row| row.error.as_deref()));
    commit.execute(query).await.map(|_| ())
}

async fn keys(commit: &mut PostgresCommit, rows: &[KeyRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::KEYS_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run))
        .bind(column(rows, |row| row.key.as_slice()))
        .bind(column(rows, |row| row.due_at.map(instant)));
    commit.execute(query).await.map(|_| ())
}

async fn timers(commit: &mut PostgresCommit, statement: &'static str, rows: &[TimerRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(statement)
        .bind(commit.account())
        .bind(column(rows, |row| instant(row.due_at)))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run));
    commit.execute(query).await.map(|_| ())
}

async fn early(commit: &mut PostgresCommit, rows: &[EarlyRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::EARLY_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.key.as_slice()))
        .bind(column(rows, |row| instant(row.until_at)));
    commit.execute(query).await.map(|_| ())
}

async fn early_gone(commit: &mut PostgresCommit, rows: &[EarlyRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::EARLY_GONE)
        .bind(commit.account())
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.hit));
    commit.execute(query).await.map(|_| ())
}

async fn repeats(commit: &mut PostgresCommit, rows: &[RepeatRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::REPEATS_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.body_hash.as_slice()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| instant(row.at)));
    commit.execute(query).await.map(|_| ())
}

async fn answers(commit: &mut PostgresCommit, rows: &[AnswerRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::ANSWERS_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.kind.as_str()))
        .bind(column(rows, |row| row.status))
        .bind(column(rows, |row| row.step.as_deref()))
        .bind(column(rows, |row| row.headers.as_str()))
        .bind(column(rows, |row| row.body.as_slice()))
        .bind(column(rows, |row| instant(row.expires_at)));
    commit.execute(query).await.map(|_| ())
}

async fn queue(commit: &mut PostgresCommit, rows: &[QueueRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::QUEUE_ADD)
        .bind(commit.account())
        .bind(column(rows, |row| row.cycle_id))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.webhook.as_str()));
    commit.execute(query).await.map(|_| ())
}

async fn queue_gone(commit: &mut PostgresCommit, rows: &[QueueRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::QUEUE_GONE)
        .bind(commit.account())
        .bind(column(rows, |row| row.cycle_id))
        .bind(column(rows, |row| row.hit));
    commit.execute(query).await.map(|_| ())
}

async fn queued(commit: &mut PostgresCommit, rows: &[(String, i64)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(sql::QUEUED_ADD)
        .bind(commit.account())
        .bind(column(rows, |(webhook, _)| webhook.as_str()))
        .bind(column(rows, |(_, change)| *change));
    commit.execute(query).await.map(|_| ())
}
