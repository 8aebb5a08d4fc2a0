//! Other engines, doing the same in the same run: a start that is answered through a decision, and
//! for DBOS a resume by key. A peer that fails, or answers anything but what it should, fails its
//! lines; it is never counted as slow.

mod npm;
mod process;
mod start;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use sqlx::Connection as _;

use crate::{
    BODY, Plan, Store,
    drive::{Got, Load},
    process::{Place, drive},
    ratios::{hold, load, sound},
    report::{Bound, Report, median, short},
};
use npm::Package;
use start::Peer;

/// Times the peer's throughput that ours must be.
const PEERS: [(&str, &Package, Bound); 4] = [
    ("n8n", &start::N8N, Bound::AtLeast(100.0)),
    ("Restate", &start::RESTATE, Bound::AtLeast(15.0)),
    ("Node-RED", &start::NODE_RED, Bound::AtLeast(5.0)),
    ("DBOS", &start::DBOS, Bound::Told),
];
const RESUMES: Bound = Bound::AtLeast(10.0);
/// Held, and resumed, in a round.
const HELD: u64 = 10_000;
/// What a peer still does after its last answer is not taken from the next one's time.
const PAUSE: Duration = Duration::from_secs(1);
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

pub async fn measure(plan: &Plan, stores: &[Store<'_>], report: &mut Report) -> Result<()> {
    // Never unasked: they are installed, and they are not ours.
    let named = |name: &str| plan.only.iter().any(|only| only == name);
    let all = plan.peers || named("peers");
    let scratch = tempfile::tempdir_in(&plan.scratch)?;
    let directory = plan.peers_dir.as_deref().unwrap_or(scratch.path());
    for (name, package, bound) in PEERS.into_iter().filter(|(_, package, _)| all || named(package.name)) {
        if let Err(error) = against(plan, stores, directory, (name, package, bound), report).await {
            report.line(name, "not measured", Bound::AtLeast(1.0), f64::NAN, "", first_line(&error));
        }
    }
    Ok(())
}

/// What a table has room for; all of it goes to the terminal.
fn first_line(error: &anyhow::Error) -> String {
    let all = format!("{error:#}");
    crate::print(&all);
    all.replace(['\n', '|'], " ").chars().take(200).collect()
}

async fn against(
    plan: &Plan,
    stores: &[Store<'_>],
    directory: &Path,
    (name, package, bound): (&str, &Package, Bound),
    report: &mut Report,
) -> Result<()> {
    let home = tempfile::tempdir_in(&plan.scratch)?;
    match name {
        "DBOS" => {
            let Some(store) = stores.iter().find(|store| store.cluster.is_some()) else { return Ok(()) };
            let at = npm::install(package, directory).await?;
            let theirs = Place::new(&plan.scratch, store.cluster).await?;
            let url = theirs.url().context("a database of PostgreSQL")?;
            let peer = start::dbos(&at, home, url).await?;
            decide(plan, &[*store], (name, &peer, bound), report).await?;
            resume(plan, *store, (&peer, url), report).await?;
            drop(peer);
            theirs.remove(store.cluster).await
        }
        _ => {
            let at = npm::install(package, directory).await?;
            let peer = match name {
                "n8n" => start::n8n(&at, home).await?,
                "Restate" => start::restate(&at, home).await?,
                _ => start::node_red(&at, home).await?,
            };
            decide(plan, stores, (name, &peer, bound), report).await
        }
    }
}

fn rounds(plan: &Plan) -> (usize, f64) {
    if plan.quick { (3, 3.0) } else { (plan.rounds, plan.seconds) }
}

/// A start answered through a decision, on each of our databases.
async fn decide(
    plan: &Plan,
    stores: &[Store<'_>],
    (name, peer, bound): (&str, &Peer, Bound),
    report: &mut Report,
) -> Result<()> {
    let mut ours = Vec::new();
    for store in stores {
        let place = Place::new(&plan.scratch, store.cluster).await?;
        let node = place.node()?;
        ours.push((*store, place, node));
    }
    let (rounds, seconds) = rounds(plan);
    for connections in [64, 256] {
        let mut theirs = Vec::new();
        let mut each: Vec<Vec<f64>> = ours.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            let one = |host: &str, path: &str| {
                let hosts = vec![host.to_owned()];
                let base = load(&ours[0].2, path, BODY, connections, seconds);
                sound(drive(&Load { hosts, holds: Some("left".to_owned()), ..base })?)
            };
            let got = one(&peer.host, peer.path).with_context(|| format!("{name}, {connections} connections"))?;
            // Fewer answers than connections are no throughput.
            ensure!(got.ok > connections as u64, "{} answers in {seconds} s: raise --seconds", got.ok);
            theirs.push(got.rps);
            tokio::time::sleep(PAUSE).await;
            for ((.., node), each) in ours.iter().zip(&mut each) {
                each.push(one(&node.host, "/hooks/decide/asked")?.rps);
            }
        }
        for ((store, ..), each) in ours.iter().zip(each) {
            let (reached, detail) = ratio(&each, &theirs, (name, peer));
            let what = format!("start through a decision, {connections} connections: against {name}");
            report.line(store.name, &what, bound, reached, " times", detail);
        }
    }
    for (store, place, node) in ours {
        node.stop()?;
        place.remove(store.cluster).await?;
    }
    Ok(())
}

/// Of each round to the peer's: the median, and what it is made of.
fn ratio(ours: &[f64], theirs: &[f64], (name, peer): (&str, &Peer)) -> (f64, String) {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    let (least, most) = (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max));
    let (one, other) = (short(median(ours.to_vec())), short(median(theirs.to_vec())));
    let detail = format!("{one} against {other} req/s, {name} {}", peer.version);
    let detail = format!("{detail}, {} rounds of {} to {}", ratios.len(), short(least), short(most));
    (median(ratios), detail)
}

/// Held under a key, and resumed each by its own. DBOS acknowledges a message first and runs after: ours
/// has done both when it answers, so the bound is for what has run.
async fn resume(plan: &Plan, store: Store<'_>, (peer, url): (&Peer, &str), report: &mut Report) -> Result<()> {
    const RESUME: &str = r#"{"key":"k-{i}","status":"paid"}"#;
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let node = place.node()?;
    let held = if plan.quick { HELD / 10 } else { HELD };
    let (mut ours, mut acknowledged, mut run) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds(plan).0 as u64 {
        let first = round * held;
        let one = |host: &str, path: &str, body: &str| -> Result<Got> {
            let hosts = vec![host.to_owned()];
            let base = load(&node, path, body, 64, 0.0);
            sound(drive(&Load { hosts, count: Some(held), first, warm: 0.0, ..base })?)
        };
        one(&peer.host, "/hold", BODY)?;
        let rps = one(&peer.host, "/resume", RESUME)?.rps;
        let began = Instant::now();
        drained(url, first + held).await?;
        acknowledged.push(rps);
        run.push(held as f64 / (held as f64 / rps + began.elapsed().as_secs_f64()));
        tokio::time::sleep(PAUSE).await;
        hold(&node, "/hooks/hold/placed", first, held)?;
        ours.push(one(&node.host, "/hooks/hold/status", RESUME)?.rps);
    }
    for (end, theirs, bound) in [("run", run, RESUMES), ("acknowledged", acknowledged, Bound::Told)] {
        let (reached, detail) = ratio(&ours, &theirs, ("DBOS", peer));
        let what = format!("resume each of {} held: against DBOS, {end}", short(held as f64));
        report.line(store.name, &what, bound, reached, " times", detail);
    }
    node.stop()?;
    place.remove(store.cluster).await
}

/// All that DBOS has held so far has run to its end.
async fn drained(url: &str, all: u64) -> Result<()> {
    const DONE: &str = "SELECT count(*) FROM dbos.workflow_status WHERE name = 'hold' AND status = 'SUCCESS'";
    let mut database = sqlx::PgConnection::connect(url).await?;
    let began = Instant::now();
    loop {
        let done: i64 = sqlx::query_scalar(DONE).fetch_one(&mut database).await?;
        if done.unsigned_abs() == all {
            return Ok(());
        }
        ensure!(began.elapsed() < DRAINED_WITHIN, "of {all} that were resumed {done} have run");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
