//! The store fails under a running server: 503 with `Retry-After`, nothing acknowledged that is not
//! stored, and recovery by itself (contract, section 3; the load itself checks every answer).

use std::{process::Command, sync::atomic::Ordering, time::Duration};

use holdfast_tests::{Audit, Call, Cluster, Cut, Dice, Home, LOAD, Load, Mode, Node, Store, Wire, eventually_within};
use serde_json::json;
use sqlx::{Connection, PgConnection};

/// A node asks for ten seconds what became of a commit, and each refusal after that takes three.
const RECOVERY: Duration = Duration::from_secs(60);

/// A running node under load, and its load.
async fn under_load(home: &Home, name: &str) -> (Node, Load) {
    let mut dice = Dice::thrown(name);
    let node = home.start(Mode::Serve).await;
    node.deploy(LOAD).await;
    let load = Load::begin(&node, 4, &mut dice).await;
    load.accepts(50).await;
    (node, load)
}

async fn refuses(load: &Load, more: u64) {
    let wanted = load.target.refused.load(Ordering::Relaxed) + more;
    eventually_within(RECOVERY, "requests are refused", async || {
        (load.target.refused.load(Ordering::Relaxed) >= wanted).then_some(())
    })
    .await;
}

/// Recovered by itself, with the senders' logs as witness.
async fn recovers(node: &Node, load: Load) {
    load.accepts(50).await;
    node.get("/readyz").await.expect(200);
    let logs = load.end().await;
    assert!(Audit::of(node).await.check(&logs) >= 100);
}

/// No file of the process may grow past this any more: what a full disk looks like from inside.
fn limit_files(node: &Node, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let status = Command::new("prlimit").args(["--pid", &node.pid().to_string(), &limit]).status();
    assert!(status.expect("prlimit runs").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk() {
    let home = Home::new(Store::Sqlite, "").await;
    let (node, load) = under_load(&home, "full disk").await;
    for _ in 0..3 {
        limit_files(&node, "4096");
        refuses(&load, 20).await;
        limit_files(&node, "unlimited");
        load.accepts(20).await;
    }
    recovers(&node, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut() {
    let home = Home::new(Store::Postgres, "").await;
    let (node, load) = under_load(&home, "connections cut").await;
    let url = home.home.superuser().expect("a URL").to_owned();
    let mut admin = PgConnection::connect(&url).await.expect("a connection");
    for _ in 0..10 {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(cut).execute(&mut admin).await.expect("they are cut");
        load.accepts(10).await;
    }
    recovers(&node, load).await;
}

/// What was committed is acknowledged though the server could not say so, and what is refused is not
/// there: the store finds out which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_cut() {
    let database = Home::new(Store::Postgres, "").await;
    let wire = Wire::to(database.url().expect("a URL")).await;
    let home = Home::on_cluster(&wire.url, "").await;
    let (node, load) = under_load(&home, "commits cut").await;
    for round in 0..20 {
        wire.cut(if round % 2 == 0 { Cut::AfterCommit } else { Cut::BeforeCommit });
        eventually_within(RECOVERY, "a commit is cut", async || (wire.cuts() > round).then_some(())).await;
        load.accepts(10).await;
    }
    recovers(&node, load).await;

    let begin = node.hook("load", "begin").await;
    let identifier = begin.trim_start_matches("/hooks/");
    let newest = async || {
        let found = node.api(&format!("/hits?webhook={identifier}&limit=1")).await;
        found["data"][0]["id"].as_str().expect("a hit").to_owned()
    };
    let start = || Call::new("POST", &begin).json(json!({ "key": "cut" }));
    wire.cut(Cut::AfterCommit);
    let told = node.send(start()).await.expect("an answer");
    assert_eq!((told.status, told.hit()), (200, newest().await), "{}", told.text());
    let before = newest().await;
    wire.cut(Cut::BeforeCommit);
    let refused = node.send(start()).await.expect("an answer");
    assert_eq!((refused.status, newest().await), (503, before), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_restarted() {
    let cluster = Cluster::start();
    let home = Home::on_cluster(&cluster.url, "").await;
    let (node, load) = under_load(&home, "PostgreSQL restarted").await;
    for _ in 0..3 {
        tokio::task::block_in_place(|| cluster.restart());
        load.accepts(20).await;
    }
    recovers(&node, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_away() {
    let cluster = Cluster::start();
    let home = Home::on_cluster(&cluster.url, "").await;
    let (node, load) = under_load(&home, "PostgreSQL away").await;
    tokio::task::block_in_place(|| cluster.halt());
    refuses(&load, 20).await;
    let hit = node.send(Call::new("POST", "/hooks/none").json(json!({}))).await.expect("an answer");
    assert_eq!(hit.status, 404, "what needs no store is still known");
    node.get("/readyz").await.expect(503);
    node.get("/healthz").await.expect(200);
    tokio::task::block_in_place(|| cluster.restart());
    recovers(&node, load).await;
}
