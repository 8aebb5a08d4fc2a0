//! `holdfast webhooks create`, `pause`, `resume`, `delete`, `claim`, `release` and `claims`: webhooks
//! that belong to no cycle.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::{
    client::{Listing, Server},
    table::Column,
};

#[derive(Debug, Subcommand)]
pub enum Shared {
    /// Makes a shared webhook, which cycles attach to with `webhook: { shared: NAME }`
    #[command(
        after_help = "Example:\n  holdfast webhooks create orders --settings orders.yaml\n  holdfast webhooks create crm --route '$.body.portalId'"
    )]
    Create {
        name: String,
        /// A YAML file with verify, challenge, rate, schema and dedupe, as a webhook step has them
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
        /// Where in a request the value stands that accounts claim; takes a key with the scope admin
        #[arg(long, value_name = "PATH")]
        route: Option<String>,
        /// Several accounts may claim one value; a hit goes to all of them
        #[arg(long, requires = "route")]
        fan_out: bool,
    },
    /// A shared webhook, with the cycles attached to it
    #[command(after_help = "Example:\n  holdfast webhooks show orders")]
    Show { webhook: String },
    /// Requests to it are refused with 406 from now on
    #[command(after_help = "Example:\n  holdfast webhooks pause orders")]
    Pause { webhook: String },
    /// Takes requests again
    #[command(after_help = "Example:\n  holdfast webhooks resume orders")]
    Resume { webhook: String },
    /// Its address is 404 from now on; running cycles must be stopped first
    #[command(after_help = "Example:\n  holdfast webhooks delete orders")]
    Delete { webhook: String },
    /// Hits of a routed webhook with this value go to the account's cycles
    #[command(after_help = "Example:\n  holdfast webhooks claim crm 4711")]
    Claim { webhook: String, value: String },
    /// The value is nobody's from now on
    #[command(after_help = "Example:\n  holdfast webhooks release crm 4711")]
    Release { webhook: String, value: String },
    /// The account's claims; to the owner of the webhook, everybody's
    #[command(after_help = "Example:\n  holdfast webhooks claims crm")]
    Claims {
        webhook: String,
        #[command(flatten)]
        listing: Listing,
    },
}

const CLAIMS: &[Column] = &[Column("VALUE", "value"), Column("ACCOUNT", "account"), Column("CLAIMED", "claimed_at")];

impl Shared {
    pub async fn run(&self, server: &Server) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create { name, settings, route, fan_out } => {
                let settings = match settings {
                    Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
                    None => String::new(),
                };
                let body = json!({ "name": name, "settings": settings, "route": route, "fan_out": fan_out });
                let made = server.post("webhooks", Some(body)).await?;
                server.done(&made, made["url"].as_str().unwrap_or_default().to_owned())
            }
            Self::Show { webhook } => server.show(&server.get(&format!("webhooks/{webhook}"), &[]).await?),
            Self::Pause { webhook } => {
                let view = server.post(&format!("webhooks/{webhook}/pause"), None).await?;
                server.done(&view, format!("{webhook} is paused"))
            }
            Self::Resume { webhook } => {
                let view = server.post(&format!("webhooks/{webhook}/resume"), None).await?;
                server.done(&view, format!("{webhook} is active"))
            }
            Self::Delete { webhook } => {
                let gone = server.delete(&format!("webhooks/{webhook}")).await?;
                server.done(&gone, format!("{webhook} is deleted"))
            }
            Self::Claim { webhook, value } => {
                let claim = server.post(&format!("webhooks/{webhook}/claims"), Some(json!({ "value": value }))).await?;
                server.done(&claim, format!("{value} is claimed"))
            }
            Self::Release { webhook, value } => {
                let query = [("value".to_owned(), value.clone())];
                let gone = server.send(Method::DELETE, &format!("webhooks/{webhook}/claims"), &query, None).await?;
                server.done(&gone, format!("{value} is released"))
            }
            Self::Claims { webhook, listing } => {
                server.list(&format!("webhooks/{webhook}/claims"), &listing.query(&[]), CLAIMS, listing.watch).await
            }
        }
    }
}
