//! The store in memory, where engines are played one after another: it is set back in between.
//!
//! Invariant: set back, it has the rows that it had, and no other. Its statements stay prepared, which
//! is most of what opening one takes.

use std::sync::{
    Arc, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;

use super::{PATIENCE, STATEMENTS_KEPT, Sqlite, error, writer::Writer};
use crate::store::Result;

/// SQLite's file system for what is in memory and shared by the connections of a process.
const IN_MEMORY: &str = "memdb";
/// The tables that hold rows; SQLite's and the migrations' own are left alone.
const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' \
     AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY name";
const ATTACH: &str = "ATTACH ':memory:' AS empty; ATTACH ':memory:' AS image";

/// What sets a store back, each one text.
#[derive(Debug)]
pub struct Images {
    tables: Vec<String>,
    to_empty: String,
    take: String,
    /// As of the image that was taken last: most tables of it have no row.
    to_image: std::sync::Mutex<Arc<str>>,
}

impl Sqlite {
    /// With the schema, and what a new file has.
    pub async fn in_memory() -> Result<Self> {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        // One name for all its connections, and no other store's.
        let name = format!("/holdfast-{}", OPENED.fetch_add(1, Ordering::Relaxed));
        let options = SqliteConnectOptions::new()
            .filename(name)
            .vfs(IN_MEMORY)
            .busy_timeout(PATIENCE)
            .foreign_keys(false)
            .statement_cache_capacity(STATEMENTS_KEPT)
            .pragma("temp_store", "memory")
            .synchronous(SqliteSynchronous::Off)
            .disable_statement_logging();
        let writing = options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Memory);
        let mut connection = writing.connect().await.map_err(error::of)?;
        for migration in sqlx::migrate!("../migrations/sqlite").iter() {
            sqlx::raw_sql(migration.sql.clone()).execute(&mut connection).await.map_err(error::of)?;
        }
        let images = Images::attach(&mut connection).await.map_err(error::of)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .max_lifetime(None)
            .idle_timeout(None)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "on"));
        let writer = Arc::new(Mutex::new(Writer::new(writing, connection)));
        Ok(Self { writer, readers, lock: None, images: Some(images) })
    }

    /// As it was when it was opened.
    pub async fn empty(&self) -> Result<()> {
        let images = self.images()?;
        self.run(&images.to_empty).await
    }

    /// What is in it now is what [`Self::set_back`] brings back.
    pub async fn take_image(&self) -> Result<()> {
        let images = self.images()?;
        self.run(&images.take).await?;
        let mut writer = self.writer.lock().await;
        let filled = Images::filled(&images.tables, writer.alone().await?).await.map_err(error::of)?;
        *images.to_image.lock().unwrap_or_else(PoisonError::into_inner) = images.back(&filled).into();
        Ok(())
    }

    /// As it was when its image was taken.
    pub async fn set_back(&self) -> Result<()> {
        let text = self.images()?.to_image.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.run(&text).await
    }

    fn images(&self) -> Result<&Images> {
        self.images.as_ref().ok_or_else(|| error::refused("the store is not one in memory"))
    }

    async fn run(&self, text: &str) -> Result<()> {
        let mut writer = self.writer.lock().await;
        // Made of the schema's own names.
        let text = AssertSqlSafe(text);
        sqlx::query(text).execute(writer.alone().await?).await.map(|_| ()).map_err(error::of)
    }
}

impl Images {
    async fn attach(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        sqlx::raw_sql(ATTACH).execute(&mut *connection).await?;
        let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(&mut *connection).await?;
        for table in &tables {
            for image in ["empty", "image"] {
                let text = format!("CREATE TABLE {image}.{table} AS SELECT * FROM main.{table}");
                sqlx::query(AssertSqlSafe(text)).execute(&mut *connection).await?;
            }
        }
        let to_empty = copied("empty", "main", &tables, &tables);
        let take = copied("main", "image", &tables, &tables);
        let to_image = std::sync::Mutex::new(to_empty.as_str().into());
        Ok(Self { tables, to_empty, take, to_image })
    }

    /// The tables of the image that have rows.
    async fn filled(tables: &[String], connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
        let one = |table: &String| format!("SELECT '{table}' WHERE EXISTS (SELECT 1 FROM image.{table})");
        let text = tables.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ");
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(connection).await
    }

    fn back(&self, filled: &[String]) -> String {
        copied("image", "main", &self.tables, filled)
    }
}

/// With a condition, a table's rows are deleted one by one, and an empty one is not written to.
fn copied(from: &str, to: &str, tables: &[String], filled: &[String]) -> String {
    let emptied = tables.iter().map(|table| format!("DELETE FROM {to}.{table} WHERE 1; "));
    let filled = filled.iter().map(|table| format!("INSERT INTO {to}.{table} SELECT * FROM {from}.{table}; "));
    format!("BEGIN IMMEDIATE; {}COMMIT", emptied.chain(filled).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEFAULT_ACCOUNT, store::Store as _};

    async fn rows(store: &Sqlite) -> Option<i64> {
        store.clock().await.expect("it reads")
    }

    #[tokio::test]
    async fn it_is_set_back_to_what_it_was() {
        let (store, other) = (Sqlite::in_memory().await.expect("it opens"), Sqlite::in_memory().await.expect("again"));
        store.set_clock(5).await.expect("it writes");
        assert_eq!((rows(&store).await, rows(&other).await), (Some(5), None));
        store.take_image().await.expect("an image");
        store.set_clock(7).await.expect("it writes");
        store.set_back().await.expect("set back");
        assert_eq!(rows(&store).await, Some(5));
        store.empty().await.expect("empty");
        assert_eq!(rows(&store).await, None);
        // An account's head is not remembered from before.
        assert!(store.begin(DEFAULT_ACCOUNT, Some(3)).await.expect("it begins").head().now == 3);
    }
}
