//! One commit: a batch of work, decided in rounds under the account's lock.
//!
//! A round reads set by set, runs the machine in memory, and writes set by set. Two pieces of work
//! that could touch the same transaction are never in one round: the later waits for the next one,
//! which sees what the first wrote. What a round leads to (an early hit for a new hold) is done in
//! the next round of the same commit. So the work of a batch happens one after another, in an order
//! that nobody can tell from the order of arrival, since nobody has been answered.

mod arrive;
mod correlate;
mod direct;
mod early;
mod finish;
mod incoming;
mod keep;
mod repeats;
mod retained;
mod run;
mod several;
mod turns;
mod underway;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use holdfast_definitions::Json;
use uuid::Uuid;

pub use direct::{expired_in_queue, key_names};
pub use keep::full;
pub use repeats::{RepeatName, body_hash, header_hash};
pub use retained::tells;
pub use run::Task;
pub use run::{hex, unhex};
pub use several::Decided;
pub use turns::{counted, overlooked};
pub use underway::is_busy;

use crate::{
    Answer, Error, LiveEvent,
    catalog::Catalog,
    clock::Micros,
    id::Ids,
    limits::Limits,
    notify::post,
    ongoing::Ongoing,
    store::{Commit, Head, Writes},
    tally::Tally,
    waiters::Waiters,
    work::{Item, Outcome, OutcomeReply, Work},
    writer::phase,
};

/// What one commit leaves to be told once it is durable.
#[derive(Debug, Default)]
pub struct Told {
    pub outcomes: Vec<Option<Result<Outcome, Error>>>,
    pub answers: Vec<Given>,
    pub events: Vec<LiveEvent>,
    /// Runs by how they ended: held, completed, failed.
    pub ends: Ends,
    /// Figures of cycles and steps.
    pub tally: Tally,
    pub catalog_changed: bool,
    /// Steps to be done outside of a commit, from now on.
    pub calls: Vec<Ongoing>,
    /// There is something for endpoints.
    pub posted: bool,
    /// When the first of what it has left to time is due.
    pub due: Option<Micros>,
}

/// When the first of the timers is due.
fn due(writes: &Writes) -> Option<Micros> {
    writes.timers.iter().map(|timer| timer.due_at).min()
}

/// An answer that a commit gave.
#[derive(Debug)]
pub struct Given {
    pub hit: Uuid,
    pub answer: Answer,
    /// Its caller may wait for it on another connection, or on another node.
    pub elsewhere: bool,
}

/// How many runs of a commit ended how.
#[derive(Debug, Default)]
pub struct Ends {
    pub held: u64,
    pub completed: u64,
    pub failed: u64,
}

/// What a batch needs from the engine.
pub struct Surroundings<'a> {
    pub account: &'a str,
    pub catalog: Arc<Catalog>,
    pub limits: &'a Limits,
    /// What may be read of the environment.
    pub env: &'a dyn holdfast_definitions::Lookup,
    /// The process, as it stands beside the steps that it does.
    pub instance: &'a str,
    pub waiters: &'a Waiters,
    /// Somebody listens to events.
    pub heard: bool,
}

pub struct Batch<'a> {
    around: Surroundings<'a>,
    commit: Box<dyn Commit>,
    head: Head,
    ids: &'a mut Ids,
    writes: Writes,
    told: Told,
    next: VecDeque<Item>,
    /// Transactions that this round has touched.
    busy: HashSet<Uuid>,
    /// Repeat keys that this round has seen.
    seen: HashSet<(String, Vec<u8>)>,
    /// Early hits given to a transaction in this commit.
    claimed: HashSet<Uuid>,
    /// Callers of hits that matched nothing so far.
    unmatched: HashMap<Uuid, Unmatched>,
    /// Cycles that a failed step of this round stops.
    stops: Vec<Uuid>,
    /// Cycles that one of this commit has stopped.
    stopped: HashSet<Uuid>,
    turns: turns::Turns,
    groups: Vec<several::Group>,
    /// Groups that can't be decided.
    refused: Vec<(usize, Error)>,
    /// What parts' transactions came to, by ticket.
    statuses: HashMap<usize, &'static str>,
    /// Parts that a stop has queued.
    queued: HashSet<usize>,
}

/// A hit that matched nothing in an earlier round of this commit: an early match may still come.
#[derive(Debug)]
struct Unmatched {
    ticket: Option<usize>,
    /// Its caller would wait for an answer, were there a transaction.
    synchronous: bool,
}

impl<'a> Batch<'a> {
    pub fn new(around: Surroundings<'a>, commit: Box<dyn Commit>, ids: &'a mut Ids, tickets: usize) -> Self {
        let head = commit.head();
        let told = Told {
            outcomes: std::iter::repeat_with(|| None).take(tickets).collect(),
            tally: Tally::at(head.now),
            ..Told::default()
        };
        Self {
            around,
            commit,
            head,
            ids,
            writes: Writes::default(),
            told,
            next: VecDeque::new(),
            busy: HashSet::new(),
            seen: HashSet::new(),
            claimed: HashSet::new(),
            unmatched: HashMap::new(),
            stops: Vec::new(),
            stopped: HashSet::new(),
            turns: turns::Turns::default(),
            groups: Vec::new(),
            refused: Vec::new(),
            statuses: HashMap::new(),
            queued: HashSet::new(),
        }
    }

