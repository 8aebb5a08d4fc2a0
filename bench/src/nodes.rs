//! Several nodes on one PostgreSQL: what they do together, across, and for one another.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::{
    BODY, Plan, Store,
    drive::{Load, call},
    process::{Driver, Place, Server, drive},
    ratios::{load, sound},
    report::{Bound, Report, median, short},
};

/// Callers that are answered by way of another node.
const ASKED: usize = 300;

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let nodes: Vec<Server> = (0..4).map(|number| place.numbered(number)).collect::<Result<_>>()?;
    let mut accepted = 0;
    for (count, connections) in [(2, 64), (4, 64), (2, 256), (4, 256)] {
        let mut ratios = Vec::new();
        for _ in 0..plan.rounds {
            let mut one = |count: usize| -> Result<f64> {
                let hosts = nodes[..count].iter().map(|node| node.host.clone()).collect();
                let load = Load { hosts, ..load(&nodes[0], "/hooks/start/placed", BODY, connections, plan.seconds) };
                let got = sound(drive(&load)?)?;
                accepted += got.sent;
                Ok(got.rps)
            };
            let single = one(1)?;
            ratios.push(one(count)? / single);
        }
        let detail = format!("{} rounds", plan.rounds);
        report.line(
            store.name,
            &format!("{count} nodes against one: starts, {connections} connections"),
            Bound::AtLeast(0.9),
            median(ratios),
            "×",
            detail,
        );
    }
    let there = place.count("start").await?;
    ensure!(there == accepted, "{accepted} were accepted and {there} are there");
    across(store, &nodes, report).await?;
    stopped(&place, store, &nodes, report, there).await?;
    for node in nodes {
        node.stop()?;
    }
    place.remove(store.cluster).await
}

/// From the sending of the hit that resumes until the waiting caller has its answer.
async fn across(store: Store<'_>, nodes: &[Server], report: &mut Report) -> Result<()> {
    let mut p99 = Vec::new();
    for (name, other) in [("same", &nodes[0]), ("other", &nodes[1])] {
        let mut took = Vec::new();
        for number in 0..ASKED {
            let body = format!(r#"{{"key":"{name}-{number}"}}"#);
            let (host, asked) = (nodes[0].host.clone(), body.clone());
            let caller = tokio::spawn(async move {
                let answer = call(&host, "POST", "/hooks/ask/asked", &asked).await;
                (answer, Instant::now())
            });
            let began = loop {
                let began = Instant::now();
                let (status, told) = call(&other.host, "POST", "/hooks/ask/reply", &body).await?;
                match status {
                    200 => break began,
                    // The caller's own request is still on its way.
                    404 => tokio::time::sleep(Duration::from_millis(1)).await,
                    _ => anyhow::bail!("{status}: {told}"),
                }
            };
            let (answer, told) = caller.await?;
            let (status, text) = answer?;
            ensure!(status == 200 && text.contains(&format!("{name}-{number}")), "{status}: {text}");
            took.push((told - began).as_secs_f64() * 1000.0);
        }
        took.sort_unstable_by(f64::total_cmp);
        p99.push(*took.get(took.len() * 99 / 100).context("a time")?);
    }
    let detail = format!("p99 {} against {} ms on one node, {ASKED} callers", short(p99[1]), short(p99[0]));
    report.line(
        store.name,
        "an answer by way of another node: more",
        Bound::AtMost(20.0),
        p99[1] - p99[0],
        " ms",
        detail,
    );
    Ok(())
}

/// One is stopped for longer than a lock may be held idle, in the midst of load, and goes on; another
/// is killed. What the next one could do meanwhile.
async fn stopped(place: &Place, store: Store<'_>, nodes: &[Server], report: &mut Report, before: u64) -> Result<()> {
    let at = |node: &Server, seconds| load(node, "/hooks/start/placed", BODY, 16, seconds);
    let mut worst: Vec<(&str, f64)> = Vec::new();
    let mut sent = before;
    for (name, signal, node) in [("stopped", Signal::STOP, &nodes[2]), ("killed", Signal::KILL, &nodes[3])] {
        for _ in 0..3 {
            let other = Driver::start(&Load { warm: 0.0, ..at(&nodes[0], 8.0) })?;
            let victim = Driver::start(&Load { warm: 0.0, ..at(node, 1.5) })?;
            tokio::time::sleep(Duration::from_millis(700)).await;
            node.signal(signal)?;
            let got = sound(other.finish()?)?;
            worst.push((name, got.max / 1000.0));
            sent += got.sent;
            if signal == Signal::STOP {
                node.signal(Signal::CONT)?;
            }
            // What it was refused, or never told, may or may not be there; what it was told is.
            sent += victim.finish()?.ok;
            if signal == Signal::KILL {
                break;
            }
        }
    }
    let there = place.count("start").await?;
    ensure!(there >= sent, "{sent} were told that they are there, and {there} are");
    let twice = place.twice("placed").await?;
    ensure!(twice == 0, "{twice} hits ran twice");
    for name in ["stopped", "killed"] {
        let longest = worst.iter().filter(|(kind, _)| *kind == name).map(|(_, took)| *took).fold(0.0, f64::max);
        let detail = "the longest wait of the other node's callers; nothing run twice".into();
        report.line(store.name, &format!("a node {name} under load"), Bound::AtMost(5.0), longest, " s", detail);
    }
    Ok(())
}
