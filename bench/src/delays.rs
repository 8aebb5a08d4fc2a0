//! Delays: a look for what is due, and the end of a thousand, with few that wait and with many.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::{
    Plan, Store,
    drive::call,
    process::{Place, Server},
    ratios::{hold, hold_with},
    report::{Bound, Report, median, short},
};

/// Those that fall due at once.
const DUE: u64 = 1_000;
/// Looks, and times that [`DUE`] fall due.
const LOOKS: usize = 21;
const ENDS: u64 = 5;
const IDLE: Duration = Duration::from_secs(5);

const CYCLE: &str = "
cycle: rest
steps:
  placed: { webhook: , next: waits }
  waits: { delay: { for: \"${$.placed.body.delay ?? \\\"2h\\\"}\" }, next: after }
  after: { set: { late: true } }
";

/// What one count of waiting transactions costs, in milliseconds.
struct Took {
    look: f64,
    end: f64,
    /// Of one core, in percent, while nothing is due.
    idle: f64,
}

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let few = with(plan, store, 1_000).await?;
    for waiting in [100_000, plan.held] {
        let many = with(plan, store, waiting).await?;
        let what = short(waiting as f64);
        let mut line = |name: &str, many: f64, few: f64| {
            let detail = format!("{} against {} ms with 1,000, the clock's call", short(many), short(few));
            report.line(store.name, &format!("{what} delays: {name}"), Bound::AtMost(1.5), many / few, "×", detail);
        };
        line("a look for what is due", many.look, few.look);
        line("1,000 fall due and end", many.end, few.end);
        let name = format!("processor when idle, {what} delays");
        report.line(store.name, &name, Bound::AtMost(1.0), many.idle, " %", "of one core, over 5 s".into());
    }
    Ok(())
}

async fn with(plan: &Plan, store: Store<'_>, waiting: u64) -> Result<Took> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    place.put_cycle("rest", CYCLE)?;
    let node = place.node_with(&["--clock", "manual"])?;
    hold(&node, "/hooks/rest/placed", 0, waiting)?;
    let mut ends = Vec::new();
    for round in 0..ENDS {
        // The others wait for longer than this takes.
        let early = r#"{"key":"k-{i}","delay":"1m"}"#;
        hold_with(&node, "/hooks/rest/placed", early, round * DUE, DUE)?;
        ends.push(advance(&node, "1m").await?);
    }
    ensure!(place.count("rest").await? == waiting + ENDS * DUE, "some are not there");
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        looks.push(advance(&node, "1ms").await?);
    }
    let path = "/api/v1/transactions?cycle=rest&status=completed&limit=1000";
    let (status, ended) = call(&node.host, "GET", path, "").await?;
    let ended = ended.matches("\"completed\"").count() as u64;
    ensure!(status == 200 && ended >= DUE, "{ended} have ended");
    let before = node.cpu()?;
    std::thread::sleep(IDLE);
    let idle = (node.cpu()? - before).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    node.stop()?;
    place.remove(store.cluster).await?;
    Ok(Took { look: median(looks), end: median(ends), idle })
}

/// How long the clock's call takes, which returns when all that is due is done.
async fn advance(node: &Server, by: &str) -> Result<f64> {
    let began = Instant::now();
    let (status, told) = call(&node.host, "POST", "/api/v1/clock/advance", &format!(r#"{{"by":"{by}"}}"#)).await?;
    ensure!(status == 200, "the clock did not move: {told}");
    Ok(began.elapsed().as_secs_f64() * 1_000.0)
}
