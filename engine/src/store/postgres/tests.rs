//! On a PostgreSQL that `./tests/run` starts: each test in a database of its own.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use uuid::Uuid;

use super::*;
use crate::store::{Accounts as _, Commit as _, Store as _, Writes, conformance, postgres::commit::PostgresCommit};

/// `url` is the superuser's, who sees and does everything.
pub struct Own {
    pub store: Postgres,
    pub url: String,
}

/// A store whose login owns the tables and is nothing more, as in production.
pub async fn own() -> Own {
    own_by(Some("holdfast_plain")).await
}

/// On a schema that the test changes, as the superuser.
pub async fn own_by_superuser() -> Own {
    own_by(None).await
}

async fn own_by(login: Option<&str>) -> Own {
    let admin = std::env::var("HOLDFAST_TEST_POSTGRES")
        .expect("HOLDFAST_TEST_POSTGRES names a PostgreSQL for the tests: run them with ./tests/run");
    let name = format!("store_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    let (base, _) = admin.rsplit_once('/').unwrap();
    let url = format!("{base}/{name}");
    let Some(login) = login else {
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        return Own { store: Postgres::open(&url).await.unwrap(), url };
    };
    let role = format!(
        "DO $$ BEGIN CREATE ROLE {login} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    connection.execute(AssertSqlSafe(role)).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name} OWNER {login}"))).await.unwrap();
    let (_, at) = base.rsplit_once('@').unwrap();
    let store = Postgres::open(&format!("postgres://{login}@{at}/{name}")).await.unwrap();
    Own { store, url }
}

#[tokio::test]
async fn it_does_what_a_store_must() {
    conformance::all(&own().await.store).await;
}

#[tokio::test]
async fn every_statement_is_prepared() {
    let own = own().await;
    let mut connection = PgConnection::connect(&own.url).await.unwrap();
    for (name, statement) in sql::all() {
        let prepared = (&mut connection).prepare(sqlx::SqlSafeStr::into_sql_str(statement)).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn commits_of_an_account_happen_one_after_another() {
    one_after_another(own().await).await;
}

pub async fn one_after_another(own: Own) {
    let first = own.store.begin("default", None).await.unwrap();
    let head = first.head();
    let second = tokio::spawn({
        let url = own.url.clone();
        async move { Postgres::open(&url).await.unwrap().begin("default", None).await.unwrap().head() }
    });
    let mut watcher = PgConnection::connect(&own.url).await.unwrap();
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut watcher)
        .await
        .unwrap();
        if waiting > 0 {
            break;
        }
    }
    let committed = system_time(&mut watcher).await;
    first.commit().await.unwrap();
    let later = second.await.unwrap();
    assert!(later.now > head.now && later.now >= committed, "the second's instant was taken before its lock");
}

async fn system_time(connection: &mut PgConnection) -> i64 {
    let now: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(connection).await.unwrap();
    now.timestamp_micros()
}

#[tokio::test]
async fn a_connection_that_ends_in_a_commit_leaves_nothing() {
    let own = own().await;
    let mut commit = own.store.begin("default", None).await.unwrap();
    commit.bump_revision().await.unwrap();
    let mut other = PgConnection::connect(&own.url).await.unwrap();
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .execute(&mut other)
        .await
        .unwrap();
    assert!(matches!(commit.commit().await, Err(Error::Unavailable(_))));
    assert_eq!(own.store.revisions().await.unwrap(), [("default".to_owned(), 0)]);
}

/// After a crash the server may give a lost commit's number to another: the mark tells them apart.
#[tokio::test]
async fn a_commit_is_not_taken_for_another_of_the_same_number() {
    let own = own().await;
    let pool = &own.store.writers;
    let began = async || super::commit::PostgresCommit::begin(pool, "default", None).await.unwrap();
    let cause = sqlx::Error::PoolClosed;
    let asked = async |name: &super::commit::Name| super::commit::fate(pool, "default", name, &cause).await;

    let commit = began().await;
    let name = commit.name().clone();
    Box::new(commit).commit().await.unwrap();
    assert!(asked(&name).await.is_ok());
    let lost = super::commit::Name { mark: name.mark ^ 1, ..name.clone() };
    assert!(matches!(asked(&lost).await, Err(Error::Unavailable(_))));
    let next = super::commit::Name { number: name.number + 1, ..name.clone() };
    assert!(matches!(asked(&next).await, Err(Error::Unavailable(_))), "the account has had no such commit");
    let future = super::commit::Name { xid: "999999999999".into(), ..name.clone() };
    assert!(matches!(asked(&future).await, Err(Error::Unavailable(_))));

    let dropped = began().await;
    let aborted = dropped.name().clone();
    drop(dropped);
    assert!(matches!(asked(&aborted).await, Err(Error::Unavailable(_))));

    for _ in 0..31 {
        Box::new(began().await).commit().await.unwrap();
    }
    assert!(asked(&name).await.is_ok());
    Box::new(began().await).commit().await.unwrap();
    assert!(matches!(asked(&name).await, Err(Error::Unknown(_))), "it is too long ago");
}

