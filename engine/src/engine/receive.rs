//! The way of a hit: accepted, and its caller answered.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Engine, Shared};
use crate::{
    Admission, Answer, AnswerLookup, Arrival, Door, Error, HitId, Reception, RepeatHeader, Reply, TransactionId,
    TransactionStatus, callers,
    catalog::Hook,
    clock::micros,
    limits::REPEAT_WINDOW,
    round::{body_hash, header_hash},
    steps::answer_in,
    store::HitRow,
    work::{Outcome, OutcomeReply, Work},
};

impl Engine {
    /// The answer of an earlier delivery with this header key, if there was one (waited for while it
    /// is in progress). Asked before the body is parsed: `arrival.body` is not looked at. The
    /// repeat is kept as a hit of its own, `duplicate`. `KeyReused` where an `Idempotency-Key` came
    /// with another body.
    pub async fn recall(&self, arrival: &Arrival) -> Result<Option<Reception>, Error> {
        let Some(repeat) = &arrival.repeat else { return Ok(None) };
        if let Some(shared) = self.shared_at(&arrival.webhook) {
            return self.recall_shared(&shared, arrival).await;
        }
        let (hook, account) = self.hook(&arrival.webhook)?;
        let shared = &self.shared;
        let found = shared.store.repeat(&account, &arrival.webhook, &header_hash(repeat)).await?;
        let oldest = shared.clock.now() - micros(REPEAT_WINDOW);
        let Some(first) = found.filter(|row| row.at > oldest) else { return Ok(None) };
        if matches!(repeat, RepeatHeader::IdempotencyKey(_)) && first.body_hash != body_hash(&arrival.raw) {
            return Err(Error::KeyReused);
        }
        let work = Work::Duplicate { arrival: Arc::new(arrival.clone()), first: first.hit };
        shared.writer.ask(&account, work).await?;
        self.repeated(&account, &hook, first.hit, patience(&hook, arrival)).await.map(Some)
    }

    /// Limit where so many hits wait for a commit that one more had better come later. Asked before a
    /// hit is read and decoded, so that those that are refused take nothing from those that are not.
    pub fn has_room(&self) -> Result<(), Error> {
        self.shared.writer.has_room()
    }

    /// `Limit` where the door's account has as much as it may have. Asked before a hit is read.
    pub async fn has_share(&self, door: &Door) -> Result<(), Error> {
        let starts = door.webhook().mapping.is_none() && door.admission == Admission::Run;
        self.shared.has_share(&door.account, starts).await
    }

    /// Accepts a hit: on return it is on disk with all that it did, and for a synchronous webhook
    /// its answer came or its time-out passed.
    pub async fn receive(&self, arrival: Arrival) -> Result<Reception, Error> {
        if let Some(shared) = self.shared_at(&arrival.webhook) {
            return self.receive_shared(&shared, arrival).await;
        }
        let (hook, account) = self.hook(&arrival.webhook)?;
        let patience = patience(&hook, &arrival);
        let runs = || self.door(&hook.identifier).is_some_and(|door| door.admission == Admission::Run);
        let place = self.shared.place(&account, || hook.is_start() && runs(), arrival.raw.len() as u64).await?;
        let outcome = self.shared.writer.ask(&account, Work::Receive(Arc::new(arrival))).await?;
        place.kept();
        self.resolve(&account, &hook, outcome, patience).await
    }

    /// As [`Self::repeated`], for a request at a connector's webhook.
    pub(super) async fn repeated_hit(&self, door: &crate::Door, hit: Uuid) -> Result<Reception, Error> {
        let (hook, account) = self.hook(&door.identifier)?;
        self.repeated(&account, &hook, hit, hook.webhook().timeout).await
    }

