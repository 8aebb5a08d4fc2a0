//! Delivering: lines that are due are taken, each by one process, and their deliveries made.
//!
//! Invariant: a line is one task, whatever hangs; what it holds is let go in the commit that writes
//! what came of it, or when its lease ends, or when its process does.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use super::{
    Endpoint, HOPS_HEADER, HOPS_MAX, OneSecret, Secrets,
    outbox::LOOP,
    settle::Settlement,
    sign::{self, Signed},
};
use crate::{
    Error,
    clock::{Micros, micros, to_utc},
    egress::{Outgoing, retry_after},
    engine::Shared,
    id::Ids,
    store::{DueRow, TakenRow, Taker},
};

/// How often a node looks through all accounts for lines that time, or another node, has made due; and not
/// before so many times as long as the last look took.
const TICK: Duration = Duration::from_millis(250);
const TICK_REST: u32 = 10;
/// Of a whole delivery (contract, section 12).
const DELIVERY_MAX: Duration = Duration::from_secs(15);
/// With the wait for a way out, where too much is out already.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than a line is ever held by a process that lives.
const LEASE: Duration = Duration::from_secs(60);
/// Lines that a process has at once. Well under the requests that may be out at once.
const LINES_MAX: u64 = 500;
/// Of them, those of endpoints that are failing: however many hang, the rest is the others'.
const FAILING_MAX: u64 = 250;
/// Lines taken by one statement.
const TAKEN_MAX: i64 = 100;
/// Deliveries that a line makes at once; one that fails makes one.
const AT_ONCE: i64 = 8;
/// An answer's body is read to here, and thrown away.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Of so many sweeps one is of accounts without endpoints too.
const SWEEPS_ALL: u64 = 20;
/// Outcomes that wait to be written; more lines than there are.
const OUTCOMES_MAX: usize = 1_024;

/// What this process is delivering.
pub struct Deliveries {
    wake: Notify,
    /// Accounts that have something now. Held to add one, or to take them.
    rung: Mutex<BTreeSet<String>>,
    out: watch::Sender<u64>,
    /// Of those, lines of endpoints that are failing.
    failing: AtomicU64,
    sweeps: AtomicU64,
    outcomes: mpsc::Sender<Settlement>,
    /// Of messages that no round makes. Held to make one.
    ids: Mutex<Ids>,
}

impl Deliveries {
    pub fn new() -> (Self, mpsc::Receiver<Settlement>) {
        let (outcomes, settled) = mpsc::channel(OUTCOMES_MAX);
        (
            Self {
                wake: Notify::new(),
                rung: Mutex::default(),
                out: watch::channel(0).0,
                failing: AtomicU64::new(0),
                sweeps: AtomicU64::new(0),
                outcomes,
                ids: Mutex::default(),
            },
            settled,
        )
    }

    /// The account has something to deliver.
    pub fn wake(&self, account: &str) {
        self.waits(account);
        self.wake.notify_one();
    }

    /// The account is looked at with the next that rings.
    fn waits(&self, account: &str) {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned());
    }

    fn rung(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.rung.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether what was told by endpoints that are gone is swept now: it is there seldom.
    pub fn sweeps_all(&self) -> bool {
        self.sweeps.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEPS_ALL)
    }

    /// Returns once this process has no line.
    pub async fn none(&self) {
        let _ = self.out.subscribe().wait_for(|out| *out == 0).await;
    }

    /// Ids that increase, whatever the clock does.
    pub fn ids(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> i64 {
        i64::try_from(LINES_MAX.saturating_sub(*self.out.borrow())).unwrap_or(0)
    }
}

/// A line in hand, until it is dropped.
pub struct InHand {
    shared: Arc<Shared>,
    account: String,
    failing: bool,
}

