//! `holdfast secrets`. A value comes from standard input or a file, never from the command line,
//! which every process of the machine may read.

use std::{io::Read as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    client::{Listing, Server},
    table::Column,
};

/// More than a value may have: the server says how much that is.
const VALUE_BYTES_READ: u64 = 1 << 20;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  holdfast secrets\n  printf %s \"$TOKEN\" | holdfast secrets set SHOP_TOKEN\n  holdfast secrets set SHOP_TOKEN --from-file token.txt\n  holdfast secrets delete SHOP_TOKEN"
)]
pub struct Secrets {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Names and times; values are never shown
    List,
    /// Makes it, or replaces its value; the value is read from standard input
    Set {
        name: String,
        /// Reads the value from a file instead
        #[arg(long)]
        from_file: Option<PathBuf>,
    },
    /// Steps that read it fail from now on
    Delete { name: String },
    /// Seals every secret of every account with the current master key
    Reseal,
}

const LIST: &[Column] = &[
    Column("NAME", "name"),
    Column("CREATED", "created_at"),
    Column("UPDATED", "updated_at"),
    Column("LAST USED", "last_used_at"),
    Column("MASTER KEY", "key_id"),
];

impl Secrets {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let server = &self.server;
        match self.what {
            None | Some(What::List) => server.list("secrets", &self.listing.query(&[]), LIST, self.listing.watch).await,
            Some(What::Set { name, from_file }) => {
                let body = json!({ "name": name, "value": value(from_file)? });
                let made = server.post("secrets", Some(body)).await?;
                server.done(&made, format!("{name} is set"))
            }
            Some(What::Delete { name }) => {
                let gone = server.delete(&format!("secrets/{name}")).await?;
                server.done(&gone, format!("{name} is deleted"))
            }
            Some(What::Reseal) => {
                let done = server.post("reseal", None).await?;
                server.done(&done, format!("{} secrets were sealed anew", done["resealed"]))
            }
        }
    }
}

/// Without the line's end that `echo` and editors put behind it.
fn value(from_file: Option<PathBuf>) -> anyhow::Result<String> {
    let mut text = String::new();
    match from_file {
        Some(file) => {
            let opened = std::fs::File::open(&file).with_context(|| file.display().to_string())?;
            opened.take(VALUE_BYTES_READ).read_to_string(&mut text).with_context(|| file.display().to_string())?;
        }
        None => {
            std::io::stdin().take(VALUE_BYTES_READ).read_to_string(&mut text).context("standard input")?;
        }
    }
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(value.strip_suffix('\r').unwrap_or(value).to_owned())
}
