//! The one connection that writes. Whoever holds it is alone: on SQLite that is the account's lock.
//!
//! Invariant: a transaction that was not committed is rolled back before the next begins, however
//! it came to be left (dropped, cancelled amid a statement, disk full). The state is ours to track:
//! SQLite rolls back on its own when the disk is full, and a counter of open transactions would
//! then be wrong for ever.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::super::{Error, Result};
use super::{error, sql};
use crate::clock::Micros;

/// An account's last instant and revision.
pub type Last = (Micros, i64);

#[derive(Debug)]
pub struct Writer {
    options: SqliteConnectOptions,
    /// None after an error that a connection may not survive: the next begin opens another.
    connection: Option<SqliteConnection>,
    /// A transaction may be under way on the connection.
    open: bool,
    closed: bool,
    /// As the last commit of each account left it: nobody else writes to the file. Taken out while a
    /// commit is under way, and put back only by one that succeeded.
    last: HashMap<String, Last>,
}

impl Writer {
    pub fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self { options, connection: Some(connection), open: false, closed: false, last: HashMap::new() }
    }

    async fn ready(&mut self) -> Result<()> {
        if self.closed {
            return Err(Error::Unavailable("the store is closed".into()));
        }
        if self.open {
            self.roll_back().await;
        }
        if self.connection.is_none() {
            self.connection = Some(self.options.connect().await.map_err(error::of)?);
        }
        Ok(())
    }

    /// With nothing under way, and nothing remembered of any account.
    pub async fn alone(&mut self) -> Result<&mut SqliteConnection> {
        self.ready().await?;
        self.last.clear();
        self.connection.as_mut().ok_or_else(|| Error::Unavailable("the store's connection is gone".into()))
    }

    async fn roll_back(&mut self) {
        let Some(connection) = &mut self.connection else {
            self.open = false;
            return;
        };
        // Fails where SQLite has rolled back already. Whether it has is for BEGIN to say.
        let rolled_back = sqlx::query(sql::ROLLBACK).execute(&mut *connection).await;
        self.open = false;
        if let Err(error) = rolled_back
            && matches!(error::of(error), Error::Unavailable(_))
        {
            self.connection = None;
        }
    }

    pub async fn close(&mut self) {
        if self.open {
            self.roll_back().await;
        }
        self.closed = true;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the store was not closed in order");
        }
    }
}

/// A write transaction under way. Dropped, it is rolled back.
#[derive(Debug)]
pub struct Work {
    /// None once it is over.
    writer: Option<OwnedMutexGuard<Writer>>,
    /// SQLite knows of it: until then it costs no call.
    begun: bool,
    /// A statement failed: what came before it must not be committed without it.
    failed: bool,
}

impl Work {
    /// Waits for the writer and begins.
    pub async fn begin(writer: &Arc<Mutex<Writer>>) -> Result<Self> {
        let mut work = Self::lock(writer).await?;
        work.begun().await?;
        Ok(work)
    }

    /// Begins where nothing has begun.
    pub async fn begun(&mut self) -> Result<()> {
        if self.opening() {
            let begun = sqlx::query(sql::BEGIN).execute(self.connection()?).await;
            begun.map_err(|cause| self.not_begun(cause))?;
        }
        Ok(())
    }

    /// Waits for the writer. Begins by what is asked for first, where the account's last instant and
    /// revision are known; else it begins and reads them. None: there is no such account.
    pub async fn begin_at(writer: &Arc<Mutex<Writer>>, account: &str) -> Result<(Self, Option<Last>)> {
        let mut work = Self::lock(writer).await?;
        if let Some(last) = work.writer.as_mut().and_then(|writer| writer.last.remove(account)) {
            return Ok((work, Some(last)));
        }
        work.opening();
        let last = sqlx::query_as(sql::BEGIN_HEAD).bind(account);
        let last = last.fetch_optional(work.connection()?).await.map_err(|cause| work.not_begun(cause))?;
        Ok((work, last))
    }

    async fn lock(writer: &Arc<Mutex<Writer>>) -> Result<Self> {
        let mut writer = Arc::clone(writer).lock_owned().await;
        writer.ready().await?;
        Ok(Self { writer: Some(writer), begun: false, failed: false })
    }

    /// True where the next text must begin the transaction.
    pub fn opening(&mut self) -> bool {
        let opening = !self.begun;
        self.begun = true;
        if let Some(writer) = &mut self.writer {
            // Before the statement: its future may be dropped while SQLite is at it.
            writer.open = true;
        }
        opening
    }

    /// The text, after `BEGIN` where nothing has begun.
    pub fn text(&mut self, statement: &'static str) -> Cow<'static, str> {
        if self.opening() { format!("{}; {statement}", sql::BEGIN).into() } else { statement.into() }
    }

    /// Nothing is under way, or something is that should not be: begin afresh next time.
    fn not_begun(&mut self, cause: sqlx::Error) -> Error {
        if let Some(writer) = &mut self.writer {
            writer.connection = None;
            writer.open = false;
        }
        error::unavailable(cause)
    }

    pub fn connection(&mut self) -> Result<&mut SqliteConnection> {
        let writer = self.writer.as_mut().and_then(|writer| writer.connection.as_mut());
        writer.ok_or_else(|| Error::Unavailable("the store's connection is gone".into()))
    }

    /// Notes that a statement failed, so that [`Work::commit`] refuses.
    pub fn failed(&mut self, cause: sqlx::Error) -> Error {
        self.failed = true;
        error::of(cause)
    }

    /// What was written is on disk once this returns.
    pub async fn commit(self) -> Result<()> {
        self.commit_by(sqlx::query(sql::COMMIT), None).await
    }

    /// As [`Work::commit`], by statements of which the last is one; and how they leave the account,
    /// where that is known.
    pub async fn commit_by(
        mut self,
        ending: Query<'_, Sqlite, SqliteArguments>,
        last: Option<(String, Last)>,
    ) -> Result<()> {
        if self.failed {
            return Err(Error::Refused("an earlier statement of this commit failed".into()));
        }
        ending.execute(self.connection()?).await.map_err(error::of)?;
        if let Some(mut writer) = self.writer.take() {
            writer.open = false;
            writer.last.extend(last);
        }
        Ok(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        if !writer.open {
            return;
        }
        // At once, so that its locks go; where no runtime is left, the next begin does it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { writer.roll_back().await });
        }
    }
}