    /// Decides all of it and commits. On an error, or where a group is refused, nothing was done.
    pub async fn decide(mut self, items: Vec<Item>) -> Result<Decided, Error> {
        self.next.extend(items);
        while !self.next.is_empty() {
            let items = self.take_round();
            self.busy.clear();
            self.seen.clear();
            self.round(items).await?;
        }
        self.answer_unmatched();
        let refused = self.conclude();
        if !refused.is_empty() {
            return Ok(Decided::Refused(refused));
        }
        self.post().await?;
        self.count();
        self.told.due = self.told.due.into_iter().chain(due(&self.writes)).min();
        let began = Instant::now();
        self.commit.commit_with(&self.writes).await?;
        phase("write", began);
        Ok(Decided::Done(self.told))
    }

    /// Hits out of the queue are run one after another, in the order in which they were accepted:
    /// their senders know it. Everything else of a batch came at once.
    fn take_round(&mut self) -> VecDeque<Item> {
        let queued = |item: &Item| matches!(item.work, Work::Queued(_));
        let length = match self.next.iter().position(queued) {
            Some(0) => 1,
            Some(at) => at,
            None => self.next.len(),
        };
        self.next.drain(..length).collect()
    }

    async fn round(&mut self, items: VecDeque<Item>) -> Result<(), Error> {
        // A round reads what the one before it wrote.
        self.flush().await?;
        let items = self.spread(items).await?;
        let is_hit =
            |work: &Work| matches!(work, Work::Receive(_) | Work::Part(_) | Work::Replay(..) | Work::Queued(_));
        let (arriving, direct): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| is_hit(&item.work));
        let mut tasks = self.direct(direct).await?;
        tasks.extend(self.arrive(arriving).await?);
        let began = Instant::now();
        let holds = self.run(tasks).await?;
        phase("run", began);
        self.stop_cycles().await?;
        self.look_for_next();
        self.offer_early(holds).await
    }

    /// What is written last travels with the commit.
    async fn flush(&mut self) -> Result<(), Error> {
        if self.writes.is_empty() {
            return Ok(());
        }
        self.count();
        let writes = std::mem::take(&mut self.writes);
        self.told.due = self.told.due.into_iter().chain(due(&writes)).min();
        Ok(self.commit.write(&writes).await?)
    }

    /// Figures of what is about to be written: hits of cycles' webhooks, and transactions that start.
    fn count(&mut self) {
        for hit in &self.writes.hits {
            if let Some((_, deployment)) = self.around.catalog.hook(&hit.webhook) {
                self.told.tally.hit(deployment.row.cycle_id);
            }
        }
        for transaction in &self.writes.transactions {
            self.told.tally.started(transaction.cycle_id);
        }
    }

    /// Work that must see what this round writes.
    fn later(&mut self, item: Item) {
        self.next.push_back(item);
    }

    /// A hit that must see what this round writes.
    fn again(&mut self, hit: incoming::Incoming) {
        if let Some(work) = hit.work {
            self.later(Item { work, ticket: hit.ticket });
        }
    }

    fn settle(&mut self, ticket: Option<usize>, outcome: Result<Outcome, Error>) {
        if let Some(ticket) = ticket {
            self.told.outcomes[ticket] = Some(outcome);
        }
    }

    /// There was nothing to do, or what there was is told already.
    fn nothing_left(&mut self, ticket: Option<usize>) {
        if let Some(ticket) = ticket {
            self.told.outcomes[ticket].get_or_insert_with(|| Ok(Outcome::accepted(None, None)));
        }
    }

    fn event(
        &mut self,
        event: &'static str,
        cycle: &str,
        step: Option<&str>,
        transaction: Option<Uuid>,
        hit: Option<Uuid>,
    ) {
        if !self.around.heard {
            return;
        }
        self.told.events.push(LiveEvent {
            account: self.around.account.to_owned(),
            event: event.into(),
            data: None,
            cycle: cycle.to_owned(),
            transaction: transaction.map(crate::TransactionId),
            hit: hit.map(crate::HitId),
            step: step.map(str::to_owned),
            hops: 0,
        });
    }

    /// What is known besides of the event that was told last.
    fn with(&mut self, data: Option<Json>, hops: u32) {
        if self.around.heard
            && let Some(event) = self.told.events.last_mut()
        {
            event.data = data;
            event.hops = hops;
        }
    }

    /// What endpoints are told of all this.
    async fn post(&mut self) -> Result<(), Error> {
        let watched = self.around.catalog.watched();
        let posting = post(watched, self.around.account, (self.head.now, self.ids), &self.told.events, None);
        self.told.posted = !posting.messages.is_empty();
        Ok(posting.write(&mut *self.commit).await?)
    }

    /// Synchronous callers whose hit is unmatched after all: `200 Webhook accepted.`, for good.
    fn answer_unmatched(&mut self) {
        for (hit, unmatched) in std::mem::take(&mut self.unmatched) {
            if unmatched.synchronous {
                self.writes.answers.push(Answer::Accepted.to_row(
                    hit,
                    None,
                    None,
                    self.answer_kept_until(self.head.now),
                ));
                self.told.answers.push(Given { hit, answer: Answer::Accepted, elsewhere: true });
            }
            self.settle(unmatched.ticket, Ok(Outcome::accepted(Some(hit), None)));
        }
    }

    /// An answer stays for as long as a repeated delivery may ask for it.
    fn answer_kept_until(&self, expires_at: i64) -> i64 {
        expires_at.max(self.head.now + crate::clock::micros(crate::limits::REPEAT_WINDOW))
    }

    fn rejected(&mut self, ticket: Option<usize>, hit: Uuid, reply: OutcomeReply) {
        self.settle(ticket, Ok(Outcome { hit: Some(hit), transaction: None, reply }));
    }
}
