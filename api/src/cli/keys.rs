//! `holdfast keys`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    client::{Listing, Server},
    table::Column,
};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast keys\n  holdfast keys create ci --scope deploy --scope read --account acme\n  holdfast keys revoke ID"
)]
pub struct Keys {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints the secret, once
    Create {
        name: String,
        /// read, deploy, operate or admin; several may be given
        #[arg(long, required = true)]
        scope: Vec<String>,
        /// RFC 3339
        #[arg(long)]
        expires_at: Option<String>,
        /// For all accounts, in place of --account's
        #[arg(long)]
        all_accounts: bool,
    },
    /// It is refused everywhere from now on
    Revoke { id: String },
}

const LIST: &[Column] = &[
    Column("ID", "id"),
    Column("ACCOUNT", "account"),
    Column("NAME", "name"),
    Column("SCOPES", "scopes"),
    Column("EXPIRES", "expires_at"),
    Column("REVOKED", "revoked_at"),
];

impl Keys {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match self.what {
            None => server.list("keys", &self.listing.query(&[]), LIST, self.listing.watch).await,
            Some(What::Create { name, scope, expires_at, all_accounts }) => {
                let mut body = json!({ "name": name, "scopes": scope });
                if let Some(at) = expires_at {
                    body["expires_at"] = json!(at);
                }
                if all_accounts {
                    body["account"] = json!("*");
                }
                let key = server.post("keys", Some(body)).await?;
                let line = key["key"].as_str().unwrap_or_default().to_owned();
                server.done(&key, line)
            }
            Some(What::Revoke { id }) => {
                let gone = server.delete(&format!("keys/{id}")).await?;
                server.done(&gone, format!("{id} is revoked"))
            }
        }
    }
}
