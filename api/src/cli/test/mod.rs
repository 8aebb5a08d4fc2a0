//! `holdfast test`: scenarios played side by side, what is not as expected, and which edges no scenario
//! took.

mod cover;
mod difference;
mod explore;
mod find;
mod json;
mod junit;
mod record;
mod report;
mod run;
mod watch;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use holdfast_engine::StageScripts;

use super::open::script_worker;
use crate::scenario::place::is_scenario_file;
pub use find::{Found, find};

#[derive(Debug, Args)]
#[command(after_help = "Example:
  holdfast test definitions/cycles
  holdfast test --watch
  holdfast test --explore definitions/cycles/payment.test.yaml
  holdfast test --record TRANSACTION --mask '$.body.card' > payment.test.yaml
  holdfast test --filter despatch --junit results.xml")]
pub struct Test {
    /// Scenario files (*.test.yaml), or folders that hold some
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Plays only scenarios with this in their name
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Plays again whenever a file changes
    #[arg(long)]
    watch: bool,
    /// Also writes the results to a file, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Results as one JSON document
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    #[command(flatten)]
    exploring: explore::Exploring,
    #[command(flatten)]
    recording: record::Recording,
}

impl Test {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(id) = &self.recording.record {
            return self.recording.run(id, &StageScripts::new(script_worker())).await;
        }
        if let Some(missing) = self.paths.iter().find(|path| !path.exists()) {
            eprintln!("holdfast: {}: there is no such file or folder", missing.display());
            return Ok(ExitCode::from(2));
        }
        if let Some(other) = self.paths.iter().find(|path| path.is_file() && !is_scenario_file(path)) {
            eprintln!("holdfast: {}: scenarios are in files called NAME.test.yaml", other.display());
            return Ok(ExitCode::from(2));
        }
        let scripts = StageScripts::new(script_worker());
        match self.watch {
            true => watch::watch(&self, &scripts).await,
            false => self.once(&scripts).await,
        }
    }

    /// All of it, once. Success where all that was expected came.
    async fn once(&self, scripts: &StageScripts) -> anyhow::Result<ExitCode> {
        let began = std::time::Instant::now();
        let mut found = find(&self.paths)?;
        if let Some(filter) = &self.filter {
            found.keep(|scenario| scenario.name.contains(filter));
        }
        if self.exploring.explore {
            return explore::explore_all(&self.exploring, &found, scripts, self.json).await;
        }
        let results = run::all(&found, scripts).await?;
        let coverage = cover::coverage(&found, &results);
        let took = began.elapsed();
        if let Some(file) = &self.junit {
            let written = junit::written(&found, &results, took);
            std::fs::write(file, written).with_context(|| format!("--junit {}", file.display()))?;
        }
        // One that plays a part of the scenarios says nothing of what the others take.
        let coverage = if self.filter.is_some() { Vec::new() } else { coverage };
        match self.json {
            true => json::say_all(&found, &results, &coverage, took)?,
            false => report::say_all(&found, &results, &coverage, took),
        }
        let good = found.errors() == 0 && results.iter().all(run::Result::passed) && !found.is_empty();
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
