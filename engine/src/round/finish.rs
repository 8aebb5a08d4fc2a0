//! Writing a run down: its rows, its hold, and the answers that it gives.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Batch, Given,
    direct::key_names,
    early::NewHold,
    run::{Kind, Ran, earliest_expiry, expires_at, hold_keys_text},
    underway::{Suspended, new_transaction},
};
use crate::{
    Answer, Error, LiveEvent, TransactionStatus,
    callers::{self, Caller, Ended, settle},
    catalog::{keying, webhook_of},
    clock::micros,
    history::error_json,
    limits::REPEAT_WINDOW,
    machine::{Effect, Pass, StepError},
    notify::{hops_in, hops_of_hit},
    ongoing::{Before, Ongoing},
    steps::{append_steps, store_steps},
    store::{KeyRow, RunRow, Seek, TimerRow, TransactionRow},
    work::{Outcome, OutcomeReply},
};
use holdfast_definitions::{Json, Members, StepIndex};

/// What the last effect of a pass says.
#[derive(Debug)]
enum End {
    Held {
        step: StepIndex,
        seeks: Vec<Seek>,
        identifier: String,
    },
    Completed,
    Failed {
        step: StepIndex,
        error: StepError,
    },
    /// It goes on outside of this commit, or at another time.
    Underway(Suspended),
}

impl End {
    fn status(&self) -> TransactionStatus {
        match self {
            Self::Held { .. } => TransactionStatus::Held,
            Self::Completed => TransactionStatus::Completed,
            Self::Failed { .. } => TransactionStatus::Failed,
            Self::Underway(_) => TransactionStatus::Running,
        }
    }

    fn step(&self) -> Option<StepIndex> {
        match self {
            Self::Held { step, .. } | Self::Failed { step, .. } => Some(*step),
            Self::Underway(suspended) => Some(suspended.step),
            Self::Completed => None,
        }
    }

    fn event(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some("transaction.held"),
            Self::Completed => Some("transaction.completed"),
            Self::Failed { .. } => Some("transaction.failed"),
            Self::Underway(_) => None,
        }
    }
}

