//! What came of deliveries, written down: what is tried again when, and which endpoints are disabled.
//!
//! Invariant: it counts only while the line still has the claim that it was taken with; a claim that
//! another has taken since says all there is to say. Written under the account's lock, so that what a
//! commit adds to a line is seen by whoever lets go of it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::SecondsFormat;
use holdfast_definitions::{Json, Members};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    Endpoint, State,
    catalogue::reason,
    deliver::{InHand, Outcome},
    health,
    outbox::{LOOP, post},
    schedule,
};
use crate::{
    Error, LiveEvent,
    clock::{Micros, micros, to_utc},
    engine::Shared,
    history::parse,
    store::{DeliveryRow, DueRow, EndpointRow, LineRow},
};

/// Lines that one commit settles.
const SETTLED_MAX: usize = 256;
/// Attempts that a delivery shows.
const ATTEMPTS_SHOWN: usize = 20;
/// How often it is tried to write them; after that the lease ends and they are made again.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(500);
/// Rows that are marked at once.
pub const DROPPED_AT_ONCE: i64 = 1_000;
/// How soon what did not go out for want of room is tried.
const SOON: Duration = Duration::from_secs(5);

/// A line, with what came of it.
pub struct Settlement {
    pub account: String,
    pub endpoint: Uuid,
    pub claim: i64,
    pub outcomes: Vec<(DueRow, Outcome)>,
    /// Let go of once it is written.
    pub _in_hand: InHand,
}

