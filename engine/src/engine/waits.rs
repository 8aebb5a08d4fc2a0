//! Why transactions wait, and the way that they came: what a person wants to know of one that stands.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use holdfast_definitions::{Cycle, Json, Key, StepKind};
use uuid::Uuid;

use super::Engine;
use crate::{
    Error, HoldView, StepDocuments, TransactionId, TransactionStatus, Underway,
    clock::to_utc,
    history::{History, parse},
    round::key_names,
    runner,
    steps::steps_of,
    store::{BEHIND, KeyRow, READY, RunRow, UnderwayRow},
};

/// What stands before a key: it names the mapping.
const FINGERPRINT: usize = 8;

impl Engine {
    /// The names of an account's cycles, those of deleted ones too: whatever transactions may be of.
    pub async fn cycle_names(&self, account: &str) -> Result<Vec<String>, Error> {
        self.shared.follow_catalog().await?;
        let mut names: Vec<_> = self.shared.catalog().cycles(account).map(|cycle| cycle.row.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The version that a transaction runs on.
    pub async fn cycle_of(&self, account: &str, id: TransactionId) -> Result<Arc<Cycle>, Error> {
        self.shared.follow_catalog().await?;
        let row = self.visible(account, id).await?;
        let catalog = self.shared.catalog();
        let version = catalog.cycle_by_id(row.cycle_id).and_then(|cycle| cycle.versions.get(&row.version));
        let version = version.ok_or_else(|| Error::Internal("a transaction's version is not there".into()))?;
        Ok(version.cycle.clone())
    }

    /// For each transaction that has runs under way, what the first of them waits for.
    pub async fn under_way(
        &self,
        account: &str,
        ids: &[TransactionId],
    ) -> Result<HashMap<TransactionId, Underway>, Error> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let mut found: HashMap<TransactionId, Underway> = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        for row in self.shared.store.underway(account, &ids).await? {
            match found.get_mut(&TransactionId(row.transaction)) {
                Some(first) => first.behind += 1,
                None => _ = found.insert(TransactionId(row.transaction), self.underway_of(&row)),
            }
        }
        Ok(found)
    }

    fn underway_of(&self, row: &UnderwayRow) -> Underway {
        let catalog = self.shared.catalog();
        let cycle = catalog.cycle_by_id(row.cycle_id);
        let compiled = cycle.and_then(|cycle| cycle.versions.get(&row.version)).map(|version| &version.cycle);
        let step = row.step.clone().unwrap_or_else(|| row.entry.clone());
        let kind = compiled.and_then(|cycle| Some(&cycle.step(cycle.find(&step)?).kind));
        let due = row.due_at.map(to_utc);
        let tried = match parse(&row.attempts) {
            Ok(Json::Array(attempts)) => attempts.len(),
            _ => 0,
        };
        Underway {
            run: row.run as u32,
            step,
            began: row.status != TransactionStatus::Queued.word(),
            behind_its_key: row.place == Some(BEHIND),
            for_a_place: row.place == Some(READY),
            delayed: due.filter(|_| matches!(kind, Some(StepKind::Delay(_)))),
            again: due.filter(|_| !matches!(kind, Some(StepKind::Delay(_)))),
            tried,
            stopped: cycle.is_some_and(|cycle| cycle.row.state == "stopped"),
            behind: 0,
        }
    }

    /// Where a transaction is held, the newest hold first.
    pub async fn holds(&self, account: &str, id: TransactionId) -> Result<Vec<HoldView>, Error> {
        self.visible(account, id).await?;
        let mut held = Vec::new();
        for run in self.shared.store.holds(account, &[id.0]).await? {
            let rows = self.shared.store.key_rows(account, &key_names(&run)?).await?;
            // A newer hold at the step took the older one's place.
            let rows: Vec<_> = rows.into_iter().filter(|(_, key)| key.run == run.run).collect();
            if !rows.is_empty() {
                held.push(hold_view(&run, &rows)?);
            }
        }
        held.sort_by_key(|hold| std::cmp::Reverse(hold.run));
        Ok(held)
    }

    /// The runs by which a transaction came where it is: the newest, the one whose hold that resumed, and
    /// so on; the oldest first.
    pub async fn lineage(&self, account: &str, id: TransactionId) -> Result<Vec<u32>, Error> {
        self.visible(account, id).await?;
        let newest = match self.shared.store.underway(account, &[id.0]).await?.into_iter().next() {
            Some(row) => Some((row.run, runner::history(&self.shared, account, &row).await?)),
            None => match self.shared.store.runs(account, id.0, i32::MAX, 1).await?.pop() {
                Some(run) => Some((run.run.run, self.history(account, id.0, run).await?)),
                None => None,
            },
        };
        Ok(newest.map(|(run, history)| history.chain(run)).unwrap_or_default())
    }

    /// The document as it was before and after a step of a run, when it came there first.
    pub async fn step_documents(
        &self,
        account: &str,
        id: TransactionId,
        run: u32,
        step: &str,
    ) -> Result<StepDocuments, Error> {
        self.visible(account, id).await?;
        let missing = || Error::NotFound { what: "run", id: run.to_string() };
        let number = i32::try_from(run).map_err(|_| missing())?;
        let history = match self.shared.store.run(account, id.0, number).await? {
            Some(run) => self.history(account, id.0, run).await?,
            None => self.history_underway(account, id, number).await?.ok_or_else(missing)?,
        };
        let (before, after) = history.around(number, step)?;
        Ok(StepDocuments { before, after })
    }

    async fn history_underway(&self, account: &str, id: TransactionId, run: i32) -> Result<Option<History>, Error> {
        let rows = self.shared.store.underway(account, &[id.0]).await?;
        match rows.iter().find(|row| row.run == run) {
            Some(row) => runner::history(&self.shared, account, row).await.map(Some),
            None => Ok(None),
        }
    }
}

fn hold_view(run: &RunRow, rows: &[(bool, KeyRow)]) -> Result<HoldView, Error> {
    let mut since = run.started_at;
    for step in steps_of(run)? {
        since = since.max(step.at.map_or(since, |at| at.saturating_add_unsigned(step.duration_us)));
    }
    let keys = rows.iter().filter_map(|(_, row)| Some(Key::from_bytes(row.key.get(FINGERPRINT..)?)?.parts()));
    let until: Option<DateTime<Utc>> = rows.iter().filter_map(|(_, row)| row.due_at).min().map(to_utc);
    Ok(HoldView {
        run: run.run as u32,
        step: run.step.clone().unwrap_or_default(),
        webhook: rows.first().map(|(_, row)| row.webhook.clone()).unwrap_or_default(),
        since: to_utc(since),
        resumed: rows.iter().any(|(resumed, _)| *resumed),
        until,
        keys: keys.collect(),
    })
}
