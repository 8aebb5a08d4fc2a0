//! A peer's packages, at the versions that are named here, in a directory that later runs find again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// n8n has two thousand packages.
const PATIENCE: Duration = Duration::from_secs(1200);

/// What of a peer is ours.
pub struct Package {
    pub name: &'static str,
    /// Whose version is told.
    pub main: &'static str,
    /// `package.json` among them.
    pub files: &'static [(&'static str, &'static str)],
    /// Dependencies whose install scripts are run; no other's are.
    pub builds: &'static [&'static str],
}

/// The peer's directory, with all that it needs. Quick where it was done before.
pub async fn install(package: &Package, directory: &Path) -> Result<PathBuf> {
    let at = directory.join(package.name);
    fs::create_dir_all(&at)?;
    let at = at.canonicalize()?;
    let (mark, wanted) = (at.join("installed.json"), package.file("package.json")?);
    let there = fs::read_to_string(&mark).is_ok_and(|there| there == wanted);
    for (name, text) in package.files {
        // A `package.json` that npm has added to stays.
        if !there || *name != "package.json" {
            fs::write(at.join(name), text)?;
        }
    }
    if there {
        return Ok(at);
    }
    crate::print(&format!("   installing {} in {}", package.name, at.display()));
    npm(&at, &["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).await?;
    for name in package.builds {
        // Newer npm wants to be told that a script may run; older has no such command.
        let _ = npm(&at, &["install-scripts", "approve", name]).await;
        npm(&at, &["rebuild", name]).await?;
    }
    fs::write(mark, wanted)?;
    Ok(at)
}

impl Package {
    fn file(&self, name: &str) -> Result<&'static str> {
        let file = self.files.iter().find(|(file, _)| *file == name);
        Ok(file.with_context(|| format!("{} has no {name}", self.name))?.1)
    }

    pub fn version(&self, at: &Path) -> Result<String> {
        let file = at.join("node_modules").join(self.main).join("package.json");
        let package: serde_json::Value = serde_json::from_str(&fs::read_to_string(file)?)?;
        Ok(package["version"].as_str().context("a package without a version")?.to_owned())
    }
}

async fn npm(at: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("npm");
    // One of Restate's packages would count its installations.
    command.current_dir(at).args(arguments).env("DO_NOT_TRACK", "1").env("SCARF_ANALYTICS", "false");
    run(command, PATIENCE).await.with_context(|| format!("npm {}", arguments.join(" ")))
}

/// To its end, which must be a good one.
pub async fn run(mut command: Command, within: Duration) -> Result<()> {
    let output = command.kill_on_drop(true).stdin(std::process::Stdio::null()).output();
    let output = tokio::time::timeout(within, output).await.context("it did not end in time")??;
    let (told, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "it ended with {}: {told}{erred}", output.status);
    Ok(())
}
