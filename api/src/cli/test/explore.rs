//! `--explore`: what ends otherwise when the scenarios' hits come in other orders, twice, early and late.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use holdfast_definitions::{Cycle, Scenario};
use holdfast_engine::{Stage, StageScripts};
use serde_json::{Value, json};

use super::{Found, report, run};
use crate::{
    cli::say,
    scenario::{
        Prepared,
        explore::{Apart, Effort, Explored, Fault, Finding, Scene, Terrain, explore},
    },
};

#[derive(Debug, Args)]
pub struct Exploring {
    /// Tries the hits of each scenario in every order, doubled, early and late, and shows the shortest
    /// sequences that end otherwise than the scenario
    #[arg(long, env = "HOLDFAST_TEST_EXPLORE", conflicts_with_all = ["watch", "junit"])]
    pub explore: bool,
    /// What is tried is drawn from this, where there is too much to try all of it
    #[arg(long, value_name = "N", default_value_t = 1, requires = "explore", env = "HOLDFAST_TEST_SEED")]
    seed: u64,
    /// How many sequences are tried of each scenario
    #[arg(long, value_name = "N", default_value_t = 2_000, requires = "explore", env = "HOLDFAST_TEST_TRIES")]
    tries: usize,
}

/// A scenario that was explored.
struct Of<'a> {
    file: String,
    scenario: &'a Scenario,
    terrain: Arc<Terrain>,
    explored: Explored,
}

/// What was found on a cycle: of each kind the shortest, whichever scenario shows it.
struct OnCycle {
    name: String,
    /// Its scenario's position among those explored.
    findings: Vec<(usize, Finding)>,
}

