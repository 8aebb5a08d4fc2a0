//! Figures of the last 24 hours: what pages show as small charts, and beside each step.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::Engine;
use crate::{
    CycleFigures, Error, Figures, HourFigures, Page, PageQuery, StepFigures,
    clock::{Micros, to_utc},
    store::{TallyCounts, TallyRow},
    tally::{HOUR, hour_of},
};

/// Hours that are shown, the one under way included.
const SHOWN: i64 = 24;

impl Engine {
    /// What a cycle did in the last 24 hours, on all nodes; of other nodes as of two seconds ago at most.
    /// Every step of its newest version stands there, in the order of the definition, and others where
    /// something passed, failed or is held at them.
    pub async fn figures(&self, account: &str, cycle: &str) -> Result<Figures, Error> {
        let cycle = self.deployment(account, cycle).await?;
        let id = cycle.row.cycle_id;
        let shared = &self.shared;
        let from = self.first_hour();
        let (rows, kept, unwritten) = {
            let _still = shared.tallies.reading().await;
            let rows = shared.store.tallies(account, &[id], from).await?;
            let kept = shared.store.step_tallies(account, id, from).await?;
            (rows, kept, shared.tallies.unwritten(account, &[id], from))
        };
        let mut steps: HashMap<String, StepFigures> = HashMap::new();
        let mut count = |step: &str, passed: i64, failed: i64, held: u64| {
            let of = steps.entry(step.to_owned()).or_default();
            of.passed += passed.max(0) as u64;
            of.failed += failed.max(0) as u64;
            of.held += held;
        };
        for (step, passed, failed) in &kept {
            count(step, *passed, *failed, 0);
        }
        for row in unwritten.iter().filter(|row| !row.step.is_empty()) {
            count(&row.step, row.counts.passed, row.counts.failed, 0);
        }
        for (_, step, held) in shared.held_in(account).await?.iter().filter(|(of, ..)| *of == id) {
            count(step, 0, 0, *held);
        }
        let order: Vec<String> = cycle
            .newest()
            .map_or_else(Vec::new, |newest| newest.cycle.steps.iter().map(|step| step.id.clone()).collect());
        let mut shown: Vec<StepFigures> = order
            .into_iter()
            .map(|step| StepFigures { step: step.clone(), ..steps.remove(&step).unwrap_or_default() })
            .collect();
        let others: BTreeMap<String, StepFigures> = steps.into_iter().collect();
        shown.extend(others.into_iter().map(|(step, figures)| StepFigures { step, ..figures }));
        let hours = hours(from, &[id], rows.into_iter().chain(unwritten)).pop().unwrap_or_default();
        Ok(Figures { hours, steps: shown })
    }

    /// The charts of a page of cycles, by name, as [`Self::cycles`] pages them: one read for all of them.
    pub async fn charts(&self, account: &str, page: PageQuery) -> Result<Page<CycleFigures>, Error> {
        self.shared.follow_catalog().await?;
        let catalog = self.shared.catalog();
        let cycles = catalog.cycles(account).filter(|cycle| cycle.row.deleted_at.is_none());
        let page = page.cut(cycles.map(|cycle| (cycle.row.name.clone(), cycle.clone())).collect())?;
        let ids: Vec<Uuid> = page.data.iter().map(|cycle| cycle.row.cycle_id).collect();
        let from = self.first_hour();
        let (rows, unwritten) = {
            let _still = self.shared.tallies.reading().await;
            let rows = self.shared.store.tallies(account, &ids, from).await?;
            (rows, self.shared.tallies.unwritten(account, &ids, from))
        };
        let charts = hours(from, &ids, rows.into_iter().chain(unwritten));
        let data = page.data.iter().zip(charts);
        let data = data.map(|(cycle, hours)| CycleFigures { cycle: cycle.row.name.clone(), hours }).collect();
        Ok(Page { data, next: page.next })
    }

    fn first_hour(&self) -> Micros {
        hour_of(self.shared.clock.now()) - (SHOWN - 1) * HOUR
    }
}

/// The hours of each of these cycles, oldest first.
fn hours(from: Micros, cycles: &[Uuid], rows: impl Iterator<Item = TallyRow>) -> Vec<Vec<HourFigures>> {
    let mut counted: HashMap<(Uuid, Micros), TallyCounts> = HashMap::new();
    for row in rows.filter(|row| row.step.is_empty()) {
        counted.entry((row.cycle_id, row.hour)).or_default().add(row.counts);
    }
    let hour = |cycle: Uuid, at: Micros| {
        let counts = counted.get(&(cycle, at)).copied().unwrap_or_default();
        HourFigures {
            from: to_utc(at),
            hits: counts.hits.max(0) as u64,
            started: counts.started.max(0) as u64,
            completed: counts.completed.max(0) as u64,
            failed: counts.failed.max(0) as u64,
        }
    };
    cycles.iter().map(|cycle| (0..SHOWN).map(|at| hour(*cycle, from + at * HOUR)).collect()).collect()
}
