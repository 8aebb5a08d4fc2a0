//! Work that names its transaction: by hand, by the clock, or by an early hit.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{Batch, Given, Task, incoming::Incoming, run::latest_expiry};
use crate::{
    Answer, Error, HitStatus, TransactionStatus,
    callers::{self, Caller},
    catalog::Deployment,
    store::{HitRow, HitUpdate, KeyName, QueueRow, RunRow, TransactionRow, UnderwayRow},
    work::{Item, Outcome, OutcomeReply, Work},
};

/// Hits that one commit takes out of the queue.
const QUEUE_CHUNK: i64 = 200;
/// Transactions that are looked at at once for callers to be let go.
const RELEASE_CHUNK: i64 = 500;

/// The holds of a transaction, as its runs tell them: the newest at each step.
pub type Holds = HashMap<Uuid, Vec<RunRow>>;

impl Batch<'_> {
    pub(super) async fn direct(&mut self, items: Vec<Item>) -> Result<Vec<Task>, Error> {
        let mut named = Vec::new();
        for item in items {
            match item.work {
                Work::Drain { cycle } => self.drain(cycle, item.ticket).await?,
                Work::ExpireQueue { cycle } => self.expire_queue(cycle, item.ticket).await?,
                Work::Turns { cycle } => {
                    let more = self.give_turns(cycle).await?;
                    self.settle_own(item.ticket, more);
                }
                Work::Release { cycle } => {
                    self.release(cycle).await?;
                    self.settle_own(item.ticket, false);
                }
                Work::Duplicate { arrival, first } => self.keep_repeat(&arrival, first, item.ticket),
                _ => named.push(item),
            }
        }
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = named.iter().filter_map(|item| transaction_of(&item.work)).collect();
        let rows: HashMap<Uuid, TransactionRow> =
            self.commit.transactions(&ids).await?.into_iter().map(|row| (row.transaction, row)).collect();
        let mut holds: Holds = HashMap::new();
        let held = once(named.iter().filter_map(|item| holds_of(&item.work)));
        if !held.is_empty() {
            for run in self.commit.holds(&held).await? {
                holds.entry(run.transaction).or_default().push(run);
            }
        }
        let waiting = self.still_waiting(&named, &holds).await?;
        let under = once(named.iter().filter_map(|item| runs_on(&item.work)));
        let underway = self.underway(&under).await?;
        let mut tasks = Vec::new();
        for item in named {
            let Some(id) = transaction_of(&item.work) else { continue };
            if self.busy.contains(&id) {
                self.later(item);
                continue;
            }
            let ticket = item.ticket;
            let standing = holds.get(&id).map(Vec::as_slice).unwrap_or_default();
            let under = underway.get(&id).map(Vec::as_slice).unwrap_or_default();
            match self.one(item, rows.get(&id), (standing, under), &waiting).await {
                Ok(Some(task)) => {
                    self.busy.insert(id);
                    tasks.push(task);
                }
                Ok(None) => self.nothing_left(ticket),
                Err(error @ (Error::Unavailable { .. } | Error::Unknown | Error::Internal(_))) => return Err(error),
                Err(error) => self.settle(ticket, Err(error)),
            }
        }
        Ok(tasks)
    }

    /// The holds whose time is up and that no hit has resumed, nor a newer hold replaced.
    async fn still_waiting(&mut self, items: &[Item], holds: &Holds) -> Result<HashSet<(Uuid, i32)>, Error> {
        let mut names = Vec::new();
        for item in items {
            let Work::Expire(timer) = &item.work else { continue };
            let standing = holds.get(&timer.transaction).map(Vec::as_slice).unwrap_or_default();
            for hold in standing.iter().filter(|hold| hold.run == timer.run) {
                names.extend(key_names(hold)?);
            }
        }
        if names.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = self.commit.key_rows(&names).await?;
        Ok(rows.into_iter().filter(|(resumed, _)| !resumed).map(|(_, key)| (key.transaction, key.run)).collect())
    }

    async fn one(
        &mut self,
        item: Item,
        row: Option<&TransactionRow>,
        (holds, underway): (&[RunRow], &[UnderwayRow]),
        waiting: &HashSet<(Uuid, i32)>,
    ) -> Result<Option<Task>, Error> {
        let now = self.head.now;
        let ticket = item.ticket;
        let retained = row.filter(|row| row.expires_at > now);
        match item.work {
            Work::Tell(timer) => {
                self.tell_retention(timer, row);
                Ok(None)
            }
            Work::Expire(timer) => {
                self.writes.timers_gone.push(timer.clone());
                let Some(row) = retained else { return Ok(None) };
                let Some(hold) = holds.iter().find(|hold| hold.run == timer.run) else { return Ok(None) };
                if !waiting.contains(&(row.transaction, hold.run)) {
                    return Ok(None);
                }
                self.writes.keys_gone.extend(key_names(hold)?);
                Task::expire(self.deployment(row)?, row.clone(), hold, ticket).map(Some)
            }
            Work::Proceed { ongoing, progress } => {
                // What has expired is left to retention.
                let Some(row) = retained else {
                    self.free(&ongoing.row);
                    self.give_up(underway);
                    return Ok(None);
                };
                let deployment = self.deployment(row)?;
                let kept = self.keep_first(&ongoing, *progress, &deployment, underway, ticket).await?;
                let Some(progress) = kept else { return Ok(None) };
                self.proceed(&ongoing, progress, (row, deployment), underway, ticket)
            }
            Work::TakeOn { transaction, run, claim } => {
                match retained {
                    Some(_) => self.take_on(underway, run, claim),
                    None => {
                        self.give_up(underway);
                        self.writes.timers_gone.extend(underway.iter().filter_map(UnderwayRow::timer));
                    }
                }
                self.busy.insert(transaction);
                Ok(None)
            }
            Work::Begin { .. } => {
                let Some(row) = retained else {
                    self.give_up(underway);
                    return Ok(None);
                };
                self.begin(row, underway).await
            }
            Work::Early { hit, pending, hold, .. } => {
                self.writes.early_gone.push(pending);
                let Some(row) = retained.filter(|row| row.status != TransactionStatus::Cancelled.word()) else {
                    return Ok(None);
                };
                self.early_task(&hit, row, hold)
            }
            Work::Abandon { .. } => {
                if let Some(row) = row.filter(|row| row.expires_at <= now) {
                    self.abandon(row)?;
                }
                Ok(None)
            }
            Work::Cancel { transaction } => {
                let row = retained.ok_or_else(|| not_found(transaction))?;
                self.cancel(row, holds, ticket)?;
                self.cancel_underway(underway)?;
                Ok(None)
            }
            Work::Resume { transaction, step, body, runs } => {
                let row = retained.ok_or_else(|| not_found(transaction))?;
                uncancelled(row)?;
                if runs.is_some_and(|runs| runs != row.runs) {
                    return Ok(None);
                }
                let hold = self.standing_hold(holds, step.as_deref()).await?;
                let deployment = self.deployment(row)?;
                let hook = hold.step.as_deref().and_then(|step| deployment.hook(step)).cloned();
                let hook = hook.ok_or_else(|| Error::Internal("a hold's webhook is not there".into()))?;
                let hit = Incoming::by_hand(self.ids.next(now), now, &hook, &deployment, &body);
                Task::by_hand(hit, ticket, row.clone(), hold.run, self.around.limits).map(Some)
            }
            Work::Rerun { transaction, step, document, runs } => {
                let row = retained.ok_or_else(|| not_found(transaction))?;
                uncancelled(row)?;
                if runs.is_some_and(|runs| runs != row.runs) {
                    return Ok(None);
                }
                let deployment = self.deployment(row)?;
                Task::rerun(deployment, row.clone(), &step, document, ticket, self.around.limits).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn deployment(&self, row: &TransactionRow) -> Result<Arc<Deployment>, Error> {
        let found = self.around.catalog.cycle_by_id(row.cycle_id).cloned();
        found.ok_or_else(|| Error::Internal("a transaction's cycle is not there".into()))
    }

    /// Decided once: whoever comes first, a hit or the clock, finds the hold unresumed.
    /// The hold to be resumed by hand: it must still be in its place.
    async fn standing_hold(&mut self, holds: &[RunRow], step: Option<&str>) -> Result<RunRow, Error> {
        let mut standing: Vec<&RunRow> = Vec::new();
        for hold in holds {
            let rows = self.commit.key_rows(&key_names(hold)?).await?;
            if rows.iter().any(|(_, key)| key.run == hold.run) {
                standing.push(hold);
            }
        }
        if let Some(step) = step {
            standing.retain(|hold| hold.step.as_deref() == Some(step));
        }
        match (standing.as_slice(), step) {
            ([hold], _) => Ok((*hold).clone()),
            ([], Some(step)) => Err(Error::Conflict(format!("the transaction is not held at {step}"))),
            ([], None) => Err(Error::Conflict("the transaction is not held".into())),
            (several, _) => {
                let steps: Vec<_> = several.iter().filter_map(|hold| hold.step.as_deref()).collect();
                Err(Error::Conflict(format!("it is held at {}: say which step", steps.join(" and "))))
            }
        }
    }

    fn cancel(&mut self, row: &TransactionRow, holds: &[RunRow], ticket: Option<usize>) -> Result<(), Error> {
        uncancelled(row)?;
        for hold in holds {
            self.writes.keys_gone.extend(key_names(hold)?);
        }
        let answer = Answer::Cancelled { transaction: crate::TransactionId(row.transaction) };
        for caller in callers::from_text(row.callers.as_deref())? {
            self.answer(&caller, row, None, &answer);
        }
        let (mut row, before) = (row.clone(), row.expires_at);
        row.status = TransactionStatus::Cancelled.word().into();
        row.step = None;
        row.callers = None;
        let deployment = self.deployment(&row)?;
        row.expires_at = super::run::expires_at(&deployment, &row);
        let name = deployment.row.name.clone();
        self.event("transaction.cancelled", &name, row.step.clone().as_deref(), Some(row.transaction), None);
        self.busy.insert(row.transaction);
        self.settle(ticket, Ok(Outcome::accepted(None, Some(row.transaction))));
        self.writes.change(row, before);
        Ok(())
    }

    /// Its callers get `410`: nothing can answer them any more.
    fn abandon(&mut self, row: &TransactionRow) -> Result<(), Error> {
        let answer = Answer::Expired { transaction: crate::TransactionId(row.transaction) };
        for caller in callers::from_text(row.callers.as_deref())? {
            self.answer(&caller, row, None, &answer);
        }
        let row = TransactionRow { callers: None, ..row.clone() };
        let before = row.expires_at;
        self.writes.change(row, before);
        Ok(())
    }

    /// `by`: the `respond` step that gives it.
    pub(super) fn answer(&mut self, caller: &Caller, row: &TransactionRow, by: Option<&str>, answer: &Answer) {
        let latest = self.around.catalog.cycle_by_id(row.cycle_id).map(|deployment| latest_expiry(deployment, row));
        let kept = self.answer_kept_until(latest.unwrap_or(row.expires_at));
        self.writes.answers.push(answer.to_row(caller.hit, Some(row.transaction), by, kept));
        self.told.answers.push(Given { hit: caller.hit, answer: answer.clone(), elsewhere: true });
    }

    /// A stop keeps no caller whose run has not begun: `200 Webhook accepted.`.
    async fn release(&mut self, cycle: Uuid) -> Result<(), Error> {
        let mut after = Uuid::nil();
        if !self.around.catalog.cycle_by_id(cycle).is_some_and(|deployment| self.is_halted(deployment)) {
            return Ok(());
        }
        loop {
            let ids = self.commit.waiting(cycle, after, RELEASE_CHUNK).await?;
            let Some(last) = ids.last() else { return Ok(()) };
            after = *last;
            let mut rows = self.commit.transactions(&ids).await?;
            rows.retain(|row| row.callers.is_some());
            let ids: Vec<Uuid> = rows.iter().map(|row| row.transaction).collect();
            let underway = self.underway(&ids).await?;
            for row in rows {
                let runs = underway.get(&row.transaction).map(Vec::as_slice).unwrap_or_default();
                self.let_go(row, runs)?;
            }
            self.flush().await?;
        }
    }

    fn let_go(&mut self, mut row: TransactionRow, underway: &[UnderwayRow]) -> Result<(), Error> {
        let waits =
            |run: i32| underway.iter().any(|row| row.run == run && row.status == TransactionStatus::Queued.word());
        let callers = callers::from_text(row.callers.as_deref())?;
        let (gone, kept): (Vec<_>, Vec<_>) = callers.into_iter().partition(|caller| waits(caller.hold));
        if gone.is_empty() {
            return Ok(());
        }
        for caller in &gone {
            self.answer(caller, &row, None, &Answer::Accepted);
        }
        let before = row.expires_at;
        row.callers = callers::to_text(&kept);
        self.writes.change(row, before);
        Ok(())
    }

    fn settle_own(&mut self, ticket: Option<usize>, more: bool) {
        let reply = if more { OutcomeReply::More } else { OutcomeReply::Accepted };
        self.settle(ticket, Ok(Outcome { hit: None, transaction: None, reply }));
    }

    /// Hits queued by a stop, oldest first; when none is left, newer ones are run as they come.
    async fn drain(&mut self, cycle: Uuid, ticket: Option<usize>) -> Result<(), Error> {
        let Some(deployment) = self.around.catalog.cycle_by_id(cycle).cloned() else { return Ok(()) };
        if !deployment.row.backlog || deployment.row.state != "running" {
            self.settle(ticket, Ok(Outcome::accepted(None, None)));
            return Ok(());
        }
        // Runs that the stop kept from beginning were accepted before any of these hits.
        if self.give_turns(cycle).await? {
            self.settle_own(ticket, true);
            return Ok(());
        }
        let rows = self.commit.queued(cycle, QUEUE_CHUNK).await?;
        let more = rows.len() as i64 == QUEUE_CHUNK;
        for row in rows {
            self.out_of_queue(cycle, row.webhook.clone(), row.hit);
            self.later(Item { work: Work::Queued(Arc::new(row)), ticket: None });
        }
        if !more {
            self.commit.put_cycle(&crate::store::CycleRow { backlog: false, ..deployment.row.clone() }).await?;
            self.commit.bump_revision().await?;
            self.told.catalog_changed = true;
        }
        self.settle_own(ticket, more);
        Ok(())
    }

    async fn expire_queue(&mut self, cycle: Uuid, ticket: Option<usize>) -> Result<(), Error> {
        let admits = |deployment: &Arc<Deployment>| deployment.admission(self.head.now) != crate::Admission::Refuse;
        let Some(deployment) = self.around.catalog.cycle_by_id(cycle).cloned() else { return Ok(()) };
        if admits(&deployment) {
            self.settle(ticket, Ok(Outcome::accepted(None, None)));
            return Ok(());
        }
        let rows = self.commit.queued(cycle, QUEUE_CHUNK).await?;
        let more = rows.len() as i64 == QUEUE_CHUNK;
        for row in rows {
            self.out_of_queue(cycle, row.webhook.clone(), row.hit);
            self.writes.hit_updates.push(expired_in_queue(row));
        }
        self.settle_own(ticket, more);
        Ok(())
    }

    fn out_of_queue(&mut self, cycle_id: Uuid, webhook: String, hit: Uuid) {
        self.writes.queued.push((webhook.clone(), -1));
        self.writes.queue_gone.push(QueueRow { cycle_id, hit, webhook });
    }
}

/// Several may be about the same one.
fn once(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn transaction_of(work: &Work) -> Option<Uuid> {
    match work {
        Work::Resume { transaction, .. }
        | Work::Rerun { transaction, .. }
        | Work::Cancel { transaction }
        | Work::Abandon { transaction }
        | Work::TakeOn { transaction, .. }
        | Work::Begin { transaction }
        | Work::Early { transaction, .. } => Some(*transaction),
        Work::Proceed { ongoing, .. } => Some(ongoing.row.transaction),
        Work::Expire(timer) | Work::Tell(timer) => Some(timer.transaction),
        _ => None,
    }
}

/// The transaction whose runs under way the work is about.
fn runs_on(work: &Work) -> Option<Uuid> {
    match work {
        Work::Proceed { .. } | Work::TakeOn { .. } | Work::Begin { .. } | Work::Cancel { .. } => transaction_of(work),
        _ => None,
    }
}

/// The transaction whose holds the work is about.
fn holds_of(work: &Work) -> Option<Uuid> {
    match work {
        Work::Expire(_) | Work::Cancel { .. } | Work::Resume { .. } => transaction_of(work),
        _ => None,
    }
}

fn not_found(transaction: Uuid) -> Error {
    Error::NotFound { what: "transaction", id: transaction.to_string() }
}

fn uncancelled(row: &TransactionRow) -> Result<(), Error> {
    if row.status == TransactionStatus::Cancelled.word() {
        return Err(Error::Conflict("the transaction is cancelled, which is final".into()));
    }
    Ok(())
}

/// What is left in the queue past the 24 h is marked, never silently dropped.
pub fn expired_in_queue(row: HitRow) -> HitUpdate {
    HitUpdate {
        webhook: row.webhook,
        hit: row.hit,
        status: HitStatus::Expired.word().into(),
        reason: Some("the cycle was not started again within 24 h of its stop".into()),
        transaction: None,
        run: None,
        ambiguous: false,
        early_until: None,
    }
}

/// The key rows of a hold.
pub fn key_names(hold: &RunRow) -> Result<Vec<KeyName>, Error> {
    let Some(webhook) = super::run::hold_webhook(hold)? else { return Ok(Vec::new()) };
    Ok(webhook
        .key_hashes
        .into_iter()
        .map(|key_hash| KeyName { webhook: webhook.identifier.clone(), key_hash, transaction: hold.transaction })
        .collect())
}
