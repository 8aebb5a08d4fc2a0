//! PostgreSQL for the tests: one database each, copied from a template that was migrated once, in
//! the cluster that `tests/run` starts; or a whole cluster, for the test that breaks it.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use holdfast_engine::{Database, Engine, Limits, MasterKeys, Options};
use sqlx::{Connection, PgConnection};

use crate::cycles::root;

/// Owns each test's database and is nothing more: row-level security holds for it, as in production.
const LOGIN: &str = "holdfast_plain";
const TEMPLATE: &str = "holdfast_template";
/// Any number that nobody else locks in the test cluster.
const TEMPLATE_LOCK: i64 = 0x686f_6c64;

fn admin_url() -> String {
    std::env::var("HOLDFAST_TEST_POSTGRES").expect(
        "HOLDFAST_TEST_POSTGRES is not set: run the tests with ./tests/run, which starts a PostgreSQL of its own",
    )
}

/// The same server, another database, as the tests' plain login.
fn plain_url_of(database: &str) -> String {
    let url = url_of(database);
    let (_, at) = url.rsplit_once('@').expect("HOLDFAST_TEST_POSTGRES names a user");
    format!("postgres://{LOGIN}@{at}")
}

/// The same server, another database.
fn url_of(database: &str) -> String {
    let admin = admin_url();
    let (server, _) = admin.rsplit_once('/').expect("HOLDFAST_TEST_POSTGRES ends in /DATABASE");
    format!("{server}/{database}")
}

async fn execute(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    // The names in it are this file's own.
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

/// A database of one test.
pub struct Private {
    name: String,
    pub url: String,
    /// A superuser's, who sees every account's rows.
    pub superuser: String,
}

impl Private {
    pub async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("holdfast_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&admin_url()).await.expect("the tests' PostgreSQL answers");
        make_template(&mut admin).await;
        execute(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {LOGIN}"))
            .await
            .expect("a copy of the template");
        let (url, superuser) = (plain_url_of(&name), url_of(&name));
        Self { name, url, superuser }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own: this may run inside a runtime, which must not be blocked on itself.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&admin_url()).await.ok()?;
                execute(&mut admin, sql).await.ok()
            })
        });
        // What is left behind goes with the cluster.
        let _ = dropped.join();
    }
}

/// Migrates a template once for all tests, whichever comes first: the others wait at the lock.
async fn make_template(admin: &mut PgConnection) {
    let lock = "SELECT pg_advisory_lock($1)";
    sqlx::query(lock).bind(TEMPLATE_LOCK).execute(&mut *admin).await.expect("the template's lock");
    let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(TEMPLATE)
        .fetch_one(&mut *admin)
        .await
        .expect("pg_database is readable");
    if !there {
        let draft = format!("{TEMPLATE}_draft");
        execute(admin, format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await.expect("no half-made template");
        let role = format!("DO $$ BEGIN CREATE ROLE {LOGIN} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
        execute(admin, role).await.expect("a login");
        execute(admin, format!("CREATE DATABASE {draft} OWNER {LOGIN}")).await.expect("an empty template");
        let options = Options {
            database: Database::Postgres { url: plain_url_of(&draft) },
            manual_clock: false,
            node: "template".to_owned(),
            limits: Limits::default(),
            master_keys: MasterKeys::none(),
            egress: holdfast_engine::egress::Network::loopback().to_vec().into(),
            environment: std::collections::BTreeMap::new(),
            script_worker: None,
        };
        let engine = Engine::open(options).await.expect("the migrations run on an empty database");
        engine.close().await;
        // Nobody may be connected to what is renamed or copied.
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
            .bind(&draft)
            .execute(&mut *admin)
            .await
            .expect("the template is let go");
        execute(admin, format!("ALTER DATABASE {draft} RENAME TO {TEMPLATE}")).await.expect("the template is named");
    }
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(admin).await.expect("the lock is let go");
}

/// A cluster that a test may restart. Stopped and removed when dropped.
pub struct Cluster {
    directory: PathBuf,
    pub url: String,
}

impl Cluster {
    pub fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("holdfast-cluster-{}-{number}", std::process::id()));
        let output = script("start", &directory);
        Self { directory, url: output.trim().to_owned() }
    }

    /// Stopped at once, until it is restarted.
    pub fn halt(&self) {
        script("halt", &self.directory);
    }

    /// As after a power cut: stopped at once, then started again.
    pub fn restart(&self) {
        script("restart", &self.directory);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new(root().join("tests/cluster")).arg("stop").arg(&self.directory).status();
    }
}

fn script(verb: &str, directory: &std::path::Path) -> String {
    let output =
        Command::new(root().join("tests/cluster")).arg(verb).arg(directory).output().expect("tests/cluster runs");
    assert!(output.status.success(), "tests/cluster {verb}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a URL")
}
