//! What a person asks for: subscriptions made before a cycle starts, and tried again.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    SUBSCRIPTIONS_MAX,
    keeper::{claimed, is_held, missing, once},
    subscription::wanted,
};
use crate::{Error, clock::Micros, engine::Shared, store::SubscriptionRow};

/// How long a start waits for its subscriptions, further tries included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns once every webhook of the cycle that is to subscribe itself has done so; `Subscription` with
/// the first reason where one has not. What was made stays made for the next start.
pub async fn subscribed(shared: &Arc<Shared>, account: &str, name: &str) -> Result<(), Error> {
    if !shared.catalog().is_connected(account) {
        return Ok(());
    }
    let rows = intended(shared, account, name).await?;
    let mut asked = tokio::task::JoinSet::new();
    for row in rows {
        let (shared, account) = (shared.clone(), account.to_owned());
        asked.spawn(async move { pursued(&shared, &account, row).await });
    }
    let mut first = None;
    while let Some(done) = asked.join_next().await {
        let done = done.unwrap_or_else(|_| Err(Error::Internal("a subscription's task ended".into())));
        first = first.or(done.err());
    }
    first.map_or(Ok(()), Err)
}

/// The rows that are not made, on disk before any call.
async fn intended(shared: &Shared, account: &str, name: &str) -> Result<Vec<SubscriptionRow>, Error> {
    let mut commit = shared.begin(account).await?;
    let now = commit.head().now;
    let catalog = shared.catalog_at(account, commit.head().revision).await?;
    let mut wanted = wanted(&catalog, account);
    wanted.retain(|_, one| one.deployment.row.name == name);
    let known = commit.all_subscriptions(SUBSCRIPTIONS_MAX).await?;
    let (mut rows, mut live, mut changed) = (Vec::new(), None, false);
    for (webhook, one) in &wanted {
        // What was made with another connector, or other parameters, is ended.
        for row in known.iter().filter(|row| row.webhook == *webhook && row.status != "ending") {
            if one.connected().is_some_and(|connected| connected.fingerprint.as_slice() == row.fingerprint.as_slice()) {
                if row.status != "active" {
                    rows.push(row.clone());
                }
                continue;
            }
            let mut row = row.clone();
            match row.end(now) {
                super::subscription::Fate::Gone => commit.drop_subscription(webhook, row.subscription).await?,
                _ => commit.put_subscription(&row).await?,
            }
            changed = true;
        }
        if let Some(row) = missing(&known, webhook, one, now) {
            // Nobody else takes it up before this start does.
            let row = SubscriptionRow { node: Some(shared.instance.clone()), ..row };
            commit.put_subscription(&row).await?;
            rows.push(row);
            changed = true;
        }
    }
    let one_is_held = {
        let mut held = false;
        for row in known.iter().filter(|row| rows.iter().any(|one| one.subscription == row.subscription)) {
            held |= is_held(shared, row, &mut live).await?;
        }
        held
    };
    if one_is_held {
        return Err(Error::Conflict("its subscriptions are being made already".into()));
    }
    if changed {
        commit.commit().await?;
    }
    rows.sort_by(|a, b| a.step.cmp(&b.step));
    Ok(rows)
}

async fn pursued(shared: &Shared, account: &str, row: SubscriptionRow) -> Result<(), Error> {
    let busy = || Error::Conflict(format!("the subscription of {} is being made already", row.step));
    let _one = shared.connections.begin(row.subscription).ok_or_else(busy)?;
    let row = settled(shared, account, &row.webhook, row.subscription).await?;
    match row.filter(|row| row.status != "active") {
        None => Ok(()),
        Some(row) => {
            let reason = row.reason.unwrap_or_default();
            let SubscriptionRow { step, connector, event, .. } = row;
            Err(Error::Subscription(format!("{step} ({connector}, {event}): {reason}")))
        }
    }
}

/// Tried until it is made or its tries, or the patience, are used up.
async fn settled(shared: &Shared, account: &str, webhook: &str, id: Uuid) -> Result<Option<SubscriptionRow>, Error> {
    let began = std::time::Instant::now();
    let Some(mut row) = claimed(shared, account, webhook, id).await? else { return Ok(None) };
    loop {
        let Some(next) = once(shared, account, &row, true).await? else { return Ok(None) };
        if next.node.is_none() {
            return Ok(Some(next));
        }
        let wait = next.due_at.unwrap_or_default().saturating_sub(shared.clock.now()).max(0);
        let wait = Duration::from_micros(u64::try_from(wait).unwrap_or_default());
        if began.elapsed() + wait > PATIENCE {
            return let_go(shared, account, next).await;
        }
        // With a clock that stands still, too.
        tokio::time::sleep(wait).await;
        row = next;
    }
}

async fn let_go(shared: &Shared, account: &str, row: SubscriptionRow) -> Result<Option<SubscriptionRow>, Error> {
    super::amend(shared, account, (&row.webhook, row.subscription), Some(row.claim), |row, now: Micros| {
        (row.node, row.status, row.updated_at) = (None, "failed".to_owned(), now);
        super::subscription::Fate::Kept
    })
    .await
}

/// One subscription, tried again now.
pub async fn retried(shared: &Shared, account: &str, id: Uuid) -> Result<SubscriptionRow, Error> {
    let not_found = || Error::NotFound { what: "subscription", id: id.to_string() };
    let rows = shared.store.subscriptions(account, SUBSCRIPTIONS_MAX).await?;
    let row = rows.into_iter().find(|row| row.subscription == id).ok_or_else(not_found)?;
    if row.status == "active" {
        return Ok(row);
    }
    let mut live = None;
    if is_held(shared, &row, &mut live).await? {
        return Err(Error::Conflict("it is being tried already".into()));
    }
    let Some(_one) = shared.connections.begin(id) else {
        return Err(Error::Conflict("it is being tried already".into()));
    };
    settled(shared, account, &row.webhook, id).await?.ok_or_else(not_found)
}
