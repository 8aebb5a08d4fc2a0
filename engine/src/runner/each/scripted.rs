//! Scripts of elements that change their cycle's store.
//!
//! Invariant: what came of such a script is on disk with its changes, or neither is; its element goes
//! on only then. So whoever takes the step on counts nothing twice.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    pin::Pin,
};

use tokio::sync::MutexGuard;
use uuid::Uuid;

use super::Running;
use crate::{
    Error,
    elements::{came, done, full},
    engine::Shared,
    machine::{Done, StepError},
    ongoing::{ElementScript, ElementScripts, Keeping},
    runner::script::{TRIES, outrun},
    work::Kept,
};

type Guard<'a> = MutexGuard<'a, ()>;

#[derive(Default)]
pub struct Scripted<'a> {
    /// Scripts that wait for a save.
    came: BTreeMap<usize, (Done, Keeping)>,
    /// Those of the save under way.
    saving: BTreeMap<usize, (Done, Keeping)>,
    /// Elements whose script came too late: it is run again, one at a time.
    late: VecDeque<usize>,
    /// The first of them while it is, and the cycle's turn, which it has meanwhile.
    again: Option<(usize, Guard<'a>)>,
    turn: Option<Pin<Box<dyn Future<Output = Guard<'a>> + Send + 'a>>>,
    tries: HashMap<usize, u32>,
}

impl<'a> Scripted<'a> {
    pub fn came(&mut self, index: usize, done: Done, keeping: Keeping) {
        self.came.insert(index, (done, keeping));
    }

    /// No script waits, for a save or for its turn.
    pub fn is_empty(&self) -> bool {
        self.came.is_empty() && self.saving.is_empty() && self.late.is_empty() && self.again.is_none()
    }

    /// A save is waited for. The one that is run again goes before the others, or never.
    pub fn is_ready(&self) -> bool {
        match &self.again {
            Some((index, _)) => self.came.contains_key(index),
            None => !self.came.is_empty(),
        }
    }

    /// How often the element's script came too late.
    pub fn tries(&self, index: usize) -> u32 {
        self.tries.get(&index).copied().unwrap_or_default()
    }

    /// The element's script is over.
    pub fn forget(&mut self, index: usize) {
        self.tries.remove(&index);
        self.again.take_if(|(again, _)| *again == index);
    }

    /// Returns once it is the turn of a script that came too late.
    pub async fn turn(&mut self, shared: &'a Shared, cycle: Uuid) -> Guard<'a> {
        if self.late.is_empty() || self.again.is_some() {
            std::future::pending::<()>().await;
        }
        let turn = self.turn.get_or_insert_with(|| Box::pin(shared.scripts.turn(cycle).lock()));
        let guard = turn.await;
        self.turn = None;
        guard
    }
}

impl<'a> Running<'a> {
    /// The scripts that wait, for the save that begins now.
    pub(super) fn take_unsaved(&mut self) -> Option<ElementScripts> {
        if !self.scripted.is_ready() {
            return None;
        }
        let first = self.scripted.again.as_ref().map(|(index, _)| *index);
        self.scripted.saving = std::mem::take(&mut self.scripted.came);
        let mut elements: Vec<_> = self.scripted.saving.iter().collect();
        elements.sort_by_key(|(index, _)| Some(**index) != first);
        let elements = elements.into_iter().map(|(index, (done, keeping))| ElementScript {
            index: *index,
            came: came(*index, done),
            keeping: keeping.clone(),
        });
        let elements = elements.collect();
        self.progress.save += 1;
        Some(ElementScripts { save: self.progress.save, again: false, elements })
    }

    pub(super) fn saved(&mut self, kept: Vec<(usize, Kept)>) {
        for (index, kept) in kept {
            let Some((came, _)) = self.scripted.saving.remove(&index) else { continue };
            // The save has it as done, and as not gone on.
            self.dirty = true;
            match kept {
                Kept::Written => self.script_done(index, came),
                Kept::Full => self.script_done(index, done(&full(index))),
                Kept::Stale => self.late(index),
            }
        }
    }

    /// Nothing of it was kept.
    pub(super) fn not_saved(&mut self, error: &Error) {
        tracing::warn!(error = %error.for_log(), "how far an each has come could not be kept yet");
        self.dirty = true;
        for (index, _) in std::mem::take(&mut self.scripted.saving) {
            let error = StepError::new("internal", "what the script changed could not be kept: see the log");
            self.script_done(index, Done { error: Some(error), ..Done::default() });
        }
    }

    fn script_done(&mut self, index: usize, done: Done) {
        self.scripted.forget(index);
        self.go_on(index, done);
    }

    fn late(&mut self, index: usize) {
        let tries = self.scripted.tries.entry(index).or_default();
        *tries += 1;
        if *tries >= TRIES {
            return self.script_done(index, Done { error: Some(outrun()), ..Done::default() });
        }
        match &self.scripted.again {
            Some((again, _)) if *again == index => self.call(index),
            _ => self.scripted.late.push_back(index),
        }
    }

    /// The turn of the first that came too late.
    pub(super) fn again(&mut self, turn: Guard<'a>) {
        if let Some(index) = self.scripted.late.pop_front() {
            self.scripted.again = Some((index, turn));
            self.call(index);
        }
    }
}
