//! The master key of secrets: from a file or the environment, never from the command line.

use std::path::Path;

use anyhow::Context as _;
use holdfast_engine::MasterKeys;

use super::{open::write_private, settings::Settings};

/// The key itself, or several, one a line.
const VARIABLE: &str = "HOLDFAST_MASTER_KEY";
/// What `dev` makes in its data directory.
const FILE: &str = "master.key";

/// `make`: as `dev` does, where none is given.
pub fn master_keys(settings: &Settings, make: bool) -> anyhow::Result<MasterKeys> {
    let given = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
    match (&settings.master_key_file, given) {
        (Some(_), Some(_)) => anyhow::bail!("both --master-key-file and {VARIABLE} are given: take one away"),
        (Some(file), None) => read(file),
        (None, Some(text)) => MasterKeys::parse(&text).with_context(|| VARIABLE.to_owned()),
        (None, None) if make => {
            let file = settings.data_dir.join(FILE);
            if !file.exists() {
                write_private(&file, &MasterKeys::generate())
                    .with_context(|| format!("{}: it can't be written", file.display()))?;
            }
            read(&file)
        }
        (None, None) => Ok(MasterKeys::none()),
    }
}

fn read(file: &Path) -> anyhow::Result<MasterKeys> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("--master-key-file {}: it can't be read", file.display()))?;
    MasterKeys::parse(&text).with_context(|| format!("--master-key-file {}", file.display()))
}
