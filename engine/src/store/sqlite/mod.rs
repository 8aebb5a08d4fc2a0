//! The store on SQLite: one file beside its write-ahead log, one connection that writes, a few that
//! read.
//!
//! Invariant: a commit that was acknowledged is on disk (`synchronous=FULL`), and the file has one
//! process (a lock on a file beside it, held as long as the store).

mod account;
mod columns;
mod commit;
mod connections;
mod endpoints;
mod error;
mod lists;
mod lock;
mod memory;
mod reads;
mod routes;
mod sessions;
mod sheet;
pub(super) mod sql;
mod sweep;
mod tallies;
mod write;
mod writer;

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, SqlitePool,
    migrate::MigrateError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;

use self::{lock::Lock, writer::Writer};
use super::{Error, Result};

/// Bytes a page; set before the file is made, fixed from then on. A commit of one start writes some
/// eight pages whole: with 8 KiB they took twice the time.
const PAGE_BYTES: u32 = 4_096;

/// Pages of the write-ahead log (8 MiB) after which it is copied into the file: a page that many commits
/// change is then copied once. Twice as many bring no more, and make the slowest commits slower.
const CHECKPOINT_PAGES: &str = "2048";

const READERS: u32 = 4;

/// How long a connection waits for a lock, and a read for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kibibytes of pages the writer keeps (negative: SQLite's way to say kibibytes, not pages): the inner
/// pages of every index with some millions of transactions held. Taken as they are used.
const WRITER_CACHE: &str = "-32768";
/// The same for each reader; the system's own cache is behind them.
const READER_CACHE: &str = "-2048";

/// Bytes to which the write-ahead log is cut back after a checkpoint.
const LOG_BYTES_KEPT: &str = "67108864";

/// Prepared statements a connection keeps: more than there are.
const STATEMENTS_KEPT: usize = 320;

#[derive(Debug)]
pub struct Sqlite {
    writer: Arc<Mutex<Writer>>,
    readers: SqlitePool,
    /// None in memory.
    lock: Option<Lock>,
    /// Only in memory.
    images: Option<memory::Images>,
}

impl Sqlite {
    /// Opens the file, made if it is not there, and brings its schema up to date. Unavailable where
    /// another process has it open, or where the disk refuses.
    pub async fn open(path: &Path) -> Result<Self> {
        let lock = Lock::take(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(PATIENCE)
            .foreign_keys(false)
            .statement_cache_capacity(STATEMENTS_KEPT)
            .pragma("temp_store", "memory");
        // Even one that nobody reads takes time.
        let is_read = tracing::enabled!(target: "sqlx::query", tracing::Level::DEBUG);
        let options = if is_read { options } else { options.disable_statement_logging() };
        let writing = options
            .clone()
            .create_if_missing(true)
            .page_size(PAGE_BYTES)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_BYTES_KEPT)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("cache_size", WRITER_CACHE);
        let mut connection = writing.connect().await.map_err(|cause| named(path, error::of(cause)))?;
        let migrated = sqlx::migrate!("../migrations/sqlite").run(&mut connection).await;
        migrated.map_err(|cause| named(path, migration_error(cause)))?;
        let reading = options.pragma("query_only", "on").pragma("cache_size", READER_CACHE);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(reading);
        Ok(Self {
            writer: Arc::new(Mutex::new(Writer::new(writing, connection))),
            readers,
            lock: Some(lock),
            images: None,
        })
    }
}

fn migration_error(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => error::of(cause),
        other => error::refused(other),
    }
}

/// The same error, with the file's name before it.
fn named(path: &Path, error: Error) -> Error {
    match error {
        Error::Unavailable(text) => Error::Unavailable(format!("{}: {text}", path.display())),
        Error::Unknown(text) => Error::Unknown(format!("{}: {text}", path.display())),
        Error::Refused(text) => Error::Refused(format!("{}: {text}", path.display())),
    }
}

#[cfg(test)]
pub(super) mod tests;
