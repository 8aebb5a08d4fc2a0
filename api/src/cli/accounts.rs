//! `holdfast accounts`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    client::{Listing, Server},
    table::Column,
};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast accounts create acme --hits-per-second 50\n  holdfast accounts\n  holdfast accounts limit acme --stored-bytes 1000000000 --hits-per-second none\n  holdfast accounts export acme > acme.json\n  holdfast accounts import acme.json --url http://other:7400\n  holdfast accounts delete acme\n\nIt needs a key for all accounts with the scope admin, as the one in admin.key is."
)]
pub struct Accounts {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every account with its limits, as without a verb
    List,
    /// Makes one
    Create {
        name: String,
        #[command(flatten)]
        limits: Limits,
    },
    /// One account
    Show { name: String },
    /// Changes those of its limits that are named
    Limit {
        name: String,
        #[command(flatten)]
        limits: Limits,
    },
    /// Writes all of one but its transactions and hits to standard output
    Export { name: String },
    /// Makes the account of an export, or fills an empty one
    Import {
        /// As `export` wrote it, or - for standard input
        file: PathBuf,
    },
    /// Removes one that has no cycle, with all that it has
    Delete { name: String },
}

#[derive(Debug, Args)]
struct Limits {
    /// Hits a second on each node, or none
    #[arg(long, value_name = "N")]
    hits_per_second: Option<String>,
    /// Transactions that have not ended, or none
    #[arg(long, value_name = "N")]
    transactions: Option<String>,
    /// Bytes of hits and runs, or none
    #[arg(long, value_name = "N")]
    stored_bytes: Option<String>,
}

const LIST: &[Column] = &[
    Column("NAME", "name"),
    Column("CREATED", "created_at"),
    Column("HITS/S", "limits.hits_per_second"),
    Column("TRANSACTIONS", "limits.transactions"),
    Column("BYTES", "limits.stored_bytes"),
];

impl Limits {
    /// Over those that there are.
    fn over(&self, mut limits: Value) -> anyhow::Result<Value> {
        let given = [
            ("hits_per_second", &self.hits_per_second),
            ("transactions", &self.transactions),
            ("stored_bytes", &self.stored_bytes),
        ];
        for (name, text) in given {
            match text.as_deref() {
                None => {}
                Some("none") => limits[name] = Value::Null,
                Some(text) => {
                    let flag = || format!("--{}: a number, or none", name.replace('_', "-"));
                    limits[name] = json!(text.parse::<u64>().with_context(flag)?);
                }
            }
        }
        Ok(limits)
    }
}

impl Accounts {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match self.what {
            None | Some(What::List) => {
                server.list("accounts", &self.listing.query(&[]), LIST, self.listing.watch).await
            }
            Some(What::Create { name, limits }) => {
                let body = json!({ "name": name, "limits": limits.over(json!({}))? });
                let made = server.post("accounts", Some(body)).await?;
                server.done(&made, format!("{name} is there: holdfast keys create NAME --scope admin --account {name}"))
            }
            Some(What::Show { name }) => server.show(&server.get(&format!("accounts/{name}"), &[]).await?),
            Some(What::Limit { name, limits }) => {
                let path = format!("accounts/{name}");
                let known = server.get(&path, &[]).await?;
                let limits = limits.over(known["limits"].clone())?;
                let now = server.put(&path, json!({ "limits": limits })).await?;
                server.done(&now, format!("{name}: {}", now["limits"]))
            }
            Some(What::Export { name }) => server.show(&server.get(&format!("accounts/{name}/export"), &[]).await?),
            Some(What::Import { file }) => {
                let text = match file.as_os_str() == "-" {
                    true => std::io::read_to_string(std::io::stdin()).context("standard input")?,
                    false => std::fs::read_to_string(&file).with_context(|| file.display().to_string())?,
                };
                let body = Some((text, "application/json"));
                let made = server.send(reqwest::Method::POST, "accounts/import", &[], body).await?;
                let name = made["name"].as_str().unwrap_or_default().to_owned();
                server.done(&made, format!("{name} is imported"))
            }
            Some(What::Delete { name }) => {
                let gone = server.delete(&format!("accounts/{name}")).await?;
                server.done(&gone, format!("{name} is removed"))
            }
        }
    }
}
