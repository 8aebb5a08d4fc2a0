//! What a commit writes of its events: messages, and who is to get them.
//!
//! Invariant: pure but for the ids; an account without endpoints costs a look-up in memory.

use std::collections::BTreeMap;

use holdfast_definitions::{Json, Members};
use uuid::Uuid;

use super::{
    Endpoint, HOPS_MAX, Watched,
    catalogue::is_ours,
    profile::{Shape, Told},
};
use crate::{
    LiveEvent,
    clock::Micros,
    id::Ids,
    store::{Commit, DeliveryRow, MessageRow, Result},
};

/// Bytes of what a `notify` step gave: a body stays well under what receivers take.
const DATA_BYTES_MAX: usize = 256 << 10;

/// The rows of a commit's events.
#[derive(Debug, Default)]
pub struct Posting {
    pub messages: Vec<MessageRow>,
    pub deliveries: Vec<DeliveryRow>,
    /// Lines that have something now.
    rings: BTreeMap<Uuid, Micros>,
}

/// Of all events, in order. `except`: the endpoint that they are about.
pub fn post(
    watched: &Watched,
    account: &str,
    (now, ids): (Micros, &mut Ids),
    events: &[LiveEvent],
    except: Option<Uuid>,
) -> Posting {
    let mut posting = Posting::default();
    if events.is_empty() || !watched.is_watched(account) {
        return posting;
    }
    for event in events.iter().filter(|event| event.account == account) {
        let mut shapes: BTreeMap<Shape, Vec<&Endpoint>> = BTreeMap::new();
        for endpoint in watched.of(account).iter().filter(|one| Some(one.id()) != except && one.wants(event)) {
            shapes.entry(endpoint.settings.profile.shape(&endpoint.settings.ids)).or_default().push(endpoint);
        }
        if shapes.is_empty() {
            continue;
        }
        let data = data_of(event);
        for (shape, endpoints) in shapes {
            let id = ids.next(now);
            let told = Told { id, kind: &event.event, at: now, account, data: &data };
            let message = MessageRow {
                message: id,
                kind: event.event.to_string(),
                at: now,
                hops: i32::try_from(event.hops + 1).unwrap_or(i32::MAX),
                body: shape.body(&told),
            };
            for endpoint in endpoints {
                posting.to(endpoint, &message);
            }
            posting.messages.push(message);
        }
    }
    posting
}

impl Posting {
    fn to(&mut self, endpoint: &Endpoint, message: &MessageRow) {
        let looped = u32::try_from(message.hops).is_ok_and(|hops| hops > HOPS_MAX);
        let (status, attempts, due_at) = match (looped, endpoint.is_active()) {
            (true, _) => ("failed", not_made(message.at), None),
            (false, true) => ("pending", "[]".to_owned(), Some(message.at)),
            (false, false) => ("missed", "[]".to_owned(), None),
        };
        if looped {
            metrics::counter!("holdfast_limit_reached_total", "limit" => "hops").increment(1);
            tracing::warn!(endpoint = %endpoint.id(), message = %message.message, "a delivery was not made: {LOOP}");
        }
        if let Some(due_at) = due_at {
            self.rings.insert(endpoint.id(), due_at);
        }
        self.deliveries.push(DeliveryRow {
            message: message.message,
            endpoint: endpoint.id(),
            kind: message.kind.clone(),
            status: status.to_owned(),
            tries: 0,
            attempts,
            due_at,
        });
    }

    /// Written in the commit that made the events.
    pub async fn write(&self, commit: &mut dyn Commit) -> Result<()> {
        if self.messages.is_empty() {
            return Ok(());
        }
        commit.put_messages(&self.messages).await?;
        commit.put_deliveries(&self.deliveries).await?;
        if !self.rings.is_empty() {
            let rings: Vec<_> = self.rings.iter().map(|(endpoint, due_at)| (*endpoint, *due_at)).collect();
            commit.ring_lines(&rings).await?;
        }
        Ok(())
    }
}

/// Why a delivery is not made, in the log and to the operator.
pub const LOOP: &str =
    "it would be the 6th of deliveries that led to each other: an endpoint points back at a webhook of ours";

fn not_made(at: Micros) -> String {
    let at = crate::clock::to_utc(at).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    format!("[{}]", serde_json::json!({ "at": at, "error": LOOP }))
}

/// The data of an event's body.
fn data_of(event: &LiveEvent) -> Members {
    let mut data = Members::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), Json::from(value));
        }
    };
    put("account", Some(event.account.clone()));
    put("cycle", Some(event.cycle.clone()).filter(|cycle| !cycle.is_empty()));
    put("step", event.step.clone());
    put("transaction", event.transaction.map(|id| id.to_string()));
    put("hit", event.hit.map(|id| id.to_string()));
    match &event.data {
        Some(Json::Object(members)) if is_ours(&event.event) => {
            data.extend(members.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Some(given) if given.written_len() <= DATA_BYTES_MAX => {
            data.insert("data".to_owned(), given.clone());
        }
        Some(given) => {
            data.insert("data_bytes".to_owned(), Json::from(given.written_len() as u64));
        }
        None => {}
    }
    data
}