pub async fn run(shared: Arc<Shared>, mut settled: mpsc::Receiver<Settlement>) {
    let mut batch = Vec::new();
    while settled.recv_many(&mut batch, SETTLED_MAX).await > 0 {
        let mut accounts: BTreeMap<String, Vec<Settlement>> = BTreeMap::new();
        for settlement in batch.drain(..) {
            accounts.entry(settlement.account.clone()).or_default().push(settlement);
        }
        for (account, settlements) in accounts {
            for attempt in 1..=TRIES {
                match settle(&shared, &account, &settlements).await {
                    Ok(()) => break,
                    Err(error) => {
                        tracing::warn!(%attempt, error = %error.for_log(), "what came of deliveries could not be kept yet");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }
}

async fn settle(shared: &Arc<Shared>, account: &str, settlements: &[Settlement]) -> Result<(), Error> {
    let mut commit = shared.begin(account).await?;
    let now = commit.head().now;
    let catalog = shared.catalog_at(account, commit.head().revision).await?;
    let ids: Vec<Uuid> = settlements.iter().map(|one| one.endpoint).collect();
    let lines = commit.lines(&ids).await?;
    let mut lines: HashMap<Uuid, LineRow> = lines.into_iter().map(|line| (line.endpoint, line)).collect();
    let mut written = Written::default();
    for settlement in settlements {
        let Some(line) = lines.remove(&settlement.endpoint) else { continue };
        if line.claim != settlement.claim || line.node.as_ref() != Some(&shared.instance) {
            continue;
        }
        let endpoint = catalog.watched().find(account, settlement.endpoint);
        written.add(endpoint.map(Arc::as_ref), line, settlement, now);
    }
    commit.settle_deliveries(&written.deliveries).await?;
    let mut events = Vec::new();
    for row in &written.disabled {
        commit.put_endpoint(row).await?;
        while commit.drop_deliveries(row.endpoint, DROPPED_AT_ONCE).await? {}
        let event = disabled(row);
        let about = std::slice::from_ref(&event);
        let posting = post(catalog.watched(), account, (now, &mut shared.deliveries.ids()), about, Some(row.endpoint));
        posting.write(&mut *commit).await?;
        events.push(event);
    }
    if !written.disabled.is_empty() {
        commit.bump_revision().await?;
    }
    commit.settle_lines(&written.lines).await?;
    commit.commit().await?;
    if !written.disabled.is_empty() {
        shared.refresh_catalog_or_warn().await;
        shared.hint_catalog();
    }
    for event in events {
        shared.tell_event(event);
    }
    // A line may have more.
    shared.deliveries.wake(account);
    Ok(())
}

/// Writes an endpoint's being disabled, with what others are told of it.
pub fn disabled(row: &EndpointRow) -> LiveEvent {
    let why = row.reason.clone().unwrap_or_default();
    tracing::warn!(account = %row.account, endpoint = %row.endpoint, reason = %why, "an endpoint was disabled");
    metrics::counter!("holdfast_endpoints_disabled_total").increment(1);
    let mut data = reason(&why);
    if let Some(members) = data.members_mut() {
        members.insert("endpoint".to_owned(), Json::from(row.endpoint.to_string()));
    }
    LiveEvent {
        account: row.account.clone(),
        event: "endpoint.disabled".into(),
        data: Some(data),
        ..LiveEvent::default()
    }
}

/// The rows of a commit.
#[derive(Default)]
struct Written {
    deliveries: Vec<DeliveryRow>,
    lines: Vec<(LineRow, bool)>,
    disabled: Vec<EndpointRow>,
}

impl Written {
    fn add(&mut self, endpoint: Option<&Endpoint>, mut line: LineRow, settlement: &Settlement, now: Micros) {
        let mut why = None;
        for (row, outcome) in &settlement.outcomes {
            let takes =
                |endpoint: &Endpoint| outcome.status.is_some_and(|status| endpoint.settings.profile.takes(status));
            let succeeded = endpoint.is_some_and(takes);
            let looped = outcome.error.as_deref() == Some(LOOP);
            if !outcome.ours && !looped {
                let result = if succeeded { "delivered" } else { "failed" };
                metrics::counter!("holdfast_deliveries_total", "result" => result).increment(1);
                why = health::count(&mut line, succeeded, now).or(why);
            }
            if outcome.status == Some(410) {
                why = Some("it answered 410 Gone".into());
            }
            let next = next(endpoint, row, outcome, (succeeded, looped), now);
            self.deliveries.push(DeliveryRow { endpoint: settlement.endpoint, ..next });
        }
        let active = endpoint.filter(|endpoint| endpoint.is_active());
        if let (Some(endpoint), Some(why)) = (active, &why) {
            let row =
                EndpointRow { state: State::Disabled.word().into(), reason: Some(why.clone()), ..endpoint.row.clone() };
            self.disabled.push(row);
        }
        self.lines.push((line, active.is_some() && why.is_none()));
    }
}

/// The delivery as it is from now on.
fn next(
    endpoint: Option<&Endpoint>,
    row: &DueRow,
    outcome: &Outcome,
    (succeeded, looped): (bool, bool),
    now: Micros,
) -> DeliveryRow {
    let tries = if outcome.ours { row.tries } else { row.tries.saturating_add(1) };
    let wait = || {
        let endpoint = endpoint.filter(|endpoint| endpoint.is_active())?;
        if outcome.ours {
            return Some(SOON);
        }
        schedule::wait(&endpoint.settings, tries.unsigned_abs(), (endpoint.id(), row.message), outcome.asked)
    };
    let due_at = if succeeded || looped { None } else { wait().map(|wait| now.saturating_add(micros(wait))) };
    let status = match (succeeded, due_at) {
        (true, _) => "delivered",
        (false, Some(_)) => "pending",
        (false, None) => "failed",
    };
    DeliveryRow {
        message: row.message,
        endpoint: Uuid::nil(),
        kind: row.kind.clone(),
        status: status.into(),
        tries,
        attempts: with(&row.attempts, outcome),
        due_at,
    }
}

/// The last attempts, and this one.
fn with(attempts: &str, outcome: &Outcome) -> String {
    let mut all: Vec<Json> = match parse(attempts) {
        Ok(Json::Array(attempts)) => attempts.iter().cloned().collect(),
        _ => Vec::new(),
    };
    let mut one = Members::new();
    one.insert("at".into(), Json::from(to_utc(outcome.at).to_rfc3339_opts(SecondsFormat::Micros, true)));
    one.insert("duration_us".into(), Json::from(outcome.duration_us));
    if let Some(status) = outcome.status {
        one.insert("status".into(), Json::from(u64::from(status)));
    }
    if let Some(error) = &outcome.error {
        one.insert("error".into(), Json::from(error.as_str()));
    }
    all.push(Json::from(one));
    let left_out = all.len().saturating_sub(ATTEMPTS_SHOWN);
    Json::from(all.split_off(left_out)).to_string()
}
