//! Rows as the store keeps them: plain values, the same on both databases.

use bytes::Bytes;
use uuid::Uuid;

use crate::clock::Micros;

#[derive(Clone, Debug, PartialEq)]
pub struct HitRow {
    pub webhook: String,
    pub hit: Uuid,
    pub received_at: Micros,
    pub method: String,
    /// JSON objects, as text.
    pub headers: String,
    pub query: String,
    pub raw: Bytes,
    /// JSON; none where `raw` is itself the JSON of the body.
    pub body: Option<String>,
    pub status: String,
    pub reason: Option<String>,
    pub transaction: Option<Uuid>,
    pub run: Option<i32>,
    pub ambiguous: bool,
    pub replay_of: Option<Uuid>,
    pub early_until: Option<Micros>,
    pub expires_at: Micros,
}

/// What changes of a hit after it was accepted.
#[derive(Clone, Debug)]
pub struct HitUpdate {
    pub webhook: String,
    pub hit: Uuid,
    pub status: String,
    pub reason: Option<String>,
    pub transaction: Option<Uuid>,
    pub run: Option<i32>,
    pub ambiguous: bool,
    pub early_until: Option<Micros>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TransactionRow {
    pub transaction: Uuid,
    pub cycle_id: Uuid,
    pub version: i32,
    pub started_at: Micros,
    pub status: String,
    pub step: Option<String>,
    pub runs: i32,
    pub expires_at: Micros,
    pub completed_at: Option<Micros>,
    pub failed_at: Option<Micros>,
    /// JSON: `[[hit, step], …]`.
    pub callers: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    pub transaction: Uuid,
    pub run: i32,
    pub base: Option<i32>,
    pub entry: String,
    pub webhook: Option<String>,
    pub hit: Option<Uuid>,
    pub status: String,
    pub step: Option<String>,
    pub started_at: Micros,
    pub steps: String,
    pub document: Option<String>,
    /// JSON: `[hex, …]`.
    pub hold_keys: Option<String>,
    pub error: Option<String>,
}

/// A run and the hit that began it.
#[derive(Clone, Debug)]
pub struct RunWithHit {
    pub run: RunRow,
    pub hit: Option<HitRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct KeyRow {
    pub webhook: String,
    pub key_hash: Vec<u8>,
    pub transaction: Uuid,
    pub run: i32,
    pub key: Vec<u8>,
    pub due_at: Option<Micros>,
}

/// Names a key row whichever of the two states it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyName {
    pub webhook: String,
    pub key_hash: Vec<u8>,
    pub transaction: Uuid,
}

/// One seek in the correlation index.
#[derive(Clone, Debug)]
pub struct Seek {
    pub webhook: String,
    pub key_hash: Vec<u8>,
    pub key: Vec<u8>,
}

/// What a seek found. `seek` is the position of the seek that found it.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub seek: i32,
    pub resumed: bool,
    pub run: i32,
    pub due_at: Option<Micros>,
    pub transaction: TransactionRow,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TimerRow {
    pub due_at: Micros,
    pub transaction: Uuid,
    pub run: i32,
}

/// A run under way, or one that waits for an earlier one of its transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct UnderwayRow {
    pub transaction: Uuid,
    pub run: i32,
    pub cycle_id: Uuid,
    pub version: i32,
    pub base: Option<i32>,
    pub entry: String,
    pub webhook: Option<String>,
    pub hit: Option<Uuid>,
    pub started_at: Micros,
    pub document: Option<String>,
    pub steps: String,
    /// `queued` or `running`.
    pub status: String,
    pub step: Option<String>,
    /// JSON: the attempts at the step so far.
    pub attempts: String,
    /// Grows with whoever takes the step on.
    pub claim: i64,
    /// The process that is doing the step.
    pub node: Option<String>,
    pub due_at: Option<Micros>,
    /// Of a cycle with `concurrency`: behind its key, waiting for a place, or holding one.
    pub place: Option<i32>,
    pub turn: Option<i64>,
    pub turn_key: Option<Vec<u8>>,
}

/// Values of [`UnderwayRow::place`].
pub const BEHIND: i32 = 0;
pub const READY: i32 = 1;
pub const HELD: i32 = 2;

/// A cycle's places and turns, as they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnsRow {
    /// Places held; counted no further than asked for.
    pub held: i64,
    /// The first turn that waits for a place.
    pub ready: Option<i64>,
    /// The first that waits for its key.
    pub behind: Option<i64>,
    /// The last turn of those that hold a place.
    pub begun: Option<i64>,
}

/// The last turn of a key's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastTurn {
    pub cycle_id: Uuid,
    pub turn_key: Vec<u8>,
    pub turn: Option<i64>,
}

