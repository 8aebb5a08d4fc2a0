//! Subscriptions kept without a request: made where a running cycle wants one, refreshed in time, and
//! ended where nobody wants them any more.
//!
//! Every node looks for what is due; a row's claim, taken under the account's lock, decides who calls,
//! and what a process that died was at is taken over by the others.

use std::{sync::Arc, time::Duration};

use holdfast_definitions::{Json, Members, Method, Retry};
use uuid::Uuid;

use super::{
    SUBSCRIPTIONS_MAX,
    method::{Caller, Failure, perform, take},
    subscription::{Fate, Judged, Made, Wanted, amend, amend_and_tell, judge, wanted},
};
use crate::{
    Error, LiveEvent,
    catalog::Catalog,
    clock::{Micros, micros},
    egress::backoff,
    engine::Shared,
    history::parse,
    limits::QUEUE_WINDOW,
    store::SubscriptionRow,
};

/// How many are looked at in one turn.
const DUE_CHUNK: i64 = 1_000;
/// After its tries are used up, a call is tried again this often.
const AGAIN: Duration = Duration::from_secs(3_600);
/// And one that ends a subscription no longer than this.
const ENDING_MAX: Duration = Duration::from_secs(72 * 3_600);
/// No refresh comes sooner.
const REFRESH_MIN: Duration = Duration::from_secs(1);
/// A look at a subscription of which nothing is due.
const LOOK: Duration = QUEUE_WINDOW;
/// How often a state is worked out again that changed meanwhile.
const TRIES: u32 = 100;

/// Whether the account may have something to keep: those with connectors, and at first all.
pub fn is_kept(shared: &Shared, account: &str) -> bool {
    kept(shared, &shared.catalog(), account)
}

fn kept(shared: &Shared, catalog: &Catalog, account: &str) -> bool {
    let known = shared.connections.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.get(account).is_none_or(|(_, some)| *some) || catalog.is_connected(account)
}

/// Does what is due. With a manual clock it is done on return; else it is under way.
pub async fn due(shared: &Arc<Shared>, now: Micros) -> Result<(), Error> {
    let catalog = shared.catalog();
    for account in catalog.accounts() {
        if !kept(shared, &catalog, &account) {
            continue;
        }
        let compared = {
            let known = shared.connections.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            known.get(&account).map(|(revision, _)| *revision)
        };
        if compared != Some(catalog.revision(&account)) {
            reconcile(shared, &account).await?;
        }
        if shared.connections.url.get().is_none() {
            continue;
        }
        let rows = shared.store.subscriptions_due(&account, now, DUE_CHUNK).await?;
        let mut live = None;
        for row in rows {
            if is_held(shared, &row, &mut live).await? {
                continue;
            }
            let (shared, account) = (shared.clone(), account.clone());
            let manual = shared.clock.is_manual();
            let one = async move {
                if let Err(error) = look_at(&shared, &account, &row).await {
                    tracing::warn!(error = %error.for_log(), webhook = row.webhook, "a subscription was not looked after");
                }
            };
            if manual {
                one.await;
            } else {
                tokio::spawn(one);
            }
        }
    }
    Ok(())
}

/// When the next one is due.
pub async fn next_due(shared: &Shared, account: &str) -> Result<Option<Micros>, Error> {
    if !kept(shared, &shared.catalog(), account) {
        return Ok(None);
    }
    Ok(shared.store.next_subscription(account).await?)
}

/// Whether a process that lives is at it.
pub async fn is_held(shared: &Shared, row: &SubscriptionRow, live: &mut Option<Vec<String>>) -> Result<bool, Error> {
    let Some(node) = &row.node else { return Ok(false) };
    if *node == shared.instance {
        return Ok(shared.connections.working().contains(&row.subscription));
    }
    if live.is_none() {
        *live = Some(shared.store.beat(&shared.instance).await?);
    }
    Ok(live.as_ref().is_some_and(|live| live.contains(node)))
}

