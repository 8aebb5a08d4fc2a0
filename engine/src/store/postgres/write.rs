//! The rows of one round: what stands is changed first, then what is gone goes, then what is new
//! comes; one statement for everything that touches different rows.

use super::super::{
    AnswerRow, EarlyRow, HitRow, HitUpdate, KeyName, KeyRow, QueueRow, RepeatRow, Result, RunRow, TimerRow,
    TransactionRow, UnderwayRow, Writes,
};
use super::{
    columns::instant,
    commit::{PostgresCommit, column},
    script::Script,
    sql,
};

pub async fn write(commit: &mut PostgresCommit, writes: &Writes) -> Result<()> {
    let mut script = Script::of(commit.account());
    if !writes.keys_resumed.is_empty() {
        names(script.then("hold_keys", sql::KEYS_RESUMED), &writes.keys_resumed);
    }
    if !writes.keys_gone.is_empty() {
        names(script.then("hold_keys", sql::KEYS_GONE), &writes.keys_gone);
    }
    timers(&mut script, sql::TIMERS_GONE, &writes.timers_gone);
    early_gone(&mut script, &writes.early_gone);
    queue_gone(&mut script, &writes.queue_gone);
    underway_gone(&mut script, &writes.underway_gone);
    hits(&mut script, &writes.hits);
    hit_updates(&mut script, &writes.hit_updates);
    transactions(&mut script, &writes.transactions);
    transaction_updates(&mut script, &writes.transaction_updates);
    runs(&mut script, &writes.runs);
    underway(&mut script, &writes.underway);
    keys(&mut script, &writes.keys);
    timers(&mut script, sql::TIMERS_ADD, &writes.timers);
    early(&mut script, &writes.early);
    repeats(&mut script, &writes.repeats);
    answers(&mut script, &writes.answers);
    queue(&mut script, &writes.queue);
    queued(&mut script, &writes.queued);
    script.run(commit).await
}

fn names(step: &mut super::script::Step, names: &[KeyName]) {
    step.bind(column(names, |name| name.webhook.as_str()))
        .bind(column(names, |name| name.key_hash.as_slice()))
        .bind(column(names, |name| name.transaction));
}

fn hits(script: &mut Script, rows: &[HitRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("hits", sql::HITS_ADD)
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
}

/// PostgreSQL's text has no NUL; a reason may quote one out of a path.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn hit_updates(script: &mut Script, rows: &[HitUpdate]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("hits", sql::HITS_CHANGE)
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.reason.as_deref().map(without_nul)))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run))
        .bind(column(rows, |row| row.ambiguous))
        .bind(column(rows, |row| row.early_until.map(instant)));
}

fn transactions(script: &mut Script, rows: &[TransactionRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("transactions", sql::TRANSACTIONS_ADD)
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
}

fn transaction_updates(script: &mut Script, rows: &[TransactionRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("transactions", sql::TRANSACTIONS_CHANGE)
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.step.as_deref()))
        .bind(column(rows, |row| row.runs))
        .bind(column(rows, |row| instant(row.expires_at)))
        .bind(column(rows, |row| row.completed_at.map(instant)))
        .bind(column(rows, |row| row.failed_at.map(instant)))
        .bind(column(rows, |row| row.callers.as_deref()));
}

fn runs(script: &mut Script, rows: &[RunRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("runs", sql::RUNS_ADD)
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
}

fn underway(script: &mut Script, rows: &[UnderwayRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("underway", sql::UNDERWAY_PUT)
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run))
        .bind(column(rows, |row| row.cycle_id))
        .bind(column(rows, |row| row.version))
        .bind(column(rows, |row| row.base))
        .bind(column(rows, |row| row.entry.as_str()))
        .bind(column(rows, |row| row.webhook.as_deref()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| instant(row.started_at)))
        .bind(column(rows, |row| row.document.as_deref()))
        .bind(column(rows, |row| row.steps.as_str()))
        .bind(column(rows, |row| row.status.as_str()))
        .bind(column(rows, |row| row.step.as_deref()))
        .bind(column(rows, |row| row.attempts.as_str()))
        .bind(column(rows, |row| row.claim))
        .bind(column(rows, |row| row.node.as_deref()))
        .bind(column(rows, |row| row.due_at.map(instant)))
        .bind(column(rows, |row| row.place))
        .bind(column(rows, |row| row.turn))
        .bind(column(rows, |row| row.turn_key.as_deref()));
}

fn underway_gone(script: &mut Script, rows: &[(uuid::Uuid, i32)]) {
    if rows.is_empty() {
        return;
    }
    script.then("underway", sql::UNDERWAY_GONE).bind(column(rows, |row| row.0)).bind(column(rows, |row| row.1));
}

fn keys(script: &mut Script, rows: &[KeyRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("hold_keys", sql::KEYS_ADD)
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run))
        .bind(column(rows, |row| row.key.as_slice()))
        .bind(column(rows, |row| row.due_at.map(instant)));
}

fn timers(script: &mut Script, statement: &'static str, rows: &[TimerRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("timers", statement)
        .bind(column(rows, |row| instant(row.due_at)))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.run));
}

fn early(script: &mut Script, rows: &[EarlyRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("early", sql::EARLY_ADD)
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.key.as_slice()))
        .bind(column(rows, |row| instant(row.until_at)));
}

fn early_gone(script: &mut Script, rows: &[EarlyRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("early", sql::EARLY_GONE)
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.hit));
}

fn repeats(script: &mut Script, rows: &[RepeatRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("repeats", sql::REPEATS_ADD)
        .bind(column(rows, |row| row.webhook.as_str()))
        .bind(column(rows, |row| row.key_hash.as_slice()))
        .bind(column(rows, |row| row.body_hash.as_slice()))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| instant(row.at)));
}

fn answers(script: &mut Script, rows: &[AnswerRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("answers", sql::ANSWERS_ADD)
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.transaction))
        .bind(column(rows, |row| row.kind.as_str()))
        .bind(column(rows, |row| row.status))
        .bind(column(rows, |row| row.step.as_deref()))
        .bind(column(rows, |row| row.headers.as_str()))
        .bind(column(rows, |row| row.body.as_slice()))
        .bind(column(rows, |row| instant(row.expires_at)));
}

fn queue(script: &mut Script, rows: &[QueueRow]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("queue", sql::QUEUE_ADD)
        .bind(column(rows, |row| row.cycle_id))
        .bind(column(rows, |row| row.hit))
        .bind(column(rows, |row| row.webhook.as_str()));
}

fn queue_gone(script: &mut Script, rows: &[QueueRow]) {
    if rows.is_empty() {
        return;
    }
    script.then("queue", sql::QUEUE_GONE).bind(column(rows, |row| row.cycle_id)).bind(column(rows, |row| row.hit));
}

fn queued(script: &mut Script, rows: &[(String, i64)]) {
    if rows.is_empty() {
        return;
    }
    script
        .then("webhooks", sql::QUEUED_ADD)
        .bind(column(rows, |(webhook, _)| webhook.as_str()))
        .bind(column(rows, |(_, change)| *change));
}
