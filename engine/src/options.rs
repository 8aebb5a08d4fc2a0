//! How an engine is opened, and what a request finds at its door.

use std::{collections::BTreeMap, sync::Arc};

use holdfast_definitions::{Cycle, Json, StepIndex, StepKind, Webhook};

use crate::{HitId, Limits, MasterKeys, Reception, ScriptWorker, TransactionId, egress::Rules};

/// Where state lives.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file in the data directory, made where it is not there.
    Sqlite {
        path: std::path::PathBuf,
    },
    Postgres {
        url: String,
    },
}

#[derive(Debug)]
pub struct Options {
    pub database: Database,
    /// Time stands still until [`Engine::advance`] moves it. For one node.
    pub manual_clock: bool,
    /// Names this node in logs; unique among the nodes of a database.
    pub node: String,
    pub limits: Limits,
    /// What secrets are sealed with; without any, none can be stored or read.
    pub master_keys: MasterKeys,
    /// Where calls may go, whom they believe, and how many go at once.
    pub egress: Rules,
    /// What cycles may read of the environment, by name.
    pub environment: BTreeMap<String, Json>,
    /// What runs scripts; without it, `script` steps fail.
    pub script_worker: Option<ScriptWorker>,
}

/// A webhook as a request finds it: from memory, no read of the store.
#[derive(Clone, Debug)]
pub struct Door {
    pub identifier: String,
    pub account: String,
    pub cycle: String,
    pub step: String,
    pub admission: Admission,
    /// The newest version that has the step: its settings are in force.
    pub definition: Arc<Cycle>,
    pub index: StepIndex,
}

impl Door {
    pub fn webhook(&self) -> &Webhook {
        match &self.definition.step(self.index).kind {
            StepKind::Webhook(webhook) => webhook,
            _ => unreachable!("a door is made only of a webhook step"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The cycle runs.
    Run,
    /// It was stopped 24 h ago or less: hits are queued.
    Queue,
    /// `406`.
    Refuse,
}

/// An answer as `/hooks/{identifier}/answers/{hit}` finds it.
#[derive(Clone, Debug)]
pub enum AnswerLookup {
    Ready(Reception),
    /// Still `202`.
    Pending {
        transaction: Option<TransactionId>,
        status: crate::TransactionStatus,
    },
}

/// What happens, live, for `GET /events`: hints, read from committed rows.
#[derive(Clone, Debug, Default)]
pub struct LiveEvent {
    pub account: String,
    /// `transaction.started`, `transaction.held`, `hit.unmatched`, `cycle.started`…
    pub event: std::borrow::Cow<'static, str>,
    /// Of an event of the account's own, what its `notify` step gave it; of ours, an object with what
    /// there is besides: `error`, `reason`.
    pub data: Option<holdfast_definitions::Json>,
    pub cycle: String,
    pub transaction: Option<TransactionId>,
    pub hit: Option<HitId>,
    pub step: Option<String>,
    /// How many deliveries of ours led to it, one after another.
    pub hops: u32,
}
