//! `--record`: a scenario from a transaction of a running server.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use holdfast_definitions::{Action, Json, Path, Severity, check_scenarios, render_line};
use holdfast_engine::{Stage, StageScripts};

use super::difference;
use crate::{
    cli::{
        client::Address,
        recorded::{Fetched, Version, version},
        say,
    },
    scenario::{Prepared, judge, play, record::record},
};

#[derive(Debug, Args)]
pub struct Recording {
    /// Writes a scenario from a transaction of a running server
    #[arg(long, value_name = "TRANSACTION", conflicts_with_all = ["explore", "watch", "junit", "filter", "json"])]
    pub record: Option<String>,
    /// Replaces what is there in each recorded hit by placeholders, wherever it stands: a JSONPath into
    /// { method, headers, query, body }
    #[arg(long, value_name = "PATH", requires = "record")]
    mask: Vec<String>,
    #[command(flatten)]
    address: Address,
}

impl Recording {
    /// The scenario goes to standard output. Failure where it would not pass.
    pub async fn run(&self, id: &str, scripts: &StageScripts) -> anyhow::Result<ExitCode> {
        let mut masked = Vec::new();
        for path in &self.mask {
            match Path::parse(path) {
                Ok(path) => masked.push(path),
                Err(error) => {
                    eprintln!("holdfast: --mask {path}: {error}");
                    return Ok(ExitCode::from(2));
                }
            }
        }
        let fetched = Fetched::of(&self.address, id).await?;
        let name = fetched.transaction.get("cycle").and_then(Json::as_text).unwrap_or_default();
        let number = fetched.transaction.get("version").and_then(|number| number.to_string().parse().ok());
        let version = version(&self.address, name, number).await?;
        let text = record(&fetched.recorded(&version), &masked)?;
        say(text.trim_end());
        let wrong = wrong(&version, &text, scripts).await?;
        if wrong.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("holdfast: played on its own, it went another way; see what is given and expected:\n{wrong}");
        Ok(ExitCode::FAILURE)
    }
}

/// What of the scenario does not come to pass.
async fn wrong(version: &Version, text: &str, scripts: &StageScripts) -> anyhow::Result<String> {
    let file = format!("{}.test.yaml", version.cycle.name);
    let checked = check_scenarios(&file, text, std::slice::from_ref(&version.cycle));
    let errors = checked.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let errors: Vec<String> = errors.map(render_line).collect();
    if !errors.is_empty() {
        return Ok(errors.join("\n"));
    }
    let scenario = checked.scenarios.first().context("no scenario was written")?;
    let stage = Stage::open(scripts.clone()).await?;
    let actions: Vec<Action> = scenario.steps.iter().map(|step| step.action.clone()).collect();
    let prepared = match Prepared::new(version.cycle.clone(), &scenario.given) {
        Ok(prepared) => prepared,
        Err(unplayable) => return Ok(unplayable.to_string()),
    };
    Ok(match play(&stage, &prepared, &actions).await {
        Ok(played) => {
            let unmet = judge(scenario, &played);
            unmet.iter().map(|one| format!("{}\n{}", one.path, difference::shown(one))).collect()
        }
        Err(unplayable) => unplayable.to_string(),
    })
}
