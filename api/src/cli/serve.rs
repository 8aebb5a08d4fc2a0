//! `holdfast serve`: production.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    dev, open,
    settings::{ClockKind, Settings},
};
use crate::scenario::place::definition_files;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holdfast serve --database-url postgres://holdfast@localhost/holdfast --listen 0.0.0.0:7400"
)]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// Deploys every definition of this folder at start; their state stays as it is
    #[arg(long, env = "HOLDFAST_DEFINITIONS")]
    definitions: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if self.settings.clock == ClockKind::Manual {
            anyhow::bail!("--clock manual is for `holdfast dev`");
        }
        let stop = open::told_to_stop()?;
        let opened = open::open(&self.settings, "info", false).await?;
        open::make_admin_key(&opened.app.engine, &self.settings.data_dir).await?;
        if let Some(directory) = &self.definitions {
            for file in definition_files(directory)? {
                let text = std::fs::read_to_string(&file)?;
                let name = file.display().to_string();
                let given = self.settings.given(&text);
                if let Err(error) = opened.app.engine.deploy_given("default", &name, &text, &given).await {
                    opened.app.engine.close().await;
                    dev::show_refusal(&name, &text, &error);
                    anyhow::bail!("{name} was not deployed");
                }
            }
        }
        tracing::info!(node = %opened.app.node, "listening on {}", opened.url);
        super::say(format!("listening on {}", opened.url));
        crate::run(opened.listener, opened.app, stop).await?;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}
