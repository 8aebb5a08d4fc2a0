//! The documents that the editor has open.
//!
//! Invariant: a document's text is the editor's, change by change; the file on disk is never read.

use std::{collections::BTreeMap, ops::Range};

use holdfast_definitions::{Diagnostic, Lines, TextPosition};
use lsp_types::{Position, TextDocumentContentChangeEvent, Uri};

pub struct Document {
    pub uri: Uri,
    pub version: i32,
    pub lines: Lines,
    /// What was last said of it.
    pub diagnostics: Vec<Diagnostic>,
    /// It has changed since.
    pub changed: bool,
}

#[derive(Default)]
pub struct Documents(BTreeMap<String, Document>);

impl Documents {
    pub fn open(&mut self, uri: Uri, version: i32, text: String) {
        let key = uri.as_str().to_owned();
        let document = Document { uri, version, lines: Lines::new(text), diagnostics: Vec::new(), changed: true };
        self.0.insert(key, document);
    }

    /// Applies changes in their order, each to what the ones before it made.
    pub fn change(&mut self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.0.get_mut(uri.as_str()) else { return };
        for change in changes {
            match change.range {
                None => document.lines = Lines::new(change.text),
                Some(range) => {
                    let range = offsets(&document.lines, range);
                    document.lines.replace(range, &change.text);
                }
            }
        }
        (document.version, document.changed) = (version, true);
    }

    pub fn close(&mut self, uri: &Uri) {
        self.0.remove(uri.as_str());
    }

    pub fn get(&self, uri: &Uri) -> Option<&Document> {
        self.0.get(uri.as_str())
    }

    /// Whether some document's diagnostics are not those of its text.
    pub fn has_changed(&self) -> bool {
        self.0.values().any(|document| document.changed)
    }

    /// Those that have changed; they count as looked at.
    pub fn changed(&mut self) -> impl Iterator<Item = &mut Document> {
        self.0.values_mut().filter_map(|document| std::mem::take(&mut document.changed).then_some(document))
    }
}

impl Document {
    /// Scenarios are not definitions.
    pub fn is_definition(&self) -> bool {
        let path = self.uri.path().as_str();
        !path.ends_with(".test.yaml") && !path.ends_with(".test.yml")
    }

    pub fn offset(&self, position: Position) -> usize {
        offset(&self.lines, position)
    }

    pub fn range(&self, range: Range<usize>) -> lsp_types::Range {
        let position = |offset| {
            let TextPosition { line, column } = self.lines.place(offset);
            Position::new(line, column)
        };
        lsp_types::Range::new(position(range.start), position(range.end))
    }
}

fn offset(lines: &Lines, position: Position) -> usize {
    lines.offset(TextPosition { line: position.line, column: position.character })
}

/// An end before its start is that start.
fn offsets(lines: &Lines, range: lsp_types::Range) -> Range<usize> {
    let start = offset(lines, range.start);
    start..offset(lines, range.end).max(start)
}
