//! `holdfast check`: what is wrong with definitions.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use futures_util::StreamExt as _;
use holdfast_definitions::{Checked, Cycle, Diagnostic, Severity, check_scenarios, render_line, render_terminal};
use holdfast_engine::ScriptReader;

use super::{open::script_worker, say};
use crate::scenario::place::{Place, is_scenario_file};

/// Files that are read and checked, and wait to be told, at most.
const AT_ONCE: usize = 64;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdfast check definitions/cycles/*.yaml\n  holdfast check --explain HF012")]
pub struct Check {
    /// Definitions, and scenarios (*.test.yaml)
    #[arg(required_unless_present = "explain")]
    files: Vec<PathBuf>,
    /// Prints the page of a code, with a wrong and a right example
    #[arg(long, value_name = "CODE", conflicts_with = "files")]
    explain: Option<String>,
    /// Diagnostics as a JSON array
    #[arg(long)]
    json: bool,
    /// One line each, for editors and CI
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Terminal,
    Line,
}

impl Check {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(code) = &self.explain {
            let page = holdfast_definitions::explain(code);
            say(page.with_context(|| format!("there is no code {code}; codes go from HF001 up"))?);
            return Ok(ExitCode::SUCCESS);
        }
        // Scripts too, where this program can run itself to read them.
        let reader = Arc::new(ScriptReader::new(script_worker()));
        let mut all: Vec<Diagnostic> = Vec::new();
        // Side by side, and told in the order of the files.
        let tasks = self.files.iter().map(|file| tokio::spawn(checked(reader.clone(), file.clone())));
        let mut found = futures_util::stream::iter(tasks).buffered(AT_ONCE);
        while let Some(one) = found.next().await {
            let (text, Checked { diagnostics, cycles, .. }) = one??;
            if !self.json {
                for one in &diagnostics {
                    match self.format {
                        Format::Line => say(render_line(one)),
                        Format::Terminal => show(one, &text),
                    }
                }
                if self.format == Format::Terminal {
                    cycles.iter().for_each(|cycle| tell_the_open(cycle));
                }
            }
            all.extend(diagnostics);
        }
        if self.json {
            say(serde_json::to_string_pretty(&all)?);
        }
        let errors = all.iter().filter(|one| one.severity == Severity::Error).count();
        if !self.json && self.format == Format::Terminal {
            let warnings = all.len() - errors;
            eprintln!("{} checked: {errors} errors, {warnings} warnings", count(self.files.len()));
        }
        Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

async fn checked(reader: Arc<ScriptReader>, file: PathBuf) -> anyhow::Result<(String, Checked)> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
    let checked = match is_scenario_file(&file) {
        true => scenarios(&file, &text)?,
        false => reader.check(&name, &text).await,
    };
    Ok((text, checked))
}

/// A scenario file, against the cycles beside it.
fn scenarios(file: &Path, text: &str) -> anyhow::Result<Checked> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cycles: Vec<_> = Place::of(folder)?.cycles.into_iter().map(|(cycle, _)| cycle).collect();
    let diagnostics = check_scenarios(&file.display().to_string(), text, &cycles).diagnostics;
    Ok(Checked { diagnostics, ..Checked::default() })
}

/// Webhooks that let in whoever knows their address.
fn tell_the_open(cycle: &Cycle) {
    let open = cycle.webhooks().filter(|(_, _, webhook)| webhook.verify.is_none());
    let steps: Vec<&str> = open.map(|(_, step, _)| step.id.as_str()).collect();
    if !steps.is_empty() {
        let steps = steps.join(", ");
        eprintln!("note: {}: whoever knows the address is let in at {steps}: there is no `verify`", cycle.name);
    }
}

fn count(files: usize) -> String {
    if files == 1 { "1 file".into() } else { format!("{files} files") }
}

/// As rustc would, to standard error.
pub fn show(diagnostic: &Diagnostic, text: &str) {
    eprintln!("{}", render_terminal(diagnostic, text, std::io::stderr().is_terminal()));
}
