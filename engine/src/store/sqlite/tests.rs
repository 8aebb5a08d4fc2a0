use std::path::Path;

use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

use super::Sqlite;
use crate::store::conformance;

pub async fn store() -> (TempDir, Sqlite) {
    let home = TempDir::new().expect("a directory");
    let store = Sqlite::open(&home.path().join("holdfast.db")).await.expect("a store");
    (home, store)
}

pub async fn connect(home: &Path) -> SqliteConnection {
    let url = format!("sqlite://{}", home.join("holdfast.db").display());
    SqliteConnection::connect(&url).await.expect("a connection")
}

/// (name, text) of every constant of `sql`.
fn statements() -> Vec<(&'static str, String)> {
    let statements: Vec<_> = include_str!("sql.rs")
        .split("pub const ")
        .skip(1)
        .map(|text| {
            let (name, rest) = text.split_once(": &str = \"").expect("a constant");
            let (quoted, _) = rest.split_once("\";").expect("its end");
            let lines: Vec<&str> = quoted.split("\\\n").map(str::trim_start).collect();
            (name, lines.concat())
        })
        .collect();
    assert!(statements.len() > 60, "{}", statements.len());
    statements
}

/// Sorting and scanning are left to what is counted, and to the catalog, which is read whole.
const MAY_SCAN: [&str; 6] = ["REVISIONS", "CYCLES", "VERSIONS", "WEBHOOKS", "KEYS", "HELD"];

#[tokio::test]
async fn every_statement_prepares_and_seeks() {
    let (home, _store) = store().await;
    let mut connection = connect(home.path()).await;
    for (name, text) in statements() {
        if ["BEGIN", "COMMIT", "ROLLBACK"].contains(&name) {
            continue;
        }
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let plan = sqlx::query(explain).fetch_all(&mut connection).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}"));
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let scans = |line: &String| line.starts_with("SCAN") && !line.contains("VIRTUAL TABLE") && *line != "SCAN w";
        let sorts = |line: &String| line.contains("TEMP B-TREE");
        let bad = plan.iter().any(|line| scans(line) && *line != "SCAN CONSTANT ROW" || sorts(line));
        assert!(!bad || MAY_SCAN.contains(&name), "{name} scans or sorts:\n{}", plan.join("\n"));
        assert!(!plan.iter().any(|line| line.contains("AUTOMATIC")), "{name} wants an index:\n{}", plan.join("\n"));
    }
}

#[tokio::test]
async fn it_does_what_a_store_must() {
    let (_home, store) = store().await;
    conformance::all(&store).await;
    conformance::removal(&store).await;
}
