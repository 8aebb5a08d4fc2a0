//! Connectors and subscriptions, as they are listed and tried again.

use std::sync::Arc;

use holdfast_definitions::{Checked, Connectors, Given, check_with};
use uuid::Uuid;

use super::Engine;
use crate::{
    ConnectorView, Error, Page, PageQuery, SubscriptionView,
    clock::to_utc,
    connector::{CONNECTORS_MAX, SUBSCRIPTIONS_MAX, retried},
    history::parse,
    store::{ConnectorRow, SubscriptionRow},
};

impl Engine {
    /// Where partners reach this server: `https://hooks.example`. Subscriptions wait until it is known.
    pub fn is_at(&self, url: &str) {
        self.shared.connections.is_at(url);
    }

    /// What is wrong with a file's definitions, the account's connectors known. `given`: as a deploy would
    /// find it with these variables.
    pub async fn check_in(
        &self,
        account: &str,
        file: &str,
        text: &str,
        given: Option<&Given>,
    ) -> Result<Checked, Error> {
        let known = self.known_connectors(account).await?;
        Ok(self.shared.scripts.read(file, check_with(file, text, given, &known)).await)
    }

    /// Those that are deployed.
    pub(super) async fn known_connectors(&self, account: &str) -> Result<Connectors, Error> {
        let rows = self.shared.store.connectors(account, CONNECTORS_MAX).await?;
        let known = rows.into_iter().filter_map(|row| {
            let connector = check_with("", &row.source, None, &Connectors::new()).connectors.pop()?;
            Some((row.name, connector))
        });
        Ok(known.collect())
    }

    /// By name.
    pub async fn connectors(&self, account: &str, page: PageQuery) -> Result<Page<ConnectorView>, Error> {
        let rows = self.shared.store.connectors(account, CONNECTORS_MAX).await?;
        page.cut(rows.into_iter().map(|row| (row.name.clone(), connector_view(row))).collect())
    }

    /// By cycle and step.
    pub async fn subscriptions(&self, account: &str, page: PageQuery) -> Result<Page<SubscriptionView>, Error> {
        self.shared.follow_catalog().await?;
        let rows = self.shared.store.subscriptions(account, SUBSCRIPTIONS_MAX).await?;
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let view = self.subscription_view(row)?;
            all.push((format!("{}/{}/{}", view.cycle, view.step, view.id), view));
        }
        page.cut(all)
    }

    /// Tried again now: as it is then. `Subscription` where it failed once more.
    pub async fn retry_subscription(&self, account: &str, id: Uuid) -> Result<SubscriptionView, Error> {
        let row = retried(&self.shared, account, id).await?;
        if row.status == "failed" {
            return Err(Error::Subscription(format!("{}: {}", row.step, row.reason.unwrap_or_default())));
        }
        self.subscription_view(row)
    }

    fn subscription_view(&self, row: SubscriptionRow) -> Result<SubscriptionView, Error> {
        let cycle = self.shared.catalog().cycle_by_id(row.cycle_id).map(|cycle| cycle.row.name.clone());
        Ok(SubscriptionView {
            id: row.subscription,
            cycle: cycle.unwrap_or_default(),
            parameters: parse(&row.parameters)?,
            attempts: row.attempts.unsigned_abs(),
            made_at: row.made_at.map(to_utc),
            refresh_at: row.refresh_at.map(to_utc),
            step: row.step,
            webhook: row.webhook,
            connector: row.connector,
            event: row.event,
            status: row.status,
            reason: row.reason,
        })
    }

    /// Of one cycle.
    pub(super) async fn subscriptions_of(&self, account: &str, cycle: Uuid) -> Result<Vec<SubscriptionView>, Error> {
        if !self.shared.catalog().is_connected(account) {
            return Ok(Vec::new());
        }
        let rows = self.shared.store.subscriptions(account, SUBSCRIPTIONS_MAX).await?;
        let mine = rows.into_iter().filter(|row| row.cycle_id == cycle);
        mine.map(|row| self.subscription_view(row)).collect()
    }

    /// What a change of what is deployed means for subscriptions; what can't be seen to now is seen to by
    /// whoever looks next.
    pub(super) async fn follow_subscriptions(&self, account: &str) {
        // Most accounts have none, and pay nothing.
        if !crate::connector::is_kept(&self.shared, account) {
            return;
        }
        if let Err(error) = crate::connector::reconcile(&self.shared, account).await {
            tracing::warn!(error = %error.for_log(), "subscriptions are looked after later");
        }
    }

    pub(super) async fn subscribe(&self, account: &str, cycle: &str) -> Result<(), Error> {
        crate::connector::subscribed(&Arc::clone(&self.shared), account, cycle).await
    }
}

fn connector_view(row: ConnectorRow) -> ConnectorView {
    let compiled = check_with("", &row.source, None, &Connectors::new()).connectors.pop();
    ConnectorView {
        description: compiled.as_ref().and_then(|connector| connector.description.clone()),
        events: compiled.map(|connector| connector.events.keys().cloned().collect()).unwrap_or_default(),
        name: row.name,
        version: row.version.unsigned_abs(),
        created_at: to_utc(row.created_at),
        updated_at: to_utc(row.updated_at),
        source: row.source,
    }
}
