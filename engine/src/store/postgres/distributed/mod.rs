//! The store on a schema that is distributed by account, as far as PostgreSQL goes by itself: hash
//! partitions by account, some of them on other servers. What the server refuses is told in its own
//! words, which `docs/scaling-out.md` quotes.

mod schema;

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use self::schema::{
    BY_TIME, PARTS, connect, distribute, foreign, move_away, part_of, partitions, refused, run, server,
};
use super::tests::{Own, one_after_another, own_by_superuser};
use super::{
    super::{Store as _, Writes, conformance},
    *,
};
use crate::store::{accounts, conformance::NOON};

const DAY: i64 = 86_400_000_000;

/// Of each part at least one: [`several`] holds it to that.
const ACCOUNTS: [&str; 5] = ["default", "anvil", "bellows", "dross", "forge"];

/// A store whose schema is divided; its accounts, each with its part.
async fn divided() -> (Own, PgConnection) {
    let own = own_by_superuser().await;
    own.store.prepare(NOON).await.unwrap();
    let mut connection = connect(&own.url).await;
    distribute(&mut connection).await;
    (own, connection)
}

/// The accounts, each with its part; every part has one.
async fn several(connection: &mut PgConnection) -> Vec<(&'static str, usize)> {
    let mut found = Vec::new();
    for account in ACCOUNTS {
        if account != "default" {
            let text = format!("INSERT INTO accounts VALUES ('{account}', 'epoch', 'epoch')");
            run(connection, text).await;
        }
        found.push((account, part_of(connection, account).await));
    }
    for part in 0..PARTS {
        assert!(found.iter().any(|(_, of)| *of == part), "no account in part {part}: {found:?}");
    }
    found
}

