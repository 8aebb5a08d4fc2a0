//! Groups: the parts of one request, decided in one commit, all of them or none.
//!
//! A group is spread into its parts under the account's lock, and its parts are decided as any hit is.
//! Where one of them is refused the commit is left, and the batch is decided again without the group:
//! nobody sees a part of it.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Batch, Told,
    incoming::{is_plain_json, kept},
    repeats::body_hash,
};
use crate::{
    Admission, Arrival, Error, HitStatus, TransactionStatus,
    clock::{Micros, micros},
    limits::RETENTION_MAX,
    notify,
    several::{Applied, Destination, Part, Several, list, listed},
    store::{HitEventRow, HitRow, RepeatRow, TransactionRow},
    work::{Item, Outcome, OutcomeReply, Work},
};

/// Parts that a request may have: what one commit may be made to do by one sender.
const PARTS_MAX: usize = 1_000;

/// What a batch came to.
#[derive(Debug)]
pub enum Decided {
    /// It is committed.
    Done(Told),
    /// Nothing of it is: these groups, by ticket, are refused, and the others are to be decided again.
    Refused(Vec<(usize, Error)>),
}

/// A group whose parts are being decided.
#[derive(Debug)]
pub struct Group {
    ticket: Option<usize>,
    several: Arc<Several>,
    hit: Uuid,
    parts: Vec<PartOf>,
}

#[derive(Debug)]
struct PartOf {
    ticket: usize,
    event: usize,
    cycle: String,
    hit: Uuid,
}