#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_when_all_in_them_has_expired() {
    const DAY: i64 = 86_400_000_000;
    let own = own().await;
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM pg_inherits").fetch_one(&own.store.keepers).await.unwrap()
    };
    own.store.prepare(conformance::NOON).await.unwrap();
    let made = count().await;
    own.store.prepare(conformance::NOON + DAY).await.unwrap();
    assert_eq!(count().await, made, "asking again costs nothing");
    own.store.sweep("default", conformance::NOON + 30 * DAY, 100).await.unwrap();
    assert_eq!(count().await, made, "what was made 30 days ago is kept");
    own.store.sweep("default", conformance::NOON + 60 * DAY, 100).await.unwrap();
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_partition_that_cannot_be_made_is_told_before_it_is_missed() {
    const DAY: i64 = 86_400_000_000;
    let own = own().await;
    own.store.prepare(conformance::NOON).await.unwrap();
    // The first that is not there yet: four days wide, and three of them ahead.
    let next = conformance::NOON.div_euclid(4 * DAY) + 4;
    let starts = next * 4 * DAY;
    let ahead = async |now| partitions::ahead(&own.store.keepers, now).await.unwrap();
    assert_eq!(ahead(conformance::NOON).await, starts - conformance::NOON);
    let other = format!("CREATE TABLE runs_p{next} (other INT)");
    own.store.writers.acquire().await.unwrap().execute(AssertSqlSafe(other)).await.unwrap();
    own.store.prepare(starts - DAY / 2).await.expect("what is there lasts for half a day");
    assert_eq!(ahead(starts - DAY / 2).await, DAY / 2, "which is told");
    let missed = own.store.prepare(starts).await.expect_err("there is none").to_string();
    assert!(missed.contains(&format!("runs_p{next} is there and is no partition of runs")), "{missed}");
    assert_eq!(ahead(starts).await, 0);
}

#[tokio::test]
async fn the_look_up_is_an_index_seek_on_every_partition() {
    let own = own().await;
    for days in [0, 8, 16] {
        own.store.prepare(conformance::NOON + days * 86_400_000_000).await.unwrap();
        let fill = "INSERT INTO hold_keys SELECT 'default', 'w', decode(md5(n::text), 'hex'), false, \
            ($1::text || lpad(to_hex(n), 12, '0'))::uuid, 1, decode(md5(n::text), 'hex'), NULL \
            FROM generate_series(1, 3000) AS n";
        let id = crate::id::floor_of(conformance::NOON + days * 86_400_000_000).to_string();
        sqlx::query(fill).bind(&id[..24]).execute(&own.store.keepers).await.unwrap();
    }
    own.store.keepers.execute("ANALYZE hold_keys").await.unwrap();
    let explain = format!("EXPLAIN {}", sql::SEEK);
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain))
        .bind("default")
        .bind(vec!["w"])
        .bind(vec![vec![1_u8]])
        .bind(vec![vec![1_u8]])
        .bind(columns::instant(conformance::NOON))
        .fetch_all(&own.store.keepers)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(
        !plan.contains("Seq Scan on hold_keys") && !plan.contains("Sort") && !plan.contains("Merge Append"),
        "{plan}"
    );
    assert!(plan.matches("Index Scan Backward using hold_keys_p").count() >= 6, "{plan}");
}

/// With many that wait and few that are due; and with nothing known of the tables.
#[tokio::test]
async fn what_is_due_is_sought_among_many_that_wait() {
    let own = own().await;
    let looks = [
        ("due", sql::TIMERS_DUE, "'default', '2026-01-01', 1000", "Index Only Scan using timers_pkey"),
        ("next", sql::TIMER_NEXT, "'default'", "Index Only Scan using timers_pkey"),
        ("ready", sql::LINES_READY, "'default', '2026-01-01', true", "Index Scan using lines_due"),
        ("take", sql::LINES_TAKE, "'default', '2026-01-01', 'a', '2026-01-01', 9, true", "Index Scan using lines_due"),
        ("next_line", sql::LINE_NEXT, "'default'", "using lines_due"),
        ("mine", sql::DELIVERIES_DUE, &format!("'default', '{}', '2026-01-01', 8", Uuid::nil()), "deliveries_due"),
        ("claims", sql::CLAIMS_OF, "'default', 'crm', '\\x01', 100", "Scan using claims_pkey"),
        ("left", sql::UNDERWAY_LEFT, "'default', '{a,b}', 500", "Index Scan using underway_by_node"),
    ];
    for filled in [false, true] {
        if filled {
            own.store.keepers.execute(DELAYED).await.unwrap();
        }
        let mut connection = own.store.writers.acquire().await.unwrap();
        connection.execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
        for (name, text, given, seek) in looks {
            connection.execute(AssertSqlSafe(format!("PREPARE {name}_{filled} AS {text}"))).await.unwrap();
            let explain = format!("EXPLAIN EXECUTE {name}_{filled} ({given})");
            let plan: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.unwrap();
            let plan = plan.join("\n");
            assert!(plan.contains(seek) && !plan.contains("Sort"), "{name}:\n{plan}");
            assert!(name != "due" || plan.contains("due_at <= "), "{plan}");
        }
    }
    let due = own.store.due("default", conformance::NOON + 86_400_000_000, 1_000).await.unwrap();
    assert_eq!(due.len(), 1_000);
}

