//! What must not grow with what is held: start, memory, bytes, timers, retention, the look-up.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    BODY, Plan, Store,
    drive::{Got, Load, call},
    process::{Place, Server, drive, engine},
    ratios::{hold, load, sound},
    report::{Bound, Report, median, short},
};

const MIB: f64 = 1024.0 * 1024.0;
/// A body of 300 bytes.
const BODY_300: &str = r#"{"key":"k-{i}","customer":{"name":"Ada Lovelace","email":"ada@example.org","street":"12 St James's Square","city":"London","country":"GB"},"lines":[{"sku":"A-1","qty":2,"price":1250},{"sku":"B-7","qty":1,"price":480},{"sku":"C-3","qty":12,"price":95}],"note":"Please ring twice; leave it with no. 14."}"#;
/// Transactions whose retention ends, and how long the load beside runs: a sweep comes every 30 s.
const RETIRED: u64 = 100_000;
const SWEPT_WITHIN: f64 = 35.0;
/// Requests a second beside a sweep: an hour's 100,000 are 28.
const BESIDE: f64 = 1_000.0;

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let bytes = fs::metadata(engine()?)?.len() as f64 / 1e6;
    report.line(store.name, "binary", Bound::AtMost(40.0), bytes, " MB", "stripped".into());
    start(&place, store, report)?;
    size(&place, store, report).await?;
    held(plan, &place, store, report).await?;
    place.remove(store.cluster).await?;
    timers(plan, store, report).await?;
    retention(plan, store, report).await
}

/// On a database that is there: from the start of the process until it listens.
fn start(place: &Place, store: Store<'_>, report: &mut Report) -> Result<()> {
    place.node()?.stop()?;
    let mut took = Vec::new();
    for _ in 0..9 {
        let node = place.node()?;
        took.push(node.ready.as_secs_f64() * 1000.0);
        node.stop()?;
    }
    report.line(store.name, "start", Bound::AtMost(100.0), median(took), " ms", "median of 9, until it listens".into());
    let node = place.node()?;
    std::thread::sleep(Duration::from_secs(2));
    report.line(
        store.name,
        "memory, idle",
        Bound::AtMost(30.0),
        node.memory()?.0,
        " MiB",
        "2 s after its start".into(),
    );
    node.stop()
}

/// Bytes of a held transaction with a body of 300 bytes, all tables and indexes.
async fn size(place: &Place, store: Store<'_>, report: &mut Report) -> Result<()> {
    const HELD: u64 = 100_000;
    let before = place.bytes().await?;
    let node = place.node()?;
    let written = node.written()?;
    let load = Load { count: Some(HELD), warm: 0.0, ..load(&node, "/hooks/hold/placed", BODY_300, 256, 0.0) };
    sound(drive(&load)?)?;
    let written = node.written()?.saturating_sub(written);
    node.stop()?;
    let grown = place.bytes().await?.saturating_sub(before) as f64 / HELD as f64;
    let detail = format!("{} held, a body of {} bytes", short(HELD as f64), BODY_300.len() + 2);
    report.line(store.name, "disk for a held transaction", Bound::AtMost(1536.0), grown, " B", detail);
    if store.cluster.is_none() {
        let each = written as f64 / HELD as f64;
        report.line(
            store.name,
            "written for a start that is held",
            Bound::Told,
            each,
            " B",
            "the log and the checkpoints".into(),
        );
    }
    Ok(())
}

