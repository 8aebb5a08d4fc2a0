//! The cycles beside a scenario: of the definitions that are open, and of the files in its folder that are not.
//!
//! Invariant: a file is read again only when it has changed, and an open one never.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use holdfast_definitions::Cycle;

use super::documents::Documents;
use crate::scenario::place::{Place, definition_files};

/// Files of a folder that are looked at.
const FILES_MAX: usize = 10_000;
/// Bytes of one: no definition is as long.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Default)]
pub struct Beside(HashMap<PathBuf, Known>);

#[derive(Default)]
struct Known {
    files: BTreeMap<PathBuf, State>,
    cycles: Vec<Arc<Cycle>>,
}

#[derive(PartialEq, Eq)]
enum State {
    /// In the editor, of this version.
    Open(i32),
    Saved {
        bytes: u64,
        at: Option<SystemTime>,
    },
}

impl Beside {
    /// What can't be read is not there.
    pub fn cycles(&mut self, folder: &Path, documents: &Documents) -> &[Arc<Cycle>] {
        let files = files(folder, documents);
        let known = self.0.entry(folder.to_owned()).or_default();
        if known.files != files {
            let open: BTreeMap<&Path, &str> =
                documents.definitions_in(folder).map(|(path, document)| (path, document.lines.text())).collect();
            let text = |path: &PathBuf| match open.get(path.as_path()) {
                Some(text) => Some((*text).to_owned()),
                None => std::fs::read_to_string(path).ok(),
            };
            let texts = files.keys().filter_map(|path| Some((path.clone(), text(path)?))).collect();
            let cycles = Place::of_texts(texts).cycles.into_iter().map(|(cycle, _)| cycle).collect();
            *known = Known { files, cycles };
        }
        &known.cycles
    }
}

fn files(folder: &Path, documents: &Documents) -> BTreeMap<PathBuf, State> {
    let saved = definition_files(folder).unwrap_or_default().into_iter().take(FILES_MAX);
    let mut files: BTreeMap<PathBuf, State> = saved
        .filter_map(|path| {
            let about = std::fs::metadata(&path).ok().filter(|about| about.len() <= FILE_BYTES_MAX)?;
            Some((path, State::Saved { bytes: about.len(), at: about.modified().ok() }))
        })
        .collect();
    files.extend(documents.definitions_in(folder).map(|(path, open)| (path.to_owned(), State::Open(open.version))));
    files
}