    async fn resolve(
        &self,
        account: &str,
        hook: &Hook,
        outcome: Outcome,
        patience: Duration,
    ) -> Result<Reception, Error> {
        let hit = outcome.hit.ok_or_else(|| Error::Internal("a hit without an id".into()))?;
        let transaction = outcome.transaction;
        let (replayed, reply) = match outcome.reply {
            OutcomeReply::Accepted
            | OutcomeReply::More
            | OutcomeReply::Stale
            | OutcomeReply::Several(_)
            | OutcomeReply::Elements(_) => (false, Reply::Accepted),
            OutcomeReply::Answer(answer) => (false, given(answer)),
            OutcomeReply::NoMatch { reason } => (false, Reply::NoMatch { reason }),
            OutcomeReply::Ambiguous => (false, Reply::Ambiguous),
            OutcomeReply::Wait(told) => {
                (false, self.shared.await_answer(account, hit, transaction, told, patience).await?)
            }
            OutcomeReply::Repeat => return self.repeated(account, hook, hit, patience).await,
        };
        let transaction = match (&reply, transaction) {
            // It was queued: its transaction began while its caller waited.
            (Reply::Answer(_) | Reply::Accepted | Reply::Pending { .. }, None) => {
                self.transaction_of(account, hook, hit).await.unwrap_or_default()
            }
            (_, known) => known,
        };
        Ok(Reception { hit: HitId(hit), transaction: transaction.map(TransactionId), replayed, reply })
    }

    async fn transaction_of(&self, account: &str, hook: &Hook, hit: Uuid) -> Result<Option<Uuid>, Error> {
        if !hook.webhook().synchronous {
            return Ok(None);
        }
        let row = self.shared.store.hit(account, std::slice::from_ref(&hook.identifier), hit).await?;
        Ok(row.and_then(|row| row.transaction))
    }

    /// The answer of an earlier delivery, waited for while it is in progress.
    async fn repeated(&self, account: &str, hook: &Hook, hit: Uuid, patience: Duration) -> Result<Reception, Error> {
        let shared = &self.shared;
        let row = shared.store.hit(account, std::slice::from_ref(&hook.identifier), hit).await?;
        // Its transaction may be past its retention while the repeat is still recognised.
        let transaction = match &row {
            Some(row) if self.is_visible(account, row).await? => row.transaction,
            _ => None,
        };
        // Registered before the look, so that an answer given in between is not missed.
        let told = shared.waiters.register(account, hit, None);
        let reply = match shared.answer_of(account, hit, row.as_ref()).await? {
            Some(answer) => given(answer),
            None => shared.await_answer(account, hit, transaction, told, patience).await?,
        };
        Ok(Reception { hit: HitId(hit), transaction: transaction.map(TransactionId), replayed: true, reply })
    }

    pub async fn answer(&self, identifier: &str, hit: HitId) -> Result<AnswerLookup, Error> {
        if let Some(shared) = self.shared_at(identifier) {
            return self.answer_shared(&shared, hit).await;
        }
        let (hook, account) = self.hook(identifier)?;
        let shared = &self.shared;
        let not_found = || Error::NotFound { what: "hit", id: hit.to_string() };
        let row = shared.store.hit(&account, std::slice::from_ref(&hook.identifier), hit.0).await?;
        let row = row.ok_or_else(not_found)?;
        if !self.is_visible(&account, &row).await? {
            return Err(not_found());
        }
        let transaction = row.transaction.map(TransactionId);
        Ok(match shared.answer_of(&account, hit.0, Some(&row)).await? {
            Some(answer) => AnswerLookup::Ready(Reception { hit, transaction, replayed: false, reply: given(answer) }),
            None => AnswerLookup::Pending { transaction, status: shared.status_of(&account, row.transaction).await? },
        })
    }

    fn hook(&self, identifier: &str) -> Result<(Arc<Hook>, String), Error> {
        let catalog = self.shared.catalog();
        let found = catalog.hook(identifier).map(|(hook, cycle)| (hook.clone(), cycle.row.account.clone()));
        found.ok_or_else(|| Error::NotFound { what: "webhook", id: identifier.to_owned() })
    }
}

/// How long a caller waits: the webhook's time-out, or less where the caller asks for less.
fn patience(hook: &Hook, arrival: &Arrival) -> Duration {
    let timeout = hook.webhook().timeout;
    arrival.wait.map_or(timeout, |wait| wait.min(timeout))
}

