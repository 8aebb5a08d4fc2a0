//! Repeated deliveries: recognised before anything is correlated (contract, section 3).

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::{Json, Key, Path};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Batch, incoming::Incoming};
use crate::{
    Arrival, Error, HitStatus, RepeatHeader,
    clock::micros,
    limits::REPEAT_WINDOW,
    store::RepeatRow,
    work::{Item, Outcome, OutcomeReply, Work},
};

#[derive(Clone, Debug)]
pub struct RepeatName {
    pub key_hash: Vec<u8>,
    /// Another body under it is refused.
    pub strict: bool,
}

impl RepeatName {
    /// What a request's repeats are known by: its header, and what the webhook's `dedupe` finds.
    pub fn of(header: Option<&RepeatHeader>, dedupe: Option<&Path>, request: &Json) -> Vec<Self> {
        let header = header.map(|header| Self {
            key_hash: header_hash(header),
            strict: matches!(header, RepeatHeader::IdempotencyKey(_)),
        });
        let found = dedupe.and_then(|path| dedupe_hash(path.find(request)));
        header.into_iter().chain(found.map(|key_hash| Self { key_hash, strict: false })).collect()
    }

    /// A hit's replay in an action on many, known by its mark.
    pub fn of_replay(hit: Uuid, mark: Uuid) -> Self {
        Self { key_hash: tagged_hash(b'm', &[*mark.as_bytes(), *hit.as_bytes()].concat()), strict: false }
    }
}

impl Batch<'_> {
    /// Recognises repeated deliveries, before anything is correlated.
    pub(super) async fn recognise(&mut self, incoming: Vec<Incoming>) -> Result<Vec<Incoming>, Error> {
        let mut names = Vec::new();
        let mut fresh = Vec::with_capacity(incoming.len());
        for hit in incoming {
            let mine: Vec<_> =
                hit.repeats.iter().map(|name| (hit.row.webhook.clone(), name.key_hash.clone())).collect();
            if mine.iter().any(|name| self.seen.contains(name)) {
                self.again(hit);
                continue;
            }
            self.seen.extend(mine.iter().cloned());
            names.extend(mine);
            fresh.push(hit);
        }
        let known = self.known_repeats(&names).await?;
        let mut new = Vec::with_capacity(fresh.len());
        for hit in fresh {
            let found = hit.repeats.iter().find_map(|name| {
                known.get(&(hit.row.webhook.clone(), name.key_hash.clone())).map(|row| (name.strict, row.clone()))
            });
            match found {
                Some((strict, first)) => self.repeated(hit, strict, &first),
                None => new.push(hit),
            }
        }
        Ok(new)
    }

    /// Of these (webhook, key), those that were claimed within the window.
    pub(super) async fn known_repeats(
        &mut self,
        names: &[(String, Vec<u8>)],
    ) -> Result<HashMap<(String, Vec<u8>), RepeatRow>, Error> {
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let oldest = self.head.now - micros(REPEAT_WINDOW);
        let rows = self.commit.repeats(names).await?;
        let recent = rows.into_iter().filter(|row| row.at > oldest);
        Ok(recent.map(|row| ((row.webhook.clone(), row.key_hash.clone()), row)).collect())
    }

    fn repeated(&mut self, mut hit: Incoming, strict: bool, first: &RepeatRow) {
        if strict && first.body_hash != body_hash(&hit.row.raw) {
            return self.settle(hit.ticket, Err(Error::KeyReused));
        }
        // Nobody has delivered a replay.
        if hit.row.replay_of.is_none() {
            hit.row.status = HitStatus::Duplicate.word().into();
            hit.row.reason = Some(format!("it repeats hit {}", first.hit));
            self.writes.hits.push(hit.row);
        }
        let outcome = Outcome { hit: Some(first.hit), transaction: None, reply: OutcomeReply::Repeat };
        self.settle(hit.ticket, Ok(outcome));
    }

    /// A repeat that was recognised before its body was read.
    pub(super) fn keep_repeat(&mut self, arrival: &Arc<Arrival>, first: Uuid, ticket: Option<usize>) {
        match self.admit(Item { work: Work::Receive(arrival.clone()), ticket }) {
            Ok(mut hit) => {
                hit.row.status = HitStatus::Duplicate.word().into();
                hit.row.reason = Some(format!("it repeats hit {first}"));
                hit.row.body = Some(Json::Null.to_string());
                self.writes.hits.push(hit.row);
                let outcome = Outcome { hit: Some(first), transaction: None, reply: OutcomeReply::Repeat };
                self.settle(ticket, Ok(outcome));
            }
            Err(error) => self.settle(ticket, Err(error)),
        }
    }

    /// An accepted hit claims its keys.
    pub(super) fn claim(&mut self, hit: &Incoming) {
        if let Some(answer) = &hit.answered {
            let kept = self.answer_kept_until(hit.row.expires_at);
            self.writes.answers.push(answer.to_row(hit.row.hit, None, None, kept));
        }
        for name in &hit.repeats {
            self.writes.repeats.push(RepeatRow {
                webhook: hit.row.webhook.clone(),
                key_hash: name.key_hash.clone(),
                body_hash: body_hash(&hit.row.raw),
                hit: hit.row.hit,
                at: self.head.now,
            });
        }
    }
}

pub fn header_hash(header: &RepeatHeader) -> Vec<u8> {
    let (tag, value) = match header {
        RepeatHeader::IdempotencyKey(value) => (b'i', value),
        RepeatHeader::WebhookId(value) => (b'w', value),
    };
    tagged_hash(tag, value.as_bytes())
}

fn dedupe_hash(value: Option<&Json>) -> Option<Vec<u8>> {
    let key = Key::from_values([value]).ok()?;
    Some(tagged_hash(b'd', key.bytes()))
}

fn tagged_hash(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update([tag]);
    hash.update(bytes);
    hash.finalize().to_vec()
}

pub fn body_hash(raw: &[u8]) -> Vec<u8> {
    Sha256::digest(raw).to_vec()
}
