//! The store fails under a running server: 503 with `Retry-After`, nothing acknowledged that is not
//! stored, and recovery by itself (contract, section 3; the load itself checks every answer).

use std::{process::Command, sync::atomic::Ordering, time::Duration};

use holdfast_tests::{Audit, Cluster, Dice, Home, LOAD, Load, Mode, Node, Store, eventually_within};
use serde_json::json;
use sqlx::{Connection, PgConnection};

const RECOVERY: Duration = Duration::from_secs(30);

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
    let url = home.url().expect("a URL").to_owned();
    let mut admin = PgConnection::connect(&url).await.expect("a connection");
    for _ in 0..10 {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(cut).execute(&mut admin).await.expect("they are cut");
        load.accepts(10).await;
    }
    recovers(&node, load).await;
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
    let hit = node.send(holdfast_tests::Call::new("POST", "/hooks/none").json(json!({}))).await.expect("an answer");
    assert_eq!(hit.status, 404, "what needs no store is still known");
    node.get("/readyz").await.expect(503);
    node.get("/healthz").await.expect(200);
    tokio::task::block_in_place(|| cluster.restart());
    recovers(&node, load).await;
}
