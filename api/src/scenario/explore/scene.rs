//! Sequences played for real, side by side.

use std::{sync::Arc, time::Duration};

use holdfast_definitions::{Action, Request};
use holdfast_engine::Stage;
use tokio::task::JoinSet;

use super::{Move, Outcome, Plays, Sequence, moves::hits_of, terrain::Terrain};
use crate::scenario::{Prepared, Unplayable, play};

/// A scenario and where it is played.
pub struct Scene {
    pub terrain: Arc<Terrain>,
    pub prepared: Arc<Prepared>,
    /// As many as are played at once.
    pub stages: Vec<Arc<Stage>>,
}

impl Terrain {
    /// What is done, to the last pause.
    pub fn actions(&self, sequence: &[Move]) -> Vec<Action> {
        let mut waited = Duration::ZERO;
        let mut actions: Vec<Action> = Vec::with_capacity(sequence.len() + 1);
        for one in sequence {
            match one {
                Move::Hit(hit) => {
                    let request = self.requests.get(*hit).cloned();
                    actions.extend(request.map(|request: Request| Action::Hit(Box::new(request))));
                }
                Move::Wait(by) => {
                    waited += *by;
                    actions.push(Action::Advance(*by));
                }
            }
        }
        let settle = self.settle(waited);
        actions.extend((!settle.is_zero()).then_some(Action::Advance(settle)));
        actions
    }
}

impl Plays for Scene {
    type Error = Unplayable;

    async fn play(&self, sequences: &[Sequence]) -> Result<Vec<Outcome>, Unplayable> {
        let mut tasks = JoinSet::new();
        let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let sequences: Arc<[Sequence]> = sequences.into();
        for stage in &self.stages {
            let (stage, terrain, prepared) = (stage.clone(), self.terrain.clone(), self.prepared.clone());
            let (next, sequences) = (next.clone(), sequences.clone());
            tasks.spawn(async move {
                let mut outcomes = Vec::new();
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(sequence) = sequences.get(at) else { break };
                    outcomes.push((at, one(&stage, &terrain, &prepared, sequence).await?));
                }
                Ok(outcomes)
            });
        }
        let mut all: Vec<(usize, Outcome)> = Vec::with_capacity(sequences.len());
        while let Some(done) = tasks.join_next().await {
            let done = done.map_err(|error| Unplayable::Setting(error.to_string()))?;
            all.extend(done?);
        }
        all.sort_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, outcome)| outcome).collect())
    }
}

async fn one(
    stage: &Stage,
    terrain: &Terrain,
    prepared: &Prepared,
    sequence: &Sequence,
) -> Result<Outcome, Unplayable> {
    match play(stage, prepared, &terrain.actions(sequence)).await {
        Ok(played) => {
            let same = |hit: usize| terrain.same.get(hit).copied().unwrap_or(hit);
            let order: Vec<usize> = hits_of(sequence).into_iter().map(same).collect();
            Ok(Outcome::of(&played.end, &order, &prepared.cycle))
        }
        // Its way leads to a call that the scenario's own order does not make.
        Err(Unplayable::NoAnswer { step, .. }) => Ok(Outcome { unknown: Some(step), ..Outcome::default() }),
        Err(error) => Err(error),
    }
}