/// Makes rows of what is wanted, and ends what is not.
pub async fn reconcile(shared: &Shared, account: &str) -> Result<(), Error> {
    let mut commit = shared.begin(account).await?;
    let (now, revision) = (commit.head().now, commit.head().revision);
    let catalog = shared.catalog_at(account, revision).await?;
    let wanted = wanted(&catalog, account);
    let rows = commit.all_subscriptions(SUBSCRIPTIONS_MAX).await?;
    let mut changed = false;
    let mut left = 0_usize;
    for row in &rows {
        let mut new = row.clone();
        let fate = match judge(row, wanted.get(&row.webhook), now) {
            _ if row.status == "ending" => Fate::Untouched,
            Judged::Over => new.end(now),
            Judged::Until(until) if row.due_at.is_none_or(|due| due > until + 1) => {
                new.due_at = Some(until + 1);
                Fate::Kept
            }
            // A start that failed left it; the cycle runs by now.
            Judged::Kept if row.due_at.is_none() => {
                new.due_at = Some(now);
                Fate::Kept
            }
            Judged::Until(_) | Judged::Kept => Fate::Untouched,
        };
        match fate {
            Fate::Kept => commit.put_subscription(&new).await?,
            Fate::Gone => commit.drop_subscription(&row.webhook, row.subscription).await?,
            Fate::Untouched => {}
        }
        changed |= !matches!(fate, Fate::Untouched);
        left += usize::from(!matches!(fate, Fate::Gone));
    }
    for (webhook, one) in wanted.iter().filter(|(_, one)| one.deployment.row.state == "running") {
        if let Some(row) = missing(&rows, webhook, one, now) {
            commit.put_subscription(&row).await?;
            (changed, left) = (true, left + 1);
        }
    }
    if changed {
        commit.commit().await?;
    }
    let mut known = shared.connections.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.insert(account.to_owned(), (revision, left > 0));
    Ok(())
}

/// A row for a webhook that has none of its fingerprint.
pub fn missing(rows: &[SubscriptionRow], webhook: &str, wanted: &Wanted, now: Micros) -> Option<SubscriptionRow> {
    let connected = wanted.connected()?;
    let mut mine = rows.iter().filter(|row| row.webhook == webhook && row.status != "ending");
    if mine.any(|row| row.fingerprint.as_slice() == connected.fingerprint.as_slice()) {
        return None;
    }
    Some(SubscriptionRow::new(webhook, &wanted.deployment, &wanted.step, connected, now))
}

async fn look_at(shared: &Shared, account: &str, row: &SubscriptionRow) -> Result<(), Error> {
    let Some(_one) = shared.connections.begin(row.subscription) else { return Ok(()) };
    let wanted = wanted(&shared.catalog(), account);
    let (mut acts, instance) = (false, shared.instance.clone());
    let taken = amend(shared, account, (&row.webhook, row.subscription), Some(row.claim), |row, now| {
        if row.due_at.is_none_or(|due| due > now) {
            return Fate::Untouched;
        }
        let judged = judge(row, wanted.get(&row.webhook), now);
        let over = row.status != "ending" && matches!(judged, Judged::Over);
        if over && matches!(row.end(now), Fate::Gone) {
            return Fate::Gone;
        }
        if !is_to_act(row, now) {
            let look = row.refresh_at.unwrap_or(Micros::MAX).min(now + micros(LOOK));
            row.due_at = Some(match judged {
                Judged::Until(until) => look.min(until + 1),
                _ => look,
            });
            row.node = None;
            return Fate::Kept;
        }
        acts = true;
        if row.status == "failed" {
            row.attempts = 0;
        }
        (row.node, row.claim) = (Some(instance), row.claim + 1);
        Fate::Kept
    })
    .await?;
    match taken {
        Some(row) if acts => once(shared, account, &row, false).await.map(|_| ()),
        _ => Ok(()),
    }
}

fn is_to_act(row: &SubscriptionRow, now: Micros) -> bool {
    match row.status.as_str() {
        "active" => row.refresh_at.is_some_and(|at| at <= now),
        _ => true,
    }
}

