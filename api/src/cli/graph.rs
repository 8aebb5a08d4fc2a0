//! `holdfast graph`: a definition's graph as text for other programs to draw.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use holdfast_definitions::{check, dot, mermaid};

use super::{check::show, say};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdfast graph definitions/cycles/order-status.yaml --format dot | dot -Tsvg")]
pub struct Graph {
    file: PathBuf,
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Mermaid,
    Dot,
}

impl Graph {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let text = std::fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        let checked = check(&self.file.display().to_string(), &text);
        checked.diagnostics.iter().for_each(|one| show(one, &text));
        for cycle in &checked.cycles {
            say(match self.format {
                Format::Mermaid => mermaid(cycle),
                Format::Dot => dot(cycle),
            });
        }
        Ok(if checked.cycles.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
