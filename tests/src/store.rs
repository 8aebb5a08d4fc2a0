//! A database of a test's own, on either store, gone with the test.

use std::path::Path;

use holdfast_engine::Database;
use tempfile::TempDir;

use crate::postgres;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    Postgres,
}

/// Where a test's state lives: a directory, and on PostgreSQL a database too.
pub struct StoreHome {
    pub store: Store,
    directory: TempDir,
    /// Dropped with the home.
    postgres: Option<postgres::Private>,
}

impl StoreHome {
    pub async fn new(store: Store) -> Self {
        let directory = tempfile::Builder::new().prefix("holdfast-test-").tempdir().expect("a temporary directory");
        let postgres = match store {
            Store::Sqlite => None,
            Store::Postgres => Some(postgres::Private::create().await),
        };
        Self { store, directory, postgres }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// None on SQLite.
    pub fn url(&self) -> Option<&str> {
        self.postgres.as_ref().map(|private| private.url.as_str())
    }

    /// Another account, with nothing in it, once the database has been migrated.
    pub async fn account(&self, name: &str) {
        use sqlx::{Connection as _, PgConnection, SqliteConnection};
        let insert = "INSERT INTO accounts (account, created_at, last_instant) VALUES ($1, ";
        let path = self.path().join("holdfast.db");
        let done = match self.superuser() {
            Some(url) => {
                let mut connection = PgConnection::connect(url).await.expect("a connection");
                let text = format!("{insert}'epoch', 'epoch')");
                sqlx::query(sqlx::AssertSqlSafe(text)).bind(name).execute(&mut connection).await.map(|_| ())
            }
            None => {
                let url = format!("sqlite://{}", path.display());
                let mut connection = SqliteConnection::connect(&url).await.expect("a connection");
                let text = format!("{insert}0, 0)");
                sqlx::query(sqlx::AssertSqlSafe(text)).bind(name).execute(&mut connection).await.map(|_| ())
            }
        };
        done.expect("the account is made");
    }

    /// The superuser's, for a test that looks at the rows themselves. None on SQLite.
    pub fn superuser(&self) -> Option<&str> {
        self.postgres.as_ref().map(|private| private.superuser.as_str())
    }

    pub fn database(&self) -> Database {
        match self.url() {
            Some(url) => Database::Postgres { url: url.to_owned() },
            None => Database::Sqlite { path: self.path().join("holdfast.db") },
        }
    }
}