/// One try at what the row is at, under its claim; the row as it is then. `starting`: its process goes
/// on with it whatever came of it.
pub async fn once(
    shared: &Shared,
    account: &str,
    row: &SubscriptionRow,
    starting: bool,
) -> Result<Option<SubscriptionRow>, Error> {
    let made = Made::of(row)?;
    let event = made.event();
    let (name, method) = match (row.status.as_str(), row.made_at) {
        ("ending", Some(_)) => ("unsubscribe", event.and_then(|event| event.unsubscribe.as_ref())),
        (_, None) => ("subscribe", event.and_then(|event| event.subscribe.as_ref())),
        _ => ("refresh", event.and_then(|event| event.refresh.as_ref())),
    };
    let cycle = shared.catalog().cycle_by_id(row.cycle_id).map_or_else(String::new, |cycle| cycle.row.name.clone());
    let uri = shared.connections.webhook_uri(&row.webhook).unwrap_or_default();
    let given = Members::from_iter([
        ("webhookUri".to_owned(), Json::from(uri)),
        ("parameters".to_owned(), parse(&row.parameters)?),
    ]);
    let key = match name {
        "refresh" => format!("{}.refresh.{}", row.subscription, row.refresh_at.unwrap_or_default()),
        name => format!("{}.{name}", row.subscription),
    };
    let caller = Caller { shared, account, cycle: &cycle, method: name, given: &given, key };
    let done = Done { caller: &caller, method, name, starting };
    let answered = match method {
        Some(method) => perform(&caller, method, &row.state_json()?).await?,
        None => Ok(Json::Null),
    };
    metrics::counter!("holdfast_subscription_calls_total", "method" => name, "ok" => if answered.is_ok() { "true" } else { "false" })
        .increment(1);
    match answered {
        Ok(answered) => done.kept(row, &answered).await,
        Err(failure) => done.failed(row, failure).await,
    }
}

/// What came of a call, on its way to the row.
struct Done<'a> {
    caller: &'a Caller<'a>,
    method: Option<&'a Method>,
    name: &'static str,
    starting: bool,
}

impl Done<'_> {
    async fn kept(&self, row: &SubscriptionRow, answered: &Json) -> Result<Option<SubscriptionRow>, Error> {
        let (shared, account) = (self.caller.shared, self.caller.account);
        let mut state = (row.seq, row.state_json()?);
        for _ in 0..TRIES {
            let taken = match self.method {
                Some(method) => take(self.caller, method, answered, &state.1).await,
                None => Ok(Default::default()),
            };
            let taken = match taken {
                Ok(taken) => taken,
                Err(failure) => return self.failed(row, failure).await,
            };
            let (seq, mut stale) = (state.0, false);
            let name = (row.webhook.as_str(), row.subscription);
            let ending = self.name == "unsubscribe";
            let amended = amend(shared, account, name, Some(row.claim), |row, now| {
                if ending {
                    return Fate::Gone;
                }
                if row.seq != seq {
                    stale = true;
                    return Fate::Untouched;
                }
                keep(row, &taken.state, taken.next_refresh.as_ref(), now);
                Fate::Kept
            });
            match amended.await? {
                Some(newer) if stale => state = (newer.seq, newer.state_json()?),
                amended => return Ok(amended),
            }
        }
        let reason = "its state changed faster than it could be kept".to_owned();
        self.failed(row, Failure { reason, again: Some(None), thrown: None }).await
    }

    async fn failed(&self, row: &SubscriptionRow, failure: Failure) -> Result<Option<SubscriptionRow>, Error> {
        let (shared, account) = (self.caller.shared, self.caller.account);
        let retry = match self.method {
            Some(Method::Call(call)) => call.http.retry,
            _ => Retry { attempts: 1, ..Retry::default() },
        };
        let (name, starting) = (self.name, self.starting);
        let seed = row.subscription.as_u64_pair().0;
        let cycle = self.caller.cycle;
        let amended = amend_and_tell(shared, account, (&row.webhook, row.subscription), Some(row.claim), |row, now| {
            row.attempts += 1;
            row.reason = Some(format!("{name}: {}", failure.reason));
            let made = row.attempts.unsigned_abs();
            if let Some(after) = failure.again.filter(|_| made < retry.attempts) {
                let own = backoff(made, retry.backoff, retry.max_delay, seed);
                row.due_at = Some(now.saturating_add(micros(after.map_or(own, |asked| asked.max(own)))));
                if !starting {
                    row.node = None;
                }
                return (Fate::Kept, None);
            }
            row.node = None;
            tracing::warn!(
                cycle,
                step = row.step,
                connector = row.connector,
                reason = row.reason.as_deref(),
                "a subscription failed"
            );
            let reason = Json::from(row.reason.clone().unwrap_or_default());
            let event = LiveEvent {
                account: account.to_owned(),
                event: "subscription.failed".into(),
                data: Some(Json::from(Members::from_iter([("reason".to_owned(), reason)]))),
                cycle: cycle.to_owned(),
                step: Some(row.step.clone()),
                ..LiveEvent::default()
            };
            // One that a start could not make waits for the next start.
            let again = if starting && row.made_at.is_none() { LOOK } else { AGAIN };
            row.due_at = Some(now.saturating_add(micros(again) + 1));
            if row.status == "ending" {
                row.attempts = 0;
                let given_up = row.made_at.is_none() || now - row.updated_at > micros(ENDING_MAX);
                return (if given_up { Fate::Gone } else { Fate::Kept }, Some(event));
            }
            (row.status, row.updated_at) = ("failed".to_owned(), now);
            (Fate::Kept, Some(event))
        });
        amended.await
    }
}

