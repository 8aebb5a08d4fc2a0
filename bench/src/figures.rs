//! What a request costs beside time: allocations, statements, bytes written. They hardly move from
//! run to run or from machine to machine, so a change is seen in them that a ratio hides.

use anyhow::{Context as _, Result, ensure};
use sqlx::Connection as _;

use crate::{
    BODY, Plan, Store,
    drive::{Load, call},
    process::{Place, QUIET, Server, beside, drive, engine},
    ratios::{load, sound},
    report::{Bound, Report, short},
};

const CONNECTIONS: usize = 64;
/// Requests before, which open what is opened once, and requests that count.
const WARM: u64 = 2_000;
const COUNTED: u64 = 20_000;
/// The engine's metrics are as old as this, at most.
const TOLD_WITHIN: std::time::Duration = std::time::Duration::from_millis(100);

/// Name, path, body, and the statements of its commit at most; a resume takes what the hold before it
/// has left. Half a statement more is the timers' own, which look for what is due meanwhile.
const WORKLOADS: [(&str, &str, &str, f64); 4] = [
    ("start", "/hooks/start/placed", BODY, 3.5),
    ("decide", "/hooks/decide/asked", BODY, 4.5),
    ("hold", "/hooks/hold/placed", BODY, 4.5),
    ("resume", "/hooks/hold/status", r#"{"key":"k-{i}","status":"paid"}"#, 5.5),
];

#[derive(Clone, Copy, Debug, Default)]
struct Costs {
    works: f64,
    commits: f64,
    allocations: f64,
    allocated: f64,
    written: f64,
    statements: f64,
}

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let counted = beside("examples/counted")?;
    ensure!(counted.is_file(), "{} is not there: build it first, as tests/bench does", counted.display());
    let place = Place::new(&plan.scratch, store.cluster).await?;
    // Each in a run of its own: a statement that is logged allocates.
    let quiet = place.node_of(&counted, QUIET)?;
    let allocated = costs(&place, &quiet, 0).await?;
    quiet.stop()?;
    let logging = place.node_of(&engine()?, &format!("{QUIET},sqlx::query=debug"))?;
    let told = costs(&place, &logging, 1).await?;
    logging.stop()?;
    for (((name, .., statements), allocated), told) in WORKLOADS.iter().zip(allocated).zip(told) {
        let requests = COUNTED as f64;
        let detail = format!("{} B in all", short(allocated.allocated / requests));
        let each = allocated.allocations / requests;
        report.line(store.name, &format!("{name}: allocations a request"), Bound::Told, each, "", detail);
        let detail = if store.cluster.is_some() { "of its log" } else { "to its log and at checkpoints" };
        let each = allocated.written / requests;
        report.line(store.name, &format!("{name}: written a request"), Bound::Told, each, " B", detail.into());
        let detail = format!("{} requests a commit, {CONNECTIONS} connections", short(told.works / told.commits));
        let each = told.statements / told.commits;
        report.line(store.name, &format!("{name}: statements a commit"), Bound::AtMost(*statements), each, "", detail);
    }
    place.remove(store.cluster).await
}

async fn costs(place: &Place, node: &Server, pass: u64) -> Result<Vec<Costs>> {
    let mut all = Vec::new();
    for (name, path, body, _) in WORKLOADS {
        let base = load(node, path, body, CONNECTIONS, 0.0);
        let first = pass * (WARM + COUNTED);
        sound(drive(&Load { first, count: Some(WARM), warm: 0.0, ..base.clone() })?)?;
        let before = read(place, node).await?;
        let done = drive(&Load { first: first + WARM, count: Some(COUNTED), warm: 0.0, ..base })?;
        sound(done).context(name)?;
        let after = read(place, node).await?;
        all.push(Costs {
            works: after.works - before.works,
            commits: after.commits - before.commits,
            allocations: after.allocations - before.allocations,
            allocated: after.allocated - before.allocated,
            written: after.written - before.written,
            statements: after.statements - before.statements,
        });
    }
    Ok(all)
}

/// All since the node's start.
async fn read(place: &Place, node: &Server) -> Result<Costs> {
    tokio::time::sleep(TOLD_WITHIN).await;
    let (status, text) = call(&node.host, "GET", "/metrics", "").await?;
    ensure!(status == 200, "no metrics: {status} {text}");
    let metric = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    };
    let written = match place.url() {
        Some(url) => {
            let mut database = sqlx::PgConnection::connect(url).await?;
            let log = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8";
            sqlx::query_scalar(log).fetch_one(&mut database).await?
        }
        None => node.written()? as f64,
    };
    Ok(Costs {
        works: metric("holdfast_commit_batch_size_sum"),
        commits: metric("holdfast_commits_total"),
        allocations: metric("counted_allocations"),
        allocated: metric("counted_bytes"),
        written,
        statements: node.logged(" db.statement=")? as f64,
    })
}
