//! Throughput and latency as ratios to the least, round by round in turn.

use anyhow::{Result, ensure};

use crate::{
    BODY, Plan, Store,
    drive::{Got, Load},
    process::{Place, Server, drive},
    report::{Bound, Report, median, short},
};

struct Workload {
    /// As `--only` knows it.
    part: &'static str,
    name: &'static str,
    /// Ours and the baseline's.
    paths: (&'static str, &'static str),
    body: &'static str,
    /// Of the grouped baseline's throughput.
    bound: Bound,
    resumes: Option<Order>,
}

/// In which order the held are resumed.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// Of their start.
    Start,
    Random,
}

const WORKLOADS: [Workload; 4] = [
    Workload {
        part: "start",
        name: "start, answered at once",
        paths: ("/hooks/start/placed", "/"),
        body: BODY,
        bound: Bound::AtLeast(0.5),
        resumes: None,
    },
    Workload {
        part: "decide",
        name: "start, answered through a decision",
        paths: ("/hooks/decide/asked", "/"),
        body: BODY,
        bound: Bound::AtLeast(0.5),
        resumes: None,
    },
    Workload {
        part: "resume",
        name: "resume by key",
        paths: ("/hooks/hold/status", "/resume"),
        body: r#"{"key":"k-{i}","status":"paid"}"#,
        bound: Bound::AtLeast(0.8),
        resumes: Some(Order::Start),
    },
    Workload {
        part: "resume",
        name: "resume by key, in random order",
        paths: ("/hooks/hold/status", "/resume"),
        body: r#"{"key":"k-{p}","status":"paid"}"#,
        bound: Bound::Told,
        resumes: Some(Order::Random),
    },
];

/// The parts that are measured here.
pub const PARTS: [&str; 4] = ["ratios", "start", "decide", "resume"];

pub fn load(server: &Server, path: &str, body: &str, connections: usize, seconds: f64) -> Load {
    Load {
        hosts: vec![server.host.clone()],
        path: path.to_owned(),
        body: body.to_owned(),
        connections,
        first: 0,
        shuffle: 0,
        count: None,
        seconds,
        warm: (seconds / 6.0).min(1.0),
        rate: None,
        expect: 200,
        holds: None,
    }
}

/// Holds so many transactions, under the keys `k-0`…
pub fn hold(server: &Server, path: &str, first: u64, count: u64) -> Result<Got> {
    hold_with(server, path, BODY, first, count)
}

/// As [`hold`], with a body of one's own.
pub fn hold_with(server: &Server, path: &str, body: &str, first: u64, count: u64) -> Result<Got> {
    let load = Load { first, count: Some(count), warm: 0.0, ..load(server, path, body, 256, 0.0) };
    sound(drive(&load)?)
}

/// Nothing failed: what is measured is what was meant.
pub fn sound(got: Got) -> Result<Got> {
    ensure!(
        got.failed == 0 && got.refused == 0,
        "{} failed, {} were refused: {:?}",
        got.failed,
        got.refused,
        got.first_failure
    );
    Ok(got)
}

/// What a workload did in one round: ours, and the least.
struct Round {
    ours: Got,
    least: Got,
}

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let beside = Place::new(&plan.scratch, store.cluster).await?;
    let alone = Place::new(&plan.scratch, store.cluster).await?;
    let node = place.node()?;
    let grouped = beside.least("grouped")?;
    let naive = alone.least("naive")?;
    let (rounds, seconds) = if plan.quick { (3, 0.5) } else { (plan.rounds, plan.seconds) };
    let held = if plan.quick { 150_000 } else { plan.held };
    for workload in WORKLOADS.iter().filter(|workload| plan.has("ratios") || plan.has(workload.part)) {
        if plan.quick && workload.resumes == Some(Order::Random) {
            continue;
        }
        let mut first = (0, 0);
        if workload.resumes.is_some() {
            // Keys that were resumed come into being again, as newer holds.
            hold(&node, "/hooks/hold/placed", 0, held)?;
            hold(&grouped, "/hold", 0, held)?;
        }
        let shuffle = if workload.resumes == Some(Order::Random) { held } else { 0 };
        for connections in [64, 256] {
            let mut pairs = Vec::new();
            for _ in 0..rounds {
                let one = |server: &Server, path: &str, first: &mut u64| -> Result<Got> {
                    let load = load(server, path, workload.body, connections, seconds);
                    let got = drive(&Load { first: *first, shuffle, ..load })?;
                    *first = got.next;
                    let enough = workload.resumes.is_none() || got.next <= held;
                    ensure!(enough, "{held} held are not enough for so many resumes: raise --held");
                    sound(got)
                };
                let least = one(&grouped, workload.paths.1, &mut first.1)?;
                let ours = one(&node, workload.paths.0, &mut first.0)?;
                pairs.push(Round { ours, least });
            }
            ratio(report, store, workload, connections, &pairs);
        }
        if workload.resumes != Some(Order::Random) {
            single(report, store, workload, (&node, &naive), (rounds, seconds), first.0)?;
        }
    }
    let (_, peak) = node.memory()?;
    let what = format!("memory with 256 connections and {} held", short(held as f64));
    report.line(store.name, &what, Bound::AtMost(150.0), peak, " MiB", "highest of the whole run".into());
    for server in [node, grouped, naive] {
        server.stop()?;
    }
    for place in [place, beside, alone] {
        place.remove(store.cluster).await?;
    }
    Ok(())
}

fn ratio(report: &mut Report, store: Store<'_>, workload: &Workload, connections: usize, pairs: &[Round]) {
    let of = |value: fn(&Round) -> f64| median(pairs.iter().map(value).collect());
    let detail = format!(
        "{} against {} req/s, {} rounds",
        short(of(|round| round.ours.rps)),
        short(of(|round| round.least.rps)),
        pairs.len()
    );
    let what = format!("{}, {connections} connections", workload.name);
    let reached = of(|round| round.ours.rps / round.least.rps);
    report.line(store.name, &what, workload.bound, reached, "×", detail);
    if connections == 64 && !matches!(workload.bound, Bound::Told) {
        let detail = format!("{} against {} ms", short(of(|round| round.ours.p99)), short(of(|round| round.least.p99)));
        let reached = of(|round| round.ours.p99 / round.least.p99);
        report.line(store.name, &format!("{what}: p99"), Bound::AtMost(3.0), reached, "×", detail);
    }
}

/// One connection, against one naive durable insert.
fn single(
    report: &mut Report,
    store: Store<'_>,
    workload: &Workload,
    (node, naive): (&Server, &Server),
    (rounds, seconds): (usize, f64),
    mut first: u64,
) -> Result<()> {
    let mut pairs = Vec::new();
    for _ in 0..rounds {
        let least = sound(drive(&load(naive, "/", BODY, 1, seconds))?)?;
        let ours = load(node, workload.paths.0, workload.body, 1, seconds);
        let ours = sound(drive(&Load { first, ..ours })?)?;
        first = ours.next;
        pairs.push(Round { ours, least });
    }
    let of = |value: fn(&Round) -> f64| median(pairs.iter().map(value).collect());
    let detail = format!("p50 {} against {} ms", short(of(|round| round.ours.p50)), short(of(|round| round.least.p50)));
    let reached = of(|round| round.ours.p50 / round.least.p50);
    report.line(
        store.name,
        &format!("{}, 1 connection: latency", workload.name),
        Bound::AtMost(1.5),
        reached,
        "×",
        detail,
    );
    Ok(())
}
