//! What happens without a request: holds that run into their `expires`, the queue of a stop, callers
//! whose transaction's retention ran out, and the removal of what has expired.
//!
//! Every node looks for all of it, so that the work of one that died is found by the others; the
//! account's lock decides who does it, once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{MutexGuard, broadcast::error::RecvError};
use uuid::Uuid;

use crate::{
    Answer, Error,
    clock::{Micros, micros},
    engine::Shared,
    id::floor_of,
    limits::{QUEUE_WINDOW, RETRY_SOON},
    notify,
    ongoing::{Ongoing, Progress},
    quiet::Quiet,
    round::{counted, overlooked, tells},
    runner::{self, Claim, claim_of},
    store::{Hint, TimerRow, UnderwayRow},
    tally,
    work::Work,
};

/// How often a node looks for what is due. It bounds how late `expires` is, and how long the work of
/// a dead node lies.
const TICK: Duration = Duration::from_millis(250);
/// How often what has expired is removed; it is invisible from its instant on in any case.
const SWEEP: Duration = Duration::from_secs(30);
/// Rows that one step of a sweep removes, so that writes go between.
const SWEEP_CHUNK: i64 = 500;
/// How often a node says that it is alive, and looks for what one that is not has left.
const BEAT: Duration = Duration::from_secs(1);
/// Runs that are taken over at once.
const TAKEN_OVER: i64 = 500;
/// Rows that are looked at for steps of a commit that was not heard of.
const TAKEN_UP: i64 = 10_000;
/// Timers that one turn takes.
const DUE_CHUNK: i64 = 1_000;

pub async fn run(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut swept, mut beaten) = (Instant::now(), None::<Instant>);
    let mut released = HashMap::new();
    let mut suspects = HashSet::new();
    let mut quiet = Quiet::default();
    loop {
        tick.tick().await;
        if beaten.is_none_or(|at| at.elapsed() >= BEAT) {
            match look_after(&shared, &mut suspects, &quiet).await {
                Ok(()) => beaten = Some(Instant::now()),
                Err(error) => tracing::warn!(error = %error.for_log(), "what others left could not be looked for"),
            }
        }
        if let Err(error) = turn(&shared, &mut released, &mut quiet).await {
            tracing::warn!(error = %error.for_log(), "looking for what is due failed; it is tried again");
            continue;
        }
        if !shared.clock.is_manual() && swept.elapsed() >= SWEEP {
            swept = Instant::now();
            sweep(&shared).await;
        }
    }
}

async fn turn(shared: &Arc<Shared>, released: &mut HashMap<Uuid, Micros>, quiet: &mut Quiet) -> Result<(), Error> {
    shared.follow_catalog().await?;
    answer_waiting(shared).await?;
    let _moving = moving(shared).await;
    let now = shared.clock.now();
    let awake = quiet.awake(shared, now).await?;
    if due(shared, awake.iter().map(|(account, _)| account.clone()).collect(), now).await? {
        for (account, instant) in awake {
            quiet.looked(shared, account, instant).await?;
        }
    }
    shared.hand_on_left().await?;
    release(shared, released).await;
    Ok(())
}

/// A manual clock's instants are gone through by whoever moves it.
async fn moving(shared: &Shared) -> Option<MutexGuard<'_, ()>> {
    match shared.clock.is_manual() {
        true => Some(shared.advancing.lock().await),
        false => None,
    }
}

/// Does what is due at `now`, until nothing is; false where not all could be done.
pub async fn due(shared: &Arc<Shared>, accounts: Vec<String>, now: Micros) -> Result<bool, Error> {
    for account in accounts {
        while shared.played.as_ref().is_none_or(|played| played.soonest() <= now) {
            let timers = shared.store.due(&account, now, DUE_CHUNK).await?;
            let all = timers.len() < DUE_CHUNK as usize;
            let works = what_is_due(shared, &account, timers).await?;
            if !all_own(shared, &account, works.into_iter()).await {
                return Ok(false);
            }
            if all {
                break;
            }
        }
        let mut queues = Vec::new();
        for cycle in shared.catalog().cycles(&account) {
            let row = &cycle.row;
            if row.backlog && row.state == "running" {
                queues.push(Work::Drain { cycle: row.cycle_id });
            }
        }
        for cycle in overdue_queues(shared, &account, now).await? {
            queues.push(Work::ExpireQueue { cycle });
        }
        queues.extend(overlooked_turns(shared, &account).await?);
        for work in queues {
            while shared.own(&account, work.clone()).await {}
        }
    }
    crate::connector::due(shared, now).await?;
    for (account, transaction) in shared.waiters.expired(now) {
        shared.own(&account, Work::Abandon { transaction }).await;
    }
    shared.waiters.let_go(now);
    if shared.played.is_some() {
        shared.waiters.left().await;
    }
    Ok(true)
}