impl Batch<'_> {
    /// The groups among them in parts, but for those that repeat an earlier one.
    pub(super) async fn spread(&mut self, items: impl IntoIterator<Item = Item>) -> Result<Vec<Item>, Error> {
        let (groups, mut plain): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| matches!(item.work, Work::Several(_)));
        if groups.is_empty() {
            return Ok(plain);
        }
        let mut fresh = Vec::new();
        let mut names = Vec::new();
        for item in groups {
            let Work::Several(several) = &item.work else { continue };
            let mine: Vec<_> =
                several.repeats.iter().map(|name| (several.webhook.clone(), name.key_hash.clone())).collect();
            if mine.iter().any(|name| self.seen.contains(name)) {
                self.later(item);
                continue;
            }
            self.seen.extend(mine.iter().cloned());
            names.extend(mine);
            fresh.push((several.clone(), item.ticket));
        }
        let known = self.known_repeats(&names).await?;
        for (several, ticket) in fresh {
            let found = several.repeats.iter().find_map(|name| {
                let first = known.get(&(several.webhook.clone(), name.key_hash.clone()))?;
                Some((name.strict, first))
            });
            match found {
                Some((strict, first)) => self.repeated_group(&several, ticket, strict, first),
                None => plain.extend(self.parts(&several, ticket).await?),
            }
        }
        Ok(plain)
    }

    fn repeated_group(&mut self, several: &Several, ticket: Option<usize>, strict: bool, first: &RepeatRow) {
        if strict && first.body_hash != body_hash(&several.request.raw) {
            return self.settle(ticket, Err(Error::KeyReused));
        }
        if several.replay_of.is_none() {
            let id = self.ids.next(self.head.now);
            let mut row = row_of(&several.webhook, &several.request, id, self.head.now);
            row.status = HitStatus::Duplicate.word().into();
            row.reason = Some(format!("it repeats hit {}", first.hit));
            self.writes.hits.push(row);
        }
        let outcome = Outcome { hit: Some(first.hit), transaction: None, reply: OutcomeReply::Repeat };
        self.settle(ticket, Ok(outcome));
    }

    async fn parts(&mut self, several: &Arc<Several>, ticket: Option<usize>) -> Result<Vec<Item>, Error> {
        let hit = several.hit.unwrap_or_else(|| self.ids.next(self.head.now));
        if let Some(guard) = &several.guard
            && !guard.pass(&mut *self.commit, hit).await?
        {
            let outcome = Outcome { hit: None, transaction: None, reply: OutcomeReply::Stale };
            self.settle(ticket, Ok(outcome));
            return Ok(Vec::new());
        }
        let steps = match self.steps_of(&several.to) {
            Ok(steps) => steps,
            Err(error) => {
                self.refused.extend(ticket.map(|ticket| (ticket, error)));
                return Ok(Vec::new());
            }
        };
        if steps.len() * several.events.len() > PARTS_MAX {
            let error = Error::Limit {
                limit: "events of a request",
                max: PARTS_MAX as u64,
                retry_after: crate::limits::RETRY_SOON,
            };
            self.refused.extend(ticket.map(|ticket| (ticket, error)));
            return Ok(Vec::new());
        }
        let mut group = Group { ticket, several: several.clone(), hit, parts: Vec::new() };
        let mut items = Vec::new();
        for (event, arrival) in several.events.iter().enumerate() {
            let id = if event == 0 { hit } else { self.ids.next(self.head.now) };
            for (cycle, webhook) in &steps {
                if event > 0 {
                    self.commit.put_hit_event(&self.event_of(hit, event, webhook, id)).await?;
                }
                let ticket = self.told.outcomes.len();
                self.told.outcomes.push(None);
                group.parts.push(PartOf { ticket, event, cycle: cycle.clone(), hit: id });
                let (arrival, replay_of) = (arrival.clone(), several.replay_of);
                let part = Part { webhook: webhook.clone(), arrival, hit: id, replay_of };
                items.push(Item { work: Work::Part(Arc::new(part)), ticket: Some(ticket) });
            }
        }
        if several.events.is_empty() {
            let mut row = row_of(&several.webhook, &several.request, hit, self.head.now);
            row.status = several.alone.0.word().into();
            row.reason.clone_from(&several.alone.1);
            row.replay_of = several.replay_of;
            self.tell_unmatched(&row);
            self.writes.hits.push(row);
        }
        self.claim_group(several, hit);
        self.groups.push(group);
        Ok(items)
    }

    /// What no account claims is told of under the webhook's name: it has no cycle.
    fn tell_unmatched(&mut self, row: &HitRow) {
        if row.status != HitStatus::Unmatched.word() {
            return;
        }
        let name = self.around.catalog.addresses.get(&row.webhook).map(|shared| shared.row.name.clone());
        self.event("hit.unmatched", &name.unwrap_or_default(), None, None, Some(row.hit));
        self.with(row.reason.as_deref().map(notify::reason), notify::hops_of_hit(row));
    }

    fn event_of(&self, parent: Uuid, event: usize, webhook: &str, hit: Uuid) -> HitEventRow {
        let expires_at = self.head.now + micros(RETENTION_MAX);
        HitEventRow { parent, event: event as i32, webhook: webhook.to_owned(), hit, expires_at }
    }

    fn claim_group(&mut self, several: &Several, hit: Uuid) {
        let body = body_hash(&several.request.raw);
        for name in &several.repeats {
            self.writes.repeats.push(RepeatRow {
                webhook: several.webhook.clone(),
                key_hash: name.key_hash.clone(),
                body_hash: body.clone(),
                hit,
                at: self.head.now,
            });
        }
    }

    /// (cycle, identifier), by cycle.
    fn steps_of(&self, to: &Destination) -> Result<Vec<(String, String)>, Error> {
        match to {
            Destination::Step(identifier) => {
                let unknown = || Error::NotFound { what: "webhook", id: identifier.clone() };
                let (_, deployment) = self.around.catalog.hook(identifier).ok_or_else(unknown)?;
                Ok(vec![(deployment.row.name.clone(), identifier.clone())])
            }
            Destination::Nowhere => Ok(Vec::new()),
            Destination::Attached(shared) => {
                let attached = self.around.catalog.attached(self.around.account, shared);
                let admits =
                    |deployment: &crate::catalog::Deployment| deployment.admission(self.head.now) != Admission::Refuse;
                let mut steps: Vec<_> = attached
                    .into_iter()
                    .filter(|(_, deployment)| admits(deployment))
                    .map(|(hook, deployment)| (deployment.row.name.clone(), hook.identifier.clone()))
                    .collect();
                steps.sort_unstable();
                if steps.is_empty() {
                    return Err(Error::Inactive);
                }
                Ok(steps)
            }
        }
    }

    /// The status that a part's transaction has once its run is written down.
    pub(super) fn note_status(&mut self, ticket: Option<usize>, row: &TransactionRow) {
        let Some(ticket) = ticket.filter(|_| !self.groups.is_empty()) else { return };
        if let Some(status) = TransactionStatus::from_word(&row.status) {
            self.statuses.insert(ticket, status.word());
        }
    }

    /// Each group's outcome, made of its parts'. Those that are refused come back.
    pub(super) fn conclude(&mut self) -> Vec<(usize, Error)> {
        let mut refused = std::mem::take(&mut self.refused);
        for group in std::mem::take(&mut self.groups) {
            let (hit, ticket, several) = (group.hit, group.ticket, group.several.clone());
            match self.applied(group) {
                Ok(applied) => {
                    self.keep_answer(&several, hit, &applied);
                    let one = match applied.as_slice() {
                        [one] => one.transaction,
                        _ => None,
                    };
                    let reply = OutcomeReply::Several(applied);
                    self.settle(ticket, Ok(Outcome { hit: Some(hit), transaction: one, reply }));
                }
                Err(error) => refused.extend(ticket.map(|ticket| (ticket, error))),
            }
        }
        refused
    }

    /// A repeated delivery is told the same.
    fn keep_answer(&mut self, several: &Several, hit: Uuid, applied: &[Applied]) {
        let answer = match several.to {
            Destination::Attached(_) => Some(listed(&list(applied))),
            Destination::Step(_) | Destination::Nowhere => several.answer.clone(),
        };
        if let Some(answer) =
            answer.filter(|_| !several.repeats.is_empty() && several.hit.is_none() && several.replay_of.is_none())
        {
            let kept = self.answer_kept_until(self.head.now);
            self.writes.answers.push(answer.to_row(hit, None, None, kept));
        }
    }

    fn applied(&mut self, group: Group) -> Result<Vec<Applied>, Error> {
        let mut all = Vec::with_capacity(group.parts.len());
        for part in group.parts {
            let outcome = self.told.outcomes.get_mut(part.ticket).and_then(Option::take);
            let outcome = outcome.ok_or_else(|| Error::Internal("a part was left undecided".into()))??;
            let status = match (outcome.transaction, &outcome.reply) {
                (Some(_), _) => self.statuses.get(&part.ticket).copied().unwrap_or("running"),
                (None, OutcomeReply::NoMatch { .. } | OutcomeReply::Ambiguous) => HitStatus::Rejected.word(),
                (None, _) if self.queued.contains(&part.ticket) => HitStatus::Queued.word(),
                (None, _) => HitStatus::Unmatched.word(),
            };
            all.push(Applied {
                event: part.event,
                cycle: part.cycle,
                hit: part.hit,
                transaction: outcome.transaction,
                status,
                reply: outcome.reply,
            });
        }
        Ok(all)
    }
}

/// A request as it is kept under an address that is no cycle's.
pub fn row_of(webhook: &str, request: &Arrival, hit: Uuid, now: Micros) -> HitRow {
    HitRow {
        webhook: webhook.to_owned(),
        hit,
        received_at: now,
        method: request.method.clone(),
        headers: request.headers.to_string(),
        query: request.query.to_string(),
        raw: request.raw.clone(),
        body: (!is_plain_json(request)).then(|| request.body.to_string()),
        status: HitStatus::Applied.word().into(),
        reason: None,
        transaction: None,
        run: None,
        ambiguous: false,
        replay_of: None,
        early_until: None,
        expires_at: now + micros(kept(None)),
    }
}
