//! A hit of a shared webhook, on its way to the cycles that are attached.
//!
//! Invariant: in one account, all of them take it or none, in one commit. To several accounts it goes
//! from a record in the owner's, account by account: each takes it once, however often it is handed on,
//! and the record stands until the last has it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use holdfast_definitions::{Json, Members};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Engine, Shared, shared::value_hash};
use crate::{
    Answer, AnswerLookup, Application, Arrival, Error, HitId, HitStatus, Reception, RepeatHeader, Reply, TransactionId,
    TransactionStatus,
    address::SharedWebhook,
    admin::{Admin, CLAIMANTS_MAX, SharedChange},
    clock::{Micros, micros},
    history::{output, output_of},
    id::floor_of,
    limits::REPEAT_WINDOW,
    round::{RepeatName, body_hash, header_hash},
    several::{Destination, Guard, Several, list, listed},
    store::{Commit, FanOutRow, HitRow},
    work::{Outcome, OutcomeReply, Work},
};

/// Hits that one look takes up.
const TAKEN_UP: i64 = 200;
/// A hit younger than this is still with the process that accepted it.
const YOUNG: Micros = 2_000_000;

/// Hits that this process is handing on to several accounts.
#[derive(Debug, Default)]
pub struct HandedOn(Mutex<HashSet<Uuid>>);

impl HandedOn {
    fn begin(&self, hit: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hit)
    }

    fn end(&self, hit: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hit);
    }
}

/// A request at a shared webhook.
struct Delivery<'a> {
    shared: &'a SharedWebhook,
    request: Arc<Arrival>,
    repeats: Vec<RepeatName>,
    replay_of: Option<Uuid>,
}

impl Delivery<'_> {
    fn several(&self, to: Destination, alone: (HitStatus, Option<String>)) -> Several {
        let attached = matches!(to, Destination::Attached(_));
        Several {
            webhook: self.shared.row.webhook.clone(),
            repeats: self.repeats.clone(),
            request: self.request.clone(),
            events: if attached { vec![self.request.clone()] } else { Vec::new() },
            alone,
            to,
            hit: None,
            replay_of: self.replay_of,
            guard: None,
            answer: None,
        }
    }

    fn to_attached(&self) -> Several {
        self.several(Destination::Attached(self.shared.row.webhook.clone()), (HitStatus::Applied, None))
    }
}

/// Writes down to whom a hit is to go, in the commit that accepts it.
#[derive(Debug)]
struct Record {
    webhook: String,
    claimants: Vec<String>,
}

#[async_trait]
impl Guard for Record {
    async fn pass(&self, commit: &mut dyn Commit, hit: Uuid) -> Result<bool, Error> {
        for claimant in &self.claimants {
            let row = FanOutRow { hit, claimant: claimant.clone(), webhook: self.webhook.clone(), told: None };
            commit.put_fan_out(&row).await?;
        }
        Ok(true)
    }
}

impl Engine {
    pub(super) fn shared_at(&self, identifier: &str) -> Option<Arc<SharedWebhook>> {
        self.shared.catalog().addresses.get(identifier).cloned()
    }

    /// As `recall`, for a shared webhook. Whose a routed one's hit is, is not known before it is read:
    /// its repeats are recognised when it is accepted.
    pub(super) async fn recall_shared(
        &self,
        shared: &SharedWebhook,
        arrival: &Arrival,
    ) -> Result<Option<Reception>, Error> {
        let (Some(repeat), None) = (&arrival.repeat, &shared.route) else { return Ok(None) };
        let row = &shared.row;
        let found = self.shared.store.repeat(&row.account, &row.webhook, &header_hash(repeat)).await?;
        let oldest = self.shared.clock.now() - micros(REPEAT_WINDOW);
        let Some(first) = found.filter(|row| row.at > oldest) else { return Ok(None) };
        if matches!(repeat, RepeatHeader::IdempotencyKey(_)) && first.body_hash != body_hash(&arrival.raw) {
            return Err(Error::KeyReused);
        }
        let request = Arc::new(Arrival { body: Json::Null, ..arrival.clone() });
        let delivery = Delivery { shared, request, repeats: Vec::new(), replay_of: None };
        let alone = (HitStatus::Duplicate, Some(format!("it repeats hit {}", HitId(first.hit))));
        let kept = Arc::new(delivery.several(Destination::Nowhere, alone));
        self.shared.writer.ask(&row.account, Work::Several(kept)).await?;
        self.repeated_shared(&row.account, first.hit).await.map(Some)
    }

