//! `--watch`: played again whenever a definition or a scenario changes.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use holdfast_engine::StageScripts;
use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::Test;
use crate::cli::{open, say};

/// An editor writes a file in several steps: what comes within this time is one change.
const SETTLE: Duration = Duration::from_millis(100);

/// Until it is told to stop.
pub async fn watch(test: &Test, scripts: &StageScripts) -> anyhow::Result<ExitCode> {
    let stop = open::told_to_stop()?;
    let (tell, mut changes) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too.
        let changed = event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(|path| is_yaml(path)));
        if changed {
            // A full channel has a change waiting already.
            let _ = tell.try_send(());
        }
    })?;
    for path in &test.paths {
        let folder = match path.is_dir() {
            true => path.clone(),
            // A file that is replaced is another: its folder stays.
            false => path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(".".into(), PathBuf::from),
        };
        watcher.watch(&folder, RecursiveMode::Recursive)?;
    }
    let mut stop = std::pin::pin!(stop);
    loop {
        if let Err(error) = test.once(scripts).await {
            eprintln!("{error:#}");
        }
        say("waiting for a change …");
        tokio::select! {
            () = &mut stop => return Ok(ExitCode::SUCCESS),
            changed = changes.recv() => if changed.is_none() {
                return Ok(ExitCode::FAILURE);
            },
        }
        tokio::time::sleep(SETTLE).await;
        while changes.try_recv().is_ok() {}
    }
}

fn is_yaml(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}
