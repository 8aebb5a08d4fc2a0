//! `holdfast schema`: what editors know of the language.

use std::process::ExitCode;

use clap::Args;
use holdfast_definitions::EDITOR_SCHEMA;

use super::say;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holdfast schema > cycle.schema.json\n\nand at the top of a definition, for editors with a language server for YAML:\n  # yaml-language-server: $schema=./cycle.schema.json"
)]
pub struct Schema {}

impl Schema {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        say(EDITOR_SCHEMA.trim_end());
        Ok(ExitCode::SUCCESS)
    }
}
