//! A scenario's hits in every order, doubled, early and late: what of it ends otherwise than the scenario.
//!
//! Invariants: nothing here plays anything ([`Plays`] does), so the search is tested with a model. Shorter
//! sequences come before longer ones, and no finding contains another one: where all sequences of a length
//! are tried, a finding has the fewest hits that there are. The same ground, seed and number of tries find
//! the same.
//!
//! A sequence is judged by what the scenario's own order of the same hits comes to, each once: so some of
//! the hits are as good as all of them.

mod moves;
mod outcome;
mod scene;
mod seen;
mod terrain;
mod told;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::Future,
};

pub use moves::{Apart, Class, Ground, Move, Sequence, Tried};
pub use outcome::{Course, Fate, Fault, Otherwise, Outcome};
pub use scene::Scene;
pub use terrain::Terrain;

use moves::{Dice, contains, hits_of};

/// Sequences that are played side by side, before it is looked what came of them.
const BATCH: usize = 64;
/// A cycle that has more is beyond help.
const FINDINGS_MAX: usize = 20;

/// Who plays sequences.
pub trait Plays {
    type Error;

    /// What comes of each, in the same order.
    fn play(&self, sequences: &[Sequence]) -> impl Future<Output = Result<Vec<Outcome>, Self::Error>>;
}

#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// What is drawn, where there is too much to try all of it, is drawn from this.
    pub seed: u64,
    /// Sequences that are played at most, but for a few more where one is made shorter.
    pub tries: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explored {
    /// One for each kind of fault and of what sets the sequence apart, the shortest first.
    pub findings: Vec<Finding>,
    /// How many were played.
    pub tries: usize,
    /// Not all that there are.
    pub sampled: bool,
    /// How many sequences came to a call that nothing is given for, by the step. They are not judged.
    pub unknown: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub fault: Fault,
    pub sequence: Sequence,
    /// Not empty; the first is the worst.
    pub otherwise: Vec<Otherwise>,
}

impl Finding {
    /// Shorter ones come first.
    pub fn length(&self) -> (usize, usize, Fault) {
        (hits_of(&self.sequence).len(), self.sequence.len(), self.fault)
    }
}

/// Tries what there is, shortest first.
pub async fn explore<P: Plays>(ground: &Ground, plays: &P, effort: Effort) -> Result<Explored, P::Error> {
    let mut search = Search {
        ground,
        plays,
        said: HashMap::new(),
        kinds: HashSet::new(),
        faulty: Vec::new(),
        explored: Explored::default(),
    };
    let mut dice = Dice(effort.seed);
    let classes = ground.classes();
    for (at, class) in classes.iter().enumerate() {
        let left = effort.tries.saturating_sub(search.explored.tries);
        if left == 0 || search.explored.findings.len() >= FINDINGS_MAX {
            search.explored.sampled |= left == 0;
            break;
        }
        let sequences = match ground.all(*class, left) {
            Some(all) => all,
            None => {
                search.explored.sampled = true;
                ground.some(*class, left.div_ceil(classes.len() - at), &mut dice)
            }
        };
        search.class(sequences).await?;
    }
    Ok(search.explored)
}

/// What the scenario says of some of its hits.
#[derive(Clone, Debug)]
struct Said {
    /// With its own pauses.
    own: Outcome,
    /// Without.
    at_once: Outcome,
}

struct Search<'a, P> {
    ground: &'a Ground,
    plays: &'a P,
    /// By the hits, ascending.
    said: HashMap<Vec<usize>, Said>,
    kinds: HashSet<(Fault, Apart)>,
    /// What is faulty, found or like something that was: no longer one that has it in it says more.
    faulty: Vec<Sequence>,
    explored: Explored,
}