/// The whole suite, account after account, each among the rows of those before it.
async fn suite(own: &Own, connection: &mut PgConnection, accounts: &[(&'static str, usize)]) {
    for (account, _) in accounts {
        conformance::with_account(account, conformance::all(&own.store)).await;
        // These are everybody's, and the suite wants none of them.
        run(connection, "DELETE FROM keys; DELETE FROM clock".to_owned()).await;
    }
}

/// Rows of an account in a table, by the partition that they are in.
async fn places(connection: &mut PgConnection, table: &str) -> Vec<(String, String, i64)> {
    let text = format!("SELECT account, tableoid::regclass::text, count(*) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2");
    sqlx::query_as(AssertSqlSafe(text)).fetch_all(connection).await.unwrap()
}

async fn each_is_in_its_part(connection: &mut PgConnection, accounts: &[(&'static str, usize)]) {
    for table in ["hits", "transactions", "runs", "hold_keys", "webhooks"] {
        let places = places(connection, table).await;
        for (account, part) in accounts {
            let own: Vec<_> = places.iter().filter(|(of, ..)| of == account).collect();
            assert!(!own.is_empty(), "{table} of {account}");
            for (_, place, _) in own {
                assert!(place.ends_with(&format!("_h{part}")), "{table} of {account} in {place}, not in part {part}");
            }
        }
    }
}

#[tokio::test]
async fn it_does_what_a_store_must_for_accounts_in_every_part() {
    let (own, mut connection) = divided().await;
    let accounts = several(&mut connection).await;
    suite(&own, &mut connection, &accounts).await;
    each_is_in_its_part(&mut connection, &accounts).await;
}

#[tokio::test]
async fn commits_of_an_account_happen_one_after_another() {
    let (own, _connection) = divided().await;
    one_after_another(own).await;
}

#[tokio::test]
async fn its_partitions_are_found_and_dropped_as_its_own() {
    let (own, mut connection) = divided().await;
    let made = partitions(&mut connection, "hits").await;
    // Another node, which has made none yet.
    let node = Postgres::open(&own.url).await.unwrap();
    node.prepare(NOON).await.unwrap();
    assert_eq!(partitions(&mut connection, "hits").await, made);
    assert_eq!(partitions(&mut connection, &made[0].0).await.len(), PARTS, "divided as they were");
    // What nobody has made ahead, the engine makes; it is whole, and does as well.
    node.prepare(NOON + 20 * DAY).await.unwrap();
    assert!(partitions(&mut connection, "hits").await.len() > made.len());
    node.sweep("default", NOON + 120 * DAY, 100).await.unwrap();
    for table in BY_TIME {
        assert_eq!(partitions(&mut connection, table).await, [], "{table}");
    }
}

/// The sweep's deletes whose account comes out of a sub-query: the executor sees which part it is, the
/// planner does not. (With it beside the sub-query as well, a young table's plan walks the account.)
const AT_RUN_TIME: [&str; 3] = ["EXPIRED_EARLY_GONE", "EXPIRED_REPEATS_GONE", "EXPIRED_TIMERS_GONE"];

/// Lines of the plan that read a part, but for what was never executed.
async fn reads(connection: &mut PgConnection, explain: String) -> Vec<String> {
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(connection).await.unwrap();
    let part = |line: &str| line.split("_h").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let read = |line: &String| line.contains("Scan") && part(line) && !line.contains("(never executed)");
    plan.into_iter().filter(read).collect()
}

/// One name of this type, in an array; of a time that has partitions.
fn one_of(cast: &str) -> String {
    let value = match cast {
        "uuid[]" => crate::id::floor_of(NOON).to_string(),
        "text[]" | "bytea[]" => "x".to_owned(),
        "timestamptz[]" => "epoch".to_owned(),
        "int4[]" | "int8[]" => "1".to_owned(),
        "bool[]" => "f".to_owned(),
        _ => return ", NULL".to_owned(),
    };
    format!(", '{{{value}}}'")
}

/// The server's own word for what the statements' text says: with nothing known but the account, each
/// reads the account's part alone.
#[tokio::test]
async fn every_statement_reads_one_part_alone() {
    let (_own, mut connection) = divided().await;
    let accounts = several(&mut connection).await;
    // As the store sets them.
    let settings = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
        SET enable_hashjoin = off; SET enable_mergejoin = off";
    run(&mut connection, settings.to_owned()).await;
    for (account, _) in &accounts {
        let rows = format!(
            "INSERT INTO early VALUES ('{account}', 'w', '', '{0}', '', 'epoch'); \
             INSERT INTO repeats VALUES ('{account}', 'w', '', '', '{0}', 'epoch'); \
             INSERT INTO timers VALUES ('{account}', 'epoch', '{0}', 1)",
            Uuid::nil()
        );
        run(&mut connection, rows).await;
    }
    let mut scans = 0;
    for (name, text) in sql::all().filter(|(name, _)| !accounts::is_excepted(name)) {
        let parameters = (1..).take_while(|n| text.contains(&format!("${n}"))).count();
        if parameters == 0 || !text.contains("account") {
            continue;
        }
        run(&mut connection, format!("PREPARE {name} AS {text}")).await;
        for (account, part) in &accounts {
            let fenced = text.contains("OFFSET 0) AS r");
            let explain = if fenced {
                let value = |n: usize| match text.split(&format!("${n}::")).nth(1) {
                    Some(cast) => one_of(cast.split([',', ')', ' ']).next().unwrap_or_default()),
                    None => ", NULL".to_owned(),
                };
                let values: String = (2..=parameters).map(value).collect();
                format!("EXPLAIN (ANALYZE, TIMING OFF) EXECUTE {name} ('{account}'{values})")
            } else if AT_RUN_TIME.contains(&name) {
                let highest = if parameters > 3 { format!(", '{}'", Uuid::max()) } else { String::new() };
                format!("EXPLAIN (ANALYZE, TIMING OFF) EXECUTE {name} ('{account}', 'infinity', 10{highest})")
            } else {
                format!("EXPLAIN EXECUTE {name} ('{account}'{})", ", NULL".repeat(parameters - 1))
            };
            let lines = reads(&mut connection, explain).await;
            let other = lines.iter().find(|line| !line.contains(&format!("_h{part}")));
            assert_eq!(other, None, "{name} for {account}, in part {part}");
            assert!(
                !AT_RUN_TIME.contains(&name) || lines.len() == 2,
                "{name} found its row, and removed it: {lines:?}"
            );
            assert!(!fenced || !lines.is_empty(), "{name} looked nowhere");
            scans += lines.len();
        }
    }
    assert!(scans > 300, "{scans}");
}

/// Two more databases of this cluster, migrated and made ready as each server of its own would be.
async fn others(connection: &mut PgConnection) -> [Own; 2] {
    let others = [own_by_superuser().await, own_by_superuser().await];
    for (number, other) in others.iter().enumerate() {
        other.store.prepare(NOON).await.unwrap();
        server(connection, &format!("server_{number}"), &other.url).await;
    }
    others
}

/// Hits, transactions and runs are most of what is stored, and no statement asks for a conflict on
/// them: parts of them can be on other servers, and the store does everything that it must.
#[tokio::test]
async fn it_does_what_a_store_must_with_most_of_it_on_other_servers() {
    let (own, mut connection) = divided().await;
    let others = others(&mut connection).await;
    for table in ["hits", "transactions", "runs"] {
        move_away(&mut connection, table, 2, "server_0").await;
        move_away(&mut connection, table, 3, "server_1").await;
    }
    let accounts = several(&mut connection).await;
    suite(&own, &mut connection, &accounts).await;
    each_is_in_its_part(&mut connection, &accounts).await;
    for (number, other) in others.iter().enumerate() {
        let there = places(&mut connect(&other.url).await, "runs").await;
        let mut want: Vec<_> = accounts.iter().filter(|(_, part)| *part == number + 2).map(|(name, _)| *name).collect();
        want.sort_unstable();
        let mut found: Vec<_> = there.iter().map(|(account, ..)| account.as_str()).collect();
        found.dedup();
        assert_eq!(found, want, "on server_{number}");
    }
}

/// What a commit on two servers lacks: each commits for itself, this one last.
#[tokio::test]
async fn a_commit_on_two_servers_is_not_one() {
    let (_own, mut connection) = divided().await;
    let _others = others(&mut connection).await;
    move_away(&mut connection, "runs", 2, "server_0").await;
    run(&mut connection, "BEGIN; SELECT count(*) FROM runs".to_owned()).await;
    assert_eq!(
        refused(&mut connection, "PREPARE TRANSACTION 'both'".to_owned()).await,
        "cannot PREPARE a transaction that has operated on postgres_fdw foreign tables"
    );
}

/// Where PostgreSQL by itself stops: no uniqueness above a foreign table, so no conflict to ask for.
#[tokio::test]
async fn what_asks_for_a_conflict_cannot_be_on_another_server() {
    let (own, mut connection) = divided().await;
    let _others = others(&mut connection).await;
    let (partition, _) = partitions(&mut connection, "hold_keys").await.remove(0);
    run(&mut connection, format!("DROP TABLE {partition}_h2")).await;
    assert_eq!(
        refused(&mut connection, foreign(&partition, 2, "server_0")).await,
        format!("cannot create foreign partition of partitioned table \"{partition}\"")
    );
    run(
        &mut connection,
        format!("CREATE TABLE {partition}_h2 PARTITION OF {partition} FOR VALUES WITH (MODULUS 4, REMAINDER 2)"),
    )
    .await;
    move_away(&mut connection, "hold_keys", 2, "server_0").await;
    let key = conformance::key("w", "k", conformance::id(1));
    let mut commit = own.store.begin("default", Some(NOON)).await.unwrap();
    let written = commit.write(&Writes { keys: vec![key], ..Writes::default() }).await;
    let told = written.expect_err("it is refused").to_string();
    assert!(
        told.contains("there is no unique or exclusion constraint matching the ON CONFLICT specification"),
        "{told}"
    );
}

/// A node that waits for an account's lock on another server is told to begin again, not let in.
#[tokio::test]
async fn the_accounts_lock_cannot_be_on_another_server() {
    let own = own_by_superuser().await;
    let other = super::tests::own_by_superuser().await;
    let mut connection = connect(&own.url).await;
    server(&mut connection, "server_0", &other.url).await;
    run(&mut connection, "DROP TABLE accounts".to_owned()).await;
    run(
        &mut connection,
        "IMPORT FOREIGN SCHEMA public LIMIT TO (accounts) FROM SERVER server_0 INTO public".to_owned(),
    )
    .await;
    let first = own.store.begin("default", None).await.unwrap();
    let second = tokio::spawn(async move {
        let head = sqlx::query(sql::HEAD).bind("default").bind(None::<chrono::DateTime<chrono::Utc>>).bind(1_i64);
        head.execute(&mut connection).await.map(|_| ())
    });
    let mut watcher = connect(&other.url).await;
    loop {
        let text =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(text).fetch_one(&mut watcher).await.unwrap();
        if waiting > 0 {
            break;
        }
    }
    first.commit().await.unwrap();
    let told = second.await.unwrap().expect_err("it is not let in").to_string();
    assert!(told.contains("could not serialize access due to concurrent update"), "{told}");
}