impl Batch<'_> {
    pub(super) fn finish(&mut self, mut ran: Ran, older: &[RunRow]) -> Result<Option<NewHold>, Error> {
        let end = end_of(&mut ran)?;
        let mut row = self.transaction_row(&ran, &end);
        let replaced = self.replace(&end, &ran, older)?;
        let (callers, answers) = self.answer_callers(&ran, &end, &row, replaced)?;
        row.callers = callers;
        self.mark_resumed(&ran)?;
        if ran.pass.effects.contains(&Effect::Stop) {
            self.stops.push(ran.task.deployment.row.cycle_id);
        }
        let hold = self.write_hold(&ran, &end);
        if hold.is_some() {
            self.tell_retention_of(&row, ran.run, &ran.task.deployment.row.name);
        }
        self.tell_events(&ran, &end);
        let cycle_id = ran.task.deployment.row.cycle_id;
        self.told.tally.pass(cycle_id, &ran.task.cycle, &ran.pass.trace, end.status());
        let before = ran.task.row.as_ref().map(|row| row.expires_at);
        self.write_run(ran, &end, &row, answers)?;
        match before {
            None => self.writes.transactions.push(row),
            Some(before) => self.writes.change(row, before),
        }
        Ok(hold)
    }

    fn transaction_row(&self, ran: &Ran, end: &End) -> TransactionRow {
        let now = self.head.now;
        let task = &ran.task;
        let mut row = task.row.clone().unwrap_or_else(|| new_transaction(task, ran.transaction, now));
        row.status = end.status().word().into();
        row.step = end.step().map(|step| task.cycle.step(step).id.clone());
        // Others may wait behind it.
        row.runs = row.runs.max(ran.run);
        match end {
            End::Completed => row.completed_at = row.completed_at.or(Some(now)),
            End::Failed { .. } => row.failed_at = row.failed_at.or(Some(now)),
            End::Held { .. } | End::Underway(_) => {}
        }
        row.expires_at = expires_at(&task.deployment, &row);
        row
    }

    /// The newer hold takes the older one's place: (its run).
    fn replace(&mut self, end: &End, ran: &Ran, older: &[RunRow]) -> Result<Option<i32>, Error> {
        let End::Held { step, .. } = end else { return Ok(None) };
        let id = &ran.task.cycle.step(*step).id;
        let mut newest = None;
        for hold in older.iter().filter(|hold| hold.step.as_ref() == Some(id)) {
            self.writes.keys_gone.extend(key_names(hold)?);
            newest = newest.max(Some(hold.run));
        }
        Ok(newest)
    }

    /// Gives every caller its answer who gets one now. Those who go on waiting come back, as text; and
    /// the `respond` whose response is the run's own to keep.
    fn answer_callers(
        &mut self,
        ran: &Ran,
        end: &End,
        row: &TransactionRow,
        replaced: Option<i32>,
    ) -> Result<(Option<String>, Option<StepIndex>), Error> {
        let cycle = &ran.task.cycle;
        let mut kept = None;
        let mut callers = callers::from_text(row.callers.as_deref())?;
        if let Kind::Hit(hit) = &ran.task.kind
            && hit.live
            && webhook_of(cycle, ran.task.entry).is_some_and(|webhook| webhook.synchronous)
        {
            callers.push(Caller { hit: hit.row.hit, step: hit.hook.step.clone(), hold: ran.run });
        }
        for effect in &ran.pass.effects {
            let Effect::Answer { to, by, answer } = effect else { continue };
            let to = &cycle.step(*to).id;
            let hit = ran.lineage.iter().rev().find(|(step, _)| step == to).map(|(_, hit)| *hit);
            if let Some(at) = callers.iter().position(|caller| Some(caller.hit) == hit) {
                let caller = callers.remove(at);
                if !matches!(end, End::Underway(_)) && self.run_keeps(ran, &caller, row, answer) {
                    self.told.answers.push(Given { hit: caller.hit, answer: answer.clone(), elsewhere: false });
                    kept = Some(*by);
                } else {
                    self.answer(&caller, row, Some(&cycle.step(*by).id), answer);
                }
            }
        }
        if matches!(end, End::Underway(_)) {
            return Ok((callers::to_text(&callers), None));
        }
        let may_answer: Vec<&str> = match end {
            End::Held { step, .. } => {
                cycle.step(*step).may_answer.iter().map(|step| cycle.step(*step).id.as_str()).collect()
            }
            _ => Vec::new(),
        };
        let ended = match end {
            End::Held { .. } => Ended::Held { may_answer: &may_answer, replaces: replaced },
            _ => Ended::Over,
        };
        let (waiting, over) = settle(callers, ran.run, ran.task.base, &ran.lineage, &ended);
        let transaction = crate::TransactionId(ran.transaction);
        let answer = match end {
            End::Failed { step, error } => {
                let step = cycle.step(*step).id.clone();
                Answer::Failed { transaction, step, message: error.message.clone() }
            }
            _ => Answer::Accepted,
        };
        for caller in &over {
            self.answer(caller, row, None, &answer);
        }
        Ok((callers::to_text(&waiting), kept))
    }

    /// Whether the answer needs no row of its own: it is a response to the hit that began this run, told
    /// with what became of that hit, and the run is there for as long as a repeat may ask for it.
    fn run_keeps(&self, ran: &Ran, caller: &Caller, row: &TransactionRow, answer: &Answer) -> bool {
        let Kind::Hit(hit) = &ran.task.kind else { return false };
        let repeats_until = self.head.now + micros(REPEAT_WINDOW);
        matches!(answer, Answer::Response { .. })
            && hit.row.hit == caller.hit
            && !hit.stored
            && ran.task.ticket.is_some()
            && earliest_expiry(&ran.task.deployment, row) >= repeats_until
    }

    fn mark_resumed(&mut self, ran: &Ran) -> Result<(), Error> {
        if let (true, Some(hold)) = (ran.task.first_resume, &ran.resumed) {
            self.writes.keys_resumed.extend(key_names(hold)?);
        }
        Ok(())
    }

    fn write_hold(&mut self, ran: &Ran, end: &End) -> Option<NewHold> {
        let End::Held { step, seeks, .. } = end else { return None };
        let webhook = webhook_of(&ran.task.cycle, *step)?;
        let due_at = webhook.expires.map(|expires| self.head.now + micros(expires.after));
        for seek in seeks {
            self.writes.keys.push(KeyRow {
                webhook: seek.webhook.clone(),
                key_hash: seek.key_hash.clone(),
                transaction: ran.transaction,
                run: ran.run,
                key: seek.key.clone(),
                due_at,
            });
        }
        if let Some(due_at) = due_at {
            self.writes.timers.push(TimerRow { due_at, transaction: ran.transaction, run: ran.run });
        }
        Some(NewHold { transaction: ran.transaction, run: ran.run, seeks: seeks.clone() })
    }

    fn tell_events(&mut self, ran: &Ran, end: &End) {
        match end {
            End::Held { .. } => self.told.ends.held += 1,
            End::Completed => self.told.ends.completed += 1,
            End::Failed { .. } => self.told.ends.failed += 1,
            End::Underway(_) => {}
        }
        if !self.around.heard {
            return;
        }
        let task = &ran.task;
        let name = task.deployment.row.name.clone();
        let entry = task.cycle.step(task.entry).id.clone();
        let hit = match &task.kind {
            Kind::Hit(hit) => Some(hit.row.hit),
            _ => None,
        };
        let hops = hops_of_run(ran);
        if !matches!(task.kind, Kind::Done { .. }) {
            let began = if ran.run == 1 { "transaction.started" } else { "transaction.resumed" };
            self.event(began, &name, Some(&entry), Some(ran.transaction), hit);
            self.with(None, hops);
        }
        for trace in &ran.pass.trace {
            let Some(error) = &trace.error else { continue };
            let step = task.cycle.step(trace.step).id.clone();
            self.event("step.failed", &name, Some(&step), Some(ran.transaction), hit);
            self.with(Some(of_error(error)), hops);
        }
        for effect in &ran.pass.effects {
            let Effect::Notify { step, event, data } = effect else { continue };
            self.told.events.push(LiveEvent {
                account: self.around.account.to_owned(),
                event: event.clone().into(),
                data: Some(data.clone()),
                cycle: name.clone(),
                transaction: Some(crate::TransactionId(ran.transaction)),
                hit: hit.map(crate::HitId),
                step: Some(task.cycle.step(*step).id.clone()),
                hops,
            });
        }
        let step = end.step().map(|step| task.cycle.step(step).id.clone());
        if let Some(event) = end.event() {
            self.event(event, &name, step.as_deref(), Some(ran.transaction), hit);
            let data = match end {
                End::Failed { error, .. } => Some(of_error(error)),
                _ => None,
            };
            self.with(data, hops);
        }
    }

    fn write_run(
        &mut self,
        ran: Ran,
        end: &End,
        row: &TransactionRow,
        answers: Option<StepIndex>,
    ) -> Result<(), Error> {
        let suspended = match end {
            End::Underway(suspended) => Some(suspended),
            _ => None,
        };
        let before = match &ran.task.kind {
            Kind::Done { row, .. } => Some(row.clone()),
            _ => None,
        };
        let underway = suspended.map(|suspended| self.underway_row(&ran, before.as_deref(), suspended));
        if underway.as_ref().is_none_or(|row| row.place.is_none())
            && let Some(stood) = before.as_ref().or(ran.task.waited.as_ref())
        {
            self.free(stood);
        }
        let Ran { task, transaction, run, pass, lineage, document: left, .. } = ran;
        if underway.is_none() && task.number.is_some() {
            self.writes.underway_gone.push((transaction, run));
        }
        if underway.is_none() && row.runs > run {
            self.next_run_of(transaction);
        }
        let mut entry = task.cycle.step(task.entry).id.clone();
        let (mut webhook, mut hit_id, mut document) = (None, None, None);
        let mut started_at = self.head.now;
        let mut steps = store_steps(&task.cycle, &pass, matches!(task.kind, Kind::Hit(_)), answers);
        match task.kind {
            Kind::Done { row, .. } => {
                steps = append_steps(&row.steps, &steps);
                (entry, webhook, hit_id, document, started_at) =
                    (row.entry, row.webhook, row.hit, row.document, row.started_at);
                self.settle(task.ticket, Ok(Outcome::accepted(None, Some(transaction))));
            }
            Kind::Hit(mut hit) => {
                webhook = Some(hit.row.webhook.clone());
                hit_id = Some(hit.row.hit);
                hit.row.transaction = Some(transaction);
                hit.row.run = Some(run);
                hit.row.ambiguous = task.ambiguous;
                if !hit.stored {
                    self.claim(&hit);
                }
                self.reply(task.ticket, &hit, transaction, row);
                self.put_hit(*hit);
            }
            Kind::Rerun(given) => {
                document = Some(given.to_string());
                self.settle(task.ticket, Ok(Outcome::accepted(None, Some(transaction))));
            }
            Kind::Expired => self.settle(task.ticket, Ok(Outcome::accepted(None, Some(transaction)))),
        }
        if let Some(underway) = underway {
            let row =
                crate::store::UnderwayRow { entry, webhook, hit: hit_id, document, started_at, steps, ..underway };
            self.writes.timers.extend(row.timer());
            self.writes.underway.push(row.clone());
            if row.node.is_some() {
                self.told.calls.push(Ongoing { row, before: Some(Before { document: Arc::new(left), lineage }) });
            }
            return Ok(());
        }
        let hold_keys = match end {
            End::Held { seeks, identifier, .. } => {
                let keys: Vec<_> = seeks.iter().map(|seek| seek.key.clone()).collect();
                Some(hold_keys_text(identifier, &keys))
            }
            _ => None,
        };
        let error = match end {
            End::Failed { error, .. } => Some(error_json(error).to_string()),
            _ => None,
        };
        self.writes.runs.push(RunRow {
            transaction,
            run,
            base: task.base,
            entry,
            webhook,
            hit: hit_id,
            status: end.status().word().into(),
            step: row.step.clone(),
            started_at,
            steps,
            document,
            hold_keys,
            error,
        });
        Ok(())
    }

    /// What the hit's own caller is told once the commit is durable.
    pub(super) fn reply(
        &mut self,
        ticket: Option<usize>,
        hit: &super::incoming::Incoming,
        transaction: Uuid,
        row: &TransactionRow,
    ) {
        let id = hit.row.hit;
        self.note_status(ticket, row);
        let waits = callers::from_text(row.callers.as_deref())
            .is_ok_and(|callers| callers.iter().any(|caller| caller.hit == id));
        let reply = if waits {
            let until = Some((transaction, row.expires_at));
            OutcomeReply::Wait(self.around.waiters.register(self.around.account, id, until))
        } else {
            match self.told.answers.iter().rev().find(|given| given.hit == id) {
                Some(given) => OutcomeReply::Answer(given.answer.clone()),
                None => OutcomeReply::Accepted,
            }
        };
        self.settle(ticket, Ok(Outcome { hit: Some(id), transaction: Some(transaction), reply }));
    }
}