/// Each timer is that of a hold's `expires`, or of a run under way: a delay, or another attempt.
async fn what_is_due(shared: &Arc<Shared>, account: &str, timers: Vec<TimerRow>) -> Result<Vec<Work>, Error> {
    let mut ids: Vec<Uuid> = timers.iter().map(|timer| timer.transaction).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut underway: HashMap<(Uuid, i32), UnderwayRow> = HashMap::new();
    if !ids.is_empty() {
        for row in shared.store.underway(account, &ids).await? {
            underway.insert((row.transaction, row.run), row);
        }
    }
    let mut works = Vec::with_capacity(timers.len());
    for timer in timers {
        works.push(match underway.remove(&(timer.transaction, timer.run)) {
            Some(row) if row.due_at == Some(timer.due_at) => gone_on_with(shared, account, row).await?,
            _ if tells(&timer) => Work::Tell(timer),
            _ => Work::Expire(timer),
        });
    }
    Ok(works)
}

/// A delay is over in one commit; another attempt is taken on first.
async fn gone_on_with(shared: &Arc<Shared>, account: &str, row: UnderwayRow) -> Result<Work, Error> {
    if !runner::is_delay(shared, &row) {
        return Ok(Work::TakeOn { transaction: row.transaction, run: row.run, claim: row.claim });
    }
    let progress = Box::new(Progress::Done(runner::nothing(shared.clock.now(), &row)));
    let ongoing = runner::told(shared, account, Ongoing { row, before: None }).await?;
    Ok(Work::Proceed { ongoing: Arc::new(ongoing), progress })
}

/// Steps that have no process.
async fn look_after(shared: &Arc<Shared>, suspects: &mut HashSet<Claim>, quiet: &Quiet) -> Result<(), Error> {
    let _moving = moving(shared).await;
    let with_steps = |account: &str| quiet.may_have_steps(account);
    let Left { others, .. } = take_over(shared, with_steps).await?;
    match shared.at_work.looks() {
        true => take_up(shared, others, suspects, quiet).await,
        false => Ok(()),
    }
}

/// What a look for steps without a process came to.
pub struct Left {
    /// The other processes that live.
    others: Vec<String>,
    /// There may be more of them.
    pub more: bool,
}

/// The steps that processes which are gone were doing, and those of this one's earlier life, of the
/// accounts that may have some.
pub async fn take_over(shared: &Arc<Shared>, with_steps: impl Fn(&str) -> bool) -> Result<Left, Error> {
    let mut live = shared.store.beat(&shared.instance).await?;
    // First, whatever the others are.
    live.retain(|node| *node != shared.instance);
    live.insert(0, shared.instance.clone());
    let mut more = false;
    for account in shared.catalog().accounts() {
        if !shared.catalog().watched().of(&account).is_empty() {
            shared.store.free_lines(&account, &live).await?;
        }
        if !with_steps(&account) {
            continue;
        }
        let left = shared.store.left(&account, &live, TAKEN_OVER).await?;
        more |= left.len() >= TAKEN_OVER as usize;
        let taken = left.into_iter().map(|row| {
            tracing::info!(transaction = %row.transaction, run = row.run, step = row.step.as_deref(), "taken over");
            Work::TakeOn { transaction: row.transaction, run: row.run, claim: row.claim }
        });
        if !all_own(shared, &account, taken).await {
            return Err(Error::Unavailable { reason: "not all could be taken over".into(), retry_after: RETRY_SOON });
        }
    }
    live.remove(0);
    Ok(Left { others: live, more })
}

