//! Which transaction takes a hit.

use holdfast_definitions::{OnAmbiguous, OnNoMatch};

use super::{Batch, Task, Unmatched, incoming::Incoming};
use crate::{
    Error, HitStatus,
    clock::micros,
    mapping_words::key_reason,
    notify,
    store::{Candidate, EarlyRow, Seek},
    work::OutcomeReply,
};

impl Batch<'_> {
    /// The rule for the most recent match (contract, sections 3 and 17): a hit is keyed once for
    /// each distinct mapping among the versions; of all transactions held at the step under an equal
    /// key, the one with the greatest (start, id) takes it. An id's order is that order.
    pub(super) async fn correlate(&mut self, hits: Vec<Incoming>) -> Result<Vec<Task>, Error> {
        let mut seeks: Vec<Seek> = Vec::new();
        let mut ranges = Vec::with_capacity(hits.len());
        for hit in &hits {
            let first = seeks.len();
            let mut reason = None;
            for keying in &hit.hook.mappings {
                match keying.mapping().hit_key(&hit.data) {
                    Ok(key) => seeks.push(keying.seek(&hit.hook.identifier, &key)),
                    Err(error) => reason = Some(key_reason(&error)),
                }
            }
            ranges.push((first..seeks.len(), reason));
        }
        let mut found: Vec<Vec<Candidate>> = seeks.iter().map(|_| Vec::new()).collect();
        if !seeks.is_empty() {
            let began = std::time::Instant::now();
            let candidates = self.commit.seek(&seeks).await?;
            metrics::histogram!("holdfast_lookup_seconds").record(began.elapsed().as_secs_f64());
            for candidate in candidates {
                if let Some(list) = found.get_mut(candidate.seek as usize) {
                    list.push(candidate);
                }
            }
        }
        let mut tasks = Vec::new();
        for (hit, (range, reason)) in hits.into_iter().zip(ranges) {
            let candidates: Vec<&Candidate> = found[range.clone()].iter().flatten().collect();
            let Some(winner) = candidates.iter().max_by_key(|candidate| candidate.transaction.transaction) else {
                self.no_match(hit, &seeks[range], reason);
                continue;
            };
            if self.busy.contains(&winner.transaction.transaction) {
                self.again(hit);
                continue;
            }
            let mut waiting: Vec<_> =
                candidates.iter().filter(|c| !c.resumed).map(|c| c.transaction.transaction).collect();
            waiting.sort_unstable();
            waiting.dedup();
            let ambiguous = waiting.len() > 1;
            if ambiguous && hit.hook.webhook().on_ambiguous == OnAmbiguous::Reject {
                self.reject_ambiguous(hit);
                continue;
            }
            self.busy.insert(winner.transaction.transaction);
            match Task::resume(&self.around, hit, winner, ambiguous) {
                Ok(task) => tasks.push(task),
                Err((ticket, error)) => self.settle(ticket, Err(error)),
            }
        }
        Ok(tasks)
    }

    fn no_match(&mut self, mut hit: Incoming, seeks: &[Seek], reason: Option<String>) {
        let reason = match (seeks.is_empty(), reason) {
            (true, Some(reason)) => reason,
            _ => "no transaction waits for this key".to_owned(),
        };
        let webhook = hit.hook.webhook();
        let reject = hit.ticket.is_some() && hit.live && webhook.on_no_match == OnNoMatch::Reject;
        let status = if reject { HitStatus::Rejected } else { HitStatus::Unmatched };
        hit.row.status = status.word().into();
        hit.row.reason = Some(reason.clone());
        let id = hit.row.hit;
        let early = micros(webhook.early);
        if !reject && early > 0 {
            let until_at = self.head.now + early;
            hit.row.early_until = Some(until_at);
            self.writes.early.extend(seeks.iter().map(|seek| EarlyRow {
                webhook: seek.webhook.clone(),
                key_hash: seek.key_hash.clone(),
                hit: id,
                key: seek.key.clone(),
                until_at,
            }));
        }
        let (name, step) = (hit.deployment.row.name.clone(), hit.hook.step.clone());
        let event = if reject { "hit.rejected" } else { "hit.unmatched" };
        self.event(event, &name, Some(&step), None, Some(id));
        self.with(Some(notify::reason(&reason)), notify::hops_of_hit(&hit.row));
        if reject {
            self.rejected(hit.ticket, id, OutcomeReply::NoMatch { reason });
        } else {
            self.claim(&hit);
            let synchronous = hit.live && webhook.synchronous;
            self.unmatched.insert(id, Unmatched { ticket: hit.ticket, synchronous });
        }
        self.put_hit(hit);
    }

    fn reject_ambiguous(&mut self, mut hit: Incoming) {
        hit.row.status = HitStatus::Rejected.word().into();
        hit.row.ambiguous = true;
        hit.row.reason = Some("more than one transaction waits for this key".to_owned());
        let (name, step) = (hit.deployment.row.name.clone(), hit.hook.step.clone());
        self.event("hit.rejected", &name, Some(&step), None, Some(hit.row.hit));
        self.with(hit.row.reason.as_deref().map(notify::reason), notify::hops_of_hit(&hit.row));
        self.rejected(hit.ticket, hit.row.hit, OutcomeReply::Ambiguous);
        self.put_hit(hit);
    }
}
