//! The one writer of a node: it gathers what waits and commits it together.
//!
//! Nothing waits when it is idle; while a commit is under way the next batch gathers by itself. A
//! batch whose commit the store refuses is tried again one by one, so that one bad row does not
//! sink its neighbours; one that the store could not take is refused whole, and nothing was done.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Instant,
};

use indexmap::IndexMap;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    Error,
    admin::{Admin, Done},
    engine::Shared,
    id::Ids,
    limits::RETRY_SOON,
    round::{Batch, Decided, Surroundings, Told},
    runner,
    work::{Item, Outcome, Reply, Work},
};

/// Work in one commit. More than this waits for the next one, which bounds a commit's length.
const BATCH_MAX: usize = 1_024;
/// Work that may wait for a commit. Beyond it callers are refused at once rather than kept.
const QUEUE_MAX: usize = 4_096;
/// From here on a hit is refused before it is read: those that are being read take what is left.
const QUEUE_BUSY: u64 = 3_072;

#[derive(Debug)]
pub enum Job {
    Work { account: String, work: Work, reply: Reply },
    Admin { account: String, admin: Box<Admin>, reply: oneshot::Sender<Result<Done, Error>> },
}

#[derive(Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
    refusing: AtomicBool,
    waiting: AtomicU64,
    /// Jobs asked for and not yet committed or refused.
    unfinished: AtomicU64,
    finished: Notify,
}

impl Writer {
    pub fn new() -> (Self, mpsc::Receiver<Job>) {
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        (
            Self {
                jobs,
                refusing: AtomicBool::new(false),
                waiting: AtomicU64::new(0),
                unfinished: AtomicU64::new(0),
                finished: Notify::new(),
            },
            queue,
        )
    }

    pub fn refuse(&self) {
        self.refusing.store(true, Ordering::Release);
    }

    pub fn is_refusing(&self) -> bool {
        self.refusing.load(Ordering::Acquire)
    }

    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Limit where a hit would wait behind more than may be waited for.
    pub fn has_room(&self) -> Result<(), Error> {
        if self.waiting() < QUEUE_BUSY {
            return Ok(());
        }
        Err(Error::Limit { limit: "commit queue", max: QUEUE_BUSY, retry_after: RETRY_SOON })
    }

    /// Work of a caller: refused while the node is shutting down or its queue is full.
    pub async fn ask(&self, account: &str, work: Work) -> Result<Outcome, Error> {
        if self.is_refusing() {
            return Err(shutting_down());
        }
        self.own(account, work).await
    }

    /// Work of the engine's own, done even while new work is refused.
    pub async fn own(&self, account: &str, work: Work) -> Result<Outcome, Error> {
        let (reply, told) = oneshot::channel();
        self.send(Job::Work { account: account.to_owned(), work, reply })?;
        told.await.unwrap_or_else(|_| Err(shutting_down()))
    }

    pub async fn admin(&self, account: &str, admin: Admin) -> Result<Done, Error> {
        if self.is_refusing() {
            return Err(shutting_down());
        }
        let (reply, told) = oneshot::channel();
        self.send(Job::Admin { account: account.to_owned(), admin: Box::new(admin), reply })?;
        told.await.unwrap_or_else(|_| Err(shutting_down()))
    }

    /// Returns once everything that was asked for is committed.
    pub async fn drained(&self) {
        loop {
            let finished = self.finished.notified();
            if self.unfinished.load(Ordering::Acquire) == 0 {
                return;
            }
            finished.await;
        }
    }

    fn send(&self, job: Job) -> Result<(), Error> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        self.jobs.try_send(job).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.unfinished.fetch_sub(1, Ordering::AcqRel);
            match error {
                mpsc::error::TrySendError::Full(_) => Error::Unavailable {
                    reason: "too many requests wait for a commit (commit queue)".into(),
                    retry_after: RETRY_SOON,
                },
                mpsc::error::TrySendError::Closed(_) => shutting_down(),
            }
        })
    }
}

pub fn shutting_down() -> Error {
    Error::Unavailable { reason: "shutting down".into(), retry_after: RETRY_SOON }
}

/// What the writer works from.
struct Gathering {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Job>,
    ids: Ids,
    /// Taken from the queue and not for the commit that was under way.
    carried: Vec<Job>,
    /// Taken from the queue since `finish`.
    taken: u64,
}

