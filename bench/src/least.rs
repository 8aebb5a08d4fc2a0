//! The least that a durable webhook engine must do, and nothing else: what the engine is measured
//! against in the same run. `POST /` parses, decides and stores one row before it replies;
//! `POST /hold` and `POST /resume` hold and resume by key.

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use axum::{
    Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, response::Response, routing::post,
};
use serde::Deserialize;
use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::sync::{mpsc, oneshot};

/// Rows of a commit, at most.
const BATCH_MAX: usize = 1024;
const QUEUE_MAX: usize = 8192;
/// Connections of the naive one on PostgreSQL.
const NAIVE_CONNECTIONS: u32 = 16;

const SQLITE: [&str; 3] = [
    "CREATE TABLE tx (id INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX tx_key ON tx (key, id) WHERE state = 'held'",
    "CREATE TABLE ev (id INTEGER PRIMARY KEY, tx INTEGER NOT NULL, body TEXT NOT NULL)",
];
const POSTGRES: [&str; 3] = [
    "CREATE TABLE tx (id BIGSERIAL PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX tx_key ON tx (key, id) WHERE state = 'held'",
    "CREATE TABLE ev (id BIGSERIAL PRIMARY KEY, tx BIGINT NOT NULL, body TEXT NOT NULL)",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is stored.
    Echo,
    /// A commit a request.
    Naive,
    /// What waits is committed together.
    Grouped,
}

impl FromStr for Mode {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        Ok(match word {
            "echo" => Self::Echo,
            "naive" => Self::Naive,
            "grouped" => Self::Grouped,
            _ => bail!("echo, naive or grouped, not {word}"),
        })
    }
}

#[derive(Deserialize)]
struct Request {
    key: String,
    #[serde(default)]
    kind: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Insert,
    Hold,
    Resume,
}

struct Job {
    verb: Verb,
    key: String,
    body: String,
    done: oneshot::Sender<bool>,
}

enum Store {
    None,
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Grouped(mpsc::Sender<Job>),
}

/// Serves on a free port of loopback, which it prints, until it is killed. `database` is a URL of
/// PostgreSQL or else a file for SQLite.
pub async fn serve(mode: Mode, database: &str) -> Result<()> {
    let (jobs, queue) = mpsc::channel(QUEUE_MAX);
    let postgres = database.starts_with("postgres");
    let store = match (mode, postgres) {
        (Mode::Echo, _) => Store::None,
        (Mode::Naive, false) => Store::Sqlite(open_sqlite(database).await?),
        (Mode::Naive, true) => Store::Postgres(open_postgres(database, NAIVE_CONNECTIONS).await?),
        (Mode::Grouped, false) => {
            tokio::spawn(write_sqlite(open_sqlite(database).await?, queue));
            Store::Grouped(jobs)
        }
        (Mode::Grouped, true) => {
            tokio::spawn(write_postgres(open_postgres(database, 1).await?, queue));
            Store::Grouped(jobs)
        }
    };
    let route =
        |verb| post(move |State(store): State<Arc<Store>>, body: Bytes| async move { take(&store, verb, &body).await });
    let app = Router::new()
        .route("/", route(Verb::Insert))
        .route("/hold", route(Verb::Hold))
        .route("/resume", route(Verb::Resume))
        .with_state(Arc::new(store));
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
    // As many may wait to be accepted as with the engine.
    let listener = socket.listen(1_024)?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn open_sqlite(file: &str) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(10))
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "FULL")
        .pragma("cache_size", "-65536");
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    for statement in SQLITE {
        sqlx::query(statement).execute(&pool).await?;
    }
    Ok(pool)
}

async fn open_postgres(url: &str, connections: u32) -> Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(connections).min_connections(connections).connect(url).await?;
    for statement in POSTGRES {
        sqlx::query(statement).execute(&pool).await?;
    }
    Ok(pool)
}

