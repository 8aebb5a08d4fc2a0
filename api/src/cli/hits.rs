//! `holdfast hits`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    bulk::{Bulk, filter},
    client::{Listing, Server},
    instant::instant,
    table::Column,
    transactions::Many,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holdfast hits --status unmatched --since today\n  holdfast hits explain ID\n  holdfast hits replay ID\n  holdfast hits replay --all --status unmatched --since today"
)]
pub struct Hits {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    /// A webhook's identifier
    #[arg(long, global = true)]
    webhook: Option<String>,
    /// queued, applied, unmatched, filtered, expired, duplicate or rejected
    #[arg(long, global = true)]
    status: Option<String>,
    #[arg(long, global = true)]
    cycle: Option<String>,
    /// Only those that matched more than one transaction
    #[arg(long, global = true)]
    ambiguous: bool,
    /// Received at or after: RFC 3339, `today`, or how long ago (`24h`)
    #[arg(long, global = true, value_parser = instant)]
    since: Option<String>,
    /// Received before
    #[arg(long, global = true, value_parser = instant)]
    until: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Whole
    Show { id: String },
    /// Again, as a new hit; of one, or of all that --status, --since, … let through
    Replay {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        #[command(flatten)]
        many: Many,
    },
    /// Why it matched, or did not
    Explain { id: String },
}

const LIST: &[Column] = &[
    Column("ID", "id"),
    Column("STATUS", "status"),
    Column("CYCLE", "cycle"),
    Column("STEP", "step"),
    Column("RECEIVED", "received_at"),
    Column("REASON", "reason"),
];

impl Hits {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match &self.what {
            None => {
                let ambiguous = ("ambiguous", self.ambiguous.then_some("true"));
                let filters: Vec<_> = self.filters().into_iter().chain([ambiguous]).collect();
                server.list("hits", &self.listing.query(&filters), LIST, self.listing.watch).await
            }
            Some(What::Show { id }) => server.show(&server.get(&format!("hits/{id}"), &[]).await?),
            Some(What::Replay { many, .. }) if many.all => {
                let mut request = json!({ "action": "replay" });
                request["filter"] = match self.ambiguous {
                    true => json!({ "ambiguous": true }),
                    false => filter(&self.filters())?,
                };
                for (name, value) in self.filters() {
                    if let Some(value) = value {
                        request["filter"][name] = json!(value);
                    }
                }
                Bulk { of: "hits", done: "replayed", request, columns: LIST, yes: many.yes }.run(server).await
            }
            Some(What::Replay { id, .. }) => {
                let id = id.as_deref().unwrap_or_default();
                let hit = server.post(&format!("hits/{id}/replay"), None).await?;
                let text = |name: &str| hit[name].as_str().unwrap_or("-").to_owned();
                server.done(&hit, format!("hit {} is {}", text("id"), text("status")))
            }
            Some(What::Explain { id }) => {
                let told = server.get(&format!("hits/{id}/explain"), &[]).await?;
                server.done(&told, explained(&told))
            }
        }
    }
}

impl Hits {
    fn filters(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("webhook", self.webhook.as_deref()),
            ("status", self.status.as_deref()),
            ("cycle", self.cycle.as_deref()),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
        ]
    }
}

/// An explanation as people read it.
pub fn explained(told: &serde_json::Value) -> String {
    let mut lines = vec![told["summary"].as_str().unwrap_or_default().to_owned()];
    for one in told["candidates"].as_array().into_iter().flatten() {
        let mark = if one["won"] == true { "→" } else { " " };
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        lines.push(format!("{mark} {} started {}: {}", text("transaction"), text("started_at"), text("why")));
    }
    for one in told["near_misses"].as_array().into_iter().flatten() {
        lines.push(format!("  near: {}", one.as_str().unwrap_or_default()));
    }
    lines.join("\n")
}
