//! Our schema, distributed by account with PostgreSQL's own means: what an operator would do to a
//! database that Holdfast has migrated. The engine is not told.
//!
//! What is partitioned by time stays so, and each of its partitions is divided by account: the engine
//! finds the names that it would give, makes nothing, and drops them whole when all in them has
//! expired. The other tables are divided by account alone. `keys` and `sessions` are not, since
//! their unique indexes do not name the account, and `clock` is one row.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

/// Into how many parts each table is divided.
pub const PARTS: usize = 4;

pub const BY_TIME: [&str; 5] = ["hits", "transactions", "runs", "hold_keys", "answers"];
const BY_ACCOUNT: [&str; 21] = [
    "tallies",
    "connectors",
    "subscriptions",
    "shared_webhooks",
    "claims",
    "fan_outs",
    "hit_events",
    "endpoints",
    "messages",
    "deliveries",
    "lines",
    "script_store",
    "underway",
    "accounts",
    "cycles",
    "versions",
    "webhooks",
    "timers",
    "early",
    "repeats",
    "queue",
];

pub async fn run(connection: &mut PgConnection, text: String) {
    let done = connection.execute(AssertSqlSafe(text.as_str())).await;
    done.unwrap_or_else(|error| panic!("{text}: {error}"));
}

/// What the server says to this.
pub async fn refused(connection: &mut PgConnection, text: String) -> String {
    let refused = connection.execute(AssertSqlSafe(text)).await.expect_err("it is refused");
    refused.as_database_error().expect("by the server").message().to_owned()
}

/// Once the partitions have been made, and while there are no rows but in `accounts`.
pub async fn distribute(connection: &mut PgConnection) {
    for table in BY_ACCOUNT {
        run(connection, format!("ALTER TABLE {table} RENAME TO {table}_whole")).await;
        let divided = format!("CREATE TABLE {table} (LIKE {table}_whole INCLUDING ALL) PARTITION BY HASH (account)");
        run(connection, divided).await;
        divide(connection, table).await;
        run(connection, format!("INSERT INTO {table} SELECT * FROM {table}_whole")).await;
        run(connection, format!("DROP TABLE {table}_whole")).await;
    }
    for table in BY_TIME {
        for (partition, bound) in partitions(connection, table).await {
            run(connection, format!("DROP TABLE {partition}")).await;
            let again = format!("CREATE TABLE {partition} PARTITION OF {table} {bound} PARTITION BY HASH (account)");
            run(connection, again).await;
            divide(connection, &partition).await;
        }
    }
}

async fn divide(connection: &mut PgConnection, table: &str) {
    for part in 0..PARTS {
        run(connection, format!("CREATE TABLE {table}_h{part} PARTITION OF {table} {}", remainder(part))).await;
    }
}

fn remainder(part: usize) -> String {
    format!("FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})")
}

/// (name, bound) of a table's partitions.
pub async fn partitions(connection: &mut PgConnection, table: &str) -> Vec<(String, String)> {
    let text = "SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits AS i \
        JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass ORDER BY c.relname";
    sqlx::query_as(text).bind(table).fetch_all(connection).await.unwrap()
}

/// Another database of the same cluster, as a server on loopback.
pub async fn server(connection: &mut PgConnection, name: &str, url: &str) {
    let options: PgConnectOptions = url.parse().unwrap();
    run(connection, "CREATE EXTENSION IF NOT EXISTS postgres_fdw".to_owned()).await;
    let (host, port) = (options.get_host(), options.get_port());
    let database = options.get_database().unwrap();
    let server = format!(
        "CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw \
         OPTIONS (host '{host}', port '{port}', dbname '{database}')"
    );
    run(connection, server).await;
    let user = options.get_username();
    run(connection, format!("CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS (user '{user}')")).await;
}

/// Puts a part of a table, in each of its partitions by time, on another server, which has been
/// migrated and has made the same partitions. No unique index may stand above a foreign table, so each
/// local part gets its own, and the others have the other server's.
pub async fn move_away(connection: &mut PgConnection, table: &str, part: usize, server: &str) {
    let key: Option<String> = sqlx::query_scalar(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'p'",
    )
    .bind(table)
    .fetch_optional(&mut *connection)
    .await
    .unwrap();
    if let Some(key) = key {
        run(connection, format!("ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")).await;
        for (partition, _) in partitions(connection, table).await {
            for (leaf, _) in partitions(connection, &partition).await {
                run(connection, format!("ALTER TABLE {leaf} ADD {key}")).await;
            }
        }
    }
    for (partition, _) in partitions(connection, table).await {
        run(connection, format!("DROP TABLE {partition}_h{part}")).await;
        run(connection, foreign(&partition, part, server)).await;
    }
}

/// The part of a partition that stands in a whole partition of the same name on another server.
pub fn foreign(partition: &str, part: usize, server: &str) -> String {
    format!(
        "CREATE FOREIGN TABLE {partition}_h{part} PARTITION OF {partition} {} SERVER {server} \
         OPTIONS (table_name '{partition}')",
        remainder(part)
    )
}

/// The part in which an account's rows are.
pub async fn part_of(connection: &mut PgConnection, account: &str) -> usize {
    let text =
        "SELECT r FROM generate_series(0, $2 - 1) AS r WHERE satisfies_hash_partition('accounts'::regclass, $2, r, $1)";
    let part: i32 = sqlx::query_scalar(text).bind(account).bind(PARTS as i32).fetch_one(connection).await.unwrap();
    part as usize
}

pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}
