//! From message to message.
//!
//! Invariants: every request gets one answer; what comes before `initialize` or after `shutdown` is refused as
//! the protocol says; diagnostics are published once the editor pauses, for the text as it is then.

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use holdfast_definitions::check_scenarios;
use holdfast_engine::ScriptReader;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::{
    InitializeResult, PublishDiagnosticsParams, ServerInfo,
    notification::{self, Notification as _},
    request::{self, Request as _},
};
use serde::de::DeserializeOwned;

use super::{
    answers,
    beside::Beside,
    documents::{Document, Documents},
    present,
};

/// How long no message comes before what was typed is checked.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(PartialEq, Eq)]
enum Stage {
    /// For `initialize`.
    Waiting,
    Running,
    ShutDown,
}

pub struct Server {
    connection: Connection,
    scripts: ScriptReader,
    documents: Documents,
    beside: Beside,
    stage: Stage,
}

impl Server {
    pub fn new(connection: Connection, scripts: ScriptReader) -> Self {
        Self { connection, scripts, documents: Documents::default(), beside: Beside::default(), stage: Stage::Waiting }
    }

    /// Until `exit`, or (none) the input ends.
    pub fn run(mut self) -> anyhow::Result<Option<ExitCode>> {
        loop {
            let receiver = &self.connection.receiver;
            let message = match self.documents.has_changed() {
                true => match receiver.recv_timeout(PAUSE) {
                    Err(error) if error.is_timeout() => {
                        self.publish()?;
                        continue;
                    }
                    message => message.ok(),
                },
                false => receiver.recv().ok(),
            };
            match message {
                Some(Message::Request(request)) => {
                    let response = self.answer(request);
                    self.send(response)?;
                }
                Some(Message::Notification(told)) if told.method == notification::Exit::METHOD => {
                    let code = if self.stage == Stage::ShutDown { ExitCode::SUCCESS } else { ExitCode::FAILURE };
                    return Ok(Some(code));
                }
                Some(Message::Notification(told)) => self.hear(told)?,
                // Nothing is ever asked of the editor.
                Some(Message::Response(_)) => {}
                None => return Ok(None),
            }
        }
    }

    fn answer(&mut self, request: Request) -> Response {
        let refuse = |code: ErrorCode, why: &str| Response::new_err(request.id.clone(), code as i32, why.to_owned());
        match (&self.stage, request.method.as_str()) {
            (Stage::Waiting, request::Initialize::METHOD) => {
                self.stage = Stage::Running;
                let server_info =
                    ServerInfo { name: "holdfast".into(), version: Some(env!("CARGO_PKG_VERSION").into()) };
                let result = InitializeResult { capabilities: present::capabilities(), server_info: Some(server_info) };
                Response::new_ok(request.id, result)
            }
            (Stage::Waiting, _) => refuse(ErrorCode::ServerNotInitialized, "`initialize` comes first"),
            (Stage::ShutDown, _) => refuse(ErrorCode::InvalidRequest, "the server was shut down"),
            (Stage::Running, request::Initialize::METHOD) => {
                refuse(ErrorCode::InvalidRequest, "the server is initialized already")
            }
            (Stage::Running, request::Shutdown::METHOD) => {
                self.stage = Stage::ShutDown;
                Response::new_ok(request.id, ())
            }
            (Stage::Running, _) => answers::answer(&self.documents, request),
        }
    }

    fn hear(&mut self, told: Notification) -> anyhow::Result<()> {
        if self.stage != Stage::Running {
            return Ok(());
        }
        match told.method.as_str() {
            notification::DidOpenTextDocument::METHOD => {
                let Some(params) = read::<lsp_types::DidOpenTextDocumentParams>(told) else { return Ok(()) };
                let opened = params.text_document;
                self.documents.open(opened.uri, opened.version, opened.text);
            }
            notification::DidChangeTextDocument::METHOD => {
                let Some(params) = read::<lsp_types::DidChangeTextDocumentParams>(told) else { return Ok(()) };
                let changed = params.text_document;
                self.documents.change(&changed.uri, changed.version, params.content_changes);
            }
            notification::DidCloseTextDocument::METHOD => {
                let Some(params) = read::<lsp_types::DidCloseTextDocumentParams>(told) else { return Ok(()) };
                self.documents.close(&params.text_document.uri);
                self.tell(PublishDiagnosticsParams::new(params.text_document.uri, Vec::new(), None))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Says what is wrong with what has changed.
    fn publish(&mut self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Handle::current();
        for uri in self.documents.take_changed() {
            let Some(document) = self.documents.get(&uri) else { continue };
            let (name, text) = (uri.as_str(), document.lines.text());
            let diagnostics = match document.folder().filter(|_| !document.is_definition()) {
                Some(folder) => check_scenarios(name, text, self.beside.cycles(folder, &self.documents)).diagnostics,
                None => runtime.block_on(self.scripts.check(name, text)).diagnostics,
            };
            if let Some(document) = self.documents.tell(&uri, diagnostics) {
                let told = all(document);
                self.tell(told)?;
            }
        }
        Ok(())
    }

    fn tell(&self, params: PublishDiagnosticsParams) -> anyhow::Result<()> {
        self.send(Notification::new(notification::PublishDiagnostics::METHOD.to_owned(), params))
    }

    fn send(&self, message: impl Into<Message>) -> anyhow::Result<()> {
        self.connection.sender.send(message.into()).context("the editor no longer reads")
    }
}

fn all(document: &Document) -> PublishDiagnosticsParams {
    let diagnostics = document.diagnostics.iter().map(|one| present::diagnostic(document, one)).collect();
    PublishDiagnosticsParams::new(document.uri.clone(), diagnostics, Some(document.version))
}

/// What a notification says; one that can't be read is left out, and told to whoever reads the log.
fn read<P: DeserializeOwned>(told: Notification) -> Option<P> {
    let method = told.method;
    serde_json::from_value::<P>(told.params).map_err(|error| eprintln!("holdfast: {method}: {error}")).ok()
}
