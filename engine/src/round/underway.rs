//! Runs that do not end in the commit that begins them.
//!
//! Invariants: the runs of a transaction go one after another, in the order of their numbers, which
//! is that in which their hits were accepted; what a process brings for a step counts only while the
//! row has the claim that it took, so whoever was stopped and wakes can do no harm.

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::StepKind;
use uuid::Uuid;

use super::{
    Batch, Task,
    incoming::Incoming,
    run::{Kind, Ran, expires_at, pinned},
    turns::Turn,
};
use crate::{
    Error, HitStatus, TransactionStatus,
    callers::{self, Caller},
    catalog::{Deployment, webhook_of},
    clock::Micros,
    history::{History, parse},
    ongoing::{Before, Ongoing, Progress},
    store::{HELD, HitRow, HitUpdate, RunRow, TransactionRow, UnderwayRow},
    work::{Item, Outcome, Work},
};

/// The runs under way of transactions, by number.
pub type Underway = HashMap<Uuid, Vec<UnderwayRow>>;

/// Whether a run of the transaction is under way, or waits.
pub fn is_busy(row: &TransactionRow) -> bool {
    row.status == TransactionStatus::Running.word() || row.status == TransactionStatus::Queued.word()
}

impl Batch<'_> {
    pub(super) async fn underway(&mut self, ids: &[Uuid]) -> Result<Underway, Error> {
        let mut found = Underway::new();
        if !ids.is_empty() {
            for row in self.commit.underway(ids).await? {
                found.entry(row.transaction).or_default().push(row);
            }
        }
        Ok(found)
    }

    /// The run waits for an earlier one of its transaction, or for its turn. It has its number from
    /// now on.
    pub(super) fn wait(
        &mut self,
        mut task: Task,
        history: Option<&History>,
        turn: Option<(i32, Turn)>,
    ) -> Result<(), Error> {
        if let Kind::Done { row, .. } = &task.kind {
            let waiting = in_line(UnderwayRow { claim: row.claim + 1, ..(**row).clone() }, turn);
            self.writes.underway.push(waiting);
            self.settle(task.ticket, Ok(Outcome::accepted(None, task.row.map(|row| row.transaction))));
            return Ok(());
        }
        let stood = task.row.take();
        let before = stood.as_ref().map(|row| row.expires_at);
        let mut row = stood.unwrap_or_else(|| new_transaction(&task, self.ids.next(self.head.now), self.head.now));
        if turn.is_some() {
            row.status = TransactionStatus::Queued.word().into();
            row.expires_at = expires_at(&task.deployment, &row);
        }
        if let Some(waited) = task.waited.take() {
            self.writes.underway.push(in_line(*waited, turn));
            self.writes.change(row, before.unwrap_or_default());
            return Ok(());
        }
        row.runs += 1;
        let run = row.runs;
        if task.first_resume
            && let Some(hold) = task.base.and_then(|base| history?.get(base))
        {
            self.writes.keys_resumed.extend(super::direct::key_names(&hold.run)?);
        }
        let mut waiting = UnderwayRow {
            transaction: row.transaction,
            run,
            cycle_id: row.cycle_id,
            version: row.version,
            base: task.base,
            entry: task.cycle.step(task.entry).id.clone(),
            webhook: None,
            hit: None,
            started_at: self.head.now,
            document: None,
            steps: "[]".into(),
            status: TransactionStatus::Queued.word().into(),
            step: None,
            attempts: "[]".into(),
            claim: 0,
            node: None,
            due_at: None,
            place: None,
            turn: None,
            turn_key: None,
        };
        match task.kind {
            Kind::Hit(mut hit) => {
                waiting.webhook = Some(hit.row.webhook.clone());
                waiting.hit = Some(hit.row.hit);
                let synchronous = webhook_of(&task.cycle, task.entry).is_some_and(|webhook| webhook.synchronous);
                if hit.live && synchronous {
                    let mut callers = callers::from_text(row.callers.as_deref())?;
                    callers.push(Caller { hit: hit.row.hit, step: hit.hook.step.clone(), hold: run });
                    row.callers = callers::to_text(&callers);
                }
                hit.row.transaction = Some(row.transaction);
                hit.row.run = Some(run);
                hit.row.ambiguous = task.ambiguous;
                if !hit.stored {
                    self.claim(&hit);
                }
                self.reply(task.ticket, &hit, row.transaction, &row);
                self.put_hit(*hit);
            }
            Kind::Rerun(document) => {
                waiting.document = Some(document.to_string());
                self.settle(task.ticket, Ok(Outcome::accepted(None, Some(row.transaction))));
            }
            Kind::Expired | Kind::Done { .. } => {
                self.settle(task.ticket, Ok(Outcome::accepted(None, Some(row.transaction))));
            }
        }
        self.writes.underway.push(in_line(waiting, turn));
        match before {
            None => self.writes.transactions.push(row),
            Some(before) => self.writes.change(row, before),
        }
        Ok(())
    }

    /// The next run of a transaction, now that the one before it has ended.
    pub(super) async fn begin_next(
        &mut self,
        deployment: Arc<Deployment>,
        row: &TransactionRow,
        underway: &[UnderwayRow],
    ) -> Result<Option<Task>, Error> {
        let Some(next) = underway.first().filter(|next| next.status == TransactionStatus::Queued.word()) else {
            return Ok(None);
        };
        let (cycle, entry) = pinned(&deployment, row.version, &next.entry)?;
        let (mut ambiguous, kind) = (
            false,
            match (&next.document, next.webhook.as_ref().zip(next.hit)) {
                (Some(document), _) => Kind::Rerun(Arc::new(parse(document)?)),
                (None, Some((webhook, hit))) => Kind::Hit(Box::new(self.stored_hit(webhook, hit, &deployment).await?)),
                (None, None) => Kind::Expired,
            },
        );
        if let Kind::Hit(hit) = &kind {
            ambiguous = hit.row.ambiguous;
        }
        Ok(Some(Task {
            ticket: None,
            version: row.version,
            cycle,
            deployment,
            row: Some(row.clone()),
            base: next.base,
            entry,
            kind,
            ambiguous,
            first_resume: false,
            number: Some(next.run),
            waited: Some(Box::new(next.clone())),
        }))
    }

    async fn stored_hit(&mut self, webhook: &str, hit: Uuid, deployment: &Arc<Deployment>) -> Result<Incoming, Error> {
        let row: Option<HitRow> = self.commit.hits(&[(webhook.to_owned(), hit)]).await?.pop();
        let row = row.ok_or_else(|| Error::Internal("the hit of a waiting run is not there".into()))?;
        let hook = deployment.hooks.iter().find(|hook| hook.identifier == webhook);
        let hook = hook.ok_or_else(|| Error::Internal("the webhook of a waiting run is not there".into()))?;
        Incoming::early(&row, false, hook, deployment)
    }

    /// What a process brings for a step; none where it comes too late.
    pub(super) fn proceed(
        &mut self,
        ongoing: &Arc<Ongoing>,
        progress: Progress,
        (row, deployment): (&TransactionRow, Arc<Deployment>),
        underway: &[UnderwayRow],
        ticket: Option<usize>,
    ) -> Result<Option<Task>, Error> {
        let Some(stands) = standing(underway, ongoing.row.run, ongoing.row.claim) else { return Ok(None) };
        let Some(Before { document, lineage }) = ongoing.before.clone() else { return Ok(None) };
        match progress {
            // What scripts of elements wanted kept is kept by now.
            Progress::Kept { attempts, .. } => {
                self.writes.underway.push(UnderwayRow { attempts, ..stands.clone() });
                self.settle(ticket, Ok(Outcome::accepted(None, Some(row.transaction))));
                // What else touches the row must see this.
                self.busy.insert(row.transaction);
                Ok(None)
            }
            Progress::Again { at, attempts } => {
                let next = UnderwayRow {
                    attempts,
                    claim: stands.claim + 1,
                    node: None,
                    // When retention runs out it gives its place back.
                    due_at: Some(at.max(self.head.now).min(row.expires_at)),
                    ..stands.clone()
                };
                self.writes.timers_gone.extend(stands.timer());
                self.writes.timers.extend(next.timer());
                self.writes.underway.push(next);
                self.busy.insert(row.transaction);
                Ok(None)
            }
            // What is to be kept is kept by now.
            Progress::Done(done) | Progress::Scripted { done, .. } => {
                self.writes.timers_gone.extend(stands.timer());
                let step = stands.step.as_deref().unwrap_or_default();
                let (cycle, at) = pinned(&deployment, row.version, step)?;
                Ok(Some(Task {
                    ticket,
                    version: row.version,
                    cycle,
                    deployment,
                    row: Some(row.clone()),
                    base: stands.base,
                    entry: at,
                    kind: Kind::Done { row: Box::new(stands.clone()), document, lineage, done: Box::new(done) },
                    ambiguous: false,
                    first_resume: false,
                    number: Some(stands.run),
                    waited: None,
                }))
            }
        }
    }

    /// This process takes a step on: one whose time has come, or that another process left.
    pub(super) fn take_on(&mut self, underway: &[UnderwayRow], run: i32, claim: i64) {
        let Some(stands) = standing(underway, run, claim) else { return };
        let taken = UnderwayRow {
            claim: stands.claim + 1,
            node: Some(self.around.instance.to_owned()),
            due_at: None,
            ..stands.clone()
        };
        self.writes.timers_gone.extend(stands.timer());
        self.writes.underway.push(taken.clone());
        self.told.calls.push(Ongoing { row: taken, before: None });
    }

    /// A run that goes on outside of this commit, or at another time: its row.
    pub(super) fn underway_row(&self, ran: &Ran, before: Option<&UnderwayRow>, suspended: &Suspended) -> UnderwayRow {
        let task = &ran.task;
        let claim = before.map_or(0, |before| before.claim) + 1;
        let step = task.cycle.step(suspended.step);
        let is_call = matches!(step.kind, StepKind::Http(_) | StepKind::Script(_) | StepKind::Each(_));
        let turn = ran.turn.as_ref().filter(|_| is_call);
        UnderwayRow {
            transaction: ran.transaction,
            run: ran.run,
            cycle_id: task.deployment.row.cycle_id,
            version: task.version,
            base: task.base,
            entry: task.cycle.step(task.entry).id.clone(),
            webhook: None,
            hit: None,
            started_at: self.head.now,
            document: None,
            steps: String::new(),
            status: TransactionStatus::Running.word().into(),
            step: Some(step.id.clone()),
            attempts: "[]".into(),
            claim,
            node: is_call.then(|| self.around.instance.to_owned()),
            due_at: suspended.until,
            place: turn.map(|_| HELD),
            turn: turn.map(|turn| turn.turn),
            turn_key: turn.map(|turn| turn.key.clone()),
        }
    }

    /// Cancelled: the run under way ends as it is, and the hits of those that waited match nothing.
    pub(super) fn cancel_underway(&mut self, underway: &[UnderwayRow]) -> Result<(), Error> {
        for row in underway {
            self.free(row);
            self.writes.underway_gone.push((row.transaction, row.run));
            self.writes.timers_gone.extend(row.timer());
            if row.status == TransactionStatus::Running.word() {
                let mut steps = row.steps.clone();
                if let Some(step) = &row.step {
                    let mut id = String::new();
                    holdfast_definitions::write_text(step, &mut id);
                    steps =
                        crate::steps::append_steps(&steps, &format!("[{{\"step\":{id},\"status\":\"cancelled\"}}]"));
                }
                let status = TransactionStatus::Cancelled.word().into();
                self.writes.runs.push(RunRow { status, steps, ..row.as_run() });
            } else if let Some((webhook, hit)) = row.webhook.clone().zip(row.hit) {
                self.writes.hit_updates.push(HitUpdate {
                    webhook,
                    hit,
                    status: HitStatus::Unmatched.word().into(),
                    reason: Some("the transaction was cancelled before this hit's turn came".into()),
                    transaction: None,
                    run: None,
                    ambiguous: false,
                    early_until: None,
                });
            }
        }
        Ok(())
    }

    pub(super) fn next_run_of(&mut self, transaction: Uuid) {
        self.later(Item { work: Work::Begin { transaction }, ticket: None });
    }

    /// Cycles that a failed step stops, with what the stop of an operator does.
    pub(super) async fn stop_cycles(&mut self) -> Result<(), Error> {
        for cycle in std::mem::take(&mut self.stops) {
            let Some(deployment) = self.around.catalog.cycle_by_id(cycle).cloned() else { continue };
            if deployment.row.state != "running" {
                continue;
            }
            let row = crate::store::CycleRow {
                state: "stopped".into(),
                stopped_at: Some(self.head.now),
                ..deployment.row.clone()
            };
            self.commit.put_cycle(&row).await?;
            self.commit.bump_revision().await?;
            self.told.catalog_changed = true;
            self.event("cycle.stopped", &row.name, None, None, None);
        }
        Ok(())
    }
}

/// Where a pass left off.
#[derive(Debug)]
pub struct Suspended {
    pub step: holdfast_definitions::StepIndex,
    pub until: Option<crate::clock::Micros>,
}

/// With its place in the line of its cycle.
fn in_line(row: UnderwayRow, turn: Option<(i32, Turn)>) -> UnderwayRow {
    let Some((place, Turn { key, turn })) = turn else { return row };
    UnderwayRow { place: Some(place), turn: Some(turn), turn_key: Some(key), ..row }
}

pub fn new_transaction(task: &Task, transaction: Uuid, now: Micros) -> TransactionRow {
    TransactionRow {
        transaction,
        cycle_id: task.deployment.row.cycle_id,
        version: task.version,
        started_at: now,
        status: String::new(),
        step: None,
        runs: 0,
        expires_at: now,
        completed_at: None,
        failed_at: None,
        callers: None,
    }
}

pub(super) fn standing(underway: &[UnderwayRow], run: i32, claim: i64) -> Option<&UnderwayRow> {
    underway.iter().find(|row| row.run == run && row.claim == claim && row.status == TransactionStatus::Running.word())
}
