//! What the language says, in the protocol's words.

use std::{collections::HashMap, ops::Range};

use holdfast_definitions::{Completion, CompletionKind, Diagnostic, Hover, Severity, Symbol, SymbolKind};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionOrCommand, CodeActionProviderCapability, CompletionItem,
    CompletionItemKind, CompletionOptions, CompletionTextEdit, DiagnosticSeverity, DocumentSymbol, Documentation,
    HoverContents, HoverProviderCapability, MarkupContent, MarkupKind, NumberOrString, OneOf, PositionEncodingKind,
    ServerCapabilities, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextEdit,
    WorkspaceEdit,
};

use super::documents::Document;

/// What brings more of a path, of `${…}`, or of what follows `next: ` without being asked for.
const TRIGGERS: [&str; 4] = [".", "$", "{", " "];

/// What the server can do.
pub fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        ..TextDocumentSyncOptions::default()
    };
    let completion = CompletionOptions {
        trigger_characters: Some(TRIGGERS.map(str::to_owned).to_vec()),
        ..CompletionOptions::default()
    };
    let actions =
        CodeActionOptions { code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]), ..CodeActionOptions::default() };
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        completion_provider: Some(completion),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(actions)),
        ..ServerCapabilities::default()
    }
}

/// Where a diagnostic is, in bytes.
pub fn bytes(document: &Document, one: &Diagnostic) -> Range<usize> {
    let start = document.lines.offset_of(one.line, one.column);
    start..document.lines.offset_of(one.end_line, one.end_column).max(start)
}

/// With its help behind the message: most editors show nothing else.
pub fn diagnostic(document: &Document, one: &Diagnostic) -> lsp_types::Diagnostic {
    let message = match &one.help {
        Some(help) => format!("{}\nhelp: {help}", one.message),
        None => one.message.clone(),
    };
    lsp_types::Diagnostic {
        range: document.range(bytes(document, one)),
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

/// The diagnostic's suggestion, to be taken.
pub fn action(document: &Document, one: &Diagnostic) -> Option<CodeActionOrCommand> {
    let suggestion = one.suggestion.as_ref()?;
    let start = document.lines.offset_of(suggestion.line, suggestion.column);
    let end = document.lines.offset_of(suggestion.end_line, suggestion.end_column).max(start);
    let edit = TextEdit::new(document.range(start..end), suggestion.replacement.clone());
    // A `Uri` is hashed by its text, which nothing changes.
    #[expect(clippy::mutable_key_type, reason = "the protocol's own type")]
    let changes = HashMap::from([(document.uri.clone(), vec![edit])]);
    Some(CodeActionOrCommand::CodeAction(CodeAction {
        title: format!("Write `{}`", suggestion.replacement),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(document, one)]),
        edit: Some(WorkspaceEdit::new(changes)),
        is_preferred: Some(true),
        ..CodeAction::default()
    }))
}

/// `rank`: its place among the others, which editors would else sort by the alphabet.
pub fn completion(document: &Document, rank: usize, one: Completion) -> CompletionItem {
    let edit = TextEdit::new(document.range(one.replaces), one.inserts);
    CompletionItem {
        // What an editor compares what is written with: all that would be replaced.
        filter_text: Some(edit.new_text.trim_end_matches([':', ' ']).to_owned()),
        label: one.label,
        kind: Some(match one.kind {
            CompletionKind::Key => CompletionItemKind::FIELD,
            CompletionKind::Step => CompletionItemKind::REFERENCE,
            CompletionKind::Value => CompletionItemKind::VALUE,
            CompletionKind::Property => CompletionItemKind::PROPERTY,
            CompletionKind::Variable => CompletionItemKind::VARIABLE,
        }),
        detail: one.detail,
        documentation: one.documentation.map(|text| Documentation::MarkupContent(markdown(text))),
        sort_text: Some(format!("{rank:04}")),
        text_edit: Some(CompletionTextEdit::Edit(edit)),
        ..CompletionItem::default()
    }
}

pub fn hover(document: &Document, one: Hover) -> lsp_types::Hover {
    let range = Some(document.range(one.range));
    lsp_types::Hover { contents: HoverContents::Markup(markdown(one.text)), range }
}

#[expect(deprecated, reason = "the protocol's own field, left out")]
pub fn symbol(document: &Document, one: Symbol) -> DocumentSymbol {
    let children: Vec<_> = one.children.into_iter().map(|child| symbol(document, child)).collect();
    DocumentSymbol {
        name: one.name,
        detail: Some(one.detail),
        kind: match one.kind {
            SymbolKind::Cycle | SymbolKind::Connector => lsp_types::SymbolKind::MODULE,
            SymbolKind::Step => lsp_types::SymbolKind::FUNCTION,
            SymbolKind::Event => lsp_types::SymbolKind::EVENT,
        },
        tags: None,
        deprecated: None,
        range: document.range(one.range),
        selection_range: document.range(one.selection),
        children: Some(children).filter(|children| !children.is_empty()),
    }
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}