/// The data of an event that tells of an error.
fn of_error(error: &StepError) -> Json {
    Json::from(Members::from_iter([("error".to_owned(), error_json(error))]))
}

/// By the hits that the document tells of, and by the one that began the run, whatever a script made of it.
fn hops_of_run(ran: &Ran) -> u32 {
    let in_document = hops_in(&ran.document);
    match &ran.task.kind {
        Kind::Hit(hit) => in_document.max(hops_of_hit(&hit.row)),
        _ => in_document,
    }
}

/// Takes the end off the effects, with the index rows of a hold.
fn end_of(ran: &mut Ran) -> Result<End, Error> {
    match ran.pass.effects.pop() {
        Some(Effect::Call { step }) => Ok(End::Underway(Suspended { step, until: None })),
        Some(Effect::Delay { step, until }) => Ok(End::Underway(Suspended { step, until: Some(until) })),
        Some(Effect::Complete) => Ok(End::Completed),
        Some(Effect::Fail { step, error }) => Ok(End::Failed { step, error }),
        Some(Effect::Hold { step, keys }) => {
            let cycle = &ran.task.cycle;
            let id = &cycle.step(step).id;
            let hook = ran.task.deployment.hook(id);
            let hook = hook.ok_or_else(|| Error::Internal(format!("step {id} has no webhook").into()))?;
            let keying = keying(cycle, step).ok_or_else(|| Error::Internal("a hold with no mapping".into()))?;
            let seeks = keys.iter().map(|key| keying.seek(&hook.identifier, key)).collect();
            Ok(End::Held { step, seeks, identifier: hook.identifier.clone() })
        }
        _ => Err(Error::Internal(Pass::ENDLESS.into())),
    }
}