/// Steps that a commit of this process has begun without its hearing of it. One that has just been
/// begun may not be at work yet: it must be seen twice.
async fn take_up(
    shared: &Arc<Shared>,
    mut others: Vec<String>,
    suspects: &mut HashSet<Claim>,
    quiet: &Quiet,
) -> Result<(), Error> {
    if others.is_empty() {
        others.push(String::new());
    }
    let mut found = HashSet::new();
    for account in shared.catalog().accounts().into_iter().filter(|account| quiet.may_have_steps(account)) {
        let mut rows = shared.store.left(&account, &others, TAKEN_UP).await?;
        rows.retain(|row| row.node.as_deref() == Some(&shared.instance) && !shared.at_work.has(row));
        found.extend(rows.iter().map(claim_of));
        rows.retain(|row| suspects.contains(&claim_of(row)));
        let taken = rows.into_iter().map(|row| {
            tracing::info!(transaction = %row.transaction, run = row.run, step = row.step.as_deref(), "taken up");
            Work::TakeOn { transaction: row.transaction, run: row.run, claim: row.claim }
        });
        all_own(shared, &account, taken).await;
    }
    *suspects = found;
    Ok(())
}

/// All at once, so that they share commits (one after another where the engine is played); false where
/// one could not be done.
async fn all_own(shared: &Arc<Shared>, account: &str, works: impl Iterator<Item = Work>) -> bool {
    let mut done = true;
    if shared.played.is_some() {
        for work in works {
            done &= shared.writer.own(account, work).await.is_ok();
            shared.at_work.none().await;
        }
        return done;
    }
    let mut asked = tokio::task::JoinSet::new();
    for work in works {
        let (shared, account) = (shared.clone(), account.to_owned());
        asked.spawn(async move { shared.writer.own(&account, work).await.is_ok() });
    }
    while let Some(result) = asked.join_next().await {
        done &= result.unwrap_or(false);
    }
    done
}

/// Cycles where a run waits for a place that there is: each commit gives the places that it frees, and
/// this finds what a limit that was raised, a start, or retention has left.
async fn overlooked_turns(shared: &Shared, account: &str) -> Result<Vec<Work>, Error> {
    let mut works = Vec::new();
    for cycle in shared.catalog().cycles(account) {
        let row = &cycle.row;
        if row.state == "running"
            && row.deleted_at.is_none()
            && let Some(most) = counted(cycle)
            && overlooked(cycle, &shared.store.turns(account, row.cycle_id, most).await?)
        {
            works.push(Work::Turns { cycle: row.cycle_id });
        }
    }
    Ok(works)
}

/// Answers the callers that a stop lets go, once for each stop: an operator's, or a failed step's, on
/// whatever node.
async fn release(shared: &Shared, released: &mut HashMap<Uuid, Micros>) {
    for account in shared.catalog().accounts() {
        for cycle in shared.catalog().cycles(&account) {
            let (row, id) = (&cycle.row, cycle.row.cycle_id);
            let Some(at) = row.stopped_at.filter(|_| row.state == "stopped" && row.deleted_at.is_none()) else {
                continue;
            };
            if released.get(&id) != Some(&at) && shared.writer.own(&account, Work::Release { cycle: id }).await.is_ok()
            {
                released.insert(id, at);
            }
        }
    }
}

/// Transactions whose retention has run out leave the lines of their cycles before they are removed,
/// so that those behind them move up. False where that could not be done.
async fn leave_lines(shared: &Arc<Shared>, account: &str, now: Micros) -> bool {
    let catalog = shared.catalog();
    for cycle in catalog.cycles(account).filter(|cycle| counted(cycle).is_some()) {
        loop {
            match shared.store.lapsed(account, cycle.row.cycle_id, now, SWEEP_CHUNK).await {
                Ok(lapsed) if lapsed.is_empty() => break,
                Ok(lapsed) => {
                    let works = lapsed.into_iter().map(|transaction| Work::Begin { transaction });
                    if !all_own(shared, account, works).await {
                        return false;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "what has expired could not be taken out of its line yet");
                    return false;
                }
            }
        }
    }
    true
}