/// The work of one account that is to be one commit.
type Group = (Vec<Work>, Vec<Reply>);

impl Gathering {
    /// What waits, once something does. Nothing: every sender is gone.
    async fn next(&mut self) -> Vec<Job> {
        let mut jobs = std::mem::take(&mut self.carried);
        if jobs.is_empty() {
            let taken = self.queue.recv_many(&mut jobs, BATCH_MAX).await;
            self.count(taken as u64);
        }
        jobs
    }

    /// What has come for the account since, in order.
    fn more(&mut self, account: &str, group: &mut Group) {
        while group.0.len() < BATCH_MAX {
            let Ok(job) = self.queue.try_recv() else { return };
            self.count(1);
            match job {
                Job::Work { account: of, work, reply } if of == account => {
                    group.0.push(work);
                    group.1.push(reply);
                }
                other => {
                    self.carried.push(other);
                    return;
                }
            }
        }
    }

    fn count(&mut self, taken: u64) {
        self.taken += taken;
        self.shared.writer.waiting.fetch_sub(taken, Ordering::Relaxed);
    }

    /// All that was taken, but for what is carried over, has been answered.
    fn finish(&mut self) {
        let carried = self.carried.len() as u64;
        let done = std::mem::replace(&mut self.taken, carried) - carried;
        self.shared.writer.unfinished.fetch_sub(done, Ordering::AcqRel);
        self.shared.writer.finished.notify_waiters();
    }
}

/// Commits until every sender is gone or `close` is called.
pub async fn run(shared: Arc<Shared>, queue: mpsc::Receiver<Job>, ids: Ids) {
    let mut gathering = Gathering { shared, queue, ids, carried: Vec::new(), taken: 0 };
    loop {
        let jobs = gathering.next().await;
        if jobs.is_empty() {
            return;
        }
        if unpanicked(commit_all(&mut gathering, jobs)).await.is_none() {
            tracing::error!("a batch ended in a panic; its callers were refused");
        }
        gathering.finish();
    }
}

/// A bug in one batch must not end the writer: none, where the future panicked.
async fn unpanicked<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        // What it leaves behind is queues and counts, each changed in one step.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
    })
    .await
}

async fn commit_all(gathering: &mut Gathering, jobs: Vec<Job>) {
    // What one account asked for keeps its order; accounts have none among each other.
    let mut groups: IndexMap<String, Group> = IndexMap::new();
    for job in jobs {
        match job {
            Job::Work { account, work, reply } => {
                let group = groups.entry(account).or_default();
                group.0.push(work);
                group.1.push(reply);
            }
            Job::Admin { account, admin, reply } => {
                if let Some(group) = groups.shift_remove(&account) {
                    commit_group(gathering, &account, group, false).await;
                }
                let done = gathering.shared.administer(&account, *admin).await;
                let _ = reply.send(done);
            }
        }
    }
    let last = groups.len().saturating_sub(1);
    for (at, (account, group)) in groups.into_iter().enumerate() {
        commit_group(gathering, &account, group, at == last).await;
    }
}

/// `gathers`: what comes while the account's lock is waited for is taken along.
async fn commit_group(gathering: &mut Gathering, account: &str, mut group: Group, gathers: bool) {
    let began = Instant::now();
    let result = commit(gathering, account, &mut group, gathers).await;
    let shared = gathering.shared.clone();
    if group.0.is_empty() {
        return;
    }
    let (works, replies) = group;
    metrics::histogram!("holdfast_commit_batch_size").record(works.len() as f64);
    metrics::histogram!("holdfast_commit_seconds").record(began.elapsed().as_secs_f64());
    if matches!(result, Err(Error::Unknown)) {
        shared.at_work.unheard();
    }
    match result {
        Ok(told) => tell(&shared, account, told, replies).await,
        Err(error) if works.len() > 1 && is_about_a_row(&error) => {
            tracing::warn!(%error, works = works.len(), "a batch was refused: its work is tried one by one");
            for (work, reply) in works.into_iter().zip(replies) {
                let mut one = (vec![work], vec![reply]);
                match commit(gathering, account, &mut one, false).await {
                    Ok(told) => tell(&shared, account, told, one.1).await,
                    Err(error) => refuse(one.1, &error),
                }
            }
        }
        Err(error) => refuse(replies, &error),
    }
}