async fn take(store: &Store, verb: Verb, body: &Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Request>(body) else { return StatusCode::BAD_REQUEST.into_response() };
    let branch = if request.kind == "a" { "left" } else { "right" };
    let reply = serde_json::json!({ "ok": true, "key": request.key, "branch": branch }).to_string();
    let body = String::from_utf8_lossy(body).into_owned();
    let done = match store {
        Store::None => true,
        Store::Sqlite(pool) => {
            let query = sqlx::query("INSERT INTO tx (key, state, body) VALUES (?, 'done', ?)");
            query.bind(request.key).bind(body).execute(pool).await.is_ok()
        }
        Store::Postgres(pool) => {
            let query = sqlx::query("INSERT INTO tx (key, state, body) VALUES ($1, 'done', $2)");
            query.bind(request.key).bind(body).execute(pool).await.is_ok()
        }
        Store::Grouped(jobs) => {
            let (done, told) = oneshot::channel();
            jobs.send(Job { verb, key: request.key, body, done }).await.is_ok() && told.await.unwrap_or(false)
        }
    };
    if done {
        ([("content-type", "application/json")], reply).into_response()
    } else {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

const STATES: [(Verb, &str); 2] = [(Verb::Insert, "done"), (Verb::Hold, "held")];

async fn write_sqlite(pool: SqlitePool, mut queue: mpsc::Receiver<Job>) -> Result<()> {
    let mut jobs = Vec::new();
    while queue.recv_many(&mut jobs, BATCH_MAX).await > 0 {
        let jobs = std::mem::take(&mut jobs);
        let mut found = vec![true; jobs.len()];
        let mut work = pool.begin().await?;
        for (verb, state) in STATES {
            let rows: Vec<_> = jobs.iter().filter(|job| job.verb == verb).map(|job| (&job.key, &job.body)).collect();
            if !rows.is_empty() {
                let insert = "INSERT INTO tx (key, state, body) SELECT value->>0, ?, value->>1 FROM json_each(?)";
                sqlx::query(insert).bind(state).bind(serde_json::to_string(&rows)?).execute(&mut *work).await?;
            }
        }
        for (job, found) in jobs.iter().zip(&mut found).filter(|(job, _)| job.verb == Verb::Resume) {
            let update = "UPDATE tx SET state = 'done' WHERE id = (SELECT id FROM tx WHERE key = ? AND state = 'held' \
                ORDER BY id DESC LIMIT 1) RETURNING id";
            let id: Option<(i64,)> = sqlx::query_as(update).bind(&job.key).fetch_optional(&mut *work).await?;
            *found = id.is_some();
            if let Some((id,)) = id {
                let insert = sqlx::query("INSERT INTO ev (tx, body) VALUES (?, ?)");
                insert.bind(id).bind(&job.body).execute(&mut *work).await?;
            }
        }
        let committed = work.commit().await.is_ok();
        tell(jobs, &found, committed);
    }
    Ok(())
}

async fn write_postgres(pool: PgPool, mut queue: mpsc::Receiver<Job>) -> Result<()> {
    let mut jobs = Vec::new();
    while queue.recv_many(&mut jobs, BATCH_MAX).await > 0 {
        let jobs = std::mem::take(&mut jobs);
        let mut found = vec![true; jobs.len()];
        let mut work = pool.begin().await?;
        for (verb, state) in STATES {
            let of: Vec<&Job> = jobs.iter().filter(|job| job.verb == verb).collect();
            if !of.is_empty() {
                let insert =
                    "INSERT INTO tx (key, state, body) SELECT k, $1, b FROM unnest($2::text[], $3::text[]) u (k, b)";
                let query = sqlx::query(insert).bind(state);
                let query = query.bind(of.iter().map(|job| job.key.as_str()).collect::<Vec<_>>());
                query.bind(of.iter().map(|job| job.body.as_str()).collect::<Vec<_>>()).execute(&mut *work).await?;
            }
        }
        let of: Vec<(i64, &Job)> = (0..).zip(&jobs).filter(|(_, job)| job.verb == Verb::Resume).collect();
        if !of.is_empty() {
            let resume = "WITH u AS (SELECT n, k, b FROM unnest($1::int8[], $2::text[], $3::text[]) x (n, k, b)), \
                m AS (SELECT u.n, u.b, h.id FROM u CROSS JOIN LATERAL (SELECT id FROM tx WHERE key = u.k \
                AND state = 'held' ORDER BY id DESC LIMIT 1) h), \
                up AS (UPDATE tx SET state = 'done' FROM m WHERE tx.id = m.id RETURNING tx.id), \
                e AS (INSERT INTO ev (tx, body) SELECT id, b FROM m) SELECT n FROM m";
            let query = sqlx::query_as(resume).bind(of.iter().map(|(at, _)| *at).collect::<Vec<_>>());
            let query = query.bind(of.iter().map(|(_, job)| job.key.as_str()).collect::<Vec<_>>());
            let query = query.bind(of.iter().map(|(_, job)| job.body.as_str()).collect::<Vec<_>>());
            let hit: Vec<(i64,)> = query.fetch_all(&mut *work).await?;
            for (at, _) in of {
                found[at as usize] = false;
            }
            for (at,) in hit {
                found[at as usize] = true;
            }
        }
        let committed = work.commit().await.is_ok();
        tell(jobs, &found, committed);
    }
    Ok(())
}

fn tell(jobs: Vec<Job>, found: &[bool], committed: bool) {
    for (job, found) in jobs.into_iter().zip(found) {
        let _ = job.done.send(committed && *found);
    }
}
