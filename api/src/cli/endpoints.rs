//! `holdfast endpoints`. A secret of one's own comes from standard input, never from the command line.

use std::{io::Read as _, process::ExitCode};

use anyhow::Context as _;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{
    client::{Listing, Server},
    table::Column,
};

/// More than a secret may have: the server says how much that is.
const SECRET_BYTES_READ: u64 = 64 << 10;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast endpoints\n  holdfast endpoints create https://shop.example/events --event transaction.failed\n  holdfast endpoints validate ID\n  holdfast endpoints deliveries ID --missed\n  holdfast endpoints resend ID --missed"
)]
pub struct Endpoints {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Endpoints and how they do
    List,
    /// One of them
    Show { id: String },
    /// Makes one, validates it at once, and prints its secret, once
    Create {
        /// Where it is
        #[arg(value_name = "URL")]
        to: String,
        #[command(flatten)]
        settings: Settings,
        /// Reads the secret from standard input instead of making one
        #[arg(long)]
        secret_from_stdin: bool,
    },
    /// Changes what is given; another URL is validated at once
    Set {
        id: String,
        /// Another URL
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// It is told nothing more
    Delete { id: String },
    /// Sends `Webhook Validate` and says what came of it
    Validate { id: String },
    /// A disabled endpoint is active again
    Enable { id: String },
    /// A new secret, printed once; the one before signs beside it for a while
    Rotate {
        id: String,
        /// How long; at most 7d
        #[arg(long, default_value = "24h")]
        overlap: String,
    },
    /// Sends again: one delivery, all since a time, or what was missed
    Resend {
        id: String,
        #[command(flatten)]
        which: Which,
    },
    /// What it was told, newest first
    Deliveries {
        id: String,
        /// Only those that failed for good, or were not sent
        #[arg(long)]
        missed: bool,
        #[command(flatten)]
        listing: Listing,
    },
}

#[derive(Debug, Args)]
struct Settings {
    /// Only this cycle's events
    #[arg(long)]
    cycle: Option<String>,
    /// Only these events; may be given several times
    #[arg(long = "event")]
    events: Vec<String>,
    /// standard, cycle, casesolved, github, stripe or cloudevents
    #[arg(long)]
    profile: Option<String>,
    /// NAME=VALUE, for the bodies of the profile `cycle`
    #[arg(long = "id", value_parser = pair)]
    ids: Vec<(String, String)>,
    /// Waits between attempts, such as 5s,5m,1h
    #[arg(long, value_delimiter = ',')]
    schedule: Vec<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The delivery of this id
    #[arg(long)]
    message: Option<String>,
    /// RFC 3339
    #[arg(long)]
    since: Option<String>,
    /// What failed for good, and what was not sent
    #[arg(long)]
    missed: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').filter(|(name, _)| !name.is_empty());
    split.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "NAME=VALUE is expected".to_owned())
}

const LIST: &[Column] = &[
    Column("ID", "id"),
    Column("URL", "url"),
    Column("PROFILE", "profile"),
    Column("CYCLE", "cycle"),
    Column("STATE", "state"),
    Column("LAST SUCCESS", "last_success_at"),
    Column("FAILING SINCE", "failing_since"),
];

const DELIVERIES: &[Column] = &[
    Column("ID", "id"),
    Column("AT", "at"),
    Column("EVENT", "event"),
    Column("STATUS", "status"),
    Column("DUE", "due_at"),
];

impl Settings {
    fn into_body(self) -> Map<String, Value> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        put("cycle", self.cycle.map(Value::from));
        put("events", (!self.events.is_empty()).then(|| json!(self.events)));
        put("profile", self.profile.map(Value::from));
        let ids: Map<String, Value> = self.ids.into_iter().map(|(name, value)| (name, value.into())).collect();
        put("ids", (!ids.is_empty()).then_some(Value::Object(ids)));
        put("schedule", (!self.schedule.is_empty()).then(|| json!(self.schedule)));
        body
    }
}

impl Endpoints {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match self.what {
            None | Some(What::List) => {
                server.list("endpoints", &self.listing.query(&[]), LIST, self.listing.watch).await
            }
            Some(What::Show { id }) => server.show(&server.get(&format!("endpoints/{id}"), &[]).await?),
            Some(What::Create { to, settings, secret_from_stdin }) => {
                let mut body = settings.into_body();
                body.insert("url".to_owned(), to.into());
                if secret_from_stdin {
                    body.insert("secret".to_owned(), secret()?.into());
                }
                let made = server.post("endpoints", Some(body.into())).await?;
                let said = format!("{}\n{}", said(&made), made["secret"].as_str().unwrap_or_default());
                server.done(&made, said)
            }
            Some(What::Set { id, to, settings }) => {
                let mut body = settings.into_body();
                body.extend(to.map(|to| ("url".to_owned(), Value::from(to))));
                let body = Some((Value::from(body).to_string(), "application/json"));
                let set = server.send(Method::PATCH, &format!("endpoints/{id}"), &[], body).await?;
                server.done(&set, said(&set))
            }
            Some(What::Delete { id }) => {
                let gone = server.delete(&format!("endpoints/{id}")).await?;
                server.done(&gone, format!("{id} is deleted"))
            }
            Some(What::Validate { id }) => {
                let validated = server.post(&format!("endpoints/{id}/validate"), None).await?;
                server.done(&validated, said(&validated))
            }
            Some(What::Enable { id }) => {
                let enabled = server.post(&format!("endpoints/{id}/enable"), None).await?;
                server.done(&enabled, said(&enabled))
            }
            Some(What::Rotate { id, overlap }) => {
                let rotated =
                    server.post(&format!("endpoints/{id}/rotate"), Some(json!({ "overlap": overlap }))).await?;
                server.done(&rotated, rotated["secret"].as_str().unwrap_or_default().to_owned())
            }
            Some(What::Resend { id, which }) => {
                let body = match which {
                    Which { message: Some(message), .. } => json!({ "message": message }),
                    Which { since: Some(since), .. } => json!({ "since": since }),
                    Which { .. } => json!({ "missed": true }),
                };
                let resent = server.post(&format!("endpoints/{id}/resend"), Some(body)).await?;
                server.done(&resent, format!("{} deliveries are sent again", resent["resent"]))
            }
            Some(What::Deliveries { id, missed, listing }) => {
                let query = listing.query(&[("missed", missed.then_some("true"))]);
                server.list(&format!("endpoints/{id}/deliveries"), &query, DELIVERIES, listing.watch).await
            }
        }
    }
}

/// `ID is active`, or why it is not.
fn said(endpoint: &Value) -> String {
    let text = |name: &str| endpoint[name].as_str().unwrap_or_default();
    match endpoint["reason"].as_str() {
        Some(reason) => format!("{} is {}: {reason}", text("id"), text("state")),
        None => format!("{} is {}", text("id"), text("state")),
    }
}

fn secret() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(SECRET_BYTES_READ).read_to_string(&mut text).context("standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
