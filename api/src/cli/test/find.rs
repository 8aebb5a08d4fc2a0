//! Scenario files, and the cycles that stand beside them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use holdfast_definitions::{Cycle, Diagnostic, Scenario, Severity, check_scenarios};

use crate::scenario::place::{Place, is_scenario_file};

/// How deep folders are looked into, and how many.
const DEPTH_MAX: usize = 16;
const FOLDERS_MAX: usize = 10_000;
/// Folders of other people's files.
const PASSED_OVER: [&str; 2] = ["target", "node_modules"];

/// What is to be played.
#[derive(Debug, Default)]
pub struct Found {
    /// Folders with scenario files.
    pub places: Vec<Place>,
    pub files: Vec<ScenarioFile>,
}

#[derive(Debug)]
pub struct ScenarioFile {
    pub path: PathBuf,
    /// Its folder's position.
    pub place: usize,
    pub text: Arc<str>,
    pub scenarios: Vec<Scenario>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Found {
    pub fn keep(&mut self, wanted: impl Fn(&Scenario) -> bool) {
        for file in &mut self.files {
            file.scenarios.retain(&wanted);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.files.iter().all(|file| file.scenarios.is_empty())
    }

    pub fn errors(&self) -> usize {
        let of_files = self.files.iter().flat_map(|file| &file.diagnostics);
        let of_places = self.places.iter().flat_map(|place| place.diagnostics.iter().map(|(one, _)| one));
        of_files.chain(of_places).filter(|one| one.severity == Severity::Error).count()
    }
}

/// Every scenario of the files, and of the folders and what is in them, in order.
pub fn find(paths: &[PathBuf]) -> anyhow::Result<Found> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => walk(path, &mut files)?,
            false => files.push(path.clone()),
        }
    }
    files.sort();
    files.dedup();
    let mut found = Found::default();
    let mut places: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for path in files {
        let folder = folder_of(&path);
        let place = match places.get(&folder) {
            Some(place) => *place,
            None => {
                found.places.push(Place::of(&folder)?);
                places.insert(folder, found.places.len() - 1);
                found.places.len() - 1
            }
        };
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let cycles: Vec<Arc<Cycle>> = match found.places.get(place) {
            Some(place) => place.cycles.iter().map(|(cycle, _)| cycle.clone()).collect(),
            None => Vec::new(),
        };
        let checked = check_scenarios(&path.display().to_string(), &text, &cycles);
        let (scenarios, diagnostics) = (checked.scenarios, checked.diagnostics);
        found.files.push(ScenarioFile { path, place, text: text.into(), scenarios, diagnostics });
    }
    Ok(found)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("."),
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut folders = vec![(folder.to_owned(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        seen += 1;
        if seen > FOLDERS_MAX {
            anyhow::bail!("{}: more than {FOLDERS_MAX} folders", folder.display());
        }
        let entries = std::fs::read_dir(&folder).with_context(|| format!("{}: it can't be read", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && depth < DEPTH_MAX && !name.starts_with('.') && !PASSED_OVER.contains(&name) {
                // A link may lead back.
                if !path.is_symlink() {
                    folders.push((path, depth + 1));
                }
            } else if is_scenario_file(&path) {
                files.push(path);
            }
        }
    }
    Ok(())
}
