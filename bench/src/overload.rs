//! Five times what it can do, in an open loop, and what is left of it afterwards.

use anyhow::{Result, ensure};

use crate::{
    BODY, Plan, Store,
    drive::Load,
    process::{Place, drive},
    ratios::{load, sound},
    report::{Bound, Report, short},
};

/// More than may wait for a commit, so that the queue is full.
const CONNECTIONS: usize = 8_000;

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let node = place.node()?;
    let closed = || sound(drive(&load(&node, "/hooks/start/placed", BODY, 256, plan.seconds))?);
    closed()?;
    let best = closed()?;
    let over = Load {
        rate: Some(best.rps * 5.0),
        warm: 1.0,
        ..load(&node, "/hooks/start/placed", BODY, CONNECTIONS, plan.seconds * 3.0)
    };
    let got = drive(&over)?;
    ensure!(got.failed == 0, "{} failed: {:?}", got.failed, got.first_failure);
    let after = sound(drive(&Load { warm: 2.0, ..load(&node, "/hooks/start/placed", BODY, 256, plan.seconds) })?)?;
    let detail =
        format!("{} against {} req/s, {} connections", short(got.rps), short(best.rps), short(CONNECTIONS as f64));
    report.line(store.name, "overload, 5 times: done", Bound::AtLeast(0.8), got.rps / best.rps, "×", detail);
    let detail =
        format!("{} with 429 or 503 and Retry-After, p99; {} did", short(got.refused as f64), short(got.ok as f64));
    report.line(store.name, "overload: a refusal takes", Bound::AtMost(1_000.0), got.refused_took_p99, " ms", detail);
    let detail = format!("{} MiB afterwards", short(node.memory()?.0));
    report.line(store.name, "overload: memory", Bound::AtMost(512.0), node.memory()?.1, " MiB", detail);
    let detail = format!("{} req/s from 2 s after it", short(after.rps));
    report.line(store.name, "overload: itself again", Bound::AtLeast(0.9), after.rps / best.rps, "×", detail);
    node.stop()?;
    place.remove(store.cluster).await
}
