//! `holdfast diff`: the last transactions' hits played on two versions of a cycle, and those that would go
//! another way.

use std::{collections::BTreeMap, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use clap::Args;
use holdfast_definitions::{
    Action, Cycle, Json, Scenario, ScenarioGiven, Severity, check, check_scenarios, render_line,
};
use holdfast_engine::{Stage, StageScripts};
use serde_json::{Value, json};

use super::{
    check::show,
    client::Address,
    open::script_worker,
    recorded::{Fetched, Version, version},
    say,
};
use crate::scenario::{Compared, Moment, Prepared, Unplayable, compare, play, record::record};

#[derive(Debug, Args)]
#[command(after_help = "Example:
  holdfast diff payment@3 payment.yaml --replay 100
  holdfast diff old/payment.yaml new/payment.yaml --replay 20 --json")]
pub struct Diff {
    /// A definition's file, or CYCLE@VERSION of the server
    old: String,
    /// A definition's file, or CYCLE@VERSION of the server
    new: String,
    /// How many transactions of the server are played, the latest first: 1 to 10,000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replay: u32,
    /// The cycle, where a file has several
    #[arg(long)]
    cycle: Option<String>,
    #[command(flatten)]
    address: Address,
    /// Results as one JSON document
    #[arg(long)]
    json: bool,
}

/// What became of a transaction's hits.
enum Replayed {
    Compared(Compared),
    /// The new version calls another system at this step, and the old never did.
    Unknown(String),
    /// They can't be played, and why.
    Not(String),
}

impl Diff {
    /// Failure where one would go another way.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let old = self.load(&self.old).await?;
        let new = self.load(&self.new).await?;
        if old.cycle.name != new.cycle.name {
            bail!("{} and {} are not the same cycle", old.cycle.name, new.cycle.name);
        }
        let query = [("cycle".to_owned(), old.cycle.name.clone())];
        let listed = self.address.list("transactions", &query, self.replay as usize).await?;
        let scripts = StageScripts::new(script_worker());
        let stages = (Stage::open(scripts.clone()).await?, Stage::open(scripts).await?);
        let mut all = Vec::new();
        for one in &listed {
            let id = one.get("id").and_then(Json::as_text).unwrap_or_default().to_owned();
            let fetched = Fetched::of(&self.address, &id).await?;
            let replayed = replay(&fetched, (&old, &new), (&stages.0, &stages.1)).await;
            all.push((id, replayed));
        }
        match self.json {
            true => say(serde_json::to_string_pretty(&document(&old.cycle.name, &all))?),
            false => say_all(&old.cycle.name, &all),
        }
        let same = |replayed: &Replayed| match replayed {
            Replayed::Compared(compared) => compared.turns.is_empty(),
            Replayed::Unknown(_) => false,
            Replayed::Not(_) => true,
        };
        Ok(if all.iter().all(|(_, one)| same(one)) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn load(&self, what: &str) -> anyhow::Result<Version> {
        let deployed = what.rsplit_once('@').filter(|_| !Path::new(what).exists());
        if let Some((name, number)) = deployed {
            let number = number.parse().with_context(|| format!("{what}: {number} is no version's number"))?;
            return version(&self.address, name, Some(number)).await;
        }
        let text = std::fs::read_to_string(what).with_context(|| what.to_owned())?;
        let checked = check(what, &text);
        let errors = checked.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        errors.for_each(|one| show(one, &text));
        let wanted = |cycle: &&Arc<Cycle>| self.cycle.as_ref().is_none_or(|name| *name == cycle.name);
        let found: Vec<&Arc<Cycle>> = checked.cycles.iter().filter(wanted).collect();
        match found.as_slice() {
            [cycle] => Ok(Version { cycle: (*cycle).clone(), vars_known: true }),
            [] => bail!("{what} has no such cycle without an error"),
            several => {
                let names: Vec<&str> = several.iter().map(|cycle| cycle.name.as_str()).collect();
                bail!("{what} has several cycles: --cycle NAME, of {}", names.join(", "))
            }
        }
    }
}

async fn replay(fetched: &Fetched, (old, new): (&Version, &Version), stages: (&Stage, &Stage)) -> Replayed {
    let scenario = match scenario(fetched, old) {
        Ok(scenario) => scenario,
        Err(why) => return Replayed::Not(why),
    };
    let before = match played(&scenario, &old.cycle, stages.0).await {
        Ok(moment) => moment,
        Err(unplayable) => return Replayed::Not(format!("on the old version: {unplayable}")),
    };
    match played(&scenario, &new.cycle, stages.1).await {
        Ok(after) => Replayed::Compared(compare(&before, &after)),
        Err(Unplayable::NoAnswer { step, .. }) => Replayed::Unknown(step),
        Err(unplayable) => Replayed::Not(format!("on the new version: {unplayable}")),
    }
}

/// What was done, and what outside systems answered.
fn scenario(fetched: &Fetched, old: &Version) -> Result<Scenario, String> {
    let text = record(&fetched.recorded(old), &[]).map_err(|error| error.to_string())?;
    let checked = check_scenarios("replayed", &text, std::slice::from_ref(&old.cycle));
    let error = checked.diagnostics.iter().find(|one| one.severity == Severity::Error);
    match (error, checked.scenarios.into_iter().next()) {
        (None, Some(scenario)) => Ok(scenario),
        (Some(error), _) => Err(render_line(error)),
        (None, None) => Err("nothing of it can be played".to_owned()),
    }
}

async fn played(scenario: &Scenario, cycle: &Arc<Cycle>, stage: &Stage) -> Result<Moment, Unplayable> {
    let mut given: ScenarioGiven = scenario.given.clone();
    // What only the server knows is the same for both.
    let elsewhere = || Json::from("https://elsewhere.example");
    for name in &cycle.env {
        given.env.entry(name.clone()).or_insert_with(elsewhere);
    }
    for (name, _) in cycle.vars.iter().filter(|(_, value)| **value == Json::Null) {
        given.vars.entry(name.clone()).or_insert_with(elsewhere);
    }
    given.vars.retain(|name, _| cycle.vars.contains_key(name));
    let prepared = Prepared::new(cycle.clone(), &given)?;
    let actions = scenario.steps.iter().map(|step| step.action.clone());
    let actions: Vec<Action> = actions.filter(|action| !matches!(action, Action::Expect(_))).collect();
    Ok(play(stage, &prepared, &actions).await?.end)
}

fn say_all(cycle: &str, all: &[(String, Replayed)]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, replayed) in all {
        let counted = match replayed {
            Replayed::Compared(compared) if compared.turns.is_empty() => "the same way",
            Replayed::Compared(compared) => {
                say(format!("{id} goes another way"));
                for turn in &compared.turns {
                    say(format!("  {}\n    - {}\n    + {}", turn.what, turn.old, turn.new));
                }
                compared.assumed.iter().for_each(|assumed| say(format!("  supposed: {assumed}")));
                "another way"
            }
            Replayed::Unknown(step) => {
                say(format!("{id} goes another way"));
                say(format!("  it calls another system at {step}, as it never did: what comes of that is not known"));
                "another way"
            }
            Replayed::Not(why) => {
                say(format!("{id} can't be played\n  {why}"));
                "not played"
            }
        };
        *counts.entry(counted).or_default() += 1;
    }
    let counted: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    match all {
        [] => say(format!("{cycle} has no transaction")),
        all => say(format!("{} of {cycle}: {}", transactions(all.len()), counted.join(", "))),
    }
}

fn transactions(count: usize) -> String {
    format!("{count} transaction{}", if count == 1 { "" } else { "s" })
}

fn document(cycle: &str, all: &[(String, Replayed)]) -> Value {
    let of = |(id, replayed): &(String, Replayed)| match replayed {
        Replayed::Compared(compared) => {
            let turns = compared.turns.iter();
            let turns = turns.map(|turn| json!({ "what": turn.what, "old": turn.old, "new": turn.new }));
            json!({ "transaction": id, "same": compared.turns.is_empty(), "differences": turns.collect::<Vec<_>>(),
                "supposed": compared.assumed, "unknown": null, "not_played": null })
        }
        Replayed::Unknown(step) => {
            json!({ "transaction": id, "same": false, "differences": [], "supposed": [], "unknown": step,
                "not_played": null })
        }
        Replayed::Not(why) => {
            json!({ "transaction": id, "same": null, "differences": [], "supposed": [], "unknown": null,
                "not_played": why })
        }
    };
    json!({ "cycle": cycle, "transactions": all.iter().map(of).collect::<Vec<_>>() })
}
