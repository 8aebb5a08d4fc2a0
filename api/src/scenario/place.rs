//! A folder of definitions, and the scenarios beside them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use holdfast_definitions::{Connectors, Cycle, Diagnostic, Severity, check, check_with};

/// A folder, and the cycles that its files define.
#[derive(Debug, Default)]
pub struct Place {
    /// With the file that each is in.
    pub cycles: Vec<(Arc<Cycle>, PathBuf)>,
    /// Of definitions, errors only, each with its file's text.
    pub diagnostics: Vec<(Diagnostic, Arc<str>)>,
}

impl Place {
    /// Of the files as they are; connectors of one serve the others.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        let mut texts = BTreeMap::new();
        for path in definition_files(folder)? {
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            texts.insert(path, text);
        }
        Ok(Self::of_texts(texts))
    }

    /// Of the texts that the files have.
    pub fn of_texts(texts: BTreeMap<PathBuf, String>) -> Self {
        let mut place = Self::default();
        let mut connectors = Connectors::new();
        for text in texts.values().filter(|text| text.contains("connector:")) {
            let described = check("", text).connectors.into_iter();
            connectors.extend(described.map(|connector| (connector.name.clone(), connector)));
        }
        for (path, text) in texts {
            let text: Arc<str> = text.into();
            let checked = check_with(&path.display().to_string(), &text, None, &connectors);
            let errors = checked.diagnostics.into_iter().filter(|one| one.severity == Severity::Error);
            place.diagnostics.extend(errors.map(|one| (one, text.clone())));
            place.cycles.extend(checked.cycles.into_iter().map(|cycle| (cycle, path.clone())));
        }
        place
    }

    pub fn cycle(&self, name: &str) -> Option<&Arc<Cycle>> {
        self.cycles.iter().map(|(cycle, _)| cycle).find(|cycle| cycle.name == name)
    }
}

pub fn is_scenario_file(path: &Path) -> bool {
    is_named(path, &[".test.yaml", ".test.yml"])
}

pub fn is_definition_file(path: &Path) -> bool {
    is_named(path, &[".yaml", ".yml"]) && !is_scenario_file(path)
}

fn is_named(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !name.starts_with('.') && endings.iter().any(|ending| name.ends_with(ending))
}

/// Definitions of a folder, scenario files left out, in order.
pub fn definition_files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("{}: it can't be read", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_definition_file(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
