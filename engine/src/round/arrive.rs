//! Hits, from their arrival to the transaction that takes them.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use holdfast_definitions::{Json, Members, OnAmbiguous, OnNoMatch};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Batch, Task, Unmatched};
use crate::{
    Admission, Arrival, Error, HitStatus, RepeatHeader,
    catalog::{Deployment, Hook},
    clock::micros,
    history::{output, output_of},
    limits::{REPEAT_WINDOW, RETENTION_MAX, RETRY_SOON},
    mapping_words::key_reason,
    store::{Candidate, EarlyRow, HitRow, HitUpdate, QueueRow, RepeatRow, Seek},
    work::{Item, Outcome, OutcomeReply, Work},
};
use holdfast_definitions::Retention;

/// Why a hit is queued though the cycle runs. Its caller may still wait for its answer; that of a hit
/// that a stop queued does not.
const BEHIND_QUEUE: &str = "hits queued by a stop come first";

/// A hit on its way to a transaction.
#[derive(Debug)]
pub struct Incoming {
    pub ticket: Option<usize>,
    pub hook: Arc<Hook>,
    pub deployment: Arc<Deployment>,
    pub row: HitRow,
    /// `{ method, headers, query, body, received_at }`.
    pub data: Json,
    /// A caller of its own waits on the connection.
    pub live: bool,
    /// The row stands already: it changes, and is not inserted.
    pub stored: bool,
    repeats: Vec<RepeatName>,
    work: Work,
}

