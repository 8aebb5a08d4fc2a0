//! The flags that `dev` and `serve` share.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum};
use holdfast_definitions::{Given, Json, check, parse_duration};
use std::time::Duration;

use crate::Limits;

#[derive(Debug, Args)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "HOLDFAST_LISTEN", default_value = "127.0.0.1:7400")]
    pub listen: SocketAddr,
    /// PostgreSQL 15 or later instead of SQLite: postgres://USER@HOST/NAME
    #[arg(long, env = "HOLDFAST_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where SQLite's file and the admin key are kept
    #[arg(long, env = "HOLDFAST_DATA_DIR", default_value = ".holdfast")]
    pub data_dir: PathBuf,
    /// The keys that secrets are sealed with: one a line, the base64 of 32 bytes, the current one first.
    /// HOLDFAST_MASTER_KEY gives the keys themselves [default: `dev` makes master.key in the data directory]
    #[arg(long, env = "HOLDFAST_MASTER_KEY_FILE")]
    pub master_key_file: Option<PathBuf>,
    /// Networks that calls may go to besides public addresses, such as 10.1.0.0/16 [`dev` opens loopback]
    #[arg(long, env = "HOLDFAST_ALLOW_NETWORK", value_name = "CIDR", value_delimiter = ',')]
    pub allow_network: Vec<holdfast_engine::egress::Network>,
    /// Certificates, in PEM, that a partner's may be signed with besides the built-in authorities'
    #[arg(long, env = "HOLDFAST_CA_FILE", value_name = "PATH")]
    pub ca_file: Option<PathBuf>,
    /// Variables of the environment that cycles may read, as ${env.NAME}
    #[arg(long, env = "HOLDFAST_ALLOW_ENV", value_name = "NAME", value_delimiter = ',')]
    pub allow_env: Vec<String>,
    /// The value of a variable, for the definitions that are deployed at the start and declare it; again for another
    #[arg(long, env = "HOLDFAST_VAR", value_name = "NAME=VALUE", value_delimiter = ',', value_parser = variable)]
    pub var: Vec<(String, String)>,
    /// Where callers find this server: webhook URLs begin with it
    #[arg(long, env = "HOLDFAST_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// How log lines are written, to standard error
    #[arg(long, env = "HOLDFAST_LOG_FORMAT", default_value = "text")]
    pub log_format: crate::LogFormat,
    /// Which log lines: error, warn, info, debug, or a filter such as holdfast_engine=debug,warn
    #[arg(long, env = "HOLDFAST_LOG_LEVEL")]
    pub log_level: Option<String>,
    /// The name of this node in logs [default: the process's id]
    #[arg(long, env = "HOLDFAST_NODE")]
    pub node: Option<String>,
    /// Whose time it is; a manual clock stands still until `holdfast clock advance` moves it
    #[arg(long, env = "HOLDFAST_CLOCK", default_value = "system")]
    pub clock: ClockKind,
    #[command(flatten)]
    pub limits: LimitFlags,
}

/// `NAME=VALUE`
pub fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Settings {
    /// What is given for the variables that the cycles of a text declare.
    pub fn given(&self, text: &str) -> Given {
        let cycles = check("", text).cycles;
        let declared = |name: &String| cycles.iter().any(|cycle| cycle.vars.contains_key(name));
        let given = self.var.iter().filter(|(name, _)| declared(name));
        given.map(|(name, value)| (name.clone(), Json::Text(value.clone()))).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClockKind {
    System,
    Manual,
}

/// Every limit that has a flag. What is over one is refused and says which.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitFlags {
    /// Bytes of a request's head
    #[arg(long, env = "HOLDFAST_HEAD_BYTES", default_value_t = 64 << 10)]
    head_bytes: usize,
    /// Fields of a request's head
    #[arg(long, env = "HOLDFAST_HEAD_FIELDS", default_value_t = 100)]
    head_fields: usize,
    /// Bytes of a body
    #[arg(long, env = "HOLDFAST_BODY_BYTES", default_value_t = 1 << 20)]
    body_bytes: usize,
    /// Open connections
    #[arg(long, env = "HOLDFAST_CONNECTIONS", default_value_t = 10_000)]
    connections: usize,
    /// Calls that are out at once; what is over them waits
    #[arg(long, env = "HOLDFAST_OUTGOING_CONNECTIONS", default_value_t = holdfast_engine::egress::CONNECTIONS_MAX)]
    outgoing_connections: usize,
    /// How long a head may take
    #[arg(long, env = "HOLDFAST_HEADER_READ", default_value = "10s", value_parser = parse_duration)]
    header_read: Duration,
    /// How long a body may take
    #[arg(long, env = "HOLDFAST_BODY_READ", default_value = "30s", value_parser = parse_duration)]
    body_read: Duration,
    /// Bytes of a document
    #[arg(long, env = "HOLDFAST_DOCUMENT_BYTES", default_value_t = 4 << 20)]
    document_bytes: usize,
    /// Steps of a run
    #[arg(long, env = "HOLDFAST_STEPS_PER_RUN", default_value_t = 10_000)]
    steps_per_run: usize,
    /// Runs of a transaction
    #[arg(long, env = "HOLDFAST_RUNS_PER_TRANSACTION", default_value_t = 10_000)]
    runs_per_transaction: u32,
    /// Hits a second of each account, at this node; 0 for as many as come
    #[arg(long, env = "HOLDFAST_ACCOUNT_HITS", default_value_t = 0)]
    account_hits: u32,
    /// Hits that a stop queues at one webhook
    #[arg(long, env = "HOLDFAST_QUEUED_HITS", default_value_t = 100_000)]
    queued_hits: u64,
}

impl LimitFlags {
    pub fn http(&self) -> Limits {
        Limits {
            head_bytes: self.head_bytes,
            head_fields: self.head_fields,
            body_bytes: self.body_bytes,
            connections: self.connections,
            header_read: self.header_read,
            body_read: self.body_read,
            account_hits: self.account_hits,
            ..Limits::default()
        }
    }

    pub fn outgoing_connections(&self) -> usize {
        self.outgoing_connections
    }

    pub fn engine(&self) -> holdfast_engine::Limits {
        holdfast_engine::Limits {
            document_bytes: self.document_bytes,
            steps_per_run: self.steps_per_run,
            runs_per_transaction: self.runs_per_transaction,
            queued_hits_per_webhook: self.queued_hits,
        }
    }
}
