//! `holdfast dev`: one folder of definitions, deployed, started and watched.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use holdfast_engine::{CycleState, DEFAULT_ACCOUNT, Deployed, Engine, Error, PageQuery, WebhookView};
use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::{check::show, open, say, settings::Settings};
use crate::scenario::place::definition_files;

/// An editor writes a file in several steps: what comes within this time is one change.
const SETTLE: Duration = Duration::from_millis(150);
/// How often it is looked whether a secret has come that a definition waits for.
const SECRETS: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holdfast dev definitions/cycles\n  holdfast dev --clock manual")]
pub struct Dev {
    /// The folder whose *.yaml and *.yml are deployed, started and watched
    #[arg(default_value = ".")]
    directory: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

impl Dev {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if !self.directory.is_dir() {
            anyhow::bail!("{} is no folder", self.directory.display());
        }
        let stop = open::told_to_stop()?;
        let mut opened = open::open(&self.settings, "warn", true).await?;
        opened.app.dev = true;
        opened.app.keyless = self.settings.listen.ip().is_loopback();
        if !opened.app.keyless {
            open::make_admin_key(&opened.app.engine, &self.settings.data_dir).await?;
            say(format!("a key is needed: {} is not loopback", self.settings.listen));
        }
        let url = opened.app.public_url.to_string();
        let settings = Arc::new(self.settings);
        let engine = opened.app.engine.clone();
        let (seen, refused, secrets) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut folder =
            Folder { engine, settings, url, seen, refused, secrets, waiting: std::sync::Mutex::new(Some(Vec::new())) };
        folder.deploy_changed(&self.directory).await?;
        say(format!("listening on {}", opened.url));
        say(format!("the console is at {}/console", opened.url.trim_end_matches('/')));
        let watching = tokio::spawn(watch(folder, self.directory.clone()));
        crate::run(opened.listener, opened.app, stop).await?;
        watching.abort();
        Ok(ExitCode::SUCCESS)
    }
}

struct Folder {
    engine: Engine,
    settings: Arc<Settings>,
    url: String,
    /// What each file was when it was last looked at.
    seen: BTreeMap<PathBuf, String>,
    /// Files that were refused, it may be for want of a secret, and the secrets that there were.
    refused: Vec<PathBuf>,
    secrets: Vec<String>,
    /// Cycles to be started once the server answers: partners may ask while they are subscribed to.
    waiting: std::sync::Mutex<Option<Vec<String>>>,
}

impl Folder {
    async fn deploy_changed(&mut self, directory: &Path) -> anyhow::Result<()> {
        let files = definition_files(directory)?;
        let gone: Vec<_> = self.seen.keys().filter(|file| !files.contains(file)).cloned().collect();
        for file in gone {
            self.seen.remove(&file);
            say(format!("{} is gone; what it defined stays deployed", file.display()));
        }
        for file in files {
            let text = match std::fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) => {
                    eprintln!("{}: {error}", file.display());
                    continue;
                }
            };
            if self.seen.insert(file.clone(), text.clone()).as_ref() == Some(&text) {
                continue;
            }
            self.refused.retain(|refused| *refused != file);
            if let Err(Error::Invalid(_)) = self.deploy(&file.display().to_string(), &text).await {
                self.refused.push(file);
                self.secrets = self.stored_secrets().await;
            }
        }
        Ok(())
    }

    /// The names of those that are stored.
    async fn stored_secrets(&self) -> Vec<String> {
        let all = PageQuery { limit: Some(1_000), after: None };
        let page = self.engine.secrets(DEFAULT_ACCOUNT, all).await;
        page.map(|page| page.data.into_iter().map(|secret| secret.name).collect()).unwrap_or_default()
    }

    /// Whether there is a refused file that may be deployed now.
    async fn secrets_came(&mut self) -> bool {
        let came = !self.refused.is_empty() && self.stored_secrets().await != self.secrets;
        if came {
            self.refused.drain(..).for_each(|file| _ = self.seen.remove(&file));
        }
        came
    }

    async fn deploy(&self, file: &str, text: &str) -> Result<(), Error> {
        match self.engine.deploy_given(DEFAULT_ACCOUNT, file, text, &self.settings.given(text)).await {
            Ok(deployed) => {
                if let Some(first) = deployed.first() {
                    first.warnings.iter().for_each(|warning| show(warning, text));
                }
                for one in deployed {
                    self.start(one).await;
                }
                Ok(())
            }
            Err(error) => {
                show_refusal(file, text, &error);
                Err(error)
            }
        }
    }

    async fn start(&self, deployed: Deployed) {
        let cycle = deployed.cycle;
        let what = if deployed.changed { "deployed" } else { "unchanged" };
        say(format!("{} version {} ({what})", cycle.name, cycle.version));
        // One that a person stopped stays stopped while it does not change.
        if cycle.state == CycleState::Draft && !(cycle.subscribes && self.waits(&cycle.name)) {
            self.start_named(&cycle.name).await;
        }
        for webhook in &cycle.webhooks {
            say(format!("  {:<12} {}/hooks/{}", webhook.step, self.url, webhook.identifier));
        }
        match cycle.webhooks.iter().find(|webhook| webhook.start) {
            Some(webhook) if webhook.verified => say("  its senders sign what they send: `holdfast verify --help`"),
            Some(webhook) => say(format!("  try: {}", self.curl(webhook))),
            None => {}
        }
    }

    /// Whether its start is put off until the server answers.
    fn waits(&self, name: &str) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(waiting) = waiting.as_mut() {
            waiting.push(name.to_owned());
        }
        waiting.is_some()
    }

    async fn start_waiting(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        for name in waiting.unwrap_or_default() {
            self.start_named(&name).await;
        }
    }

    async fn start_named(&self, name: &str) {
        if let Err(error) = self.engine.start(DEFAULT_ACCOUNT, name).await {
            eprintln!("{name}: it could not be started: {error}");
        }
    }

    fn curl(&self, webhook: &WebhookView) -> String {
        let address = format!("{}/hooks/{}/{}", self.url, webhook.cycle, webhook.step);
        format!("curl -i {address} -H 'content-type: application/json' -d '{{\"id\": 1}}'")
    }
}

/// The diagnostics, or what else stood in the way; the version before stays.
pub fn show_refusal(file: &str, text: &str, error: &Error) {
    match error {
        Error::Definition(diagnostics) => {
            diagnostics.iter().for_each(|one| show(one, text));
            eprintln!("{file} was not deployed: the version before, if any, stays");
        }
        other => eprintln!("{file} was not deployed: {other}"),
    }
}

async fn watch(mut folder: Folder, directory: PathBuf) {
    folder.start_waiting().await;
    let (tell, mut changes) = mpsc::channel(16);
    let watcher = notify::recommended_watcher(move |_| {
        // A full channel has a change waiting already.
        let _ = tell.try_send(());
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => return eprintln!("{}: it can't be watched: {error}", directory.display()),
    };
    if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
        return eprintln!("{}: it can't be watched: {error}", directory.display());
    }
    // What changed before the watch began is found by looking once.
    if let Err(error) = folder.deploy_changed(&directory).await {
        eprintln!("{error:#}");
    }
    let mut look = tokio::time::interval(SECRETS);
    loop {
        tokio::select! {
            changed = changes.recv() => match changed {
                Some(()) => tokio::time::sleep(SETTLE).await,
                None => return,
            },
            _ = look.tick() => {
                if !folder.secrets_came().await {
                    continue;
                }
            }
        }
        while changes.try_recv().is_ok() {}
        if let Err(error) = folder.deploy_changed(&directory).await {
            eprintln!("{error:#}");
        }
    }
}