/// Cycles whose stop is over 24 h ago and whose queue is not empty.
async fn overdue_queues(shared: &Shared, account: &str, now: Micros) -> Result<Vec<Uuid>, Error> {
    let catalog = shared.catalog();
    let over = catalog.cycles(account).any(|cycle| stop_ends(cycle).is_some_and(|at| at < now));
    if !over {
        return Ok(Vec::new());
    }
    let mut cycles = Vec::new();
    for (webhook, count) in shared.store.queued(account).await? {
        if count > 0
            && let Some((_, deployment)) = catalog.hook(&webhook)
            && stop_ends(deployment).is_some_and(|at| at < now)
            && !cycles.contains(&deployment.row.cycle_id)
        {
            cycles.push(deployment.row.cycle_id);
        }
    }
    Ok(cycles)
}

/// The last instant at which a stop still queues.
pub fn stop_ends(cycle: &crate::catalog::Deployment) -> Option<Micros> {
    let stopped = cycle.row.state == "stopped" && cycle.row.deleted_at.is_none();
    cycle.row.stopped_at.filter(|_| stopped).map(|at| at + micros(QUEUE_WINDOW))
}

/// Polling is the truth: an answer that no hint told of is found here.
async fn answer_waiting(shared: &Shared) -> Result<(), Error> {
    for (account, hits) in shared.waiters.pending() {
        for chunk in hits.chunks(500) {
            for row in shared.store.answers(&account, chunk).await? {
                let hit = row.hit;
                shared.waiters.tell(hit, &Answer::from_row(row)?);
            }
        }
    }
    Ok(())
}

/// Hears the other nodes' hints.
pub async fn hear(shared: Arc<Shared>) {
    let Some(mut hints) = shared.store.hints() else { return };
    loop {
        let heard = match hints.recv().await {
            Ok(Hint::Catalog) => shared.follow_catalog().await,
            Ok(Hint::Answered { account, hit }) => hear_answer(&shared, &account, hit).await,
            Ok(Hint::Changed { account, cycle, by }) => {
                if !shared.tallies.is_own(by) {
                    tally::tell_changed(&shared, &account, cycle);
                }
                Ok(())
            }
            Err(RecvError::Lagged(_)) => answer_waiting(&shared).await,
            Err(RecvError::Closed) => return,
        };
        if let Err(error) = heard {
            tracing::debug!(error = %error.for_log(), "a hint could not be followed; polling will");
        }
    }
}

async fn hear_answer(shared: &Shared, account: &str, hit: Uuid) -> Result<(), Error> {
    if !shared.waiters.waits(hit) {
        return Ok(());
    }
    for row in shared.store.answers(account, &[hit]).await? {
        shared.waiters.tell(hit, &Answer::from_row(row)?);
    }
    Ok(())
}

/// What was told is kept for as long as it can be sent again.
async fn forget_deliveries(shared: &Arc<Shared>, account: &str, now: Micros) {
    let before = floor_of(now - micros(notify::KEPT));
    loop {
        match shared.store.forget_deliveries(account, before, SWEEP_CHUNK).await {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => return,
            Err(error) => return tracing::warn!(%error, "old deliveries could not be removed yet"),
        }
    }
}

async fn forget_tallies(shared: &Arc<Shared>, account: &str, now: Micros) {
    loop {
        match shared.store.forget_tallies(account, tally::hour_of(now) - tally::KEPT, SWEEP_CHUNK).await {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => return,
            Err(error) => return tracing::warn!(%error, "old figures could not be removed yet"),
        }
    }
}

pub async fn sweep(shared: &Arc<Shared>) {
    shared.forget_accounts().await;
    let now = shared.clock.now();
    shared.sweep_sessions(now).await;
    let all = shared.deliveries.sweeps_all();
    for account in shared.catalog().accounts() {
        if !leave_lines(shared, &account, now).await {
            continue;
        }
        forget_tallies(shared, &account, now).await;
        if all || !shared.catalog().watched().of(&account).is_empty() {
            forget_deliveries(shared, &account, now).await;
        }
        loop {
            match shared.store.sweep(&account, now, SWEEP_CHUNK).await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "what has expired could not be removed yet");
                    break;
                }
            }
        }
    }
}
