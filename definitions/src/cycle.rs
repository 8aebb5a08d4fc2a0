//! A cycle as compiled: what the machine runs. Only `check` makes one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use petgraph::graph::DiGraph;

use crate::{Connectors, Json, Path, Step, StepKind, Webhook};

/// The index of a step in [`Cycle::steps`], and of its node in [`Cycle::graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(pub(crate) u32);

impl StepIndex {
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// Where an edge goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    Step(StepIndex),
    End,
}

/// Why one step leads to another, as the graph shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    Next,
    /// The case of a decision, by its position from 0.
    Case(usize),
    Else,
    Expires,
    /// `on_error: STEP`.
    Error,
}

/// How long a transaction is kept. Each between 1 h and 31 d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Counts from the start, whatever the outcome.
    FromStart(Duration),
    /// Counts from the first end in that status; never past start + 31 d.
    ByOutcome { completed: Duration, failed: Duration },
}

/// How many runs are under way at once. At least one of the two is there.
#[derive(Clone, Debug)]
pub struct Concurrency {
    /// Of the cycle, on all nodes: 1 to 1,000,000.
    pub limit: Option<u32>,
    /// One run at a time for each value. Singular; it begins at a start webhook.
    pub key: Option<Path>,
}

/// An immutable, checked definition.
///
/// Invariants: the graph is acyclic and every step can be reached from a start webhook; every path
/// compiled; `digest` is the SHA-256 of the source text of this
/// document alone, and of the variables that were given for it.
#[derive(Debug)]
pub struct Cycle {
    pub name: String,
    pub description: Option<String>,
    pub retention: Retention,
    pub concurrency: Option<Concurrency>,
    /// `vars`, with their values.
    pub vars: BTreeMap<String, Json>,
    /// Those of them that were given at the deploy.
    pub given: BTreeMap<String, Json>,
    /// The secrets that its steps read.
    pub secrets: BTreeSet<String>,
    /// The variables of the environment that its steps read.
    pub env: BTreeSet<String>,
    /// The connectors that its webhooks subscribe with: their documents stand behind its own in `source`.
    pub connectors: Connectors,
    pub steps: Vec<Step>,
    pub graph: DiGraph<StepIndex, Edge>,
    /// The YAML of this document, as written, and that of the connectors.
    pub source: String,
    pub digest: [u8; 32],
    pub(crate) by_id: BTreeMap<String, StepIndex>,
}

impl Cycle {
    pub fn step(&self, index: StepIndex) -> &Step {
        &self.steps[index.position()]
    }

    pub fn find(&self, id: &str) -> Option<StepIndex> {
        self.by_id.get(id).copied()
    }

    /// Every webhook step with its settings, in the order of the definition.
    pub fn webhooks(&self) -> impl Iterator<Item = (StepIndex, &Step, &Webhook)> {
        self.steps.iter().enumerate().filter_map(|(at, step)| match &step.kind {
            StepKind::Webhook(webhook) => Some((StepIndex(at as u32), step, webhook.as_ref())),
            _ => None,
        })
    }
}
