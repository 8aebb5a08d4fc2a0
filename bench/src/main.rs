//! Measures the real binary on durable settings, beside the least that a durable webhook engine
//! must do, in the same run. `tests/bench` builds both and starts this.
//!
//! Ratios count; absolute figures are this machine's. Every line has a bound and what was reached.

mod check;
mod console;
mod delays;
mod drive;
mod figures;
mod least;
mod nodes;
mod overload;
mod peers;
mod process;
mod ratios;
mod report;
mod scale;
mod steps;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};

use report::Report;

/// The cycles that are measured, by file name.
pub const CYCLES: [(&str, &str); 5] = [
    ("start.yaml", include_str!("../cycles/start.yaml")),
    ("decide.yaml", include_str!("../cycles/decide.yaml")),
    ("hold.yaml", include_str!("../cycles/hold.yaml")),
    ("expire.yaml", include_str!("../cycles/expire.yaml")),
    ("ask.yaml", include_str!("../cycles/ask.yaml")),
];

/// A body of some 160 bytes.
pub const BODY: &str = r#"{"key":"k-{i}","kind":"a","amount":42,"customer":{"name":"Ada Lovelace","email":"ada@example.org"},"lines":[{"sku":"A-1","qty":2},{"sku":"B-7","qty":1}]}"#;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    plan: Plan,
}

#[derive(Subcommand)]
enum Command {
    /// The baseline, as a server: `echo`, `naive` or `grouped`
    Least { mode: least::Mode, database: String },
    /// A load, given as JSON; its figures come as JSON
    Drive { load: String },
}

/// What a run measures.
#[derive(clap::Args, Clone, Debug)]
pub struct Plan {
    /// Ratios alone, in few short rounds, with wide bounds: notices a loss of half
    #[arg(long)]
    pub quick: bool,
    /// Only these parts: ratios (or of them start, decide, resume), scale, flat, figures, overload, nodes,
    /// steps, delays, check, console, peers (or of them n8n, restate, node-red, dbos)
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Alternating rounds of each ratio; their median counts
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Transactions held while a resume is measured
    #[arg(long, default_value_t = 1_000_000)]
    pub held: u64,
    /// Transactions held at most, for the comparison with 10,000
    #[arg(long, default_value_t = 10_000_000)]
    pub many: u64,
    /// `sqlite`, `postgresql` or both
    #[arg(long, value_delimiter = ',', default_values_t = ["sqlite".to_owned(), "postgresql".to_owned()])]
    pub stores: Vec<String>,
    /// A superuser's URL of a PostgreSQL that is there for this
    #[arg(long, env = "HOLDFAST_TEST_POSTGRES")]
    pub postgres: Option<String>,
    /// Where databases are put while they are measured
    #[arg(long, default_value = "target")]
    pub scratch: PathBuf,
    /// Other engines too: n8n, Restate, Node-RED, DBOS, whose packages npm installs
    #[arg(long)]
    pub peers: bool,
    /// Where those are installed and found again; by default in the scratch directory, and gone afterwards
    #[arg(long)]
    pub peers_dir: Option<PathBuf>,
    /// With --quick: the table of the last full run, against which it is held
    #[arg(long)]
    pub against: Option<PathBuf>,
    /// Where the table goes; a chart goes beside it
    #[arg(long)]
    pub out: Option<PathBuf>,
}

impl Plan {
    fn has(&self, part: &str) -> bool {
        self.only.is_empty() && (!self.quick || matches!(part, "ratios" | "check"))
            || self.only.iter().any(|only| only == part)
    }
}

/// A database to measure on.
#[derive(Clone, Copy, Debug)]
pub struct Store<'a> {
    pub name: &'static str,
    /// Of a superuser; none for SQLite.
    pub cluster: Option<&'a str>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut runtime = match &arguments.command {
        // One thread, so that it leaves the machine to what is measured.
        Some(Command::Drive { .. }) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(async {
        match arguments.command {
            Some(Command::Least { mode, database }) => least::serve(mode, &database).await,
            Some(Command::Drive { load }) => {
                let got = drive::drive(serde_json::from_str(&load)?).await;
                print(&serde_json::to_string(&got)?);
                Ok(())
            }
            None => measure(&arguments.plan).await,
        }
    })
}

async fn measure(plan: &Plan) -> Result<()> {
    let mut report = Report::new(plan);
    let mut stores = Vec::new();
    for name in &plan.stores {
        match name.as_str() {
            "sqlite" => stores.push(Store { name: "SQLite", cluster: None }),
            _ => {
                ensure!(plan.postgres.is_some(), "no PostgreSQL: give --postgres URL, or leave it out of --stores");
                stores.push(Store { name: "PostgreSQL", cluster: plan.postgres.as_deref() });
            }
        }
    }
    for store in &stores {
        if ratios::PARTS.iter().any(|part| plan.has(part)) {
            ratios::measure(plan, *store, &mut report).await?;
            report.save(plan)?;
        }
        if plan.has("scale") {
            scale::measure(plan, *store, &mut report).await?;
            report.save(plan)?;
        }
        if plan.has("flat") {
            scale::flat(plan, *store, &mut report).await?;
            report.save(plan)?;
        }
        if plan.has("figures") {
            figures::measure(plan, *store, &mut report).await?;
        }
        if plan.has("overload") {
            overload::measure(plan, *store, &mut report).await?;
            report.save(plan)?;
        }
        if plan.has("steps") {
            steps::measure(plan, *store, &mut report).await?;
            report.save(plan)?;
        }
        if plan.has("delays") {
            delays::measure(plan, *store, &mut report).await?;
            report.save(plan)?;
        }
        if plan.has("console") {
            console::measure(plan, *store, &mut report).await?;
            report.save(plan)?;
        }
        if plan.has("nodes") && store.cluster.is_some() {
            nodes::measure(plan, *store, &mut report).await?;
        }
    }
    if plan.has("check") {
        check::measure(plan, &mut report)?;
        report.save(plan)?;
    }
    peers::measure(plan, &stores, &mut report).await?;
    report.save(plan)?;
    report.end()
}

#[expect(clippy::print_stdout, reason = "what a program for the terminal says")]
pub fn print(line: &str) {
    println!("{line}");
}