/// A subscription is made, or refreshed.
fn keep(row: &mut SubscriptionRow, state: &Option<Json>, next: Option<&Json>, now: Micros) {
    if let Some(state) = state {
        row.state = Some(state.to_string());
        row.seq += 1;
    }
    let (refresh_at, reason) = match next.map(|next| refresh_at(next, now)) {
        None | Some(Ok(None)) => (None, None),
        Some(Ok(Some(at))) => (Some(at.max(now + micros(REFRESH_MIN))), None),
        Some(Err(reason)) => (None, Some(reason)),
    };
    row.made_at.get_or_insert(now);
    (row.refresh_at, row.reason, row.attempts, row.node) = (refresh_at, reason, 0, None);
    // It was given up while the call was out.
    if row.status == "ending" {
        row.due_at = Some(now);
        return;
    }
    (row.status, row.updated_at) = ("active".to_owned(), now);
    row.due_at = Some(refresh_at.unwrap_or(Micros::MAX).min(now + micros(LOOK) + 1));
}

/// Milliseconds since 1970, an RFC 3339 time, or a duration from now.
fn refresh_at(next: &Json, now: Micros) -> Result<Option<Micros>, String> {
    let milliseconds = |text: &str| text.parse::<i64>().ok().map(|ms| ms.saturating_mul(1_000));
    let found = match next {
        Json::Null => return Ok(None),
        Json::Number(number) => number.as_i64().map(|ms| ms.saturating_mul(1_000)),
        Json::Text(text) => {
            let time = chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros());
            let after =
                || holdfast_definitions::parse_duration(text).ok().map(|after| now.saturating_add(micros(after)));
            milliseconds(text).or(time).or_else(after)
        }
        _ => None,
    };
    let wrong = || format!("nextRefreshTimestamp is {next}: no time in milliseconds, no RFC 3339 time and no duration");
    found.map(Some).ok_or_else(wrong)
}

/// Takes a row for this process, whatever its time; none where it is not there.
pub async fn claimed(
    shared: &Shared,
    account: &str,
    webhook: &str,
    id: Uuid,
) -> Result<Option<SubscriptionRow>, Error> {
    let instance = shared.instance.clone();
    amend(shared, account, (webhook, id), None, |row, now| {
        (row.node, row.claim) = (Some(instance), row.claim + 1);
        (row.attempts, row.due_at) = (0, Some(now));
        Fate::Kept
    })
    .await
}