impl<P: Plays> Search<'_, P> {
    async fn class(&mut self, sequences: Vec<Sequence>) -> Result<(), P::Error> {
        let mut rest = sequences.into_iter().peekable();
        while rest.peek().is_some() {
            let known = &self.faulty;
            let unknown = |one: &Sequence| !known.iter().any(|faulty| contains(one, faulty));
            let batch: Vec<Sequence> =
                rest.by_ref().filter(|one| unknown(one) && !self.is_the_scenarios(one)).take(BATCH).collect();
            let judged = self.judge(&batch).await?;
            for (sequence, otherwise) in batch.into_iter().zip(judged) {
                if let Some(worst) = otherwise.first() {
                    self.found(sequence, worst.fault).await?;
                }
            }
        }
        Ok(())
    }

    /// The scenario's own order of some hits: it says nothing unless the scenario pauses between them, and
    /// they may come sooner than it has them.
    fn is_the_scenarios(&self, sequence: &Sequence) -> bool {
        let apart = Apart::of(sequence);
        let hits = hits_of(sequence);
        let pauses = self.ground.own(&hits).iter().skip(1).any(|one| matches!(one, Move::Wait(_)));
        let may_hurry = hits.iter().any(|hit| self.ground.hits.get(*hit).is_some_and(|tried| !tried.on_time));
        !(apart.out_of_order || apart.doubled || apart.waits || pauses && may_hurry)
    }

    async fn found(&mut self, sequence: Sequence, fault: Fault) -> Result<(), P::Error> {
        if self.is_known(&sequence) {
            return Ok(());
        }
        let kind = (fault, Apart::of(&sequence).kind());
        if self.kinds.insert(kind) {
            let finding = self.shrink(sequence.clone(), fault).await?;
            let shortest = (fault, Apart::of(&finding.sequence).kind());
            if !self.is_known(&finding.sequence) && (shortest == kind || self.kinds.insert(shortest)) {
                self.faulty.push(finding.sequence.clone());
                self.explored.findings.push(finding);
                self.explored.findings.sort_by_key(Finding::length);
            }
        }
        self.faulty.push(sequence);
        Ok(())
    }

    fn is_known(&self, sequence: &Sequence) -> bool {
        self.faulty.iter().any(|faulty| contains(sequence, faulty))
    }

    /// As short as it gets, a move at a time, and then as much in the scenario's order as it gets, with the
    /// same fault.
    async fn shrink(&mut self, sequence: Sequence, fault: Fault) -> Result<Finding, P::Error> {
        let mut shortest = sequence;
        while let Some(next) = self.first_with(fault, shorter(&shortest)).await? {
            shortest = next;
        }
        // Each exchange takes one of finitely many out of order.
        while let Some(next) = self.first_with(fault, tidier(&shortest)).await? {
            shortest = next;
        }
        let otherwise = self.judge(std::slice::from_ref(&shortest)).await?.into_iter().next().unwrap_or_default();
        Ok(Finding { fault, sequence: shortest, otherwise })
    }

    async fn first_with(&mut self, fault: Fault, candidates: Vec<Sequence>) -> Result<Option<Sequence>, P::Error> {
        let judged = self.judge(&candidates).await?;
        let mut both = candidates.into_iter().zip(judged);
        Ok(both.find(|(_, otherwise)| otherwise.first().is_some_and(|worst| worst.fault == fault)).map(|(one, _)| one))
    }

    async fn judge(&mut self, sequences: &[Sequence]) -> Result<Vec<Vec<Otherwise>>, P::Error> {
        self.ask(sequences).await?;
        self.explored.tries += sequences.len();
        let outcomes = self.plays.play(sequences).await?;
        for step in outcomes.iter().filter_map(|outcome| outcome.unknown.clone()) {
            *self.explored.unknown.entry(step).or_default() += 1;
        }
        let both = sequences.iter().zip(&outcomes);
        Ok(both.map(|(sequence, outcome)| self.otherwise(sequence, outcome)).collect())
    }

    /// Asks what the scenario says of these hits.
    async fn ask(&mut self, sequences: &[Sequence]) -> Result<(), P::Error> {
        let mut wanted: Vec<Vec<usize>> = sequences.iter().map(|one| once_each(one)).collect();
        wanted.sort();
        wanted.dedup();
        wanted.retain(|hits| !self.said.contains_key(hits));
        for part in wanted.chunks(BATCH) {
            let own: Vec<Sequence> = part.iter().map(|hits| self.ground.own(hits)).collect();
            let at_once: Vec<Sequence> =
                part.iter().map(|hits| hits.iter().copied().map(Move::Hit).collect()).collect();
            self.explored.tries += 2 * part.len();
            let own = self.plays.play(&own).await?;
            let at_once = self.plays.play(&at_once).await?;
            for (hits, (own, at_once)) in part.iter().zip(own.into_iter().zip(at_once)) {
                self.said.insert(hits.clone(), Said { own, at_once });
            }
        }
        Ok(())
    }

    /// What counts. With a pause longer than what the cycle allows for, a hit may be lost and a transaction
    /// go another way, since that is what the pause's limit is for: but none may be stuck. Sooner than the
    /// scenario has them, hits may find something else: but they must find it.
    fn otherwise(&self, sequence: &Sequence, outcome: &Outcome) -> Vec<Otherwise> {
        let Some(said) = self.said.get(&once_each(sequence)) else { return Vec::new() };
        let known = [outcome, &said.own, &said.at_once].iter().all(|one| one.unknown.is_none());
        if !known {
            return Vec::new();
        }
        let found = outcome.otherwise(&said.own);
        let apart = Apart::of(sequence);
        if apart.waits {
            return found.into_iter().filter(|one| one.fault == Fault::Stuck).collect();
        }
        if !apart.out_of_order && !apart.doubled {
            return found.into_iter().filter(|one| one.fault <= Fault::Stuck).collect();
        }
        if found.is_empty() || outcome.otherwise(&said.at_once).is_empty() { Vec::new() } else { found }
    }
}

fn once_each(sequence: &[Move]) -> Vec<usize> {
    let mut hits = hits_of(sequence);
    hits.sort_unstable();
    hits.dedup();
    hits
}

/// Without one of its moves; pauses stay between hits.
fn shorter(sequence: &Sequence) -> Vec<Sequence> {
    let without = |at: usize| {
        let mut shorter = sequence.clone();
        shorter.remove(at);
        shorter
    };
    let between =
        |one: &Sequence| matches!(one.first(), Some(Move::Hit(_))) && matches!(one.last(), Some(Move::Hit(_)));
    (0..sequence.len()).map(without).filter(between).collect()
}

/// With two neighbours that are out of order exchanged.
fn tidier(sequence: &Sequence) -> Vec<Sequence> {
    let exchanged = |at: usize| match (sequence.get(at), sequence.get(at + 1)) {
        (Some(Move::Hit(one)), Some(Move::Hit(other))) if one > other => {
            let mut tidier = sequence.clone();
            tidier.swap(at, at + 1);
            Some(tidier)
        }
        _ => None,
    };
    (0..sequence.len()).filter_map(exchanged).collect()
}

#[cfg(test)]
mod tests;
