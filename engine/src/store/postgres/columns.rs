//! From a row's columns, in the order in which `sql` lists them.

use chrono::{DateTime, Utc};
use sqlx::{Row, postgres::PgRow};

use super::super::{
    AnswerRow, Candidate, CycleRow, HitRow, KeptRow, KeyRecord, KeyRow, LastTurn, RepeatRow, RunRow, RunWithHit,
    SecretRow, TimerRow, TransactionRow, TurnsRow, UnderwayRow, VersionRow, WebhookRow,
};
use super::error;
use crate::{
    clock::{Micros, to_utc},
    store::Result,
};

/// A row's columns, one after another.
pub struct Columns<'a> {
    row: &'a PgRow,
    at: usize,
}

impl<'a> Columns<'a> {
    pub fn of(row: &'a PgRow) -> Self {
        Self { row, at: 0 }
    }

    pub fn get<T>(&mut self) -> Result<T>
    where
        T: sqlx::Decode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.at += 1;
        self.row.try_get(self.at - 1).map_err(error::of)
    }

    pub fn instant(&mut self) -> Result<Micros> {
        Ok(self.get::<DateTime<Utc>>()?.timestamp_micros())
    }

    pub fn some_instant(&mut self) -> Result<Option<Micros>> {
        Ok(self.get::<Option<DateTime<Utc>>>()?.map(|instant| instant.timestamp_micros()))
    }
}

pub fn instant(at: Micros) -> DateTime<Utc> {
    to_utc(at)
}

pub trait FromColumns: Sized {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self>;
}

pub fn read_all<T: FromColumns>(rows: &[PgRow]) -> Result<Vec<T>> {
    rows.iter().map(|row| T::from_columns(&mut Columns::of(row))).collect()
}

impl FromColumns for HitRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            webhook: c.get()?,
            hit: c.get()?,
            received_at: c.instant()?,
            method: c.get()?,
            headers: c.get()?,
            query: c.get()?,
            raw: c.get::<Vec<u8>>()?.into(),
            body: c.get()?,
            status: c.get()?,
            reason: c.get()?,
            transaction: c.get()?,
            run: c.get()?,
            ambiguous: c.get()?,
            replay_of: c.get()?,
            early_until: c.some_instant()?,
            expires_at: c.instant()?,
        })
    }
}

impl FromColumns for TransactionRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            transaction: c.get()?,
            cycle_id: c.get()?,
            version: c.get()?,
            started_at: c.instant()?,
            status: c.get()?,
            step: c.get()?,
            runs: c.get()?,
            expires_at: c.instant()?,
            completed_at: c.some_instant()?,
            failed_at: c.some_instant()?,
            callers: c.get()?,
        })
    }
}

impl FromColumns for RunRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            transaction: c.get()?,
            run: c.get()?,
            base: c.get()?,
            entry: c.get()?,
            webhook: c.get()?,
            hit: c.get()?,
            status: c.get()?,
            step: c.get()?,
            started_at: c.instant()?,
            steps: c.get()?,
            document: c.get()?,
            hold_keys: c.get()?,
            error: c.get()?,
        })
    }
}

impl FromColumns for UnderwayRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            transaction: c.get()?,
            run: c.get()?,
            cycle_id: c.get()?,
            version: c.get()?,
            base: c.get()?,
            entry: c.get()?,
            webhook: c.get()?,
            hit: c.get()?,
            started_at: c.instant()?,
            document: c.get()?,
            steps: c.get()?,
            status: c.get()?,
            step: c.get()?,
            attempts: c.get()?,
            claim: c.get()?,
            node: c.get()?,
            due_at: c.some_instant()?,
            place: c.get()?,
            turn: c.get()?,
            turn_key: c.get()?,
        })
    }
}

impl FromColumns for TurnsRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { held: c.get()?, ready: c.get()?, behind: c.get()?, begun: c.get()? })
    }
}

impl FromColumns for LastTurn {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { cycle_id: c.get()?, turn_key: c.get()?, turn: c.get()? })
    }
}

impl FromColumns for RunWithHit {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        let run = RunRow::from_columns(c)?;
        let there: Option<String> = c.row.try_get(c.at).map_err(error::of)?;
        let hit = there.map(|_| HitRow::from_columns(c)).transpose()?;
        Ok(Self { run, hit })
    }
}

impl FromColumns for Candidate {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            seek: c.get()?,
            resumed: c.get()?,
            run: c.get()?,
            due_at: c.some_instant()?,
            transaction: TransactionRow::from_columns(c)?,
        })
    }
}

impl FromColumns for KeyRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            webhook: c.get()?,
            key_hash: c.get()?,
            transaction: c.get()?,
            run: c.get()?,
            key: c.get()?,
            due_at: c.some_instant()?,
        })
    }
}

impl FromColumns for (bool, KeyRow) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.get()?, KeyRow::from_columns(c)?))
    }
}

impl FromColumns for (i32, HitRow) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.get()?, HitRow::from_columns(c)?))
    }
}

impl FromColumns for SecretRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            name: c.get()?,
            sealed: c.get()?,
            key_id: c.get()?,
            created_at: c.instant()?,
            updated_at: c.instant()?,
            last_used_at: c.some_instant()?,
        })
    }
}

impl FromColumns for TimerRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { due_at: c.instant()?, transaction: c.get()?, run: c.get()? })
    }
}

impl FromColumns for RepeatRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { webhook: c.get()?, key_hash: c.get()?, body_hash: c.get()?, hit: c.get()?, at: c.instant()? })
    }
}

impl FromColumns for AnswerRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            hit: c.get()?,
            transaction: c.get()?,
            kind: c.get()?,
            status: c.get()?,
            step: c.get()?,
            headers: c.get()?,
            body: c.get()?,
            expires_at: c.instant()?,
        })
    }
}

impl FromColumns for CycleRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            cycle_id: c.get()?,
            name: c.get()?,
            state: c.get()?,
            version: c.get()?,
            created_at: c.instant()?,
            started_at: c.some_instant()?,
            stopped_at: c.some_instant()?,
            deleted_at: c.some_instant()?,
            backlog: c.get()?,
        })
    }
}

impl FromColumns for VersionRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            cycle_id: c.get()?,
            version: c.get()?,
            digest: c.get()?,
            source: c.get()?,
            created_at: c.instant()?,
            vars: c.get()?,
        })
    }
}

impl FromColumns for WebhookRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            webhook: c.get()?,
            cycle_id: c.get()?,
            step: c.get()?,
            created_at: c.instant()?,
            queued: c.get()?,
        })
    }
}

impl FromColumns for KeptRow {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { key: c.get()?, value: c.get()?, version: c.get()? })
    }
}

impl FromColumns for KeyRecord {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            account: c.get()?,
            key_id: c.get()?,
            hash: c.get()?,
            name: c.get()?,
            scopes: c.get()?,
            created_at: c.instant()?,
            expires_at: c.some_instant()?,
            revoked_at: c.some_instant()?,
        })
    }
}

impl FromColumns for (String, i64) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.get()?, c.get()?))
    }
}

impl FromColumns for (uuid::Uuid, String, i64) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.get()?, c.get()?, c.get()?))
    }
}

impl FromColumns for (uuid::Uuid,) {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok((c.get()?,))
    }
}
