//! Every statement names its account and runs on that account's rows alone: a schema that is
//! distributed by account answers each of them where the account lives. The statements are parsed, on
//! both databases.

mod bound;
mod check;
mod refused;
mod visit;

use std::collections::BTreeSet;

use sqlparser::dialect::{PostgreSqlDialect, SQLiteDialect};

use super::{postgres::sql as postgres, sqlite::sql as sqlite};

/// The statements that are not one account's, and why. No commit and no look-up is among them.
const EXCEPT: &[(&str, &str)] = &[
    ("CLOCK", "the manual clock is everybody's, under the account '*'"),
    ("CLOCK_SET", "the manual clock is everybody's, under the account '*'"),
    ("INSTANTS", "a node asks which accounts have had a commit"),
    ("REVISIONS", "a node asks whether any account's catalog has changed"),
    ("ACCOUNTS", "a node knows every account's limits, and lists them all"),
    ("CYCLES", "a node holds every account's catalog, and reads it whole when one has changed"),
    ("VERSIONS", "a node holds every account's catalog, and reads it whole when one has changed"),
    ("WEBHOOKS", "a node holds every account's catalog, and reads it whole when one has changed"),
    ("SHARED", "a node holds every account's catalog, and reads it whole when one has changed"),
    ("ENDPOINTS", "a node holds every account's catalog, and reads it whole when one has changed"),
    ("KEYS", "an operator lists them all"),
    ("KEY_BY_HASH", "whose key it is, is what the look-up is to tell"),
    ("SESSION_BY_HASH", "whose session it is, is what the look-up is to tell"),
    ("NODE_SEEN", "the processes of a database are everybody's, under the account '*'"),
    ("NODES_LIVE", "the processes of a database are everybody's, under the account '*'"),
    ("NODE_LEAVES", "the processes of a database are everybody's, under the account '*'"),
    ("NODES_GONE", "the processes of a database are everybody's, under the account '*'"),
    ("PARTITIONS", "reads the server's own catalog"),
    ("UNGUARDED", "reads the server's own catalog"),
];

/// Statements that stand outside of `sql`: (file, how it begins, why it may).
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("postgres/partitions.rs", "SELECT pg_advisory_xact_lock($1)", "a lock among nodes, of no row"),
    ("sqlite/memory.rs", "SELECT name FROM sqlite_schema", "reads the schema of a database in memory"),
    ("sqlite/memory.rs", "SELECT '{table}' WHERE EXISTS", IN_MEMORY),
    ("sqlite/memory.rs", "DELETE FROM {to}.{table}", IN_MEMORY),
    ("sqlite/memory.rs", "INSERT INTO {to}.{table}", IN_MEMORY),
];

const IN_MEMORY: &str = "a scenario's database in memory is set back whole, and nobody else's rows are in it";

/// Those that the migrations make.
fn tables() -> BTreeSet<String> {
    let created = |text: &str| -> BTreeSet<String> {
        let names = text.split("CREATE TABLE ").skip(1).filter_map(|rest| rest.split_whitespace().next());
        names.map(str::to_owned).collect()
    };
    let (postgres, sqlite) = (created(&migrations("postgres")), created(&migrations("sqlite")));
    assert_eq!(postgres, sqlite);
    assert!(postgres.len() > 10, "{postgres:?}");
    postgres
}