/// With many held: ready again after a stop, and how much memory that takes.
async fn held(plan: &Plan, place: &Place, store: Store<'_>, report: &mut Report) -> Result<()> {
    let node = place.node()?;
    hold(&node, "/hooks/hold/placed", 1_000_000_000, plan.held)?;
    node.stop()?;
    let node = place.node()?;
    let many = short(plan.held as f64);
    report.line(
        store.name,
        &format!("ready again with {many} held"),
        Bound::AtMost(1.0),
        node.ready.as_secs_f64(),
        " s",
        String::new(),
    );
    let body = r#"{"key":"k-{i}"}"#;
    let resume = Load { first: 1_000_000_000, ..load(&node, "/hooks/hold/status", body, 256, plan.seconds) };
    sound(drive(&resume)?)?;
    let (now, peak) = node.memory()?;
    let detail = format!("{} MiB once it is over", short(now));
    report.line(
        store.name,
        &format!("memory, 256 connections, {many} held"),
        Bound::AtMost(150.0),
        peak,
        " MiB",
        detail,
    );
    let before = node.cpu()?;
    std::thread::sleep(Duration::from_secs(5));
    let idle = (node.cpu()? - before).as_secs_f64() / 5.0 * 100.0;
    report.line(
        store.name,
        &format!("processor when idle, {many} held"),
        Bound::AtMost(1.0),
        idle,
        " %",
        "of one core, over 5 s".into(),
    );
    node.stop()
}

/// Many timers that are not due, and ten thousand that are due at once.
async fn timers(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    const DUE: u64 = 10_000;
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let node = place.node_with(&["--clock", "manual"])?;
    let beside = Place::new(&plan.scratch, store.cluster).await?;
    let without = beside.node_with(&["--clock", "manual"])?;
    hold(&node, "/hooks/expire/placed", 0, DUE)?;
    advance(&node, "1h").await?;
    hold(&node, "/hooks/expire/placed", DUE, plan.held)?;
    let mut ratios = Vec::new();
    for _ in 0..plan.rounds {
        let one = |server: &Server| sound(drive(&load(server, "/hooks/start/placed", BODY, 64, plan.seconds))?);
        ratios.push(one(&node)?.rps / one(&without)?.rps);
    }
    let many = short(plan.held as f64);
    let detail = format!("starts a second, against none pending; {} rounds", plan.rounds);
    report.line(
        store.name,
        &format!("starts with {many} timers pending"),
        Bound::AtLeast(0.9),
        median(ratios),
        "×",
        detail,
    );
    let before = node.cpu()?;
    std::thread::sleep(Duration::from_secs(5));
    let idle = (node.cpu()? - before).as_secs_f64() / 5.0 * 100.0;
    report.line(
        store.name,
        &format!("processor when idle, {many} timers"),
        Bound::AtMost(1.0),
        idle,
        " %",
        "of one core, over 5 s".into(),
    );
    let began = Instant::now();
    advance(&node, "1h").await?;
    let took = began.elapsed().as_secs_f64();
    let (status, held) =
        call(&node.host, "GET", "/api/v1/transactions?cycle=expire&status=completed&limit=1", "").await?;
    ensure!(status == 200 && held.contains("\"id\""), "nothing was done: {held}");
    let detail = "each a run that ends in a step; the clock's call returns when all are done".into();
    report.line(store.name, "10,000 timers due at once, done", Bound::AtMost(2.0), took, " s", detail);
    node.stop()?;
    without.stop()?;
    place.remove(store.cluster).await?;
    beside.remove(store.cluster).await
}

