//! `holdfast graph`: a definition's graph as a picture, or as text for other programs to draw.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use holdfast_definitions::{Cycle, check, dot, mermaid, svg};

use super::{check::show, say};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdfast graph definitions/cycles/order-status.yaml > order-status.svg")]
pub struct Graph {
    file: PathBuf,
    /// The cycle, where the file has several
    #[arg(long)]
    cycle: Option<String>,
    #[arg(long, value_enum, default_value = "svg")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Svg,
    Mermaid,
    Dot,
}

impl Graph {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let text = std::fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        let checked = check(&self.file.display().to_string(), &text);
        checked.diagnostics.iter().for_each(|one| show(one, &text));
        let wanted = |cycle: &&Arc<Cycle>| self.cycle.as_ref().is_none_or(|name| *name == cycle.name);
        let cycles: Vec<_> = checked.cycles.iter().filter(wanted).collect();
        let names = || checked.cycles.iter().map(|cycle| cycle.name.as_str()).collect::<Vec<_>>().join(", ");
        match &self.cycle {
            Some(name) if cycles.is_empty() => bail!("{} has no cycle {name}; it has {}", self.file.display(), names()),
            _ if cycles.len() > 1 && matches!(self.format, Format::Svg) => {
                bail!(
                    "{} has several cycles, and a picture shows one: --cycle NAME, of {}",
                    self.file.display(),
                    names()
                )
            }
            _ => {}
        }
        for cycle in &cycles {
            say(match self.format {
                Format::Svg => svg(cycle),
                Format::Mermaid => mermaid(cycle),
                Format::Dot => dot(cycle),
            });
        }
        Ok(if cycles.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
