//! Hits: listed, shown, replayed.

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::Json;
use uuid::Uuid;

use super::{Engine, transactions::cursor};
use crate::{
    Error, Hit, HitId, HitStatus, Page, PageQuery, TransactionId,
    clock::to_utc,
    history::output_of,
    store::{HitQuery, HitRow},
    work::Work,
};

impl Engine {
    /// `webhook` is an identifier.
    pub async fn hits(
        &self,
        account: &str,
        webhook: Option<&str>,
        status: Option<HitStatus>,
        page: PageQuery,
    ) -> Result<Page<Hit>, Error> {
        let size = page.size()?;
        self.shared.follow_catalog().await?;
        let webhooks = match webhook {
            None => self.identifiers(account),
            Some(webhook) => {
                let known = self.identifiers(account).into_iter().find(|known| known == webhook);
                vec![known.ok_or_else(|| Error::NotFound { what: "webhook", id: webhook.to_owned() })?]
            }
        };
        let before = cursor(page.after.as_deref())?;
        let mut rows = Vec::new();
        for webhook in webhooks {
            let query = HitQuery { webhook, status: status.map(HitStatus::word), before, limit: size as i64 + 1 };
            rows.extend(self.shared.store.hits(account, &query).await?);
        }
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.hit));
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|row| row.hit.to_string());
        let visible = self.visible_hits(account, &rows).await?;
        let mut data = Vec::with_capacity(rows.len());
        for (row, visible) in rows.into_iter().zip(visible) {
            if visible {
                data.push(self.hit_view(row)?);
            }
        }
        Ok(Page { data, next })
    }

    pub async fn hit(&self, account: &str, id: HitId) -> Result<Hit, Error> {
        let row = self.hit_row(account, id).await?;
        self.hit_view(row)
    }

    /// A new hit with `replay_of`, matched by today's transactions. The hit as it then stands.
    pub async fn replay(&self, account: &str, id: HitId) -> Result<Hit, Error> {
        let row = self.hit_row(account, id).await?;
        let outcome =
            self.shared.writer.ask(account, Work::Replay(Arc::new(row))).await.map_err(|error| match error {
                Error::Inactive => Error::Conflict("the cycle is not running: start it first".into()),
                other => other,
            })?;
        let hit = outcome.hit.ok_or_else(|| Error::Internal("a replay without a hit".into()))?;
        self.hit(account, HitId(hit)).await
    }

    pub(super) async fn hit_row(&self, account: &str, id: HitId) -> Result<HitRow, Error> {
        self.shared.follow_catalog().await?;
        let not_found = || Error::NotFound { what: "hit", id: id.to_string() };
        let row = self.shared.store.hit(account, &self.identifiers(account), id.0).await?.ok_or_else(not_found)?;
        if !self.is_visible(account, &row).await? {
            return Err(not_found());
        }
        Ok(row)
    }

    /// A hit is there as long as its transaction is, or, without one, for the cycle's retention.
    pub(super) async fn is_visible(&self, account: &str, row: &HitRow) -> Result<bool, Error> {
        Ok(self.visible_hits(account, std::slice::from_ref(row)).await?.first().copied().unwrap_or(false))
    }

    async fn visible_hits(&self, account: &str, rows: &[HitRow]) -> Result<Vec<bool>, Error> {
        let mut ids: Vec<Uuid> = rows.iter().filter_map(|row| row.transaction).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut expiry = HashMap::new();
        for chunk in ids.chunks(500) {
            let known = self.shared.store.transactions(account, chunk).await?;
            expiry.extend(known.into_iter().map(|row| (row.transaction, row.expires_at)));
        }
        let now = self.shared.clock.now();
        Ok(rows
            .iter()
            .map(|row| {
                let until = match row.transaction {
                    Some(id) => expiry.get(&id).copied().unwrap_or(i64::MIN),
                    None => row.expires_at,
                };
                now < until
            })
            .collect())
    }

    /// Every webhook of the account, those of deleted cycles too.
    fn identifiers(&self, account: &str) -> Vec<String> {
        let catalog = self.shared.catalog();
        catalog
            .cycles(account)
            .flat_map(|cycle| cycle.hooks.iter().map(|hook| hook.identifier.clone()).collect::<Vec<_>>())
            .collect()
    }

    fn hit_view(&self, row: HitRow) -> Result<Hit, Error> {
        let catalog = self.shared.catalog();
        let (cycle, step) = catalog.place(&row.webhook).unwrap_or_default();
        let output = output_of(&row)?;
        let part = |name: &str| output.get(name).cloned().unwrap_or(Json::Null);
        Ok(Hit {
            id: HitId(row.hit),
            cycle,
            step,
            received_at: to_utc(row.received_at),
            headers: part("headers"),
            query: part("query"),
            body: part("body"),
            method: row.method,
            raw: row.raw,
            webhook: row.webhook,
            status: HitStatus::from_word(&row.status).unwrap_or(HitStatus::Applied),
            reason: row.reason,
            transaction: row.transaction.map(TransactionId),
            run: row.run.map(|run| run as u32),
            ambiguous: row.ambiguous,
            replay_of: row.replay_of.map(HitId),
            early_until: row.early_until.map(to_utc),
        })
    }
}
