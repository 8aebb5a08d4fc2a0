//! An account filled from an export, in one commit.

use super::{Applied, Change, Done};
use crate::{
    Error,
    engine::{Imported, ImportedCycle},
    store::SubscriptionRow,
};

impl Change<'_> {
    /// Into an account that has nothing: what it has is never overwritten.
    pub(super) async fn import(&mut self, imported: Imported) -> Result<Applied, Error> {
        if let Some(what) = self.has_something().await? {
            let account = self.account;
            return Err(Error::Conflict(format!("the account {account} has {what}: only an empty one is filled")));
        }
        self.commit.put_limits(&imported.limits).await?;
        for row in &imported.secrets {
            self.commit.put_secret(row).await?;
        }
        for row in &imported.keys {
            self.commit.put_key(row).await?;
        }
        for row in &imported.endpoints {
            self.commit.put_endpoint(row).await?;
        }
        for row in &imported.shared {
            self.commit.put_shared(row).await?;
        }
        for row in &imported.claims {
            self.commit.put_claim(row).await?;
        }
        for row in &imported.connectors {
            self.commit.put_connector(row).await?;
        }
        for cycle in &imported.cycles {
            self.import_cycle(cycle).await?;
        }
        let now = self.commit.head().now;
        for row in imported.subscriptions {
            // Looked at at once: only what is due is done.
            self.commit.put_subscription(&SubscriptionRow { due_at: Some(now), ..row }).await?;
        }
        self.changed = true;
        Ok((Done::Ok, None))
    }

    async fn import_cycle(&mut self, cycle: &ImportedCycle) -> Result<(), Error> {
        self.commit.put_cycle(&cycle.row).await?;
        self.commit.put_version(&cycle.version).await?;
        for webhook in &cycle.webhooks {
            self.commit.put_webhook(webhook).await?;
        }
        if !cycle.kept.is_empty() {
            self.commit.put_kept(cycle.row.cycle_id, &cycle.kept).await?;
        }
        Ok(())
    }

    async fn has_something(&mut self) -> Result<Option<&'static str>, Error> {
        let (account, catalog) = (self.account, self.catalog);
        if catalog.cycles(account).any(|cycle| cycle.row.deleted_at.is_none()) {
            return Ok(Some("cycles"));
        }
        if !self.commit.secrets(1).await?.is_empty() {
            return Ok(Some("secrets"));
        }
        if !catalog.watched().of(account).is_empty() {
            return Ok(Some("endpoints"));
        }
        if catalog.addresses.of(account).next().is_some() {
            return Ok(Some("shared webhooks"));
        }
        if !self.commit.kept_connectors(1).await?.is_empty() {
            return Ok(Some("connectors"));
        }
        let subscribed = !self.commit.all_subscriptions(1).await?.is_empty();
        Ok(subscribed.then_some("subscriptions, which are being ended"))
    }
}