/// The plain acceptance is one thing, however it came about.
fn given(answer: Answer) -> Reply {
    match answer {
        Answer::Accepted => Reply::Accepted,
        answer => Reply::Answer(answer),
    }
}

impl Shared {
    /// The answer as it stands: none while its caller could still be given one.
    async fn answer_of(&self, account: &str, hit: Uuid, row: Option<&HitRow>) -> Result<Option<Answer>, Error> {
        if let Some(row) = self.store.answers(account, &[hit]).await?.pop() {
            return Answer::from_row(row).map(Some);
        }
        let Some(row) = row else { return Ok(Some(Answer::Accepted)) };
        if row.status == "queued" {
            let synchronous = self.catalog().hook(&row.webhook).is_some_and(|(hook, _)| hook.webhook().synchronous);
            return Ok((!synchronous).then_some(Answer::Accepted));
        }
        let Some(transaction) = row.transaction else { return Ok(Some(Answer::Accepted)) };
        let callers = match self.store.transaction(account, transaction).await? {
            Some(row) => callers::from_text(row.callers.as_deref())?,
            None => Vec::new(),
        };
        if callers.iter().any(|caller| caller.hit == hit) {
            return Ok(None);
        }
        // It may have been given between the two looks.
        if let Some(row) = self.store.answers(account, &[hit]).await?.pop() {
            return Answer::from_row(row).map(Some);
        }
        let run = match row.run {
            Some(run) => self.store.run(account, transaction, run).await?,
            None => None,
        };
        let kept = run.map(|run| answer_in(&run.run, hit)).transpose()?.flatten();
        Ok(Some(kept.map_or(Answer::Accepted, |(_, answer)| answer)))
    }

    async fn await_answer(
        &self,
        account: &str,
        hit: Uuid,
        transaction: Option<Uuid>,
        told: oneshot::Receiver<Answer>,
        patience: Duration,
    ) -> Result<Reply, Error> {
        let mut closing = self.closing.subscribe();
        let mut stay = None;
        let passed = async {
            match self.played {
                // Whoever moves the clock lets it go, and goes on when this answer is made up.
                Some(_) => {
                    let until = self.clock.now().saturating_add(micros(patience));
                    let _ = stay.insert(self.waiters.keep_until(hit, until));
                    std::future::pending().await
                }
                None => tokio::time::sleep(patience).await,
            }
        };
        let answer = tokio::select! {
            biased;
            told = told => told.ok(),
            () = passed => None,
            _ = closing.wait_for(|closing| *closing) => None,
        };
        if let Some(answer) = answer {
            return Ok(given(answer));
        }
        // The stored answer is the truth: it may be there though no hint came. The hit is accepted
        // whatever the store says now: at worst its answer is to be had later.
        match self.store.answers(account, &[hit]).await {
            Ok(mut rows) => match rows.pop() {
                Some(row) => Answer::from_row(row).map(given),
                None => Ok(Reply::Pending { status: self.status_or_guess(account, transaction).await }),
            },
            Err(_) => Ok(Reply::Pending { status: self.status_or_guess(account, transaction).await }),
        }
    }

    /// A caller that waits does so for a transaction that is held, unless its hit is still queued.
    async fn status_or_guess(&self, account: &str, transaction: Option<Uuid>) -> TransactionStatus {
        let guess = if transaction.is_some() { TransactionStatus::Held } else { TransactionStatus::Queued };
        self.status_of(account, transaction).await.unwrap_or(guess)
    }

    async fn status_of(&self, account: &str, transaction: Option<Uuid>) -> Result<TransactionStatus, Error> {
        let Some(id) = transaction else { return Ok(TransactionStatus::Queued) };
        let row = self.store.transaction(account, id).await?;
        Ok(row.and_then(|row| TransactionStatus::from_word(&row.status)).unwrap_or(TransactionStatus::Held))
    }
}
