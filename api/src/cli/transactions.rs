//! `holdfast transactions`

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    bulk::{Bulk, filter},
    client::{Listing, Server},
    instant::instant,
    table::Column,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holdfast transactions --cycle order-status --status held\n  holdfast transactions show ID\n  holdfast transactions rerun --all --cycle order-status --status failed\n  holdfast transactions resume ID --body '{\"state\":\"Despatched\"}'"
)]
pub struct Transactions {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[arg(long, global = true)]
    cycle: Option<String>,
    /// queued, running, held, completed, failed or cancelled
    #[arg(long, global = true)]
    status: Option<String>,
    /// Where it is held or failed
    #[arg(long, global = true)]
    step: Option<String>,
    /// A correlation value that it was held under, at any webhook: an order's number
    #[arg(long, global = true)]
    correlation: Option<String>,
    /// Started at or after: RFC 3339, `today`, or how long ago (`24h`)
    #[arg(long, global = true, value_parser = instant)]
    since: Option<String>,
    /// Started before
    #[arg(long, global = true, value_parser = instant)]
    until: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

/// Not one, but many.
#[derive(Debug, Args)]
pub struct Many {
    /// All that the filters let through; they are counted and shown first
    #[arg(long)]
    pub all: bool,
    /// With --all: do not ask
    #[arg(long, requires = "all")]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// With its document and runs
    Show { id: String },
    /// Final; of one, or of all that --status, --cycle, … let through
    Cancel {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        #[command(flatten)]
        many: Many,
    },
    /// A run with no hit, from a step that it has passed; of one, or of many, from where each failed
    Rerun {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        #[arg(id = "passed", value_name = "STEP", required_unless_present = "all")]
        step: Option<String>,
        /// With --all: from this step instead
        #[arg(long, requires = "all")]
        from: Option<String>,
        #[command(flatten)]
        many: Many,
        /// Instead of the document as it was there, as JSON
        #[arg(long)]
        document: Option<String>,
    },
    /// Resumes a hold by hand; of one, or of many
    Resume {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        #[command(flatten)]
        many: Many,
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
                let query = self.listing.query(&self.filters());
                server.list("transactions", &query, LIST, self.listing.watch).await
            }
            Some(What::Show { id }) => server.show(&server.get(&format!("transactions/{id}"), &[]).await?),
            Some(What::Cancel { many, .. }) if many.all => {
                self.many(many, "cancelled", json!({ "action": "cancel" })).await
            }
            Some(What::Rerun { many, from, .. }) if many.all => {
                self.many(many, "run again", json!({ "action": "rerun", "step": from })).await
            }
            Some(What::Resume { many, step, body, .. }) if many.all => {
                let body = json_of(body, "--body")?;
                self.many(many, "resumed", json!({ "action": "resume", "step": step, "body": body })).await
            }
            Some(What::Cancel { id, .. }) => {
                let id = id.as_deref().unwrap_or_default();
                let cancelled = server.post(&format!("transactions/{id}/cancel"), None).await?;
                server.done(&cancelled, format!("{id} is cancelled"))
            }
            Some(What::Rerun { id, step, document, .. }) => {
                let id = id.as_deref().unwrap_or_default();
                let mut body = json!({ "step": step });
                if let Some(document) = document {
                    body["document"] = json_of(document, "--document")?;
                }
                let done = server.post(&format!("transactions/{id}/rerun"), Some(body)).await?;
                server.done(&done, status(&done))
            }
            Some(What::Resume { id, step, body, .. }) => {
                let id = id.as_deref().unwrap_or_default();
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

impl Transactions {
    fn filters(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("cycle", self.cycle.as_deref()),
            ("status", self.status.as_deref()),
            ("step", self.step.as_deref()),
            ("key", self.correlation.as_deref()),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
        ]
    }

    async fn many(&self, many: &Many, done: &'static str, mut request: Value) -> anyhow::Result<ExitCode> {
        request["filter"] = filter(&self.filters())?;
        Bulk { of: "transactions", done, request, columns: LIST, yes: many.yes }.run(&self.server).await
    }
}

fn json_of(text: &str, flag: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("{flag} is no JSON"))
}

fn status(transaction: &Value) -> String {
    let text = |name: &str| transaction[name].as_str().unwrap_or("-").to_owned();
    format!("{} is {} (step {})", text("id"), text("status"), text("step"))
}
