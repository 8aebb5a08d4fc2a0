//! `holdfast clock`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::Server;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdfast clock advance 31d")]
pub struct Clock {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Moves a manual clock; whatever falls due on the way happens first
    Advance {
        /// 31d, 23h50m, 500ms
        by: String,
    },
}

impl Clock {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let clock = match self.what {
            None => self.server.get("clock", &[]).await?,
            Some(What::Advance { by }) => self.server.post("clock/advance", Some(json!({ "by": by }))).await?,
        };
        self.server.done(&clock, said(&clock))
    }
}

fn said(clock: &Value) -> String {
    let kind = if clock["manual"] == true { "manual" } else { "the system's" };
    format!("{} ({kind})", clock["now"].as_str().unwrap_or_default())
}
