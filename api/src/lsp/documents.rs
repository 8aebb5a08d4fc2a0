//! The documents that the editor has open.
//!
//! Invariant: a document's text is the editor's, change by change; its file on disk is never read.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use holdfast_definitions::{Diagnostic, Lines, TextPosition};
use lsp_types::{Position, TextDocumentContentChangeEvent, Uri};
use url::Url;

use crate::scenario::place::is_scenario_file;

pub struct Document {
    pub uri: Uri,
    /// Where it is on disk, or would be; none of what is nowhere yet.
    pub path: Option<PathBuf>,
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
        let path = Url::parse(&key).ok().and_then(|url| url.to_file_path().ok());
        let document = Document { uri, path, version, lines: Lines::new(text), diagnostics: Vec::new(), changed: true };
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
        if let Some(closed) = self.0.remove(uri.as_str()) {
            self.beside_changes(closed.folder());
        }
    }

    pub fn get(&self, uri: &Uri) -> Option<&Document> {
        self.0.get(uri.as_str())
    }

    /// Whether some document's diagnostics are not those of its text.
    pub fn has_changed(&self) -> bool {
        self.0.values().any(|document| document.changed)
    }

    /// Those that have changed, and the scenarios beside a definition that has; they count as looked at.
    pub fn take_changed(&mut self) -> Vec<Uri> {
        let definitions = self.0.values().filter(|document| document.changed && document.is_definition());
        let folders: Vec<PathBuf> = definitions.filter_map(|one| one.folder().map(Path::to_owned)).collect();
        folders.iter().for_each(|folder| self.beside_changes(Some(folder)));
        let changed = self.0.values_mut().filter(|document| document.changed);
        let looked_at = changed.map(|document| {
            document.changed = false;
            document.uri.clone()
        });
        looked_at.collect()
    }

    fn beside_changes(&mut self, folder: Option<&Path>) {
        for document in self.0.values_mut().filter(|one| !one.is_definition() && folder.is_some()) {
            document.changed |= document.folder() == folder;
        }
    }

    /// What is said of it from now on.
    pub fn tell(&mut self, uri: &Uri, diagnostics: Vec<Diagnostic>) -> Option<&Document> {
        let document = self.0.get_mut(uri.as_str())?;
        document.diagnostics = diagnostics;
        Some(document)
    }

    /// The definitions in a folder that are open.
    pub fn definitions_in<'d>(&'d self, folder: &'d Path) -> impl Iterator<Item = (&'d Path, &'d Document)> {
        let there = self.0.values().filter(move |one| one.is_definition() && one.folder() == Some(folder));
        there.filter_map(|document| Some((document.path.as_deref()?, document)))
    }
}

impl Document {
    /// Scenarios are not; what is nowhere on disk is.
    pub fn is_definition(&self) -> bool {
        self.path.as_deref().is_none_or(|path| !is_scenario_file(path))
    }

    pub fn folder(&self) -> Option<&Path> {
        self.path.as_deref()?.parent()
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
