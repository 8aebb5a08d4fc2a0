//! `holdfast cycles`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Listing, Server},
    figures,
    settings::variable,
    table::Column,
};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast cycles\n  holdfast cycles deploy order.yaml --var region=eu\n  holdfast cycles stop order-status --drain\n  holdfast cycles figures order-status"
)]
pub struct Cycles {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One cycle, with its webhooks
    Show {
        cycle: String,
    },
    /// Deploys the definitions of a file
    Deploy {
        file: PathBuf,
        /// The value of a variable that the file declares; again for another
        #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
        var: Vec<(String, String)>,
    },
    Start {
        cycle: String,
    },
    /// Hits are queued for 24 h
    Stop {
        cycle: String,
        /// Let queued work finish first
        #[arg(long)]
        drain: bool,
    },
    /// It must be stopped
    Delete {
        cycle: String,
    },
    Versions {
        cycle: String,
    },
    /// What it did in the last 24 hours, step by step; without a name, every cycle in a line
    Figures {
        cycle: Option<String>,
    },
}

const LIST: &[Column] = &[
    Column("NAME", "name"),
    Column("STATE", "state"),
    Column("VERSION", "version"),
    Column("QUEUED", "queued"),
    Column("STARTED", "started_at"),
];

impl Cycles {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match self.what {
            None => server.list("cycles", &self.listing.query(&[]), LIST, self.listing.watch).await,
            Some(What::Show { cycle }) => server.show(&server.get(&format!("cycles/{cycle}"), &[]).await?),
            Some(What::Deploy { file, var }) => {
                let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
                let mut query = vec![("file".to_owned(), file.display().to_string())];
                query.extend(var.into_iter().map(|(name, value)| (format!("var.{name}"), value)));
                let body = Some((text, "application/yaml"));
                let deployed = server.send(Method::POST, "cycles", &query, body).await?;
                server.done(&deployed, said(&deployed))
            }
            Some(What::Start { cycle }) => {
                let started = server.post(&format!("cycles/{cycle}/start"), None).await?;
                server.done(&started, format!("{cycle} is running"))
            }
            Some(What::Stop { cycle, drain }) => {
                let body = Some(json!({ "drain": drain }));
                let stopped = server.post(&format!("cycles/{cycle}/stop"), body).await?;
                server.done(&stopped, format!("{cycle} is stopped; hits are queued for 24 h"))
            }
            Some(What::Delete { cycle }) => {
                let gone = server.delete(&format!("cycles/{cycle}")).await?;
                server.done(&gone, format!("{cycle} is deleted"))
            }
            Some(What::Figures { cycle }) => figures::run(server, &self.listing, cycle.as_deref()).await,
            Some(What::Versions { cycle }) => {
                let columns =
                    &[Column("VERSION", "version"), Column("CREATED", "created_at"), Column("DIGEST", "digest")];
                let path = format!("cycles/{cycle}/versions");
                server.list(&path, &self.listing.query(&[]), columns, self.listing.watch).await
            }
        }
    }
}

fn said(deployed: &Value) -> String {
    let line = |one: &Value| {
        let name = one["name"].as_str().unwrap_or_default();
        let what = if one["changed"] == true { "deployed" } else { "unchanged" };
        format!("{name} version {} ({what}, {})", one["version"], one["state"].as_str().unwrap_or_default())
    };
    deployed.as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}
