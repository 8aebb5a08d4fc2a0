//! `holdfast lsp`: the language server.

use std::process::ExitCode;

use clap::Args;

use super::open::script_worker;

#[derive(Debug, Args)]
#[command(
    after_help = "Example, for Helix (~/.config/helix/languages.toml); docs/editors.md has other editors:\n  [language-server.holdfast]\n  command = \"holdfast\"\n  args = [\"lsp\"]"
)]
pub struct Lsp {
    /// What editors add by habit; it is the only way there is
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    /// Ends as the protocol says: with 0 where `shutdown` came before `exit`, else with 1.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        crate::lsp::serve(script_worker()).await
    }
}
