//! The command line: one file a verb. Exit code 0 on success, 1 on failure, 2 on misuse; errors go
//! to standard error.

mod accounts;
mod bulk;
mod check;
mod client;
mod clock;
mod connections;
mod cycles;
mod dev;
mod diff;
mod endpoints;
mod figures;
mod graph;
mod hits;
mod instant;
mod keys;
mod lsp;
mod master;
mod open;
mod recorded;
mod schema;
mod secrets;
mod serve;
mod settings;
mod shared;
mod table;
mod test;
mod transactions;
mod verify;
mod webhooks;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "holdfast",
    version,
    about = "A workflow engine whose transactions wait for the outside world",
    after_help = "Example:\n  holdfast dev definitions/cycles\n\nEvery flag is also an environment variable: HOLDFAST_LISTEN for --listen, and so on."
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Everything for an author on one machine: deploys, starts and watches a folder's definitions
    Dev(dev::Dev),
    /// Serves, in production
    Serve(serve::Serve),
    /// Says what is wrong with definitions
    Check(check::Check),
    /// Plays scenarios: a cycle's tests, in memory, with a clock that they move
    Test(test::Test),
    /// Explains why a captured request is, or is not, let in
    Verify(verify::Verify),
    /// Plays the last transactions' hits on two versions of a cycle: which would go another way
    Diff(diff::Diff),
    /// Draws a definition's graph
    Graph(graph::Graph),
    /// Prints the JSON Schema of definitions, for editors
    Schema(schema::Schema),
    /// A language server for editors, over standard input and output
    Lsp(lsp::Lsp),
    /// Cycles of a running server
    Cycles(cycles::Cycles),
    /// Transactions of a running server
    Transactions(transactions::Transactions),
    /// Hits of a running server
    Hits(hits::Hits),
    /// Webhooks of a running server
    Webhooks(webhooks::Webhooks),
    /// Accounts of a running server, and what each may use
    Accounts(accounts::Accounts),
    /// Connectors of a running server
    Connectors(connections::Connectors),
    /// What cycles of a running server have subscribed to
    Subscriptions(connections::Subscriptions),
    /// API keys of a running server
    Keys(keys::Keys),
    /// Secrets of a running server
    Secrets(secrets::Secrets),
    /// Endpoints of a running server, and what they are told
    Endpoints(endpoints::Endpoints),
    /// The clock of a running server
    Clock(clock::Clock),
    /// Runs scripts that come on standard input: started by the server, for itself
    #[command(hide = true)]
    Sandbox,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // No runtime, no logging, no thread but this one: the process is limited before it reads a script.
    if let Verb::Sandbox = cli.verb {
        return holdfast_sandbox::serve(std::io::stdin(), std::io::stdout());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::anyhow!("no runtime: {error}")),
    };
    match runtime.block_on(cli.run()) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("holdfast: {error:#}");
    ExitCode::FAILURE
}

impl Cli {
    async fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::Dev(verb) => verb.run().await,
            Verb::Serve(verb) => verb.run().await,
            Verb::Check(verb) => verb.run().await,
            Verb::Test(verb) => verb.run().await,
            Verb::Verify(verb) => verb.run(),
            Verb::Diff(verb) => verb.run().await,
            Verb::Graph(verb) => verb.run(),
            Verb::Schema(verb) => verb.run(),
            Verb::Lsp(verb) => verb.run().await,
            Verb::Cycles(verb) => verb.run().await,
            Verb::Transactions(verb) => verb.run().await,
            Verb::Hits(verb) => verb.run().await,
            Verb::Webhooks(verb) => verb.run().await,
            Verb::Accounts(verb) => verb.run().await,
            Verb::Connectors(verb) => verb.run().await,
            Verb::Subscriptions(verb) => verb.run().await,
            Verb::Keys(verb) => verb.run().await,
            Verb::Secrets(verb) => verb.run().await,
            Verb::Endpoints(verb) => verb.run().await,
            Verb::Clock(verb) => verb.run().await,
            Verb::Sandbox => Ok(ExitCode::SUCCESS),
        }
    }
}

/// The one way to standard output: a closed pipe (`| head`) ends the program quietly.
fn say(text: impl std::fmt::Display) {
    use std::io::Write as _;
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

#[cfg(test)]
mod tests;
