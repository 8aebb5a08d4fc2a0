//! Connectors and subscriptions in an export. An imported subscription is not made again: its partner
//! knows it.

use holdfast_definitions::{Connectors, Json, Severity, check_with};

use super::{Imported, once};
use crate::{
    Error,
    clock::to_utc,
    connector::{CONNECTORS_MAX, Made, SUBSCRIPTIONS_MAX},
    engine::{Engine, instant},
    portable::{PortableConnector, PortableSubscription, decoded, encoded},
    store::{ConnectorRow, SubscriptionRow},
};

/// Who was at a call when the export was made: no process of this server, so that one takes it over.
const ELSEWHERE: &str = "elsewhere";

impl Engine {
    pub(super) async fn exported_connectors(&self, account: &str) -> Result<Vec<PortableConnector>, Error> {
        let rows = self.shared.store.connectors(account, CONNECTORS_MAX).await?;
        let one = |row: ConnectorRow| PortableConnector {
            name: row.name,
            version: row.version,
            source: row.source,
            created_at: to_utc(row.created_at),
            updated_at: to_utc(row.updated_at),
        };
        Ok(rows.into_iter().map(one).collect())
    }

    pub(super) async fn exported_subscriptions(&self, account: &str) -> Result<Vec<PortableSubscription>, Error> {
        let rows = self.shared.store.subscriptions(account, SUBSCRIPTIONS_MAX).await?;
        Ok(rows.into_iter().map(portable).collect())
    }

    pub(super) async fn check_connectors(
        &self,
        account: &str,
        connectors: Vec<PortableConnector>,
        imported: &mut Imported,
    ) -> Result<(), Error> {
        once("the connector", connectors.iter().map(|connector| &connector.name))?;
        for connector in connectors {
            let name = &connector.name;
            let file = format!("{name}.yaml");
            let checked = check_with(&file, &connector.source, None, &Connectors::new());
            let checked = self.shared.scripts.read(&file, checked).await;
            if checked.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
                return Err(Error::Definition(checked.diagnostics));
            }
            match checked.connectors.as_slice() {
                [one] if one.name == *name && checked.cycles.is_empty() => {}
                _ => return Err(Error::Invalid(format!("the source of connector {name} does not define it alone"))),
            }
            imported.connectors.push(ConnectorRow {
                account: account.to_owned(),
                name: connector.name,
                version: connector.version,
                source: connector.source,
                created_at: instant(connector.created_at),
                updated_at: instant(connector.updated_at),
            });
        }
        Ok(())
    }

    /// After the cycles, whose webhooks they are.
    pub(super) fn check_subscriptions(
        &self,
        subscriptions: Vec<PortableSubscription>,
        imported: &mut Imported,
    ) -> Result<(), Error> {
        once("the subscription", subscriptions.iter().map(|one| one.id))?;
        let catalog = self.shared.catalog();
        for subscription in subscriptions {
            let id = subscription.id;
            let wrong = |what: String| Error::Invalid(format!("subscription {id}: {what}"));
            let row = subscription_row(subscription)?;
            let mut webhooks = imported.cycles.iter().flat_map(|cycle| &cycle.webhooks);
            let is_there = webhooks
                .any(|hook| (&hook.webhook, &hook.step, hook.cycle_id) == (&row.webhook, &row.step, row.cycle_id));
            // One that is being ended may be of what is gone.
            if !is_there && (row.status != "ending" || catalog.cycle_by_id(row.cycle_id).is_some()) {
                return Err(wrong(format!("the export has no webhook {} of a step {}", row.webhook, row.step)));
            }
            Made::of(&row).map_err(|_| wrong(format!("its source defines no event {}", row.event)))?;
            imported.subscriptions.push(row);
        }
        Ok(())
    }
}

fn portable(row: SubscriptionRow) -> PortableSubscription {
    PortableSubscription {
        id: row.subscription,
        cycle: row.cycle_id,
        webhook: row.webhook,
        step: row.step,
        connector: row.connector,
        event: row.event,
        source: row.source,
        fingerprint: encoded(&row.fingerprint),
        parameters: row.parameters,
        state: row.state,
        seq: row.seq,
        status: row.status,
        reason: row.reason,
        attempts: row.attempts,
        calling: row.node.is_some(),
        made_at: row.made_at.map(to_utc),
        refresh_at: row.refresh_at.map(to_utc),
        created_at: to_utc(row.created_at),
        updated_at: to_utc(row.updated_at),
    }
}

fn subscription_row(one: PortableSubscription) -> Result<SubscriptionRow, Error> {
    let wrong = |what: String| Error::Invalid(format!("subscription {}: {what}", one.id));
    if !["subscribing", "active", "failed", "ending"].contains(&one.status.as_str()) {
        return Err(wrong(format!("there is no status {}", one.status)));
    }
    for (name, text) in [("parameters", Some(&one.parameters)), ("state", one.state.as_ref())] {
        if text.is_some_and(|text| Json::parse(text.as_bytes()).is_err()) {
            return Err(wrong(format!("its {name} are no JSON")));
        }
    }
    Ok(SubscriptionRow {
        fingerprint: decoded(&format!("the fingerprint of subscription {}", one.id), &one.fingerprint)?,
        webhook: one.webhook,
        subscription: one.id,
        cycle_id: one.cycle,
        step: one.step,
        connector: one.connector,
        event: one.event,
        source: one.source,
        parameters: one.parameters,
        state: one.state,
        seq: one.seq,
        status: one.status,
        reason: one.reason,
        attempts: one.attempts,
        made_at: one.made_at.map(instant),
        refresh_at: one.refresh_at.map(instant),
        due_at: None,
        node: one.calling.then(|| ELSEWHERE.to_owned()),
        claim: 0,
        created_at: instant(one.created_at),
        updated_at: instant(one.updated_at),
    })
}