    pub(super) async fn receive_shared(&self, shared: &SharedWebhook, arrival: Arrival) -> Result<Reception, Error> {
        if shared.row.deleted_at.is_some() {
            return Err(Error::NotFound { what: "webhook", id: shared.row.webhook.clone() });
        }
        if shared.is_paused() {
            return Err(Error::Inactive);
        }
        let repeats = repeats(shared, &arrival);
        self.deliver(&Delivery { shared, request: Arc::new(arrival), repeats, replay_of: None }).await
    }

    /// The same request, as a new hit: to the cycles that are attached now, or to the accounts that
    /// claim its value now.
    pub(super) async fn replay_shared(
        &self,
        account: &str,
        shared: &SharedWebhook,
        row: &HitRow,
        once: Option<RepeatName>,
    ) -> Result<(Uuid, bool), Error> {
        let request = Arc::new(request_of(row)?);
        let repeats = once.into_iter().collect();
        let delivery = Delivery { shared, request, repeats, replay_of: Some(row.hit) };
        let reception = match row.webhook == shared.row.webhook && shared.route.is_some() {
            true => self.deliver(&delivery).await,
            false => self.to_attached(account, &delivery).await,
        };
        let reception = reception?;
        Ok((reception.hit.0, !reception.replayed))
    }

    async fn deliver(&self, delivery: &Delivery<'_>) -> Result<Reception, Error> {
        let row = &delivery.shared.row;
        let Some(route) = &delivery.shared.route else { return self.to_attached(&row.account, delivery).await };
        let request = &delivery.request;
        let data = output(&request.method, request.headers.clone(), request.query.clone(), request.body.clone(), 0);
        let value = route.find(&data);
        let Some(hash) = value_hash(value) else {
            let reason = format!("{} is no text or number that an account could claim", route.text());
            return self.keep(delivery, reason).await;
        };
        let shown = value.map(Json::to_string).unwrap_or_default();
        let found = self.shared.store.claims_of(&row.account, &row.webhook, &hash, CLAIMANTS_MAX as i64).await?;
        let claimants: Vec<String> = found.into_iter().map(|claim| claim.claimant).collect();
        match claimants.as_slice() {
            [] => self.keep(delivery, format!("no account claims {shown} ({})", route.text())).await,
            // A replay is the owner's doing, who is shown what became of it.
            [one] if delivery.replay_of.is_none() => match self.to_attached(one, delivery).await {
                Err(Error::Inactive | Error::NotFound { .. }) => {
                    let reason = format!("the account that claims {shown} has no running cycle attached");
                    self.keep(delivery, reason).await
                }
                taken => taken,
            },
            _ => self.fan_out(delivery, claimants).await,
        }
    }

    async fn to_attached(&self, account: &str, delivery: &Delivery<'_>) -> Result<Reception, Error> {
        let work = Work::Several(Arc::new(delivery.to_attached()));
        let outcome = self.shared.writer.ask(account, work).await?;
        self.received(account, outcome).await
    }

    /// In the owner's account, as unmatched: listed, and replayable.
    async fn keep(&self, delivery: &Delivery<'_>, reason: String) -> Result<Reception, Error> {
        let mut several = delivery.several(Destination::Nowhere, (HitStatus::Unmatched, Some(reason)));
        several.answer = Some(listed(&nothing()));
        let owner = &delivery.shared.row.account;
        let outcome = self.shared.writer.ask(owner, Work::Several(Arc::new(several))).await?;
        self.received(owner, outcome).await
    }

