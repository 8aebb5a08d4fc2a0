//! What a script wants kept: written in the commit that has its result, and only while what it read
//! still stands.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Batch, underway::standing};
use crate::{
    Error,
    catalog::Deployment,
    machine::StepError,
    ongoing::{Keeping, Ongoing, Progress},
    store::{KeptRow, UnderwayRow},
    work::{Outcome, OutcomeReply},
};

/// Keys that a cycle's store may have.
const KEYS_MAX: i64 = 10_000;

enum Kept {
    Written,
    Stale,
    Full,
}

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
        let Progress::Scripted { mut done, keeping } = progress else { return Ok(Some(progress)) };
        let Some(stands) = standing(underway, ongoing.row.run, ongoing.row.claim) else { return Ok(None) };
        // The store of a deleted cycle is gone, and stays so.
        if deployment.row.deleted_at.is_some() {
            return Ok(Some(Progress::Done(done)));
        }
        match self.keep(deployment.row.cycle_id, &keeping, version(stands)).await? {
            Kept::Written => {}
            Kept::Stale => {
                let outcome = Outcome { hit: None, transaction: None, reply: OutcomeReply::Stale };
                self.settle(ticket, Ok(outcome));
                return Ok(None);
            }
            Kept::Full => {
                let message = format!("store: a cycle has at most {KEYS_MAX} keys");
                (done.output, done.error) = (None, Some(StepError::new("script", message)));
            }
        }
        Ok(Some(Progress::Done(done)))
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

/// No other step has this run and claim, so no other write has this version. Above 0.
fn version(by: &UnderwayRow) -> i64 {
    let mut digest = Sha256::new();
    digest.update(by.transaction.as_bytes());
    digest.update(by.run.to_le_bytes());
    digest.update(by.claim.to_le_bytes());
    let number = digest.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    i64::try_from(number >> 1).unwrap_or(i64::MAX).max(1)
}
