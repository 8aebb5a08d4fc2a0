//! The language server: the protocol's rim (LSP 3.17, JSON-RPC over standard input and output) around what
//! `holdfast_definitions` knows of a text.
//!
//! Invariants: nothing but the protocol is written to standard output; no rule of the language is here.

mod answers;
mod beside;
mod documents;
mod present;
mod server;

use std::process::ExitCode;

use anyhow::Context as _;
use holdfast_engine::{ScriptReader, ScriptWorker};
use lsp_server::Connection;

use server::Server;

/// Serves the editor that started this program until it says `exit`, or is gone.
pub async fn serve(worker: Option<ScriptWorker>) -> anyhow::Result<ExitCode> {
    let (connection, threads) = Connection::stdio();
    let server = Server::new(connection, ScriptReader::new(worker));
    // The protocol's channels block, and a thread that may block may also wait for the scripts' workers.
    let code = tokio::task::spawn_blocking(move || server.run()).await.context("the language server")??;
    if code.is_none() {
        // What the reader choked on, or what was never written.
        threads.join().context("what comes on standard input is not the Language Server Protocol")?;
        anyhow::bail!("standard input ended before the editor said `exit`");
    }
    threads.join()?;
    Ok(code.unwrap_or(ExitCode::FAILURE))
}