const DELAYED: &str = "
    INSERT INTO claims SELECT 'default', 'crm', sha256(n::text::bytea), 'a', n::text, 'epoch'
        FROM generate_series(1, 100000) AS n;
    ANALYZE claims;
    INSERT INTO timers SELECT 'default', '2026-01-01'::timestamptz + n * interval '1 second',
        ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1 FROM generate_series(-9, 30000) AS n;
    INSERT INTO underway (account, transaction_id, run, cycle_id, version, entry, started_at, steps, status, attempts,
        claim, due_at) SELECT account, transaction_id, run, transaction_id, 1, 'e', due_at, '[]', 'running', '[]', 1,
        due_at FROM timers;
    INSERT INTO lines SELECT 'default', transaction_id, due_at, NULL, 'epoch', 0, NULL, NULL, NULL, 0, 0 FROM timers;
    INSERT INTO deliveries SELECT 'default', transaction_id, ('00000000-0000-0000-0000-' || lpad(to_hex(n % 10), 12, '0'))::uuid,
        'x', 'pending', 0, '[]', t.due_at FROM timers AS t, generate_series(1, 3) AS n;
    ANALYZE lines;
    ANALYZE deliveries;
    ANALYZE timers;
    ANALYZE underway";

#[tokio::test]
async fn a_hint_reaches_the_other_nodes() {
    let own = own().await;
    let other = Postgres::open(&own.url).await.unwrap();
    let mut heard = other.hints().unwrap();
    let told = Hint::Answered { account: "default".into(), hit: Uuid::from_u128(7) };
    loop {
        own.store.notify(&[Hint::Catalog, told.clone()]).await;
        // The listener may still be connecting: a hint before that is lost, as it may be.
        let wait = tokio::time::timeout(Duration::from_millis(200), heard.recv()).await;
        if let Ok(first) = wait {
            assert_eq!(first.unwrap(), Hint::Catalog);
            assert_eq!(heard.recv().await.unwrap(), told);
            return;
        }
    }
}

/// With nothing known of its tables, which is what the planner knows of a partition that has just been
/// made, and of a plan that it then keeps while the partition grows.
#[tokio::test]
async fn a_set_of_names_is_sought_name_by_name_in_young_tables() {
    let own = own().await;
    own.store.prepare(conformance::NOON).await.unwrap();
    let mut connection = own.store.writers.acquire().await.unwrap();
    let mut sought = 0;
    for (name, text) in sql::all().filter(|(_, text)| text.contains("unnest(") && !text.starts_with("INSERT")) {
        if name == "QUEUED_ADD" {
            // A row for each webhook of the account: there are few.
            continue;
        }
        let parameters = (1..).take_while(|n| text.contains(&format!("${n}"))).count();
        let prepare = format!("PREPARE young_{name} AS {text}");
        connection.execute(AssertSqlSafe(prepare)).await.unwrap();
        let explain = format!("EXPLAIN EXECUTE young_{name} ('a'{})", ", NULL".repeat(parameters - 1));
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.unwrap();
        // What each index is read by: the line below it, if it says so.
        let reads = plan.iter().enumerate().filter(|(_, line)| line.contains("Index") && line.contains("Scan"));
        let below = |(at, _)| plan.get(at + 1).map(String::as_str).unwrap_or_default();
        let conditions: Vec<&str> = reads.map(below).collect();
        let walks =
            |line: &&&str| !line.contains("Index Cond:") || !line.contains("account =") || !line.contains(" AND ");
        assert_eq!(conditions.iter().find(walks), None, "{name} walks through an account:\n{}", plan.join("\n"));
        assert!(!plan.iter().any(|line| line.contains("Seq Scan")), "{name} scans:\n{}", plan.join("\n"));
        sought += conditions.len();
    }
    assert!(sought > 30, "{sought}");
}

