//! Keeping how far an `each` has come: one save under way at a time, and none too soon after another.

use std::{pin::Pin, time::Duration};

use tokio::time::Instant;

use super::Running;
use crate::{
    Error,
    ongoing::Progress,
    work::{Outcome, Work},
};

/// How often it is kept at most.
pub const KEPT_EVERY: Duration = Duration::from_millis(100);
/// What is large takes long to keep: between two saves lies so many times as long.
const REST: u32 = 10;
/// But no longer than this.
const REST_MAX: Duration = Duration::from_secs(5);

type Save = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send>>;

pub struct Keeping {
    save: Option<Save>,
    began: Instant,
    /// No save begins before.
    next: Instant,
}

impl Keeping {
    /// What is done within [`KEPT_EVERY`] is never kept on the way.
    pub fn new() -> Self {
        let now = Instant::now();
        Self { save: None, began: now, next: now + KEPT_EVERY }
    }

    /// Begins a save where there is something to keep and it may be.
    pub fn keep(&mut self, running: &mut Running<'_>) {
        if !running.dirty || self.save.is_some() || Instant::now() < self.next {
            return;
        }
        running.dirty = false;
        self.began = Instant::now();
        let progress = Box::new(Progress::Kept { attempts: running.progress.write() });
        let work = Work::Proceed { ongoing: running.ongoing.clone(), progress };
        let (shared, account) = (running.shared.clone(), running.account.clone());
        self.save = Some(Box::pin(async move { shared.writer.own(&account, work).await }));
    }

    /// Returns once a save has ended, or where something is to be kept may begin: false where the row
    /// is no longer this process's.
    pub async fn turn(&mut self, dirty: bool) -> Result<bool, Error> {
        let Some(save) = &mut self.save else {
            match dirty {
                true => tokio::time::sleep_until(self.next).await,
                false => std::future::pending().await,
            }
            return Ok(true);
        };
        let outcome = save.await;
        self.save = None;
        self.next = Instant::now() + (self.began.elapsed() * REST).clamp(KEPT_EVERY, REST_MAX);
        Ok(outcome?.transaction.is_some())
    }
}