async fn advance(node: &Server, by: &str) -> Result<()> {
    let (status, told) = call(&node.host, "POST", "/api/v1/clock/advance", &format!(r#"{{"by":"{by}"}}"#)).await?;
    ensure!(status == 200, "the clock did not move: {told}");
    Ok(())
}

/// A hundred thousand transactions leave while others come.
async fn retention(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let node = place.node_with(&["--clock", "manual"])?;
    let beside = |node: &Server| {
        let seconds = SWEPT_WITHIN;
        let load = Load { rate: Some(BESIDE), warm: 1.0, ..load(node, "/hooks/start/placed", BODY, 64, seconds) };
        sound(drive(&load)?)
    };
    hold(&node, "/hooks/hold/placed", 0, RETIRED)?;
    // Twice, and the better counts against us: the disk has its moods.
    let (first, second) = (beside(&node)?, beside(&node)?);
    let without = first.p99.min(second.p99);
    // Beyond the retention of all that its partition can hold.
    advance(&node, "40d").await?;
    let with = beside(&node)?;
    let left = place.count("hold").await?;
    ensure!(left == 0, "{left} are still there");
    let detail = format!(
        "p99 {} against {} ms, at {} starts a second; {} left within {} s",
        short(with.p99),
        short(without),
        short(BESIDE),
        short(RETIRED as f64),
        short(SWEPT_WITHIN)
    );
    report.line(store.name, "retention beside starts: p99", Bound::AtMost(1.5), with.p99 / without, "×", detail);
    node.stop()?;
    place.remove(store.cluster).await
}

/// Requests of each kind in a round.
const EACH: u64 = 8_000;
/// The number of the first key that two transactions are held under, and of the first that none is.
const TWICE: u64 = 2_000_000_000;
const NONE: u64 = 3_000_000_000;

/// Hit, miss and ambiguous, with few held and with many.
pub async fn flat(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    const FEW: u64 = 10_000;
    let kinds = [("hit", 0, 200), ("miss", NONE, 404), ("ambiguous", TWICE, 200)];
    let (far, many) = fill(plan, store, plan.many, plan.rounds as u64).await?;
    let mut pairs: Vec<Vec<(Got, Got)>> = kinds.iter().map(|_| Vec::new()).collect();
    for round in 0..plan.rounds as u64 {
        // Anew each time: what was resumed once is another case.
        let (near, few) = fill(plan, store, FEW, 1).await?;
        for ((_, first, expect), pairs) in kinds.iter().zip(&mut pairs) {
            let small = ask(&few, *first, *expect, FEW, 0)?;
            pairs.push((small, ask(&many, *first, *expect, plan.many, round)?));
        }
        few.stop()?;
        near.remove(store.cluster).await?;
    }
    let (large, small) = (short(plan.many as f64), short(FEW as f64));
    for ((kind, ..), pairs) in kinds.iter().zip(&pairs) {
        let of = |value: fn(&(Got, Got)) -> f64| median(pairs.iter().map(value).collect());
        let detail = format!("{} against {} req/s", short(of(|(_, many)| many.rps)), short(of(|(few, _)| few.rps)));
        let ratio = of(|(few, many)| few.rps / many.rps);
        let what = format!("{kind}, {large} against {small} held: time");
        report.line(store.name, &what, Bound::AtMost(1.3), ratio, "×", detail);
        let detail = format!("{} against {} ms", short(of(|(_, many)| many.p50)), short(of(|(few, _)| few.p50)));
        let ratio = of(|(few, many)| many.p50 / few.p50);
        let what = format!("{kind}, {large} against {small} held: p50");
        report.line(store.name, &what, Bound::AtMost(1.3), ratio, "×", detail);
    }
    let bytes = far.bytes().await? as f64 / MIB;
    report.line(store.name, &format!("database with {large} held"), Bound::Told, bytes, " MiB", String::new());
    many.stop()?;
    far.remove(store.cluster).await
}

/// So many held, and for each round's requests as many keys again that two are held under.
async fn fill(plan: &Plan, store: Store<'_>, held: u64, rounds: u64) -> Result<(Place, Server)> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let node = place.node()?;
    hold(&node, "/hooks/hold/placed", 0, held)?;
    for _ in 0..2 {
        hold(&node, "/hooks/hold/placed", TWICE, EACH * rounds)?;
    }
    Ok((place, node))
}

/// A round's requests with the keys from `first` on; of those that are held, spread over all.
fn ask(node: &Server, first: u64, expect: u16, held: u64, round: u64) -> Result<Got> {
    let (shuffle, body) = if first == 0 { (held, r#"{"key":"k-{p}"}"#) } else { (0, r#"{"key":"k-{i}"}"#) };
    let base = load(node, "/hooks/hold/status", body, 64, 0.0);
    sound(drive(&Load { count: Some(EACH), warm: 0.0, first: first + round * EACH, shuffle, expect, ..base })?)
}
