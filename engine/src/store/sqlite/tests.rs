use std::{path::Path, pin::pin, task::Poll};

use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

use super::{Sqlite, sql, writer::Work};
use crate::store::{
    Error, HitRow, Store, Writes,
    conformance::{self, ACCOUNT, NOON, begin, hit, id, write},
};

pub async fn store() -> (TempDir, Sqlite) {
    let home = TempDir::new().expect("a directory");
    let store = Sqlite::open(&home.path().join("holdfast.db")).await.expect("a store");
    (home, store)
}

pub async fn connect(home: &Path) -> SqliteConnection {
    let url = format!("sqlite://{}", home.join("holdfast.db").display());
    SqliteConnection::connect(&url).await.expect("a connection")
}

/// The catalog is read whole, what is counted is grouped, and places are counted up to a limit.
const MAY_SCAN: [&str; 12] = [
    "OPEN_TRANSACTIONS",
    "ACCOUNTS",
    "INSTANTS",
    "REVISIONS",
    "CYCLES",
    "VERSIONS",
    "WEBHOOKS",
    "SHARED",
    "ENDPOINTS",
    "KEYS",
    "HELD",
    "TURNS",
];

/// The account alone leads to what is wanted: one row, the first in order, or a part of the catalog.
const BY_ACCOUNT: [&str; 22] = [
    "SESSION_BY_HASH",
    "TALLIES_OLDEST",
    "CONNECTORS",
    "SUBSCRIPTIONS",
    "SUBSCRIPTION_NEXT",
    "LINES_LEFT",
    "LINE_NEXT",
    "ACCOUNT_LIMITS",
    "ACCOUNT_LEAVES",
    "ACCOUNT_GONE",
    "UNDERWAY_LEFT",
    "SHARED_GONE",
    "BEGIN_HEAD",
    "HEAD_MOVE",
    "REVISION_BUMP",
    "CLOCK",
    "QUEUED_COUNTS",
    "SECRETS",
    "TIMER_NEXT",
    "HELD",
    "VERSIONS_REPLACED",
    "CYCLES_FORGOTTEN",
];

#[tokio::test]
async fn every_statement_prepares_and_seeks() {
    let (home, _store) = store().await;
    let mut connection = connect(home.path()).await;
    let statements: Vec<_> = sql::all().collect();
    assert!(statements.len() < super::STATEMENTS_KEPT);
    for (name, text) in statements {
        if ["BEGIN", "COMMIT", "ROLLBACK", "PING"].contains(&name) {
            continue;
        }
        // Of two statements in one call, the one that reads.
        let text = text.trim_start_matches("BEGIN IMMEDIATE; ");
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let plan = sqlx::query(explain).fetch_all(&mut connection).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}"));
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        // `w` is what SEEK's own look-ups found.
        let scans = |line: &str| line.starts_with("SCAN") && !line.contains("VIRTUAL TABLE") && line != "SCAN w";
        let sorts = |line: &str| line.contains("TEMP B-TREE") || line.contains("AUTOMATIC");
        let walks = |line: &str| line.ends_with("(account=?)");
        for line in &plan {
            let all = plan.join("\n");
            assert!(!scans(line) && !sorts(line) || MAY_SCAN.contains(&name), "{name} scans or sorts:\n{all}");
            assert!(
                !walks(line) || BY_ACCOUNT.contains(&name) || name.starts_with("FORGET_"),
                "{name} walks through an account:\n{all}"
            );
        }
    }
}

#[tokio::test]
async fn it_does_what_a_store_must() {
    let (_home, store) = store().await;
    conformance::all(&store).await;
    conformance::removal(&store).await;
}

async fn pragma(work: &mut Work, text: &'static str) -> i64 {
    sqlx::query_scalar(text).fetch_one(work.connection().expect("a connection")).await.expect("a value")
}

#[tokio::test]
async fn what_is_acknowledged_is_on_disk() {
    let (home, store) = store().await;
    let mut work = Work::begin(&store.writer).await.expect("begun");
    assert_eq!(pragma(&mut work, "PRAGMA synchronous").await, 2);
    assert_eq!(pragma(&mut work, "PRAGMA page_size").await, 4_096);
    assert_eq!(pragma(&mut work, "PRAGMA foreign_keys").await, 0);
    drop(work);

    // As a crash would leave it at each point: before the commit, and after.
    let row = hit("disk", id(1));
    let mut commit = begin(&store).await;
    commit.write(&Writes { hits: vec![row.clone()], ..Writes::default() }).await.expect("written");
    let before = copied(home.path());
    commit.commit().await.expect("committed");
    let after = copied(home.path());
    for (copy, kept) in [(before, None), (after, Some(row.clone()))] {
        let store = Sqlite::open(&copy.path().join("holdfast.db")).await.expect("recovered");
        assert_eq!(store.hit(ACCOUNT, &["disk".into()], row.hit).await.expect("read"), kept);
    }
}

