//! Keeping how far an `each` has come: one save under way at a time, and none too soon after another.

use std::{pin::Pin, time::Duration};

use tokio::time::Instant;

use super::Running;
use crate::{
    Error,
    ongoing::{ElementScripts, Progress},
    runner::BRING_AGAIN,
    work::{Kept, Outcome, OutcomeReply, Work},
};

/// How often it is kept at most.
pub const KEPT_EVERY: Duration = Duration::from_millis(100);
/// What is large takes long to keep: between two saves lies so many times as long.
const REST: u32 = 10;
/// But no longer than this.
const REST_MAX: Duration = Duration::from_secs(5);
/// Scripts wait for their save: a quick one is followed by the next at once.
const QUICK: Duration = Duration::from_millis(10);

type Save = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send>>;

pub struct Keeping {
    save: Option<Save>,
    began: Instant,
    /// No save begins before.
    next: Instant,
    /// Nor one that scripts wait for.
    soon: Instant,
}

/// What has come of waiting.
#[derive(Debug)]
pub enum Turn {
    /// A save may begin.
    May,
    /// One was done; what became of the scripts in it.
    Saved(Vec<(usize, Kept)>),
    /// The row is no longer this process's.
    Lost,
}

impl Keeping {
    /// What is done within [`KEPT_EVERY`] is never kept on the way.
    pub fn new() -> Self {
        let now = Instant::now();
        Self { save: None, began: now, next: now + KEPT_EVERY, soon: now }
    }

    /// Begins a save where there is something to keep and it may be.
    pub fn keep(&mut self, running: &mut Running<'_>) {
        let from = if running.scripted.is_ready() { self.soon } else { self.next };
        if !running.dirty || self.save.is_some() || Instant::now() < from {
            return;
        }
        running.dirty = false;
        self.began = Instant::now();
        let scripts = running.take_unsaved();
        let attempts = running.progress.write();
        let (shared, account, ongoing) = (running.shared.clone(), running.account.clone(), running.ongoing.clone());
        self.save = Some(Box::pin(async move {
            let bring = async |scripts: Option<ElementScripts>| {
                let progress = Box::new(Progress::Kept { attempts: attempts.clone(), scripts });
                shared.writer.own(&account, Work::Proceed { ongoing: ongoing.clone(), progress }).await
            };
            let mut told = bring(scripts.clone()).await;
            // The next save must know which scripts this one has kept.
            while let (Some(scripts), Err(Error::Unavailable { .. } | Error::Unknown)) = (&scripts, &told) {
                tokio::time::sleep(BRING_AGAIN).await;
                told = bring(Some(ElementScripts { again: true, ..scripts.clone() })).await;
            }
            told
        }));
    }

    /// Returns once a save has ended, or where something is to be kept may begin. `scripts` wait for it.
    pub async fn turn(&mut self, dirty: bool, scripts: bool) -> Result<Turn, Error> {
        let Some(save) = &mut self.save else {
            match dirty {
                true => tokio::time::sleep_until(if scripts { self.soon } else { self.next }).await,
                false => std::future::pending().await,
            }
            return Ok(Turn::May);
        };
        let outcome = save.await;
        self.save = None;
        let (now, took) = (Instant::now(), self.began.elapsed());
        self.next = now + (took * REST).clamp(KEPT_EVERY, REST_MAX);
        self.soon = now + took.saturating_sub(QUICK);
        Ok(match outcome? {
            Outcome { transaction: None, .. } => Turn::Lost,
            Outcome { reply: OutcomeReply::Elements(kept), .. } => Turn::Saved(kept),
            _ => Turn::Saved(Vec::new()),
        })
    }
}
