//! Accounts of which nothing is due: those that have had no commit since they were looked at are not
//! looked at again before their next instant. A server of a thousand accounts rests like one of one.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{Error, clock::Micros, engine::Shared};

/// Every account is looked at this often, whatever is believed of it: it bounds what a mistake costs.
const AT_LEAST: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Quiet {
    looks: HashMap<String, Look>,
}

/// What an account was like when it was last looked at.
#[derive(Debug)]
struct Look {
    /// Its last commit's.
    instant: Micros,
    /// Of its first timer.
    next: Option<Micros>,
    /// A process is at a step of it.
    steps: bool,
    at: Instant,
}

impl Quiet {
    /// Accounts that may have something due, each with its last commit's instant. On a manual clock all
    /// of them: a commit there may have the instant of the one before it.
    pub async fn awake(&mut self, shared: &Shared, now: Micros) -> Result<Vec<(String, Micros)>, Error> {
        let mut accounts = shared.store.instants().await?;
        if shared.clock.is_manual() {
            return Ok(accounts);
        }
        if self.looks.len() > accounts.len() {
            self.looks.retain(|account, _| accounts.iter().any(|(known, _)| known == account));
        }
        accounts.retain(|(account, instant)| {
            self.looks.get(account).is_none_or(|look| {
                look.instant != *instant || look.next.is_some_and(|next| next <= now) || look.at.elapsed() >= AT_LEAST
            })
        });
        Ok(accounts)
    }

    /// Once what was due has been done.
    pub async fn looked(&mut self, shared: &Shared, account: String, instant: Micros) -> Result<(), Error> {
        let next = shared.store.next_due(&account).await?;
        // Of no process at all: every step that one is at.
        let steps = !shared.store.left(&account, &[String::new()], 1).await?.is_empty();
        self.looks.insert(account, Look { instant, next, steps, at: Instant::now() });
        Ok(())
    }

    /// Whether a process may be at a step of the account.
    pub fn may_have_steps(&self, account: &str) -> bool {
        self.looks.get(account).is_none_or(|look| look.steps || look.at.elapsed() >= AT_LEAST)
    }
}