/// Where the time of a commit goes.
pub fn phase(phase: &'static str, began: Instant) {
    metrics::histogram!("holdfast_commit_phase_seconds", "phase" => phase).record(began.elapsed().as_secs_f64());
}

fn is_about_a_row(error: &Error) -> bool {
    !matches!(error, Error::Unavailable { .. } | Error::Unknown)
}

fn refuse(replies: Vec<Reply>, error: &Error) {
    tracing::error!(error = %error.for_log(), callers = replies.len(), "a commit failed; nothing of it was acknowledged");
    metrics::counter!("holdfast_commits_failed_total").increment(1);
    for reply in replies {
        let _ = reply.send(Err(error.again()));
    }
}

/// Those that are refused are answered and taken out; the others are decided again without them.
async fn commit(gathering: &mut Gathering, account: &str, group: &mut Group, gathers: bool) -> Result<Told, Error> {
    loop {
        match decide(gathering, account, group, gathers).await? {
            Decided::Done(told) => return Ok(told),
            Decided::Refused(refused) => leave_out(group, refused),
        }
        if group.0.is_empty() {
            return Ok(Told::default());
        }
    }
}

fn leave_out(group: &mut Group, refused: Vec<(usize, Error)>) {
    let mut refused: HashMap<usize, Error> = refused.into_iter().collect();
    let (works, replies) = std::mem::take(group);
    for (ticket, (work, reply)) in works.into_iter().zip(replies).enumerate() {
        match refused.remove(&ticket) {
            Some(error) => drop(reply.send(Err(error))),
            None => {
                group.0.push(work);
                group.1.push(reply);
            }
        }
    }
}

async fn decide(gathering: &mut Gathering, account: &str, group: &mut Group, gathers: bool) -> Result<Decided, Error> {
    let shared = gathering.shared.clone();
    let began = Instant::now();
    let commit = shared.begin(account).await?;
    phase("begin", began);
    if gathers {
        gathering.more(account, group);
    }
    let works = &group.0;
    let revision = commit.head().revision;
    // The catalog is the newest: whoever changes it holds the lock that is held here.
    let catalog = shared.catalog_at(account, revision).await?;
    let heard = shared.is_heard() || catalog.watched().is_watched(account);
    let around = Surroundings {
        account,
        catalog,
        limits: &shared.limits,
        env: &shared.environment,
        instance: &shared.instance,
        waiters: &shared.waiters,
        heard,
    };
    let items =
        works.iter().enumerate().map(|(ticket, work)| Item { work: work.clone(), ticket: Some(ticket) }).collect();
    Batch::new(around, commit, &mut gathering.ids, works.len()).decide(items).await
}

/// After the commit, from what was committed.
async fn tell(shared: &Arc<Shared>, account: &str, told: Told, replies: Vec<Reply>) {
    metrics::counter!("holdfast_commits_total").increment(1);
    if told.catalog_changed {
        shared.refresh_catalog_or_warn().await;
    }
    let given = told.answers.iter().filter(|given| given.elsewhere);
    let elsewhere: Vec<_> =
        given.filter(|given| !shared.waiters.tell(given.hit, &given.answer)).map(|given| given.hit).collect();
    shared.hint_answered(account, elsewhere);
    shared.tallies.add(account, told.tally);
    if let (Some(played), Some(due)) = (&shared.played, told.due) {
        played.will_be_due(due);
    }
    if told.posted {
        shared.deliveries.wake(account);
    }
    for ongoing in told.calls {
        runner::perform(shared, account, ongoing);
    }
    for (reply, outcome) in replies.into_iter().zip(told.outcomes) {
        let outcome = outcome.unwrap_or_else(|| Err(Error::Internal("a piece of work was left undecided".into())));
        let _ = reply.send(outcome);
    }
    let ends = [("held", told.ends.held), ("completed", told.ends.completed), ("failed", told.ends.failed)];
    for (status, count) in ends {
        if count > 0 {
            metrics::counter!("holdfast_runs_total", "status" => status).increment(count);
        }
    }
    for event in told.events {
        shared.tell_event(event);
    }
}