#[tokio::test]
async fn a_session_sees_the_rows_of_its_account_alone() {
    let own = own().await;
    let accounts = ["default", "other"];
    let row = |account: &str| crate::store::AccountRow {
        account: account.to_owned(),
        created_at: conformance::NOON,
        limits: crate::AccountLimits::default(),
        deleted_at: None,
    };
    assert!(own.store.add_account(&row("other"), 1).await.unwrap());
    own.store.prepare(conformance::NOON).await.unwrap();
    for account in accounts {
        let writes = Writes { hits: vec![conformance::hit("hook", conformance::id(1))], ..Writes::default() };
        conformance::with_account(account, conformance::write(&own.store, writes)).await;
    }
    // With no word of the account.
    for (session, seen) in [("default", vec!["default"]), ("other", vec!["other"]), ("*", accounts.to_vec())] {
        let mut reader = own.store.readers.of(session).await.unwrap();
        let query = sqlx::query_scalar("SELECT account FROM hits ORDER BY account");
        let found: Vec<String> = query.fetch_all(reader.connection().unwrap()).await.unwrap();
        assert_eq!(found, seen, "{session}");
        let changed = sqlx::query("UPDATE hits SET reason = 'changed'").execute(reader.connection().unwrap()).await;
        assert_eq!(changed.unwrap().rows_affected(), seen.len() as u64, "{session}");
    }
    // Nor does it write another's; and a session that is nobody's sees nothing.
    let mut reader = own.store.readers.of("default").await.unwrap();
    let text =
        "INSERT INTO queue (account, cycle_id, hit, webhook) SELECT 'other', gen_random_uuid(), gen_random_uuid(), ''";
    let refused = sqlx::query(text).execute(reader.connection().unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
    let mut nobodys = own.store.writers.acquire().await.unwrap();
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM hits").fetch_one(&mut *nobodys).await.unwrap();
    assert_eq!(found, 0);
    // A commit is its account's, in whatever statement.
    let mut commit = PostgresCommit::begin(&own.store.writers, "other", None).await.unwrap();
    let gone = commit.execute(sqlx::query("DELETE FROM hits")).await.unwrap();
    assert_eq!(gone, 1);
    drop(commit);
}

#[tokio::test]
async fn every_table_with_an_account_is_guarded() {
    let own = own().await;
    // Partitions that are made later, and a table of a later migration.
    own.store.prepare(conformance::NOON + 400 * conformance::DAY).await.unwrap();
    let (_, at) = own.url.rsplit_once('@').unwrap();
    let plain = format!("postgres://holdfast_plain@{at}");
    let mut owner = PgConnection::connect(&plain).await.unwrap();
    owner.execute("CREATE TABLE later (account TEXT NOT NULL PRIMARY KEY)").await.unwrap();
    drop(Postgres::open(&plain).await.unwrap());
    let mut connection = PgConnection::connect(&own.url).await.unwrap();
    let guarded: Vec<(String, bool)> = sqlx::query_as(
        "SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT 1 FROM pg_policy AS p \
         WHERE p.polrelid = c.oid) FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid \
         WHERE a.attname = 'account' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let bare: Vec<_> = guarded.iter().filter(|(_, guarded)| !guarded).collect();
    assert!(bare.is_empty(), "{bare:?}");
    assert!(guarded.iter().any(|(table, _)| table == "later") && guarded.len() > 30, "{guarded:?}");
}

/// The primary key has the ids in the order of a list as well: walked down, it goes past all that are of
/// other lanes, a million of them where a lane is empty.
#[tokio::test]
async fn a_lane_of_a_list_is_read_by_its_own_index() {
    let own = own().await;
    own.store.prepare(conformance::NOON).await.unwrap();
    let mut connection = own.store.writers.acquire().await.unwrap();
    for (name, text, index, others) in [
        ("by_status", sql::LIST_HITS_BY_STATUS, "account_webhook_status_hit_idx", 5),
        ("ambiguous", sql::LIST_HITS_AMBIGUOUS, "account_webhook_ambiguous_hit_idx", 4),
        ("lanes", sql::LIST_TRANSACTIONS, "account_cycle_id_status_transaction_id_idx", 5),
        ("failed_at", sql::LIST_FAILED_AT, "account_cycle_id_step_transaction_id_idx", 5),
    ] {
        connection.execute(AssertSqlSafe(format!("PREPARE list_{name} AS {text}"))).await.unwrap();
        let explain = format!("EXPLAIN EXECUTE list_{name} ('a'{})", ", NULL".repeat(others));
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.unwrap();
        let scans = plan.iter().filter(|line| line.contains("Scan") && line.contains(" using "));
        let strays: Vec<&String> = scans.clone().filter(|line| !line.contains(index)).collect();
        assert!(scans.count() >= 4 && strays.is_empty(), "{name}:\n{}", plan.join("\n"));
        assert!(!plan.iter().any(|line| line.trim_start().starts_with("->  Sort")), "{name}:\n{}", plan.join("\n"));
    }
}
