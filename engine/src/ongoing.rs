//! A run under way, as the process that does its step has it in memory.
//!
//! Invariant: the stored row is the truth. What is here was true at the row's claim, and what comes
//! of the step counts only while the row still has that claim.

use std::sync::Arc;

use holdfast_definitions::Json;
use holdfast_sandbox::Change;
use uuid::Uuid;

use crate::{clock::Micros, machine::Done, store::UnderwayRow};

#[derive(Debug)]
pub struct Ongoing {
    pub row: UnderwayRow,
    /// None until it is told from the runs.
    pub before: Option<Before>,
}

/// What a step begins with.
#[derive(Clone, Debug)]
pub struct Before {
    pub document: Arc<Json>,
    /// The hits that led there: (webhook step, hit).
    pub lineage: Vec<(String, Uuid)>,
}

/// What a script wants kept in its cycle's store.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// The keys that it read and the versions they had, 0 where there was nothing: its changes hold
    /// only while these do.
    pub read: Vec<(String, i64)>,
    pub changes: Vec<Change>,
}

/// A script of an element of an `each` that has something to be kept.
#[derive(Clone, Debug)]
pub struct ElementScript {
    pub index: usize,
    /// What came of it, as it is stored: see [`crate::elements::came`].
    pub came: Json,
    pub keeping: Keeping,
}

/// Those of one save, the first first.
#[derive(Clone, Debug)]
pub struct ElementScripts {
    /// The number of the save among those of the step.
    pub save: u64,
    /// The save is brought once more: it may have been done.
    pub again: bool,
    pub elements: Vec<ElementScript>,
}

/// What came of doing a step.
#[derive(Clone, Debug)]
pub enum Progress {
    Done(Done),
    /// A script was, and has something to be kept in the same commit.
    Scripted {
        done: Done,
        keeping: Keeping,
    },
    /// It is tried again at that time. The attempts so far: a JSON list.
    Again {
        at: Micros,
        attempts: String,
    },
    /// It goes on under the same claim; so far it has come.
    Kept {
        attempts: String,
        scripts: Option<ElementScripts>,
    },
}
