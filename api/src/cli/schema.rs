//! `holdfast schema`: what editors know of the language.

use std::process::ExitCode;

use clap::Args;
use holdfast_definitions::{EDITOR_SCHEMA, SCENARIO_SCHEMA};

use super::say;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holdfast schema > cycle.schema.json\n  holdfast schema --scenario > scenario.schema.json\n\nand at the top of a definition, for editors with a language server for YAML:\n  # yaml-language-server: $schema=./cycle.schema.json"
)]
pub struct Schema {
    /// That of a scenario (*.test.yaml), not of a definition
    #[arg(long)]
    scenario: bool,
}

impl Schema {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let schema = if self.scenario { SCENARIO_SCHEMA } else { EDITOR_SCHEMA };
        say(schema.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
