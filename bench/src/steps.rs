//! What a step that touches the world costs: the same cycle without it and with it, in turn.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    BODY, Plan, Store,
    drive::{Got, Load, call},
    process::{Place, Server, drive},
    ratios::{load, sound},
    report::{Bound, Report, median, short},
};

/// Name, its article, and the step between; `next` follows.
const STEPS: [(&str, &str, &str); 2] = [
    (
        "script",
        "a small script step",
        "script: \"function step(document) { return { n: document.asked.body.lines.length } }\"",
    ),
    ("http", "an http step", "http: { method: POST, url: \"http://PARTNER/\", body: \"${$.made}\" }"),
];

/// webhook → set → respond, and between the last two the step, if any.
fn cycle(name: &str, step: Option<&str>) -> String {
    let mut text = format!("cycle: {name}\nsteps:\n  asked: {{ webhook: , next: made }}\n");
    let next = if step.is_some() { "works" } else { "told" };
    let _ = writeln!(text, "  made:\n    set: {{ key: \"${{$.asked.body.key}}\", kind: a }}\n    next: {next}");
    if let Some(step) = step {
        let _ = writeln!(text, "  works:\n    {step}\n    next: told");
    }
    text.push_str("  told: { respond: { body: { ok: true, key: \"${$.made.key}\" } } }\n");
    text
}

/// One round: without a step, and with each.
struct Round {
    without: Got,
    /// And the step itself, in milliseconds: no commit, no wait for one.
    with: Vec<(Got, f64)>,
}

/// The engine's metrics are as old as this, at most.
const TOLD_WITHIN: Duration = Duration::from_millis(100);

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    let beside = Place::new(&plan.scratch, store.cluster).await?;
    let partner = beside.least("echo")?;
    place.put_cycle("without", &cycle("without", None))?;
    for (name, _, step) in STEPS {
        place.put_cycle(name, &cycle(name, Some(&step.replace("PARTNER", &partner.host))))?;
    }
    let node = place.node()?;
    for connections in [1, 32] {
        let mut rounds = Vec::new();
        // The first opens what is opened once: workers, connections, pages.
        for round in 0..=plan.rounds {
            let without = one(plan, &node, "without", connections)?;
            let mut with = Vec::new();
            for (name, ..) in STEPS {
                let before = at_work(&node).await?;
                let got = one(plan, &node, name, connections)?;
                let after = at_work(&node).await?;
                with.push((got, (after.0 - before.0) / (after.1 - before.1) * 1_000.0));
            }
            if round > 0 {
                rounds.push(Round { without, with });
            }
        }
        tell(store, report, connections, &rounds);
    }
    node.stop()?;
    partner.stop()?;
    place.remove(store.cluster).await?;
    beside.remove(store.cluster).await
}

fn one(plan: &Plan, node: &Server, cycle: &str, connections: usize) -> Result<Got> {
    let path = format!("/hooks/{cycle}/asked");
    let holds = Some("\"ok\":true".to_owned());
    sound(drive(&Load { holds, ..load(node, &path, BODY, connections, plan.seconds) })?)
}

/// All steps since the node's start: their seconds, and how many.
async fn at_work(node: &Server) -> Result<(f64, f64)> {
    tokio::time::sleep(TOLD_WITHIN).await;
    let (status, text) = call(&node.host, "GET", "/metrics", "").await?;
    ensure!(status == 200, "no metrics: {status} {text}");
    let metric = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    };
    Ok((metric("holdfast_step_seconds_sum"), metric("holdfast_step_seconds_count")))
}

fn tell(store: Store<'_>, report: &mut Report, connections: usize, rounds: &[Round]) {
    let of = |value: &dyn Fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let many = if connections == 1 { "1 connection".to_owned() } else { format!("{connections} connections") };
    for (at, (_, name, _)) in STEPS.iter().enumerate() {
        let with = |round: &Round, value: fn(&Got) -> f64| round.with.get(at).map_or(0.0, |(got, _)| value(got));
        let detail = format!(
            "{} against {} req/s, {} rounds",
            short(of(&|round| with(round, |got| got.rps))),
            short(of(&|round| round.without.rps)),
            rounds.len()
        );
        let reached = of(&|round| with(round, |got| got.rps) / round.without.rps);
        report.line(store.name, &format!("{name}, {many}"), Bound::Told, reached, "×", detail);
        let detail = format!(
            "p50 {} against {} ms, p99 {} against {}; the step itself {}",
            short(of(&|round| with(round, |got| got.p50))),
            short(of(&|round| round.without.p50)),
            short(of(&|round| with(round, |got| got.p99))),
            short(of(&|round| round.without.p99)),
            short(of(&|round| round.with.get(at).map_or(0.0, |(_, itself)| *itself))),
        );
        let reached = of(&|round| with(round, |got| got.p50) - round.without.p50);
        report.line(store.name, &format!("{name}, {many}: adds"), Bound::Told, reached, " ms", detail);
    }
}