fn migrations(dialect: &str) -> String {
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(dialect);
    let files = std::fs::read_dir(home).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// What is wrong with a statement of the PostgreSQL store.
pub fn on_postgres(text: &str) -> Vec<String> {
    check::check(&PostgreSqlDialect {}, "$1", &tables(), text)
}

/// And of the SQLite store: what the parser does not take there changes nothing of what is read.
fn on_sqlite(text: &str) -> Vec<String> {
    // A CROSS JOIN with a condition is an inner one that keeps its order (SQLite, "SELECT", 2.2).
    let text = text.replace("CROSS JOIN", "JOIN").replace("AS MATERIALIZED", "AS");
    check::check(&SQLiteDialect {}, "?1", &tables(), &text)
}

pub fn is_excepted(name: &str) -> bool {
    EXCEPT.iter().any(|(except, _)| *except == name)
}

/// (database, name, what is wrong)
fn checked() -> Vec<(&'static str, &'static str, Vec<String>)> {
    let postgres = postgres::all().map(|(name, text)| ("postgres", name, on_postgres(text)));
    postgres.chain(sqlite::all().map(|(name, text)| ("sqlite", name, on_sqlite(text)))).collect()
}

#[test]
fn every_statement_runs_on_one_accounts_rows_alone() {
    let wrong: Vec<String> = checked()
        .into_iter()
        .filter(|(_, name, wrong)| !wrong.is_empty() && !is_excepted(name))
        .map(|(database, name, wrong)| format!("{database} {name}: {}", wrong.join("; ")))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A text that would pass whatever it said has proved nothing: with another parameter in the account's
/// place, each must be refused.
#[test]
fn every_statement_needs_its_account() {
    let mut without = BTreeSet::new();
    let postgres = postgres::all().map(|(name, text)| (name, on_postgres(&with_another(text, "$1", "$99"))));
    let sqlite = sqlite::all().map(|(name, text)| (name, on_sqlite(&with_another(text, "?1", "?99"))));
    for (name, wrong) in postgres.chain(sqlite).filter(|(name, _)| !is_excepted(name)) {
        let seen = ["not held", "another account"].iter().any(|said| wrong.iter().any(|one| one.contains(said)));
        assert!(seen || wrong.is_empty(), "{name}: {wrong:?}");
        if !seen {
            without.insert(name);
        }
    }
    assert_eq!(
        Vec::from_iter(without),
        ["BEGIN", "COMMIT", "FATE", "GUARD", "NOTIFY", "PING", "ROLLBACK", "SESSION_OF", "WORK_OF"],
        "of no table"
    );
}

/// `$10` is no `$1`.
fn with_another(text: &str, parameter: &str, other: &str) -> String {
    let mut pieces = text.split(parameter);
    let mut changed = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let longer = piece.starts_with(|next: char| next.is_ascii_digit());
        changed.push_str(if longer { parameter } else { other });
        changed.push_str(piece);
    }
    changed
}

#[test]
fn every_exception_is_one() {
    let checked = checked();
    for (except, _) in EXCEPT {
        let all: Vec<_> = checked.iter().filter(|(_, name, _)| name == except).collect();
        assert!(!all.is_empty(), "{except} is no statement");
        for (database, _, wrong) in all {
            assert!(!wrong.is_empty(), "{except} is one account's on {database}: it is no exception any more");
        }
    }
}

/// Tables whose rows stay when an account is removed, and why.
const STAYS: &[(&str, &str)] =
    &[("accounts", "goes last, by a statement of its own"), ("clock", "is everybody's"), ("nodes", "is everybody's")];

#[test]
fn a_removed_account_leaves_no_table() {
    for (forget, database) in [(postgres::FORGET, "postgres"), (sqlite::FORGET, "sqlite")] {
        let forgotten: BTreeSet<String> = forget
            .iter()
            .filter_map(|(_, text)| text.strip_prefix("DELETE FROM ")?.split_whitespace().next())
            .map(str::to_owned)
            .collect();
        let stays = STAYS.iter().map(|(table, _)| (*table).to_owned()).collect();
        let missing: Vec<String> = tables().difference(&forgotten).cloned().collect();
        assert_eq!(missing.into_iter().collect::<BTreeSet<String>>(), stays, "{database}");
    }
}

#[test]
fn no_statement_is_left_out() {
    let mut found = Vec::new();
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    // In `sql` what `statements!` names is read by the tests, and nothing else has a text.
    for place in ["postgres/sql", "sqlite/sql"] {
        let files: Vec<_> = std::fs::read_dir(home.join(place)).unwrap().collect();
        assert!(files.len() > 8, "{place}");
        for file in files {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for word in ["const ", "static ", "let "] {
                let beside = text.lines().find(|line| line.contains(word) && line.contains('"'));
                assert_eq!(beside, None, "{} has a text beside its statements", path.display());
            }
            assert!(!text.contains("&str ="), "{} has a text beside its statements", path.display());
        }
    }
    for place in ["", "postgres", "sqlite"] {
        for file in std::fs::read_dir(home.join(place)).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(&home).unwrap().to_str().unwrap().replace('\\', "/");
            if !name.ends_with(".rs") || name.ends_with("tests.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            let quoted = text.split('"').skip(1).step_by(2);
            let begins = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];
            found.extend(quoted.filter(|quoted| begins.iter().any(|word| quoted.starts_with(word))).map(|quoted| {
                assert!(
                    ELSEWHERE.iter().any(|(file, text, _)| *file == name && quoted.starts_with(text)),
                    "{name} has a statement of its own: {quoted}"
                );
                name.clone()
            }));
        }
    }
    assert_eq!(found.len(), ELSEWHERE.len(), "{found:?}");
}

#[test]
fn every_key_begins_with_the_account() {
    for dialect in ["postgres", "sqlite"] {
        let text = migrations(dialect);
        let mut keys = 0;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("--")) {
            if let Some((column, key)) = line.split_once("PRIMARY KEY") {
                keys += 1;
                let own = column.split_whitespace().next() == Some("account");
                assert!(own || key.starts_with(" (account, "), "{dialect}: {line}");
            }
            // Whose key or session it is, is what the look-up is to tell.
            if line.contains("UNIQUE")
                && ![" keys_by_hash ", " sessions_by_hash "].iter().any(|name| line.contains(name))
            {
                assert!(line.contains(" (account, "), "{dialect}: {line}");
            }
        }
        assert_eq!(keys, tables().len(), "{dialect}");
    }
}
