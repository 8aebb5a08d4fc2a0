//! What the language says, in the protocol's words.

use holdfast_definitions::{Diagnostic, Severity};
use lsp_types::{
    DiagnosticSeverity, NumberOrString, PositionEncodingKind, ServerCapabilities, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions,
};

use super::documents::Document;

/// What the server can do.
pub fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        ..TextDocumentSyncOptions::default()
    };
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        ..ServerCapabilities::default()
    }
}

/// With its help behind the message: most editors show nothing else.
pub fn diagnostic(document: &Document, one: &Diagnostic) -> lsp_types::Diagnostic {
    let lines = &document.lines;
    let start = lines.offset_of(one.line, one.column);
    let end = lines.offset_of(one.end_line, one.end_column).max(start);
    let message = match &one.help {
        Some(help) => format!("{}\nhelp: {help}", one.message),
        None => one.message.clone(),
    };
    lsp_types::Diagnostic {
        range: document.range(start..end),
        severity: Some(match one.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(one.code.to_owned())),
        source: Some("holdfast".to_owned()),
        message,
        ..lsp_types::Diagnostic::default()
    }
}
