//! One element of an `each`: where it goes, step by step.

use holdfast_definitions::{Json, Members, Scope, StepKind};

use super::Running;
use crate::{
    clock::to_utc,
    elements::{Ended, Place, count, no_attempts, object},
    engine::Shared,
    history::{error_json, timestamp},
    machine::{Done, Effect, Event, Pass, Setting, StepError, Trace, advance_sized},
    runner::{Call, script},
    store::UnderwayRow,
};

impl Running<'_> {
    pub(super) fn begin_one(&mut self, index: usize) {
        self.progress.places.insert(index, Place { attempts: no_attempts(), ..Place::default() });
        self.pass(index, Event::Rerun { step: self.each.first });
    }

    /// A step of the element was done.
    pub(super) fn go_on(&mut self, index: usize, done: Done) {
        let step = self.progress.places.get(&index).and_then(|place| self.each.body.find(&place.step));
        match step {
            Some(step) => self.pass(index, Event::Done { step, done }),
            None => self.lost(index),
        }
    }

    /// The step of an element that is not there.
    fn lost(&mut self, index: usize) {
        self.end_failed(index, "", &StepError::new("internal", "where the element was is not there"));
    }

    /// Runs the element to the next call or delay, or to its end.
    fn pass(&mut self, index: usize, event: Event) {
        let (mut document, mut size) = self.document_of(index);
        let setting = Setting {
            now: to_utc(self.shared.clock.now()),
            transaction_id: &self.transaction,
            limits: &self.shared.limits,
            env: &self.shared.environment,
            steps_before: self.steps_before + self.progress.steps,
        };
        let Pass { trace, effects } = advance_sized(&self.each.body, (&mut document, &mut size), event, &setting);
        self.progress.steps += trace.len();
        self.note(index, trace);
        for effect in effects {
            match effect {
                Effect::Notify { event, data, .. } => self.progress.raise(index, event, data),
                Effect::Stop => self.progress.stop = true,
                Effect::Call { step } => {
                    self.put(index, &self.each.body.step(step).id, None);
                    self.call(index);
                }
                Effect::Delay { step, until } => {
                    self.put(index, &self.each.body.step(step).id, Some(until));
                    self.dirty = true;
                }
                Effect::Complete => self.complete(index, &document),
                Effect::Fail { step, error } => {
                    let most = self.shared.limits.steps_per_run;
                    if error.kind == "limit" && self.steps_before + self.progress.steps > most {
                        let message = format!("a run has at most {most} steps, those of all elements included");
                        self.fatal = Some(StepError::new("limit", message));
                    }
                    self.end_failed(index, &self.each.body.step(step).id, &error);
                }
                // A check has refused what would lead to these.
                Effect::Answer { .. } | Effect::Hold { .. } => self.lost(index),
            }
        }
    }

    /// The document as the element sees it, and its bytes.
    fn document_of(&self, index: usize) -> (Json, usize) {
        let item = self.items.get(index).cloned().unwrap_or_default();
        let own = object([("item", item), ("index", count(index))]);
        let mut size = self.bytes + self.id.len() + 4 + own.written_len();
        let mut document = match &self.document {
            Json::Object(_) => self.document.clone(),
            _ => Json::from(Members::new()),
        };
        if let (Some(members), Some(place)) = (document.members_mut(), self.progress.places.get(&index)) {
            members.insert(self.id.to_owned(), own);
            for (id, output) in &place.added {
                size += id.len() + 4 + output.written_len();
                members.insert(id.clone(), output.clone());
            }
        }
        (document, size)
    }

    fn put(&mut self, index: usize, step: &str, due: Option<i64>) {
        if let Some(place) = self.progress.places.get_mut(&index) {
            (place.step, place.due, place.attempts) = (step.to_owned(), due, no_attempts());
        }
    }

    fn note(&mut self, index: usize, traces: Vec<Trace>) {
        let now = self.shared.clock.now();
        let Some(place) = self.progress.places.get_mut(&index) else { return };
        for trace in traces {
            let id = &self.each.body.step(trace.step).id;
            place.trace.push(shown(id, &trace, now));
            if let Some(output) = trace.output {
                place.added.insert(id.clone(), output);
                place.last = Some(id.clone());
            }
        }
    }

    /// Does the step that the element is at.
    pub(super) fn call(&mut self, index: usize) {
        let Some(place) = self.progress.places.get(&index) else { return };
        let Some(inner) = self.each.body.find(&place.step) else { return self.lost(index) };
        let row = UnderwayRow { attempts: place.attempts.to_string(), ..self.row.as_ref().clone() };
        let (document, _) = self.document_of(index);
        let (shared, account, cycle) = (self.shared.clone(), self.account.clone(), self.cycle.clone());
        let (step, late) = (self.step, self.scripted.tries(index));
        self.calls.spawn(async move {
            let outer = cycle.step(step);
            let StepKind::Each(each) = &outer.kind else {
                return (index, Err(crate::Error::Internal("no `each`".into())));
            };
            let shared: &Shared = &shared;
            let call = Call {
                shared,
                account: &account,
                cycle: &each.body,
                step: inner,
                row: &row,
                document: &document,
                now: shared.clock.now(),
                element: Some((&outer.id, index)),
            };
            script::room(&call, late).await;
            (index, crate::runner::acted(&call).await)
        });
    }

    fn complete(&mut self, index: usize, document: &Json) {
        let Some(template) = &self.each.result else {
            let last = self.progress.places.get(&index).map(Place::last_output).unwrap_or_default();
            return self.end(index, Ended::Result(last));
        };
        let scope = Scope {
            document,
            transaction_id: &self.transaction,
            cycle_name: &self.cycle.name,
            vars: &self.cycle.vars,
            env: &self.shared.environment,
            secrets: None,
        };
        match template.render(&scope) {
            Ok(result) => self.end(index, Ended::Result(result)),
            Err(exhausted) => self.end_failed(index, "result", &StepError::new("limit", exhausted.to_string())),
        }
    }

    fn end_failed(&mut self, index: usize, step: &str, error: &StepError) {
        let mut error = error_json(error);
        if let Some(members) = error.members_mut() {
            members.insert("step".to_owned(), Json::from(step));
        }
        self.end(index, Ended::Failed(error));
    }

    fn end(&mut self, index: usize, ended: Ended) {
        self.dirty = true;
        self.progress.end(index, ended);
        let (bytes, most) = (self.bytes + self.progress.bytes, self.shared.limits.document_bytes);
        if bytes > most && self.fatal.is_none() {
            let message = format!(
                "the results would let the document grow to {bytes} bytes; the limit is {most} bytes (document)"
            );
            self.fatal = Some(StepError::new("limit", message));
        }
    }
}

/// A step of an element as the trace shows it: without its output, which is in the document; but with a
/// decision's choice and an event's data, which are not.
fn shown(id: &str, trace: &Trace, now: i64) -> Json {
    let mut members = vec![
        ("step", Json::from(id)),
        ("status", Json::from(trace.status)),
        ("started_at", Json::from(timestamp(trace.shown.at.unwrap_or(now)))),
        ("duration_us", Json::from(trace.shown.duration_us)),
    ];
    members.extend(trace.result.clone().map(|result| ("output", result)));
    members.extend(trace.error.as_ref().map(|error| ("error", error_json(error))));
    members.extend(trace.shown.attempts.clone().map(|attempts| ("attempts", attempts)));
    members.extend(trace.shown.console.clone().map(|console| ("console", console)));
    object(members)
}
