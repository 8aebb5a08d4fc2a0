//! The race between "I asked for the job" and "the job is done", from the transaction's side: a hit
//! that came before the transaction reached the step is applied when it does.
//!
//! Both sides hold the account's lock, so one of them sees the other: a hit finds the hold, or the
//! hold finds the hit that was written before it.

use std::sync::Arc;

use uuid::Uuid;

use super::{Batch, Task, incoming::Incoming};
use crate::{
    Error, HitId,
    store::{EarlyRow, HitRow, Seek, TransactionRow},
    work::{Item, Work},
};

/// A hold that this round made.
#[derive(Debug)]
pub struct NewHold {
    pub transaction: Uuid,
    pub run: i32,
    pub seeks: Vec<Seek>,
}

impl Batch<'_> {
    /// Every pending early hit with a new hold's key goes to it, in order of acceptance, before
    /// anything else of this commit.
    pub(super) async fn offer_early(&mut self, holds: Vec<NewHold>) -> Result<(), Error> {
        let seeks: Vec<Seek> = holds.iter().flat_map(|hold| hold.seeks.iter().cloned()).collect();
        if seeks.is_empty() {
            return Ok(());
        }
        let owners: Vec<(Uuid, i32)> =
            holds.iter().flat_map(|hold| hold.seeks.iter().map(|_| (hold.transaction, hold.run))).collect();
        if !self.writes.early.is_empty() || !self.writes.early_gone.is_empty() {
            self.flush().await?;
        }
        let mut found = self.commit.early(&seeks).await?;
        found.sort_by_key(|(at, hit)| (owners.get(*at as usize).copied(), hit.hit));
        let mut items = Vec::new();
        for (at, hit) in found {
            let (Some(seek), Some((transaction, hold))) = (seeks.get(at as usize), owners.get(at as usize)) else {
                continue;
            };
            if !self.claimed.insert(hit.hit) {
                continue;
            }
            let pending = EarlyRow {
                webhook: seek.webhook.clone(),
                key_hash: seek.key_hash.clone(),
                hit: hit.hit,
                key: seek.key.clone(),
                until_at: hit.early_until.unwrap_or_default(),
            };
            let ticket = self.unmatched.get(&hit.hit).and_then(|unmatched| unmatched.ticket);
            let work = Work::Early { hit: Arc::new(hit), pending, transaction: *transaction, hold: *hold };
            items.push(Item { work, ticket });
        }
        for item in items.into_iter().rev() {
            self.next.push_front(item);
        }
        Ok(())
    }

    pub(super) fn early_task(&mut self, hit: &HitRow, row: &TransactionRow, hold: i32) -> Result<Option<Task>, Error> {
        let Some((hook, deployment)) = self.around.catalog.hook(&hit.webhook) else { return Ok(None) };
        let (hook, deployment) = (hook.clone(), deployment.clone());
        let waiting = self.unmatched.remove(&hit.hit);
        if waiting.is_some() {
            // It was unmatched for a round of this commit, and nobody was told.
            self.told.events.retain(|event| event.event != "hit.unmatched" || event.hit != Some(HitId(hit.hit)));
        }
        let (ticket, live) = waiting.map_or((None, false), |waiting| (waiting.ticket, waiting.synchronous));
        let incoming = Incoming::early(hit, live, &hook, &deployment)?;
        Task::by_hand(incoming, ticket, row.clone(), hold, self.around.limits).map(Some)
    }
}
