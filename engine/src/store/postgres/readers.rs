//! Connections for reads, each of which is one account's at a time.
//!
//! Row-level security shows a session the rows of the account that it is for, and no others, whatever
//! a statement says. Invariant: a reader is for the account that is asked for, and is told so only
//! where it was another's before: where there is one account, it is told once.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    super::{Error, Result},
    error, sql,
};

/// Whom a session is for that reads what is everybody's: the catalog, keys by their hash, the nodes.
pub const EVERYBODY: &str = "*";

#[derive(Debug)]
pub struct Readers {
    options: PgConnectOptions,
    /// Those that nobody reads on, the one used last at the end.
    idle: Mutex<Vec<Reader>>,
    permits: Semaphore,
    patience: Duration,
}

#[derive(Debug)]
struct Reader {
    connection: PgConnection,
    /// Empty while it is being told.
    account: String,
}

/// A reader that goes back when dropped. One that was dropped in the midst of a call is in order again
/// before its next: the driver reads on to its end.
#[derive(Debug)]
pub struct Lent<'a> {
    readers: &'a Readers,
    reader: Option<Reader>,
    _permit: SemaphorePermit<'a>,
}

impl Readers {
    /// Connects when first asked.
    pub fn new(options: PgConnectOptions, most: u32, patience: Duration) -> Self {
        let permits = Semaphore::new(most as usize);
        Self { options, idle: Mutex::default(), permits, patience }
    }

    /// `Unavailable` where none comes free, or the server does not answer, within the patience.
    pub async fn of(&self, account: &str) -> Result<Lent<'_>> {
        let late = |_| Error::Unavailable("no connection to the database came free in time".into());
        tokio::time::timeout(self.patience, self.lend(account)).await.map_err(late)?
    }

    async fn lend(&self, account: &str) -> Result<Lent<'_>> {
        let permit = self.permits.acquire().await;
        let permit = permit.map_err(|_| Error::Unavailable("the store is closed".into()))?;
        while let Some(mut reader) = self.pick(account) {
            // Either call tells as well whether the connection lives.
            let lives = match reader.account == account {
                true => reader.connection.ping().await.is_ok(),
                false => reader.turn_to(account).await.is_ok(),
            };
            if lives {
                return Ok(Lent { readers: self, reader: Some(reader), _permit: permit });
            }
        }
        let connection = PgConnection::connect_with(&self.options).await.map_err(error::of)?;
        let mut reader = Reader { connection, account: String::new() };
        reader.turn_to(account).await.map_err(error::of)?;
        Ok(Lent { readers: self, reader: Some(reader), _permit: permit })
    }

    /// One that is for this account already, where there is one.
    fn pick(&self, account: &str) -> Option<Reader> {
        let mut idle = self.idle();
        match idle.iter().rposition(|reader| reader.account == account) {
            Some(at) => Some(idle.remove(at)),
            None if idle.is_empty() => None,
            // The one that has lain longest.
            None => Some(idle.remove(0)),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn close(&self) {
        self.permits.close();
        let readers = std::mem::take(&mut *self.idle());
        for reader in readers {
            if let Err(error) = reader.connection.close().await {
                tracing::debug!(%error, "a connection was not closed in order");
            }
        }
    }
}

impl Reader {
    async fn turn_to(&mut self, account: &str) -> sqlx::Result<()> {
        self.account.clear();
        sqlx::query(sql::SESSION_OF).bind(account).execute(&mut self.connection).await?;
        account.clone_into(&mut self.account);
        Ok(())
    }
}

impl Lent<'_> {
    pub fn connection(&mut self) -> Result<&mut PgConnection> {
        let reader = self.reader.as_mut();
        reader.map(|reader| &mut reader.connection).ok_or_else(|| Error::Unavailable("the connection is gone".into()))
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take()
            && !self.readers.permits.is_closed()
        {
            self.readers.idle().push(reader);
        }
    }
}
