//! Hits, from their arrival to the transaction that takes them.

use std::collections::HashMap;

use bytes::Bytes;
use holdfast_definitions::Json;
use uuid::Uuid;

use super::{
    Batch, Task,
    incoming::{Incoming, fresh_copy, is_plain_json, kept},
    repeats::RepeatName,
};
use crate::{
    Admission, Arrival, Error, HitStatus,
    clock::micros,
    history::{output, output_of},
    limits::RETRY_SOON,
    store::{HitRow, HitUpdate, QueueRow},
    work::{Item, Outcome, OutcomeReply, Work},
};

/// Why a hit is queued though the cycle runs. Its caller may still wait for its answer; that of a hit
/// that a stop queued does not.
const BEHIND_QUEUE: &str = "hits queued by a stop come first";

impl Batch<'_> {
    pub(super) async fn arrive(&mut self, items: Vec<Item>) -> Result<Vec<Task>, Error> {
        let mut incoming = Vec::with_capacity(items.len());
        for item in items {
            let ticket = item.ticket;
            match self.admit(item) {
                Ok(hit) => incoming.push(hit),
                Err(error) => self.settle(ticket, Err(error)),
            }
        }
        let incoming = self.recognise(incoming).await?;
        let mut matching = Vec::new();
        let mut tasks = Vec::new();
        let mut queued = self.queued_before(&incoming).await?;
        for hit in incoming {
            if is_filtered(&hit) {
                self.filter(hit);
            } else if self.must_queue(&hit) {
                self.queue(hit, &mut queued);
            } else if hit.hook.is_start() {
                tasks.push(Task::start(hit));
            } else {
                matching.push(hit);
            }
        }
        tasks.extend(self.correlate(matching).await?);
        Ok(tasks)
    }

    pub(super) fn admit(&mut self, item: Item) -> Result<Incoming, Error> {
        let identifier = match &item.work {
            Work::Receive(arrival) => &arrival.webhook,
            Work::Part(part) => &part.webhook,
            Work::Replay(row, _) | Work::Queued(row) => &row.webhook,
            _ => return Err(Error::Internal("not a hit".into())),
        };
        let unknown = || Error::NotFound { what: "webhook", id: identifier.clone() };
        let (hook, deployment) = self.around.catalog.hook(identifier).ok_or_else(unknown)?;
        if deployment.row.account != self.around.account || (hook.is_start() && !hook.current) {
            return Err(unknown());
        }
        if deployment.admission(self.head.now) == Admission::Refuse {
            return Err(Error::Inactive);
        }
        let (hook, deployment) = (hook.clone(), deployment.clone());
        let mut hit = Incoming {
            ticket: item.ticket,
            row: HitRow {
                webhook: identifier.clone(),
                hit: Uuid::nil(),
                received_at: self.head.now,
                method: String::new(),
                headers: String::new(),
                query: String::new(),
                raw: Bytes::new(),
                body: None,
                status: HitStatus::Applied.word().into(),
                reason: None,
                transaction: None,
                run: None,
                ambiguous: false,
                replay_of: None,
                early_until: None,
                expires_at: self.head.now + micros(kept(deployment.newest().map(|newest| newest.cycle.retention))),
            },
            hook,
            deployment,
            data: Json::Null,
            live: false,
            stored: false,
            repeats: Vec::new(),
            answered: None,
            work: Some(item.work.clone()),
        };
        match &item.work {
            Work::Receive(arrival) => self.fresh(&mut hit, arrival),
            Work::Part(part) => {
                hit.row.hit = part.hit;
                hit.row.replay_of = part.replay_of;
                fill(&mut hit, &part.arrival);
            }
            Work::Replay(row, once) => {
                hit.repeats.extend(once.clone());
                hit.row = HitRow { replay_of: Some(row.hit), ..fresh_copy(row, &hit.row) };
                hit.row.hit = self.ids.next(self.head.now);
                hit.data = output_of(&hit.row)?;
            }
            Work::Queued(row) => {
                hit.row = (**row).clone();
                hit.live = row.reason.as_deref() == Some(BEHIND_QUEUE);
                hit.row.status = HitStatus::Applied.word().into();
                hit.row.reason = None;
                hit.data = output_of(&hit.row)?;
                hit.stored = true;
            }
            _ => {}
        }
        Ok(hit)
    }

    fn fresh(&mut self, hit: &mut Incoming, arrival: &Arrival) {
        hit.row.hit = self.ids.next(self.head.now);
        fill(hit, arrival);
        // One that the script has answered waits for nothing.
        hit.answered = arrival.by_script.as_ref().and_then(|script| script.answer.clone());
        hit.live = hit.answered.is_none();
        hit.repeats = RepeatName::of(arrival.repeat.as_ref(), hit.hook.webhook().dedupe.as_ref(), &hit.data);
    }

    /// Accepted, and starts nothing.
    fn filter(&mut self, mut hit: Incoming) {
        hit.row.status = HitStatus::Filtered.word().into();
        hit.row.reason = Some("the webhook's script returned false".into());
        self.claim(&hit);
        let outcome = Outcome::accepted(Some(hit.row.hit), None);
        self.settle(hit.ticket, Ok(outcome));
        self.put_hit(hit);
    }

    /// A stop queues; and while older hits are queued, newer ones go behind them.
    fn must_queue(&self, hit: &Incoming) -> bool {
        let queued = matches!(hit.work, Some(Work::Queued(_)));
        !queued && (hit.deployment.row.backlog || hit.deployment.admission(self.head.now) == Admission::Queue)
    }

    /// How many hits are queued by webhook, where one of these must be.
    async fn queued_before(&mut self, hits: &[Incoming]) -> Result<HashMap<String, u64>, Error> {
        if !hits.iter().any(|hit| self.must_queue(hit)) {
            return Ok(HashMap::new());
        }
        // What this commit has queued so far is not written yet.
        self.flush().await?;
        let counts = self.commit.queued_counts().await?;
        Ok(counts.into_iter().map(|(webhook, count)| (webhook, count.max(0) as u64)).collect())
    }

    fn queue(&mut self, mut hit: Incoming, queued: &mut HashMap<String, u64>) {
        let (count, max) =
            (queued.entry(hit.row.webhook.clone()).or_default(), self.around.limits.queued_hits_per_webhook);
        if *count >= max {
            let limit = Error::Limit { limit: "queued hits per webhook", max, retry_after: RETRY_SOON };
            return self.settle(hit.ticket, Err(limit));
        }
        *count += 1;
        let stopped = hit.deployment.admission(self.head.now) == Admission::Queue;
        hit.row.status = HitStatus::Queued.word().into();
        hit.row.reason = (hit.live && !stopped).then(|| BEHIND_QUEUE.to_owned());
        self.claim(&hit);
        self.queued.extend(hit.ticket);
        let id = hit.row.hit;
        self.writes.queue.push(QueueRow {
            cycle_id: hit.deployment.row.cycle_id,
            hit: id,
            webhook: hit.row.webhook.clone(),
        });
        self.writes.queued.push((hit.row.webhook.clone(), 1));
        let mut outcome = Outcome::accepted(Some(id), None);
        if hit.live && hit.hook.webhook().synchronous {
            if stopped {
                let row = crate::Answer::Accepted.to_row(id, None, None, self.answer_kept_until(hit.row.expires_at));
                self.writes.answers.push(row);
            } else {
                let told = self.around.waiters.register(self.around.account, id, None);
                outcome.reply = OutcomeReply::Wait(told);
            }
        }
        self.writes.hits.push(hit.row);
        self.settle(hit.ticket, Ok(outcome));
    }

    pub(super) fn put_hit(&mut self, hit: Incoming) {
        let row = hit.row;
        if !hit.stored {
            return self.writes.hits.push(row);
        }
        self.writes.hit_updates.push(HitUpdate {
            webhook: row.webhook,
            hit: row.hit,
            status: row.status,
            reason: row.reason,
            transaction: row.transaction,
            run: row.run,
            ambiguous: row.ambiguous,
            early_until: row.early_until,
        });
    }
}

/// What is kept of a request, and what a cycle is given of it.
fn fill(hit: &mut Incoming, arrival: &Arrival) {
    hit.row.method.clone_from(&arrival.method);
    hit.row.headers = arrival.headers.to_string();
    hit.row.query = arrival.query.to_string();
    hit.row.raw = arrival.raw.clone();
    hit.row.body = (!is_plain_json(arrival)).then(|| arrival.body.to_string());
    let (headers, query, body) = (arrival.headers.clone(), arrival.query.clone(), arrival.body.clone());
    hit.data = output(&arrival.method, headers, query, body, hit.row.received_at);
}

fn is_filtered(hit: &Incoming) -> bool {
    match &hit.work {
        Some(Work::Receive(arrival)) => arrival.by_script.as_ref().is_some_and(|script| script.filtered),
        _ => false,
    }
}
