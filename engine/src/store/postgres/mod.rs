//! The store in PostgreSQL 15 or later, shared by any number of nodes.
//!
//! A commit begins by locking its account's row: commits of one account happen one after another on
//! all nodes, and each statement after the lock sees all earlier ones (read committed). A node that
//! stops while it holds the lock is thrown out by the server within seconds.
//!
//! Row-level security is a second line of defence behind the account that every statement names: a
//! commit's database transaction and a read's session are for their account, the keepers' sessions,
//! which look after all of them, for everybody.

mod account;
mod columns;
mod commit;
mod connections;
#[cfg(test)]
mod distributed;
mod endpoints;
mod error;
mod hints;
mod lists;
mod partitions;
mod readers;
mod reads;
mod routes;
mod script;
mod sessions;
pub(super) mod sql;
mod tallies;
#[cfg(test)]
mod tests;
mod write;

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Executor as _, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::broadcast;

use super::{Error, Hint, Result};
use partitions::Partitions;
use readers::{EVERYBODY, Readers};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// A commit on the way, and the next.
const WRITERS: u32 = 2;
/// For partitions, sweeps and hints, one of which hears the others'.
const KEEPERS: u32 = 3;
const READERS: u32 = 4;
/// How long a caller waits for a connection before it is told to come again.
const ACQUIRE: Duration = Duration::from_secs(3);
/// [`sql::HEAD`] as each writer connection knows it.
const HEAD_PREPARED: &str = "holdfast_head";
/// Hints that a slow node may fall behind by; it polls as well.
const HINTS_KEPT: usize = 4_096;

pub struct Postgres {
    /// For commits alone.
    writers: PgPool,
    keepers: PgPool,
    readers: Readers,
    partitions: Arc<Partitions>,
    hints: broadcast::Sender<Hint>,
    listening: tokio::task::JoinHandle<()>,
}

impl Postgres {
    /// Connects and migrates, under a lock among the nodes.
    pub async fn open(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| Error::Refused("--database-url is no PostgreSQL URL: postgres://USER@HOST/NAME".into()))?
            .application_name("holdfast")
            .options([
                // A stopped node must not hold the account's lock for longer.
                ("idle_in_transaction_session_timeout", "3s"),
                ("lock_timeout", "10s"),
                ("statement_timeout", "30s"),
                ("synchronous_commit", "on"),
                ("standard_conforming_strings", "on"),
                // Every statement is a seek by design. What the planner knows of a young partition is
                // nothing, and a scan that is right for an empty table is wrong an hour later.
                ("enable_seqscan", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
                ("plan_cache_mode", "force_generic_plan"),
            ]);
        let pool = |most| PgPoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE);
        let everybodys = options.clone().options([("holdfast.account", EVERYBODY)]);
        let keepers = pool(KEEPERS).connect_with(everybodys).await.map_err(error::of)?;
        MIGRATIONS.run(&keepers).await.map_err(|cause| Error::Unavailable(format!("migrating: {cause}")))?;
        guard(&keepers).await?;
        let readers = Readers::new(options.clone(), READERS, ACQUIRE);
        let prepare = format!("PREPARE {HEAD_PREPARED} (text, timestamptz, int8) AS {}", sql::HEAD);
        let writers = pool(WRITERS)
            // Asking whether it lives is a call of its own: a commit that cannot begin takes another.
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let prepare = prepare.clone();
                Box::pin(async move { connection.execute(AssertSqlSafe(prepare)).await.map(|_| ()) })
            })
            .connect_lazy_with(options);
        let (hints, _) = broadcast::channel(HINTS_KEPT);
        let listening = tokio::spawn(hints::listen(keepers.clone(), hints.clone()));
        Ok(Self { writers, keepers, readers, partitions: Arc::default(), hints, listening })
    }
}

/// Whatever migrations have made is guarded; a login that is past it is told of.
async fn guard(keepers: &PgPool) -> Result<()> {
    sqlx::query(sql::GUARD).execute(keepers).await.map_err(error::of)?;
    let unguarded: Option<bool> = sqlx::query_scalar(sql::UNGUARDED).fetch_one(keepers).await.map_err(error::of)?;
    if unguarded.unwrap_or_default() {
        tracing::warn!(
            "the database login is a superuser or has BYPASSRLS: row-level security, the second line of defence \
             between accounts, does nothing for it; see docs/accounts.md"
        );
    }
    Ok(())
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
