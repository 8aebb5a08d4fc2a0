//! Rows out of SQLite: each type reads its columns in the order in which `sql` lists them.

use sqlx::{Decode, Row as _, Sqlite, Type, sqlite::SqliteRow};

use super::super::{
    AnswerRow, Candidate, CycleRow, HitRow, KeptRow, KeyRecord, KeyRow, LastTurn, RepeatRow, Result, RunRow,
    RunWithHit, SecretRow, TimerRow, TransactionRow, TurnsRow, UnderwayRow, VersionRow, WebhookRow,
};
use super::error::refused;

/// A row, and the next column to be read.
pub struct Columns<'r> {
    row: &'r SqliteRow,
    at: usize,
}

impl<'r> Columns<'r> {
    pub fn of(row: &'r SqliteRow) -> Self {
        Self { row, at: 0 }
    }

    pub fn next<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T> {
        let at = self.at;
        self.at += 1;
        self.row.try_get_unchecked(at).map_err(refused)
    }
}

pub trait FromColumns: Sized {
    fn read(columns: &mut Columns<'_>) -> Result<Self>;
}

pub fn read_all<T: FromColumns>(rows: &[SqliteRow]) -> Result<Vec<T>> {
    rows.iter().map(|row| T::read(&mut Columns::of(row))).collect()
}

/// Columns in order; one may be read as another type and converted.
macro_rules! in_order {
    ($name:ident { $($field:ident $(from $type:ty)?),* $(,)? }) => {
        impl FromColumns for $name {
            fn read(columns: &mut Columns<'_>) -> Result<Self> {
                $(let $field = columns.next$(::<$type>)?()?;)*
                Ok(Self { $($field $(: <$type>::into($field))?),* })
            }
        }
    };
}
pub(super) use in_order;

in_order!(HitRow {
    webhook,
    hit,
    received_at,
    method,
    headers,
    query,
    raw from Vec<u8>,
    body,
    status,
    reason,
    transaction,
    run,
    ambiguous,
    replay_of,
    early_until,
    expires_at,
});
in_order!(TransactionRow {
    transaction,
    cycle_id,
    version,
    started_at,
    status,
    step,
    runs,
    expires_at,
    completed_at,
    failed_at,
    callers,
});
in_order!(UnderwayRow {
    transaction,
    run,
    cycle_id,
    version,
    base,
    entry,
    webhook,
    hit,
    started_at,
    document,
    steps,
    status,
    step,
    attempts,
    claim,
    node,
    due_at,
    place,
    turn,
    turn_key,
});
in_order!(LastTurn { cycle_id, turn_key, turn });
in_order!(TurnsRow { held, ready, behind, begun });

in_order!(RunRow {
    transaction,
    run,
    base,
    entry,
    webhook,
    hit,
    status,
    step,
    started_at,
    steps,
    document,
    hold_keys,
    error,
});
in_order!(KeyRow { webhook, key_hash, transaction, run, key, due_at });
in_order!(TimerRow { due_at, transaction, run });
in_order!(RepeatRow { webhook, key_hash, body_hash, hit, at });
in_order!(AnswerRow { hit, transaction, kind, status, step, headers, body, expires_at });
in_order!(CycleRow {
    account,
    cycle_id,
    name,
    state,
    version,
    created_at,
    started_at,
    stopped_at,
    deleted_at,
    backlog,
});
in_order!(VersionRow { account, cycle_id, version, digest, source, created_at, vars });
in_order!(WebhookRow { account, webhook, cycle_id, step, created_at, queued });
in_order!(SecretRow { account, name, sealed, key_id, created_at, updated_at, last_used_at });
in_order!(KeptRow { key, value, version });
in_order!(KeyRecord { account, key_id, hash, name, scopes, created_at, expires_at, revoked_at });

impl FromColumns for RunWithHit {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        let run = RunRow::read(columns)?;
        let webhook: Option<String> = columns.next()?;
        let hit = match webhook {
            Some(_) => {
                columns.at -= 1;
                Some(HitRow::read(columns)?)
            }
            None => None,
        };
        Ok(Self { run, hit })
    }
}

impl FromColumns for Candidate {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        let (seek, resumed, run, due_at) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        Ok(Self { seek, resumed, run, due_at, transaction: TransactionRow::read(columns)? })
    }
}

impl FromColumns for (String, i64) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((columns.next()?, columns.next()?))
    }
}

impl FromColumns for (uuid::Uuid, String, i64) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((columns.next()?, columns.next()?, columns.next()?))
    }
}

impl FromColumns for (bool, KeyRow) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((columns.next()?, KeyRow::read(columns)?))
    }
}

impl FromColumns for (i32, HitRow) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((columns.next()?, HitRow::read(columns)?))
    }
}
