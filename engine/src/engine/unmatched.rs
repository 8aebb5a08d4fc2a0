//! Hits that matched nothing, and would now: after a mapping was mended, or what they are for has come.
//!
//! Invariant: it reads a bounded number of rows, whatever is stored, and decides nothing.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Engine, never};
use crate::{
    Error, HitFilter, HitId, HitStatus,
    catalog::Catalog,
    clock::Micros,
    history::output_of,
    store::{HitRow, Seek, WhichHits},
};

/// Unmatched hits of a cycle that are looked at: the newest.
const LOOKED_AT: usize = 1_000;
/// Hits whose bodies are read at once.
const READ_AT_ONCE: usize = 50;

/// Unmatched hits of a cycle that some transaction would take if they were replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WouldMatch {
    /// Oldest first.
    pub hits: Vec<HitId>,
    /// Of so many, the newest.
    pub looked_at: usize,
    /// There are older ones.
    pub more: bool,
}

/// What was found, by the seek's webhook and key: many hits may bring the same.
type Found = HashMap<(String, Vec<u8>), bool>;

impl Engine {
    /// One that was replayed already is none of them, whatever became of that.
    pub async fn would_match(&self, account: &str, cycle: &str) -> Result<WouldMatch, Error> {
        self.deployment(account, cycle).await?;
        let filter =
            HitFilter { cycle: Some(cycle.to_owned()), status: Some(HitStatus::Unmatched), ..HitFilter::default() };
        let most = (LOOKED_AT, 2 * LOOKED_AT);
        let (listed, next) = self.listed_hits(account, &filter, never(), most, WhichHits::All).await?;
        let names: Vec<(String, Uuid)> = listed.into_iter().map(|one| (one.webhook, one.hit)).collect();
        let (now, catalog) = (self.shared.clock.now(), self.shared.catalog());
        let (mut matching, mut found) = (Vec::new(), Found::new());
        for chunk in names.chunks(READ_AT_ONCE) {
            let rows = self.shared.store.hits_named(account, chunk).await?;
            let visible = self.shared.visible_hits(account, &rows).await?;
            for (row, _) in rows.into_iter().zip(visible).filter(|(_, visible)| *visible) {
                if self.would_take(account, &catalog, (&row, now), &mut found).await? {
                    matching.push((row.hit, row.webhook));
                }
            }
        }
        matching.sort_unstable();
        if let Some((oldest, _)) = matching.first() {
            let replayed = self.replayed_since(account, &matching, *oldest).await?;
            matching.retain(|(hit, _)| !replayed.contains(hit));
        }
        Ok(WouldMatch {
            hits: matching.into_iter().map(|(hit, _)| HitId(hit)).collect(),
            looked_at: names.len(),
            more: next.is_some(),
        })
    }

    /// Whether a transaction is held where the hit came, with the key that it has by today's mappings.
    async fn would_take(
        &self,
        account: &str,
        catalog: &Catalog,
        (row, now): (&HitRow, Micros),
        found: &mut Found,
    ) -> Result<bool, Error> {
        let live = |deleted_at: &Option<Micros>| deleted_at.is_none();
        let Some((hook, _)) = catalog.hook(&row.webhook).filter(|(_, cycle)| live(&cycle.row.deleted_at)) else {
            return Ok(false);
        };
        let data = output_of(row)?;
        for keying in &hook.mappings {
            let Ok(key) = keying.mapping().hit_key(&data) else { continue };
            let seek = keying.seek(&hook.identifier, &key);
            let name = (seek.webhook.clone(), seek.key.clone());
            let taken = match found.get(&name) {
                Some(taken) => *taken,
                None => self.is_held(account, &seek, now).await?,
            };
            found.insert(name, taken);
            if taken {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_held(&self, account: &str, seek: &Seek, now: Micros) -> Result<bool, Error> {
        Ok(!self.shared.store.seek(account, seek, now, 1).await?.is_empty())
    }
}
