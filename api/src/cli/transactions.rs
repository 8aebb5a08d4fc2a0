//! `holdfast transactions`

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    client::{Listing, Server},
    instant::instant,
    table::Column,
};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast transactions --cycle order-status --status held\n  holdfast transactions show ID\n  holdfast transactions resume ID --body '{\"state\":\"Despatched\"}'"
)]
pub struct Transactions {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[arg(long)]
    cycle: Option<String>,
    /// queued, running, held, completed, failed or cancelled
    #[arg(long)]
    status: Option<String>,
    /// Where it is held or failed
    #[arg(long)]
    step: Option<String>,
    /// A correlation value that it was held under, at any webhook: an order's number
    #[arg(long)]
    correlation: Option<String>,
    /// Started at or after: RFC 3339, `today`, or how long ago (`24h`)
    #[arg(long, value_parser = instant)]
    since: Option<String>,
    /// Started before
    #[arg(long, value_parser = instant)]
    until: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// With its document and runs
    Show { id: String },
    /// Final
    Cancel { id: String },
    /// A run with no hit, from a step that it has passed
    Rerun {
        id: String,
        step: String,
        /// Instead of the document as it was there, as JSON
        #[arg(long)]
        document: Option<String>,
    },
    /// Resumes a hold by hand
    Resume {
        id: String,
        /// Where it is held, if at several steps
        #[arg(long)]
        step: Option<String>,
        /// The body of the hit, as JSON
        #[arg(long, default_value = "null")]
        body: String,
    },
}

const LIST: &[Column] = &[
    Column("ID", "id"),
    Column("CYCLE", "cycle"),
    Column("STATUS", "status"),
    Column("STEP", "step"),
    Column("STARTED", "started_at"),
];

impl Transactions {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match &self.what {
            None => {
                let query = self.listing.query(&[
                    ("cycle", self.cycle.as_deref()),
                    ("status", self.status.as_deref()),
                    ("step", self.step.as_deref()),
                    ("key", self.correlation.as_deref()),
                    ("since", self.since.as_deref()),
                    ("until", self.until.as_deref()),
                ]);
                server.list("transactions", &query, LIST, self.listing.watch).await
            }
            Some(What::Show { id }) => server.show(&server.get(&format!("transactions/{id}"), &[]).await?),
            Some(What::Cancel { id }) => {
                let cancelled = server.post(&format!("transactions/{id}/cancel"), None).await?;
                server.done(&cancelled, format!("{id} is cancelled"))
            }
            Some(What::Rerun { id, step, document }) => {
                let mut body = json!({ "step": step });
                if let Some(document) = document {
                    body["document"] = json_of(document, "--document")?;
                }
                let done = server.post(&format!("transactions/{id}/rerun"), Some(body)).await?;
                server.done(&done, status(&done))
            }
            Some(What::Resume { id, step, body }) => {
                let mut given = json!({ "body": json_of(body, "--body")? });
                if let Some(step) = step {
                    given["step"] = json!(step);
                }
                let done = server.post(&format!("transactions/{id}/resume"), Some(given)).await?;
                server.done(&done, status(&done))
            }
        }
    }
}

fn json_of(text: &str, flag: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("{flag} is no JSON"))
}

fn status(transaction: &Value) -> String {
    let text = |name: &str| transaction[name].as_str().unwrap_or("-").to_owned();
    format!("{} is {} (step {})", text("id"), text("status"), text("step"))
}