impl InHand {
    fn begin(shared: &Arc<Shared>, account: &str, failing: bool) -> Self {
        shared.deliveries.out.send_modify(|out| *out += 1);
        shared.deliveries.failing.fetch_add(u64::from(failing), Ordering::AcqRel);
        Self { shared: shared.clone(), account: account.to_owned(), failing }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        let deliveries = &self.shared.deliveries;
        deliveries.failing.fetch_sub(u64::from(self.failing), Ordering::AcqRel);
        deliveries.out.send_modify(|out| *out = out.saturating_sub(1));
        // Its account may wait for room, and others are looked at soon.
        deliveries.wake(&self.account);
    }
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub at: Micros,
    pub duration_us: u64,
    pub status: Option<u16>,
    pub error: Option<String>,
    /// How long the endpoint asks to be left alone.
    pub asked: Option<Duration>,
    /// It did not go out, for want of room here: it does not count.
    pub ours: bool,
}

/// Takes lines until the engine closes.
pub async fn run(shared: Arc<Shared>) {
    let mut closing = shared.closing.subscribe();
    let mut next = Instant::now() + TICK;
    loop {
        tokio::select! {
            () = shared.deliveries.wake.notified() => {}
            () = tokio::time::sleep_until(next.into()) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        let (began, mut accounts) = (Instant::now(), shared.deliveries.rung());
        let all = began >= next;
        if all {
            accounts.extend(shared.catalog().watched().accounts());
        }
        let moving = match shared.clock.is_manual() {
            true => Some(shared.advancing.lock().await),
            false => None,
        };
        if let Err(error) = take(&shared, accounts).await {
            tracing::warn!(error = %error.for_log(), "looking for deliveries failed; it is tried again");
            tokio::time::sleep(TICK).await;
        }
        drop(moving);
        if all {
            next = Instant::now() + TICK.max(began.elapsed() * TICK_REST);
        }
    }
}

/// Every delivery that is due at this instant. How many lines had any.
pub async fn due(shared: &Arc<Shared>) -> Result<usize, Error> {
    let mut all = 0;
    loop {
        shared.deliveries.none().await;
        let accounts = shared.catalog().watched().accounts().into_iter().collect();
        match take(shared, accounts).await? {
            0 => return Ok(all),
            taken => all += taken,
        }
    }
}

/// Takes the lines of these accounts that are due, as far as there is room: some of each, in turn, so that
/// no account waits for all of another's. How many.
async fn take(shared: &Arc<Shared>, accounts: BTreeSet<String>) -> Result<usize, Error> {
    let mut taken = 0;
    let now = shared.clock.now();
    let mut accounts: VecDeque<String> = accounts.into_iter().collect();
    while let Some(account) = accounts.pop_front() {
        let room = shared.deliveries.room().min(TAKEN_MAX);
        if room == 0 {
            // Whoever lets go of a line rings again; these are not forgotten meanwhile.
            accounts.push_front(account);
            accounts.iter().for_each(|account| shared.deliveries.waits(account));
            return Ok(taken);
        }
        let failing = shared.deliveries.failing.load(Ordering::Acquire) < FAILING_MAX;
        let until_at = now.saturating_add(micros(LEASE));
        let taker = Taker { node: &shared.instance, now, until_at, failing };
        let lines = shared.store.take_lines(&account, &taker, room).await?;
        if !lines.is_empty() {
            // Its endpoint may have been changed on another node.
            shared.follow_catalog().await?;
        }
        taken += lines.len();
        let more = lines.len() as i64 == room;
        for line in lines {
            let in_hand = InHand::begin(shared, &account, line.failing_since.is_some());
            let (shared, account) = (shared.clone(), account.clone());
            tokio::spawn(async move { deliver(&shared, account, line, in_hand).await });
        }
        if more {
            accounts.push_back(account);
        }
    }
    Ok(taken)
}

/// One line: what is due of it, once, and what came of it handed on.
async fn deliver(shared: &Arc<Shared>, account: String, line: TakenRow, in_hand: InHand) {
    let outcomes = match made(shared, &account, &line).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            tracing::warn!(endpoint = %line.endpoint, error = %error.for_log(), "a line could not be delivered yet");
            // Not at once again: whatever is wrong may last.
            tokio::time::sleep(Duration::from_secs(1)).await;
            Vec::new()
        }
    };
    let settlement = Settlement { account, endpoint: line.endpoint, claim: line.claim, outcomes, _in_hand: in_hand };
    let _ = shared.deliveries.outcomes.send(settlement).await;
}

