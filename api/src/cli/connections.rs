//! `holdfast connectors` and `holdfast subscriptions`

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{
    client::{Listing, Server},
    table::Column,
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdfast cycles deploy shop.yaml\n  holdfast connectors")]
pub struct Connectors {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
}

const CONNECTORS: &[Column] = &[
    Column("NAME", "name"),
    Column("VERSION", "version"),
    Column("EVENTS", "events"),
    Column("UPDATED", "updated_at"),
];

impl Connectors {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        self.server.list("connectors", &self.listing.query(&[]), CONNECTORS, self.listing.watch).await
    }
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast subscriptions\n  holdfast subscriptions retry ID"
)]
pub struct Subscriptions {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tries again now what failed
    Retry { id: String },
}

const LIST: &[Column] = &[
    Column("ID", "id"),
    Column("CYCLE", "cycle"),
    Column("STEP", "step"),
    Column("EVENT", "event"),
    Column("STATUS", "status"),
    Column("REFRESH", "refresh_at"),
    Column("REASON", "reason"),
];

impl Subscriptions {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match &self.what {
            None => server.list("subscriptions", &self.listing.query(&[]), LIST, self.listing.watch).await,
            Some(What::Retry { id }) => {
                let told = server.post(&format!("subscriptions/{id}/retry"), None).await?;
                let status = told.get("status").and_then(|status| status.as_str()).unwrap_or_default();
                server.done(&told, format!("{id} is {status}"))
            }
        }
    }
}