fn copied(home: &Path) -> TempDir {
    let copy = TempDir::new().expect("a directory");
    for name in ["holdfast.db", "holdfast.db-wal"] {
        std::fs::copy(home.join(name), copy.path().join(name)).expect("copied");
    }
    copy
}

#[tokio::test]
async fn a_full_disk_is_survived() {
    let (_home, store) = store().await;
    let large = HitRow { raw: vec![1; 1 << 20].into(), ..hit("full", id(1)) };
    let small = hit("full", id(2));
    let mut work = Work::begin(&store.writer).await.expect("begun");
    let pages = pragma(&mut work, "PRAGMA page_count").await;
    let full = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 4));
    sqlx::query(full).execute(work.connection().expect("a connection")).await.expect("set");
    drop(work);

    for _ in 0..3 {
        let mut commit = begin(&store).await;
        let writes = Writes { hits: vec![small.clone(), large.clone()], ..Writes::default() };
        let written = commit.write(&writes).await;
        assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
    }
    write(&store, Writes { hits: vec![small.clone()], ..Writes::default() }).await;

    let mut work = Work::begin(&store.writer).await.expect("begun");
    pragma(&mut work, "PRAGMA max_page_count = 1000000").await;
    drop(work);
    write(&store, Writes { hits: vec![large.clone()], ..Writes::default() }).await;
    let mut commit = begin(&store).await;
    let names = [("full".to_owned(), large.hit), ("full".to_owned(), small.hit)];
    assert_eq!(commit.hits(&names).await.expect("read").len(), 2);
}

#[tokio::test]
async fn a_commit_left_at_any_await_leaves_nothing_and_hurts_nobody() {
    let (_home, store) = store().await;
    let rows: Vec<HitRow> = (0..500).map(|n| HitRow { raw: vec![0; 4_096].into(), ..hit("left", id(n)) }).collect();
    let writes = Writes { hits: rows.clone(), ..Writes::default() };
    for polls in 0..4 {
        drop(after(polls, store.begin(ACCOUNT, Some(NOON))).await);
        let mut commit = begin(&store).await;
        drop(after(polls, commit.write(&writes)).await);
        drop(commit);
    }
    let left = store.hit(ACCOUNT, &["left".into()], id(0)).await.expect("read");
    assert_eq!(left, None);
    for polls in 0..4 {
        let mut commit = begin(&store).await;
        let one = HitRow { hit: id(1_000 + polls), ..rows[0].clone() };
        commit.write(&Writes { hits: vec![one], ..Writes::default() }).await.expect("written");
        drop(after(polls, commit.commit()).await);
    }
    write(&store, writes).await;
    assert!(store.hit(ACCOUNT, &["left".into()], id(499)).await.expect("read").is_some());
}

/// Drops a future once it has been polled so often.
async fn after<T>(polls: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(value) = polled {
            return Some(value);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn reads_do_not_wait_for_the_writer_and_cannot_write() {
    let (_home, store) = store().await;
    let mut commit = begin(&store).await;
    let row = hit("reading", id(1));
    commit.write(&Writes { hits: vec![row.clone()], ..Writes::default() }).await.expect("written");
    assert_eq!(store.hit(ACCOUNT, &["reading".into()], row.hit).await.expect("read"), None);
    commit.commit().await.expect("committed");
    assert_eq!(store.hit(ACCOUNT, &["reading".into()], row.hit).await.expect("read"), Some(row));
    let written = sqlx::query("DELETE FROM hits").execute(&store.readers).await.map_err(super::error::of);
    assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
}

#[tokio::test]
async fn commits_go_one_after_another_each_later_than_the_last() {
    let (_home, store) = store().await;
    let one = async || {
        let commit = store.begin(ACCOUNT, None).await.expect("begun");
        let now = commit.head().now;
        commit.commit().await.expect("committed");
        now
    };
    let (a, b, c) = tokio::join!(one(), one(), one());
    assert!(a < b && b < c, "{a} {b} {c}");
    assert!(one().await > c);
}

#[tokio::test]
async fn one_process_has_the_file() {
    let home = TempDir::new().expect("a directory");
    let path = home.path().join("holdfast.db");
    let store = Sqlite::open(&path).await.expect("opened");
    let second = Sqlite::open(&path).await.expect_err("it is taken").to_string();
    assert!(second.contains("holdfast.db.lock"), "{second}");
    store.close().await;
    assert!(matches!(store.begin(ACCOUNT, None).await.map(|commit| commit.head()), Err(Error::Unavailable(_))));
    let store = Sqlite::open(&path).await.expect("opened again");
    drop(store);
    Sqlite::open(&path).await.expect("and once more");

    let nowhere = Sqlite::open(&home.path().join("none/holdfast.db")).await;
    assert!(matches!(nowhere, Err(Error::Unavailable(_))), "{nowhere:?}");

    let other = home.path().join("other.db");
    std::fs::write(&other, [b'x'; 9_000]).expect("written");
    let other = Sqlite::open(&other).await.expect_err("no database").to_string();
    assert!(other.contains("other.db: "), "{other}");
}
