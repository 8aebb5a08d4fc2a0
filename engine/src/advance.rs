//! A manual clock moved from one due instant to the next, and settled where it stands.

use std::{sync::Arc, time::Duration};

use crate::{
    Error,
    clock::{INSTANT_MAX, Micros, micros},
    engine::Shared,
    limits::RETRY_SOON,
    notify,
    worker::{due, stop_ends, sweep, take_over},
};

/// Goes from one due instant to the next, so that everything happens in order and at its time.
pub async fn advance(shared: &Arc<Shared>, by: Duration) -> Result<Micros, Error> {
    if !shared.clock.is_manual() {
        return Err(Error::Conflict("the clock is the system's: start with --clock manual to move it".into()));
    }
    let _moving = shared.advancing.lock().await;
    let target = shared.clock.now().saturating_add(micros(by)).min(INSTANT_MAX);
    // What an earlier life of this process left is done first: time stands still while a step is being done.
    while shared.played.is_none() && take_over(shared, |_| true).await?.more {}
    everything_done(shared).await?;
    while let Some(next) = next_due(shared, target).await?.filter(|next| *next <= target) {
        let before = shared.clock.now();
        set(shared, next.max(before)).await?;
        due(shared, shared.catalog().accounts(), shared.clock.now()).await?;
        everything_done(shared).await?;
        if next_due(shared, next).await? == Some(next) {
            return Err(Error::Unavailable { reason: "what is due could not be done".into(), retry_after: RETRY_SOON });
        }
    }
    set(shared, target).await?;
    due(shared, shared.catalog().accounts(), target).await?;
    everything_done(shared).await?;
    // What has expired is invisible, swept or not.
    if shared.played.is_none() {
        sweep(shared).await;
    }
    Ok(target)
}

/// Returns once all is done that goes on by itself at this instant of a manual clock.
pub async fn settle(shared: &Arc<Shared>) -> Result<(), Error> {
    let _moving = shared.advancing.lock().await;
    let now = shared.clock.now();
    everything_done(shared).await?;
    for _ in 0..SETTLED_WITHIN {
        if next_due(shared, now).await?.is_none_or(|next| next > now) {
            return Ok(());
        }
        due(shared, shared.catalog().accounts(), now).await?;
        everything_done(shared).await?;
    }
    Err(Error::Unavailable { reason: "what is due could not be done".into(), retry_after: RETRY_SOON })
}

/// Rounds of what is due at one instant: each may make something else due.
const SETTLED_WITHIN: usize = 10_000;

/// Steps and deliveries, with what they lead to.
async fn everything_done(shared: &Arc<Shared>) -> Result<(), Error> {
    loop {
        shared.at_work.none().await;
        if notify::due(shared).await? == 0 {
            return Ok(());
        }
        // A delivery may have been to a webhook of ours.
    }
}

async fn set(shared: &Shared, instant: Micros) -> Result<(), Error> {
    // The clock of one that is played need not outlive it.
    if shared.played.is_none() {
        shared.store.set_clock(instant).await?;
    }
    shared.clock.set(instant);
    Ok(())
}

/// When the next of it is due. What is due after `until` may be left out.
async fn next_due(shared: &Shared, until: Micros) -> Result<Option<Micros>, Error> {
    let mut next = shared.waiters.next_expiry().into_iter().chain(shared.waiters.next_let_go()).min();
    let mut sooner = |at: Micros| next = Some(next.map_or(at, |known: Micros| known.min(at)));
    let catalog = shared.catalog();
    for account in catalog.accounts() {
        match &shared.played {
            Some(played) if played.soonest() > until => {}
            played => {
                let at = shared.store.next_due(&account).await?;
                at.into_iter().for_each(&mut sooner);
                if let Some(played) = played {
                    played.is_due_first(at);
                }
            }
        }
        if let Some(at) = crate::connector::next_due(shared, &account).await? {
            sooner(at);
        }
        if !catalog.watched().of(&account).is_empty()
            && let Some(at) = shared.store.next_line(&account).await?
        {
            sooner(at);
        }
        if catalog.cycles(&account).all(|cycle| stop_ends(cycle).is_none()) {
            continue;
        }
        for (webhook, count) in shared.store.queued(&account).await? {
            if count > 0
                && let Some((_, deployment)) = catalog.hook(&webhook)
                && let Some(at) = stop_ends(deployment)
            {
                sooner(at + 1);
            }
        }
    }
    Ok(next)
}
