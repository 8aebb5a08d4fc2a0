//! `holdfast webhooks`

use std::{io::Read as _, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    client::{Listing, Server},
    hits::explained,
    table::Column,
};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast webhooks\n  echo '{\"order\":{\"id\":42}}' | holdfast webhooks explain IDENTIFIER -\n  holdfast webhooks create orders --settings orders.yaml"
)]
pub struct Webhooks {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Which transaction would take a body that was never sent, and why
    Explain {
        identifier: String,
        /// A file with the JSON body, or - for standard input
        body: String,
    },
    #[command(flatten)]
    Shared(super::shared::Shared),
}

const LIST: &[Column] = &[
    Column("CYCLE", "cycle"),
    Column("STEP", "step"),
    Column("SHARED", "shared"),
    Column("HELD", "held"),
    Column("LAST HIT", "last_hit_at"),
    Column("URL", "url"),
];

impl Webhooks {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match &self.what {
            None => server.list("webhooks", &self.listing.query(&[]), LIST, self.listing.watch).await,
            Some(What::Shared(shared)) => shared.run(server).await,
            Some(What::Explain { identifier, body }) => {
                let mut text = String::new();
                match body.as_str() {
                    "-" => std::io::stdin().read_to_string(&mut text).map(|_| ())?,
                    file => text = std::fs::read_to_string(file).with_context(|| file.to_owned())?,
                }
                let body: Value = serde_json::from_str(&text).context("the body is no JSON")?;
                let request = json!({ "body": body });
                let told = server.post(&format!("webhooks/{identifier}/explain"), Some(request)).await?;
                server.done(&told, explained(&told))
            }
        }
    }
}