    async fn fan_out(&self, delivery: &Delivery<'_>, claimants: Vec<String>) -> Result<Reception, Error> {
        let row = &delivery.shared.row;
        let mut several = delivery.several(Destination::Nowhere, (HitStatus::Applied, None));
        several.guard = Some(Arc::new(Record { webhook: row.webhook.clone(), claimants }));
        let outcome = self.shared.writer.ask(&row.account, Work::Several(Arc::new(several))).await?;
        if matches!(outcome.reply, OutcomeReply::Repeat) {
            return self.received(&row.account, outcome).await;
        }
        let hit = outcome.hit.ok_or_else(|| Error::Internal("a hit without an id".into()))?;
        self.shared.hand_on(&row.account, hit).await;
        Ok(Reception { replayed: false, ..self.told_of(&row.account, hit).await? })
    }

    async fn received(&self, account: &str, outcome: Outcome) -> Result<Reception, Error> {
        let hit = outcome.hit.ok_or_else(|| Error::Internal("a hit without an id".into()))?;
        let transaction = outcome.transaction.map(TransactionId);
        match outcome.reply {
            OutcomeReply::Several(applied) => {
                let reply = Reply::Answer(listed(&list(&applied)));
                Ok(Reception { hit: HitId(hit), transaction, replayed: false, reply })
            }
            OutcomeReply::Repeat => self.repeated_shared(account, hit).await,
            _ => Err(Error::Internal("a group without a list".into())),
        }
    }

    async fn repeated_shared(&self, account: &str, hit: Uuid) -> Result<Reception, Error> {
        Ok(Reception { replayed: true, ..self.told_of(account, hit).await? })
    }

    /// What the sender of a hit is told: its list, once it has come to every account.
    async fn told_of(&self, account: &str, hit: Uuid) -> Result<Reception, Error> {
        let reply = match self.shared.store.answers(account, &[hit]).await?.pop() {
            Some(row) => Reply::Answer(Answer::from_row(row)?),
            None => Reply::Pending { status: TransactionStatus::Running },
        };
        Ok(Reception { hit: HitId(hit), transaction: None, replayed: false, reply })
    }

    /// The list of a hit that went to several accounts, for a caller that was told `202`.
    pub(super) async fn answer_shared(&self, shared: &SharedWebhook, hit: HitId) -> Result<AnswerLookup, Error> {
        let (account, webhook) = (&shared.row.account, &shared.row.webhook);
        let reception = self.told_of(account, hit.0).await?;
        if let Reply::Answer(_) = reception.reply {
            return Ok(AnswerLookup::Ready(reception));
        }
        let found = self.shared.store.hit(account, std::slice::from_ref(webhook), hit.0).await?;
        found.ok_or_else(|| Error::NotFound { what: "hit", id: hit.to_string() })?;
        Ok(AnswerLookup::Pending { transaction: None, status: TransactionStatus::Running })
    }
}

impl Shared {
    /// Hands a hit on to every account that has not had it. What can't be done now is done later, by
    /// this node or another.
    pub async fn hand_on(self: &Arc<Self>, owner: &str, hit: Uuid) {
        if !self.handed_on.begin(hit) {
            return;
        }
        if let Err(error) = self.hand_on_all(owner, hit).await {
            tracing::warn!(hit = %HitId(hit), error = %error.for_log(), "a hit has not come to every account yet");
        }
        self.handed_on.end(hit);
    }

    async fn hand_on_all(&self, owner: &str, hit: Uuid) -> Result<(), Error> {
        let before = Uuid::from_u128(hit.as_u128().saturating_sub(1));
        let mut rows = self.store.fan_outs(owner, before, CLAIMANTS_MAX as i64).await?;
        rows.retain(|row| row.hit == hit && row.told.is_none());
        let Some(first) = rows.first() else { return Ok(()) };
        let found = self.store.hit(owner, std::slice::from_ref(&first.webhook), hit).await?;
        let request = Arc::new(request_of(&found.ok_or_else(|| Error::Internal("a hit is not there".into()))?)?);
        let mut left = Ok(());
        for row in &rows {
            match self.hand_to(row, &request).await {
                Ok(list) => {
                    let told = SharedChange::Told { hit, claimant: row.claimant.clone(), list };
                    self.writer.admin(owner, Admin::Shared(told)).await?;
                }
                // The others get it all the same.
                Err(error) => left = Err(error),
            }
        }
        left
    }