#[derive(Clone, Debug)]
struct RepeatName {
    key_hash: Vec<u8>,
    /// Another body under it is refused.
    strict: bool,
}

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
            if self.must_queue(&hit) {
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

    fn admit(&mut self, item: Item) -> Result<Incoming, Error> {
        let identifier = match &item.work {
            Work::Receive(arrival) => &arrival.webhook,
            Work::Replay(row) | Work::Queued(row) => &row.webhook,
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
                raw: Vec::new(),
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
            work: item.work.clone(),
        };
        match &item.work {
            Work::Receive(arrival) => self.fresh(&mut hit, arrival),
            Work::Replay(row) => {
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
        hit.row.method.clone_from(&arrival.method);
        hit.row.headers = arrival.headers.to_string();
        hit.row.query = arrival.query.to_string();
        hit.row.raw = arrival.raw.to_vec();
        hit.row.body = (!is_plain_json(arrival)).then(|| arrival.body.to_string());
        hit.live = true;
        hit.data = output(
            &arrival.method,
            arrival.headers.clone(),
            arrival.query.clone(),
            arrival.body.clone(),
            hit.row.received_at,
        );
        if let Some(header) = &arrival.repeat {
            hit.repeats.push(RepeatName {
                key_hash: header_hash(header),
                strict: matches!(header, RepeatHeader::IdempotencyKey(_)),
            });
        }
        if let Some(hash) = hit.hook.webhook().dedupe.as_ref().and_then(|path| dedupe_hash(path.find(&hit.data))) {
            hit.repeats.push(RepeatName { key_hash: hash, strict: false });
        }
    }

    /// Recognises repeated deliveries, before anything is correlated.
    async fn recognise(&mut self, incoming: Vec<Incoming>) -> Result<Vec<Incoming>, Error> {
        let mut names = Vec::new();
        let mut fresh = Vec::with_capacity(incoming.len());
        for hit in incoming {
            let mine: Vec<_> =
                hit.repeats.iter().map(|name| (hit.row.webhook.clone(), name.key_hash.clone())).collect();
            if mine.iter().any(|name| self.seen.contains(name)) {
                self.later(Item { work: hit.work, ticket: hit.ticket });
                continue;
            }
            self.seen.extend(mine.iter().cloned());
            names.extend(mine);
            fresh.push(hit);
        }
        if names.is_empty() {
            return Ok(fresh);
        }
        let oldest = self.head.now - micros(REPEAT_WINDOW);
        let known: HashMap<_, _> = self
            .commit
            .repeats(&names)
            .await?
            .into_iter()
            .filter(|row| row.at > oldest)
            .map(|row| ((row.webhook.clone(), row.key_hash.clone()), row))
            .collect();
        let mut new = Vec::with_capacity(fresh.len());
        for hit in fresh {
            let found = hit.repeats.iter().find_map(|name| {
                known.get(&(hit.row.webhook.clone(), name.key_hash.clone())).map(|row| (name.strict, row.clone()))
            });
            match found {
                Some((strict, first)) => self.repeated(hit, strict, &first),
                None => new.push(hit),
            }
        }
        Ok(new)
    }

    fn repeated(&mut self, mut hit: Incoming, strict: bool, first: &RepeatRow) {
        if strict && first.body_hash != body_hash(&hit.row.raw) {
            return self.settle(hit.ticket, Err(Error::KeyReused));
        }
        hit.row.status = HitStatus::Duplicate.word().into();
        hit.row.reason = Some(format!("it repeats hit {}", first.hit));
        self.writes.hits.push(hit.row);
        let outcome = Outcome { hit: Some(first.hit), transaction: None, reply: OutcomeReply::Repeat };
        self.settle(hit.ticket, Ok(outcome));
    }

    /// A repeat that was recognised before its body was read.
    pub(super) fn keep_repeat(&mut self, arrival: &Arc<Arrival>, first: Uuid, ticket: Option<usize>) {
        match self.admit(Item { work: Work::Receive(arrival.clone()), ticket }) {
            Ok(mut hit) => {
                hit.row.status = HitStatus::Duplicate.word().into();
                hit.row.reason = Some(format!("it repeats hit {first}"));
                hit.row.body = Some(Json::Null.to_string());
                self.writes.hits.push(hit.row);
                let outcome = Outcome { hit: Some(first), transaction: None, reply: OutcomeReply::Repeat };
                self.settle(ticket, Ok(outcome));
            }
            Err(error) => self.settle(ticket, Err(error)),
        }
    }

    /// An accepted hit claims its keys.
    pub(super) fn claim(&mut self, hit: &Incoming) {
        for name in &hit.repeats {
            self.writes.repeats.push(RepeatRow {
                webhook: hit.row.webhook.clone(),
                key_hash: name.key_hash.clone(),
                body_hash: body_hash(&hit.row.raw),
                hit: hit.row.hit,
                at: self.head.now,
            });
        }
    }

    /// A stop queues; and while older hits are queued, newer ones go behind them.
    fn must_queue(&self, hit: &Incoming) -> bool {
        let queued = matches!(hit.work, Work::Queued(_));
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

    /// The rule for the most recent match (contract, sections 3 and 17): a hit is keyed once for
    /// each distinct mapping among the versions; of all transactions held at the step under an equal
    /// key, the one with the greatest (start, id) takes it. An id's order is that order.
    async fn correlate(&mut self, hits: Vec<Incoming>) -> Result<Vec<Task>, Error> {
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
                self.later(again(hit));
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
        self.rejected(hit.ticket, hit.row.hit, OutcomeReply::Ambiguous);
        self.put_hit(hit);
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

    /// A hit made for one transaction by hand.
    pub(super) fn by_hand(&mut self, hook: &Arc<Hook>, deployment: &Arc<Deployment>, body: &Json) -> Incoming {
        let headers = Json::Object(Members::from_iter([("content-type".to_owned(), Json::from("application/json"))]));
        let arrival = Arrival {
            webhook: hook.identifier.clone(),
            method: "POST".into(),
            headers,
            query: Json::Object(Members::new()),
            body: body.clone(),
            raw: Bytes::from(body.to_string()),
            repeat: None,
            wait: None,
        };
        let row = HitRow {
            webhook: hook.identifier.clone(),
            hit: self.ids.next(self.head.now),
            received_at: self.head.now,
            method: arrival.method.clone(),
            headers: arrival.headers.to_string(),
            query: arrival.query.to_string(),
            raw: arrival.raw.to_vec(),
            body: None,
            status: HitStatus::Applied.word().into(),
            reason: Some("resumed by hand".into()),
            transaction: None,
            run: None,
            ambiguous: false,
            replay_of: None,
            early_until: None,
            expires_at: self.head.now + micros(RETENTION_MAX),
        };
        let data = output(&arrival.method, arrival.headers, arrival.query, arrival.body, row.received_at);
        Incoming {
            ticket: None,
            hook: hook.clone(),
            deployment: deployment.clone(),
            row,
            data,
            live: false,
            stored: false,
            repeats: Vec::new(),
            work: Work::Cancel { transaction: Uuid::nil() },
        }
    }
}

fn again(hit: Incoming) -> Item {
    Item { work: hit.work, ticket: hit.ticket }
}

/// A hit row made anew of an earlier one's request.
fn fresh_copy(row: &HitRow, made: &HitRow) -> HitRow {
    HitRow {
        method: row.method.clone(),
        headers: row.headers.clone(),
        query: row.query.clone(),
        raw: row.raw.clone(),
        body: row.body.clone(),
        ..made.clone()
    }
}

/// How long a hit of no transaction is kept: as long as the cycle's transactions.
fn kept(retention: Option<Retention>) -> std::time::Duration {
    match retention {
        Some(Retention::FromStart(kept)) => kept,
        Some(Retention::ByOutcome { completed, failed }) => completed.max(failed),
        None => RETENTION_MAX,
    }
}

/// Whether the decoded body is what the raw bytes parse to as JSON, so that one of them is enough.
fn is_plain_json(arrival: &Arrival) -> bool {
    if arrival.raw.is_empty() {
        return matches!(arrival.body, Json::Null);
    }
    let header = |name: &str| arrival.headers.get(name).and_then(Json::as_text);
    let essence =
        header("content-type").and_then(|value| value.split(';').next()).map(|e| e.trim().to_ascii_lowercase());
    let json = essence.is_some_and(|essence| essence == "application/json" || essence.ends_with("+json"));
    json && header("content-encoding").is_none() && arrival.raw.first() != Some(&0xef)
}

pub fn header_hash(header: &RepeatHeader) -> Vec<u8> {
    let (tag, value) = match header {
        RepeatHeader::IdempotencyKey(value) => (b'i', value),
        RepeatHeader::WebhookId(value) => (b'w', value),
    };
    tagged_hash(tag, value.as_bytes())
}

fn dedupe_hash(value: Option<&Json>) -> Option<Vec<u8>> {
    let key = holdfast_definitions::Key::from_values([value]).ok()?;
    Some(tagged_hash(b'd', key.bytes()))
}

fn tagged_hash(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update([tag]);
    hash.update(bytes);
    hash.finalize().to_vec()
}

pub fn body_hash(raw: &[u8]) -> Vec<u8> {
    Sha256::digest(raw).to_vec()
}