/// Success where nothing was found.
pub async fn explore_all(
    exploring: &Exploring,
    found: &Found,
    scripts: &StageScripts,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let results = run::all(found, scripts).await?;
    if found.errors() > 0 || found.is_empty() || !results.iter().all(run::Result::passed) {
        // What is not as it says can't be held against anything.
        report::say_all(found, &results, &[], std::time::Duration::ZERO);
        eprintln!("holdfast: only scenarios that pass are explored: nothing was tried");
        return Ok(ExitCode::FAILURE);
    }
    let mut stages = Vec::new();
    for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        stages.push(Arc::new(Stage::open(scripts.clone()).await?));
    }
    let effort = Effort { seed: exploring.seed, tries: exploring.tries };
    let (mut all, mut cycles) = (Vec::new(), Vec::<(Arc<Cycle>, Vec<usize>)>::new());
    for file in &found.files {
        let Some(place) = found.places.get(file.place) else { continue };
        for scenario in &file.scenarios {
            let Some(cycle) = place.cycle(&scenario.cycle) else { continue };
            let terrain = Arc::new(Terrain::of(scenario, cycle));
            let prepared = Arc::new(Prepared::new(cycle.clone(), &scenario.given)?);
            let scene = Scene { terrain: terrain.clone(), prepared, stages: stages.clone() };
            let explored = explore(&terrain.ground, &scene, effort).await?;
            match cycles.iter_mut().find(|(known, _)| Arc::ptr_eq(known, cycle)) {
                Some((_, scenarios)) => scenarios.push(all.len()),
                None => cycles.push((cycle.clone(), vec![all.len()])),
            }
            all.push(Of { file: file.path.display().to_string(), scenario, terrain, explored });
        }
    }
    let cycles: Vec<OnCycle> = cycles.iter().map(|(cycle, scenarios)| on_cycle(cycle, scenarios, &all)).collect();
    match as_json {
        true => say(serde_json::to_string_pretty(&document(exploring, &all, &cycles))?),
        false => say_findings(exploring, &all, &cycles),
    }
    let nothing = cycles.iter().all(|cycle| cycle.findings.is_empty());
    Ok(if nothing { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn on_cycle(cycle: &Cycle, scenarios: &[usize], all: &[Of<'_>]) -> OnCycle {
    let mut findings: Vec<(usize, Finding)> = Vec::new();
    for at in scenarios {
        let of = all.get(*at).map(|of| of.explored.findings.as_slice()).unwrap_or_default();
        findings.extend(of.iter().map(|finding| (*at, finding.clone())));
    }
    findings.sort_by_key(|(_, finding)| finding.length());
    let mut known = BTreeSet::<(Fault, Apart)>::new();
    findings.retain(|(_, finding)| known.insert((finding.fault, Apart::of(&finding.sequence).kind())));
    OnCycle { name: cycle.name.clone(), findings }
}

fn say_findings(exploring: &Exploring, all: &[Of<'_>], cycles: &[OnCycle]) {
    for cycle in cycles {
        for (at, finding) in &cycle.findings {
            if let Some(of) = all.get(*at) {
                say(shown(&cycle.name, of, finding));
            }
        }
    }
    let mut unknown = BTreeMap::<(&str, &str), usize>::new();
    for of in all {
        for (step, count) in &of.explored.unknown {
            *unknown.entry((&of.scenario.cycle, step)).or_default() += count;
        }
    }
    for ((cycle, step), count) in unknown {
        say(format!("not known: {cycle}: {count} sequences came to a call that nothing is given for: `{step}`"));
    }
    let tries: usize = all.iter().map(|of| of.explored.tries).sum();
    let findings: usize = cycles.iter().map(|cycle| cycle.findings.len()).sum();
    let sampled = match all.iter().any(|of| of.explored.sampled) {
        true => format!("; not all that there are: drawn with --seed {}", exploring.seed),
        false => String::new(),
    };
    say(format!(
        "{} on {} explored with {tries} sequences: {}{sampled}",
        count(all.len(), "scenario"),
        count(cycles.len(), "cycle"),
        if findings == 0 { "nothing found".to_owned() } else { count(findings, "finding") },
    ));
}

fn shown(cycle: &str, of: &Of<'_>, finding: &Finding) -> String {
    let terrain = &of.terrain;
    let mut out = format!("{cycle}: {}\n", finding.headline(terrain));
    let span = of.scenario.span;
    out.push_str(&format!("  {}:{}: {}\n\n", of.file, span.line, of.scenario.name));
    for line in finding.steps(terrain).lines() {
        out.push_str(&format!("    {line}\n"));
    }
    out.push('\n');
    for one in &finding.otherwise {
        let about = one.about(terrain);
        out.push_str(&format!("  {about}: the scenario says  {}\n", one.said));
        let pad = " ".repeat(about.chars().count());
        out.push_str(&format!("  {pad}  what came           {}\n", one.came));
    }
    out
}

fn document(exploring: &Exploring, all: &[Of<'_>], cycles: &[OnCycle]) -> Value {
    let scenario = |of: &Of<'_>| {
        json!({
            "test": of.scenario.name,
            "cycle": of.scenario.cycle,
            "file": of.file,
            "line": of.scenario.span.line,
            "tries": of.explored.tries,
            "sampled": of.explored.sampled,
            "unknown": of.explored.unknown,
        })
    };
    let mut findings = Vec::new();
    for cycle in cycles {
        for (at, finding) in &cycle.findings {
            findings.extend(all.get(*at).map(|of| found(&cycle.name, of, finding)));
        }
    }
    json!({
        "seed": exploring.seed,
        "scenarios": all.iter().map(scenario).collect::<Vec<_>>(),
        "findings": findings,
    })
}

fn found(cycle: &str, of: &Of<'_>, finding: &Finding) -> Value {
    let terrain = &of.terrain;
    let apart = Apart::of(&finding.sequence);
    let otherwise = finding.otherwise.iter().map(
        |one| json!({ "fault": one.fault.word(), "about": one.about(terrain), "expected": one.said, "came": one.came }),
    );
    json!({
        "cycle": cycle,
        "test": of.scenario.name,
        "file": of.file,
        "fault": finding.fault.word(),
        "out_of_order": apart.out_of_order,
        "doubled": apart.doubled,
        "waits": apart.waits,
        "headline": finding.headline(terrain),
        "hits": finding.hits(terrain),
        "steps": finding.steps(terrain),
        "otherwise": otherwise.collect::<Vec<_>>(),
    })
}

fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}
