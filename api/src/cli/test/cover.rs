//! Which edges of which cycle some scenario took.

use std::collections::BTreeSet;

use super::{
    Found,
    run::{Outcome, Result},
};
use crate::scenario::{TakenEdge, edges, written_edge};

/// A cycle's edges.
#[derive(Debug)]
pub struct Covered {
    pub cycle: String,
    pub file: String,
    /// In words, with whether it was taken, in the order of the definition.
    pub edges: Vec<(TakenEdge, String, bool)>,
}

impl Covered {
    pub fn taken(&self) -> usize {
        self.edges.iter().filter(|(.., taken)| *taken).count()
    }
}

/// Of every cycle that stands beside scenarios, whether one plays on it or not.
pub fn coverage(found: &Found, results: &[Result]) -> Vec<Covered> {
    let mut all = Vec::new();
    for (at, place) in found.places.iter().enumerate() {
        for (cycle, file) in &place.cycles {
            let mut taken = BTreeSet::new();
            for result in results {
                let of = found.files.get(result.file).filter(|file| file.place == at);
                let scenario = of.and_then(|file| file.scenarios.get(result.scenario));
                if let Outcome::Played { edges, .. } = &result.outcome
                    && scenario.is_some_and(|scenario| scenario.cycle == cycle.name)
                {
                    taken.extend(edges);
                }
            }
            let edges = edges(cycle).into_iter().map(|edge| {
                let is_taken = taken.contains(&edge);
                let written = written_edge(cycle, &edge);
                (edge, written, is_taken)
            });
            all.push(Covered { cycle: cycle.name.clone(), file: file.display().to_string(), edges: edges.collect() });
        }
    }
    all
}