async fn made(shared: &Arc<Shared>, account: &str, line: &TakenRow) -> Result<Vec<(DueRow, Outcome)>, Error> {
    let Some(endpoint) = shared.catalog().watched().find(account, line.endpoint).cloned() else {
        return Ok(Vec::new());
    };
    if !endpoint.is_active() {
        return Ok(Vec::new());
    }
    let secrets = Secrets::open(&shared.secrets.keys, account, endpoint.id(), &endpoint.row.sealed)?;
    let at_once = if line.failing_since.is_some() { 1 } else { AT_ONCE };
    let rows = shared.store.due_deliveries(account, endpoint.id(), shared.clock.now(), at_once).await?;
    let mut making = tokio::task::JoinSet::new();
    for row in rows {
        let (shared, endpoint, secrets) = (shared.clone(), endpoint.clone(), secrets.clone());
        making.spawn(async move {
            let hops = u32::try_from(row.hops).unwrap_or(u32::MAX);
            let outcome = match hops > HOPS_MAX {
                true => looped(&shared),
                false => {
                    let live = secrets.live(shared.clock.now());
                    attempt(&shared, &endpoint, &live, (row.message, &row.kind, row.body.clone()), hops).await
                }
            };
            (row, outcome)
        });
    }
    let mut outcomes = Vec::new();
    while let Some(made) = making.join_next().await {
        // One that panicked is due as before.
        outcomes.extend(made);
    }
    Ok(outcomes)
}

fn looped(shared: &Shared) -> Outcome {
    let error = Some(LOOP.to_owned());
    Outcome { at: shared.clock.now(), duration_us: 0, status: None, error, asked: None, ours: false }
}

/// Sends a body, signed as it is.
pub async fn attempt(
    shared: &Shared,
    endpoint: &Endpoint,
    secrets: &[&OneSecret],
    (message, kind, body): (Uuid, &str, bytes::Bytes),
    hops: u32,
) -> Outcome {
    let (at, began) = (shared.clock.now(), Instant::now());
    let (id, profile) = (message.to_string(), endpoint.settings.profile);
    let mut headers = vec![
        ("content-type".to_owned(), profile.content_type().to_owned()),
        (HOPS_HEADER.to_owned(), hops.to_string()),
    ];
    headers.extend(sign::headers(profile, secrets, &Signed { id: &id, kind, at, body: &body }));
    let request = Outgoing {
        method: "POST".into(),
        url: endpoint.settings.url.clone(),
        headers,
        body,
        timeout: DELIVERY_MAX,
        body_max: ANSWER_BYTES_MAX,
    };
    let answered = tokio::time::timeout(PATIENCE, shared.egress.send(request)).await;
    let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    metrics::histogram!("holdfast_delivery_seconds").record(began.elapsed().as_secs_f64());
    let outcome = Outcome { at, duration_us, status: None, error: None, asked: None, ours: false };
    match answered {
        Ok(Ok(answered)) => {
            // A date there is by the endpoint's wall clock.
            let asked = retry_after(&answered.headers, to_utc(crate::clock::system_now()));
            Outcome { status: Some(answered.status), asked, ..outcome }
        }
        Ok(Err(failure)) => Outcome { error: Some(failure.message), ..outcome },
        Err(_) => {
            Outcome { error: Some("too many requests are out: it did not go out yet".into()), ours: true, ..outcome }
        }
    }
}