impl UnderwayRow {
    /// As the run would stand, were it to end here.
    pub fn as_run(&self) -> RunRow {
        RunRow {
            transaction: self.transaction,
            run: self.run,
            base: self.base,
            entry: self.entry.clone(),
            webhook: self.webhook.clone(),
            hit: self.hit,
            status: self.status.clone(),
            step: self.step.clone(),
            started_at: self.started_at,
            steps: self.steps.clone(),
            document: self.document.clone(),
            hold_keys: None,
            error: None,
        }
    }

    /// With the step that it is at.
    pub fn as_shown(&self) -> RunRow {
        let mut run = self.as_run();
        if let Some(step) = &self.step {
            let mut text = String::from("[{\"step\":");
            holdfast_definitions::write_text(step, &mut text);
            text.push_str(",\"status\":\"running\"");
            match crate::elements::Progress::read(&self.attempts) {
                // An `each`.
                Ok(Some(progress)) => crate::steps::push_elements(&progress.shown(), &mut text),
                _ => text.push_str(&format!(",\"attempts\":{}", self.attempts)),
            }
            text.push_str("}]");
            run.steps = crate::steps::append_steps(&self.steps, &text);
        }
        run
    }

    pub fn timer(&self) -> Option<TimerRow> {
        Some(TimerRow { due_at: self.due_at?, transaction: self.transaction, run: self.run })
    }
}

#[derive(Clone, Debug)]
pub struct EarlyRow {
    pub webhook: String,
    pub key_hash: Vec<u8>,
    pub hit: Uuid,
    pub key: Vec<u8>,
    pub until_at: Micros,
}

#[derive(Clone, Debug)]
pub struct RepeatRow {
    pub webhook: String,
    pub key_hash: Vec<u8>,
    pub body_hash: Vec<u8>,
    pub hit: Uuid,
    pub at: Micros,
}

#[derive(Clone, Debug)]
pub struct AnswerRow {
    pub hit: Uuid,
    pub transaction: Option<Uuid>,
    pub kind: String,
    pub status: i32,
    pub step: Option<String>,
    /// JSON: `[[name, value], …]`.
    pub headers: String,
    pub body: Vec<u8>,
    pub expires_at: Micros,
}

#[derive(Clone, Debug)]
pub struct QueueRow {
    pub cycle_id: Uuid,
    pub hit: Uuid,
    pub webhook: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CycleRow {
    pub account: String,
    pub cycle_id: Uuid,
    pub name: String,
    pub state: String,
    pub version: i32,
    pub created_at: Micros,
    pub started_at: Option<Micros>,
    pub stopped_at: Option<Micros>,
    pub deleted_at: Option<Micros>,
    pub backlog: bool,
}

#[derive(Clone, Debug)]
pub struct VersionRow {
    pub account: String,
    pub cycle_id: Uuid,
    pub version: i32,
    pub digest: Vec<u8>,
    pub source: String,
    pub created_at: Micros,
    /// A JSON object: what was given at the deploy.
    pub vars: String,
}

#[derive(Clone, Debug)]
pub struct WebhookRow {
    pub account: String,
    pub webhook: String,
    pub cycle_id: Uuid,
    pub step: String,
    pub created_at: Micros,
    pub queued: i64,
}

#[derive(Clone, Debug)]
pub struct KeyRecord {
    pub account: String,
    pub key_id: Uuid,
    pub hash: Vec<u8>,
    pub name: String,
    /// The scopes' words, joined by spaces.
    pub scopes: String,
    pub created_at: Micros,
    pub expires_at: Option<Micros>,
    pub revoked_at: Option<Micros>,
}

/// A secret as it is kept: nothing here says what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretRow {
    pub account: String,
    pub name: String,
    pub sealed: Vec<u8>,
    /// The master key that it is sealed with.
    pub key_id: String,
    pub created_at: Micros,
    pub updated_at: Micros,
    pub last_used_at: Option<Micros>,
}

/// What a cycle's scripts keep under a key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptRow {
    pub key: String,
    /// JSON.
    pub value: String,
    /// Above 0, and never the same for two writes.
    pub version: i64,
}

/// The account as a commit finds it, once it has the account's lock.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// This commit's instant: after every earlier commit's of the account.
    pub now: Micros,
    pub revision: i64,
}

/// Everything that the catalog is made of.
#[derive(Clone, Debug, Default)]
pub struct CatalogRows {
    pub accounts: Vec<super::AccountRow>,
    pub revisions: Vec<(String, i64)>,
    pub cycles: Vec<CycleRow>,
    pub versions: Vec<VersionRow>,
    pub webhooks: Vec<WebhookRow>,
    pub shared: Vec<super::routes::SharedRow>,
    pub endpoints: Vec<super::EndpointRow>,
}