    /// To one account, once.
    async fn hand_to(&self, row: &FanOutRow, request: &Arc<Arrival>) -> Result<Json, Error> {
        let mut name = Sha256::new_with_prefix(b"f");
        name.update(row.hit.as_bytes());
        let several = Several {
            webhook: row.webhook.clone(),
            repeats: vec![RepeatName { key_hash: name.finalize().to_vec(), strict: false }],
            request: request.clone(),
            events: vec![request.clone()],
            alone: (HitStatus::Applied, None),
            to: Destination::Attached(row.webhook.clone()),
            hit: Some(row.hit),
            replay_of: None,
            guard: None,
            answer: None,
        };
        match self.writer.own(&row.claimant, Work::Several(Arc::new(several))).await {
            Ok(Outcome { reply: OutcomeReply::Several(applied), .. }) => Ok(list(&applied)),
            // The process that handed it over did not live to tell.
            Ok(_) => self.list_of(&row.claimant, row.hit).await,
            Err(Error::Inactive | Error::NotFound { .. }) => Ok(nothing()),
            Err(error) => Err(error),
        }
    }

    async fn list_of(&self, account: &str, hit: Uuid) -> Result<Json, Error> {
        let applications = self.applications(account, hit).await?;
        let ids: Vec<Uuid> = applications.iter().filter_map(|one| one.transaction.map(|id| id.0)).collect();
        let rows = self.store.transactions(account, &ids).await?;
        let entry = |one: &Application| {
            let row = rows.iter().find(|row| Some(row.transaction) == one.transaction.map(|id| id.0));
            let status = row.map_or(one.status.word(), |row| row.status.as_str());
            Json::from(Members::from_iter([
                ("id".to_owned(), one.transaction.map_or(Json::Null, |id| Json::from(id.to_string()))),
                ("cycle".to_owned(), Json::from(one.cycle.as_str())),
                ("status".to_owned(), Json::from(status)),
            ]))
        };
        Ok(applications.iter().map(entry).collect())
    }

    /// Hits that a process did not live to hand on, or could not.
    pub async fn hand_on_left(self: &Arc<Self>) -> Result<(), Error> {
        let owners: HashSet<String> = self.catalog().addresses.routed_owners().map(str::to_owned).collect();
        let young = match self.clock.is_manual() {
            true => Uuid::max(),
            false => floor_of(self.clock.now() - YOUNG),
        };
        for owner in owners {
            let mut hits: Vec<Uuid> =
                self.store.fan_outs(&owner, Uuid::nil(), TAKEN_UP).await?.into_iter().map(|row| row.hit).collect();
            hits.dedup();
            for hit in hits.into_iter().filter(|hit| *hit < young) {
                self.hand_on(&owner, hit).await;
            }
        }
        Ok(())
    }
}

fn nothing() -> Json {
    std::iter::empty::<Json>().collect()
}

fn repeats(shared: &SharedWebhook, arrival: &Arrival) -> Vec<RepeatName> {
    let dedupe = shared.cycle.webhooks().find_map(|(_, _, webhook)| webhook.dedupe.as_ref());
    RepeatName::of(arrival.repeat.as_ref(), dedupe, &arrival.request())
}

/// The request that a hit was.
fn request_of(row: &HitRow) -> Result<Arrival, Error> {
    let data = output_of(row)?;
    let part = |name: &str| data.get(name).cloned().unwrap_or(Json::Null);
    Ok(Arrival {
        webhook: row.webhook.clone(),
        method: row.method.clone(),
        headers: part("headers"),
        query: part("query"),
        body: part("body"),
        raw: row.raw.clone(),
        repeat: None,
        wait: None,
        by_script: None,
    })
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;
