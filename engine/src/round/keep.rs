//! What a script wants kept: written in the commit that has its result, and only while what it read
//! still stands. That of an element of an `each` is written with how far the step has come.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Batch, underway::standing};
use crate::{
    Error,
    catalog::Deployment,
    elements,
    machine::StepError,
    ongoing::{ElementScripts, Keeping, Ongoing, Progress},
    store::{KeptRow, UnderwayRow},
    work::{Kept, Outcome, OutcomeReply},
};

/// Keys that a cycle's store may have.
const KEYS_MAX: i64 = 10_000;

impl Batch<'_> {
    /// What a process brings for a step, once what it wants kept is written. None: it is too late, or
    /// to be done again.
    pub(super) async fn keep_first(
        &mut self,
        ongoing: &Ongoing,
        progress: Progress,
        deployment: &Deployment,
        underway: &[UnderwayRow],
        ticket: Option<usize>,
    ) -> Result<Option<Progress>, Error> {
        let standing = || standing(underway, ongoing.row.run, ongoing.row.claim);
        let (mut done, keeping) = match progress {
            Progress::Scripted { done, keeping } => (done, keeping),
            Progress::Kept { attempts, scripts: Some(scripts) } => {
                if let Some(stands) = standing() {
                    self.keep_elements(stands, deployment, (attempts, scripts), ticket).await?;
                }
                return Ok(None);
            }
            progress => return Ok(Some(progress)),
        };
        let Some(stands) = standing() else { return Ok(None) };
        // The store of a deleted cycle is gone, and stays so.
        if deployment.row.deleted_at.is_some() {
            return Ok(Some(Progress::Done(done)));
        }
        match self.keep(deployment.row.cycle_id, &keeping, version(stands, None)).await? {
            Kept::Written => {}
            Kept::Stale => {
                let outcome = Outcome { hit: None, transaction: None, reply: OutcomeReply::Stale };
                self.settle(ticket, Ok(outcome));
                return Ok(None);
            }
            Kept::Full => {
                (done.output, done.error) = (None, Some(full()));
            }
        }
        Ok(Some(Progress::Done(done)))
    }

    /// As [`Self::keep_first`], for elements of an `each`. An element whose script comes too late stands
    /// in what is kept as if it were still being run.
    async fn keep_elements(
        &mut self,
        stands: &UnderwayRow,
        deployment: &Deployment,
        (attempts, scripts): (String, ElementScripts),
        ticket: Option<usize>,
    ) -> Result<(), Error> {
        let ElementScripts { save, again, elements } = scripts;
        let told = match elements::Progress::read(&stands.attempts)?.filter(|_| again) {
            Some(stored) if stored.save == save => {
                let became = |index| stored.came.get(&index).map_or(Kept::Stale, elements::became);
                elements.iter().map(|script| (script.index, became(script.index))).collect()
            }
            _ => {
                let (mut came, mut told) = (Vec::new(), Vec::new());
                for script in elements {
                    let version = version(stands, Some((save, script.index)));
                    let kept = match deployment.row.deleted_at {
                        Some(_) => Kept::Written,
                        None => self.keep(deployment.row.cycle_id, &script.keeping, version).await?,
                    };
                    told.push((script.index, kept));
                    match kept {
                        Kept::Written => came.push(script.came),
                        Kept::Stale => {}
                        Kept::Full => came.push(elements::full(script.index)),
                    }
                }
                let attempts = elements::with_came(attempts, came);
                self.writes.underway.push(UnderwayRow { attempts, ..stands.clone() });
                // What else touches the row must see this.
                self.busy.insert(stands.transaction);
                told
            }
        };
        let reply = OutcomeReply::Elements(told);
        self.settle(ticket, Ok(Outcome { hit: None, transaction: Some(stands.transaction), reply }));
        Ok(())
    }

    async fn keep(&mut self, cycle: Uuid, keeping: &Keeping, version: i64) -> Result<Kept, Error> {
        let read = keeping.read.iter().map(|(key, _)| key);
        let names: BTreeSet<&String> = read.chain(keeping.changes.iter().map(|change| &change.key)).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let found = self.commit.kept(cycle, &names).await?;
        let found: HashMap<String, i64> = found.into_iter().map(|row| (row.key, row.version)).collect();
        if keeping.read.iter().any(|(key, version)| found.get(key).unwrap_or(&0) != version) {
            return Ok(Kept::Stale);
        }
        let (mut put, mut gone) = (Vec::new(), Vec::new());
        for change in &keeping.changes {
            match &change.value {
                Some(value) => put.push(KeptRow { key: change.key.clone(), value: value.clone(), version }),
                None => gone.extend(found.contains_key(&change.key).then(|| change.key.clone())),
            }
        }
        let new = put.iter().filter(|row| !found.contains_key(&row.key)).count() as i64;
        if new > 0 && self.commit.kept_count(cycle).await? + new - gone.len() as i64 > KEYS_MAX {
            return Ok(Kept::Full);
        }
        if !put.is_empty() {
            self.commit.put_kept(cycle, &put).await?;
        }
        if !gone.is_empty() {
            self.commit.drop_kept(cycle, &gone).await?;
        }
        Ok(Kept::Written)
    }
}

/// A cycle's store has no room.
pub fn full() -> StepError {
    StepError::new("script", format!("store: a cycle has at most {KEYS_MAX} keys"))
}

/// No other step has this run and claim, and no other element of an `each` its save and index, so no
/// other write has this version. Above 0.
fn version(by: &UnderwayRow, element: Option<(u64, usize)>) -> i64 {
    let mut digest = Sha256::new();
    digest.update(by.transaction.as_bytes());
    digest.update(by.run.to_le_bytes());
    digest.update(by.claim.to_le_bytes());
    if let Some((save, index)) = element {
        digest.update(save.to_le_bytes());
        digest.update((index as u64).to_le_bytes());
    }
    let number = digest.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    i64::try_from(number >> 1).unwrap_or(i64::MAX).max(1)
}
