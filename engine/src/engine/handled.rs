//! A request at a webhook that subscribes itself: its connector's `handle` says which events it is.
//!
//! Invariant: the events, and the state that `handle` left, are written in one commit, and only where
//! the state that it was given still stands; else it is asked again.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_definitions::{Connected, Json, Members};
use uuid::Uuid;

use super::{Engine, Shared};
use crate::{
    Admission, Answer, Arrival, ByScript, Door, Error, HitId, HitStatus, Reception, Reply, TransactionId,
    connector::{self, Failure, MethodCaller, current},
    limits::RETRY_SOON,
    machine::response,
    round::RepeatName,
    several::{Destination, Guard, Several},
    store::{Commit, SubscriptionRow},
    work::{OutcomeReply, Work},
};

/// How often a request is handled whose state others change meanwhile.
const TRIES: u32 = 50;
/// The header under which an event's type is kept with its hit.
pub const EVENT_HEADER: &str = "holdfast-event";

/// What became of a request at such a webhook.
#[derive(Debug)]
pub enum Handled {
    Taken(Reception),
    /// Answered, and nothing of it is kept.
    Answered(Answer),
    /// It was no event and `handle` says nothing to it.
    Nothing,
}

/// What `handle` made of a request.
#[derive(Default)]
struct Said {
    events: Vec<(String, Json)>,
    response: Option<Answer>,
    state: Option<Json>,
}

impl Engine {
    /// Whether a webhook whose cycle takes no hits is asked all the same: a partner may want an address
    /// confirmed before it has subscribed.
    pub async fn confirms(&self, door: &Door) -> Result<bool, Error> {
        if door.webhook().connected.is_none() {
            return Ok(false);
        }
        let rows = self.shared.store.subscriptions_at(&door.account, &door.identifier).await?;
        Ok(current(rows).is_some())
    }

    /// The request as its connector reads it. `Inactive` where it is an event and the cycle takes none.
    pub async fn handled(&self, door: &Door, arrival: Arrival) -> Result<Handled, Error> {
        let Some(connected) = &door.webhook().connected else { return Ok(Handled::Nothing) };
        let shared = &self.shared;
        let arrival = Arc::new(arrival);
        let _place = shared.scripts.request()?;
        let mut turn = shared.connections.turn(&door.identifier, false).await;
        for _ in 0..TRIES {
            let rows = shared.store.subscriptions_at(&door.account, &door.identifier).await?;
            let row = current(rows);
            let said = asked(shared, door, connected, &arrival, row.as_ref()).await?;
            let guard = guard(connected, row, &said);
            let kept = match (said.events.is_empty(), arrival.method.as_str(), door.admission) {
                (false, _, Admission::Refuse) => return Err(Error::Inactive),
                (true, "POST", Admission::Run | Admission::Queue) | (false, ..) => {
                    self.accepted(door, &arrival, said, guard).await?
                }
                (true, ..) => only_answered(shared, door, said, guard).await?,
            };
            match kept {
                Some(handled) => return Ok(handled),
                None if turn.is_none() => turn = shared.connections.turn(&door.identifier, true).await,
                None => {}
            }
        }
        let reason = "the webhook's state changes faster than this request could be handled".to_owned();
        Err(Error::Unavailable { reason, retry_after: RETRY_SOON })
    }

    /// None where the state is another by now.
    async fn accepted(
        &self,
        door: &Door,
        arrival: &Arc<Arrival>,
        said: Said,
        guard: Option<Arc<dyn Guard>>,
    ) -> Result<Option<Handled>, Error> {
        let several = Several {
            webhook: door.identifier.clone(),
            repeats: repeats(door, arrival),
            request: arrival.clone(),
            events: said.events.into_iter().enumerate().map(|(at, event)| event_of(arrival, at, event)).collect(),
            alone: (HitStatus::Filtered, Some("the connector's `handle` gave no event".into())),
            to: Destination::Step(door.identifier.clone()),
            hit: None,
            replay_of: None,
            guard,
            answer: said.response.clone(),
        };
        let outcome = self.shared.writer.ask(&door.account, Work::Several(Arc::new(several))).await?;
        if matches!(outcome.reply, OutcomeReply::Stale) {
            return Ok(None);
        }
        let hit = outcome.hit.ok_or_else(|| Error::Internal("a request without an id".into()))?;
        if matches!(outcome.reply, OutcomeReply::Repeat) {
            return self.repeated_hit(door, hit).await.map(Handled::Taken).map(Some);
        }
        let reply = said.response.map_or(Reply::Accepted, Reply::Answer);
        let transaction = outcome.transaction.map(TransactionId);
        Ok(Some(Handled::Taken(Reception { hit: HitId(hit), transaction, replayed: false, reply })))
    }
}

/// No hit comes of it; what it left of the state is kept.
async fn only_answered(
    shared: &Shared,
    door: &Door,
    said: Said,
    guard: Option<Arc<dyn Guard>>,
) -> Result<Option<Handled>, Error> {
    if let Some(guard) = guard.filter(|_| said.state.is_some()) {
        let mut commit = shared.begin(&door.account).await?;
        if !guard.pass(&mut *commit, Uuid::nil()).await? {
            return Ok(None);
        }
        commit.commit().await?;
    }
    Ok(Some(said.response.map_or(Handled::Nothing, Handled::Answered)))
}

/// None where `handle` reads no state.
fn guard(connected: &Connected, row: Option<SubscriptionRow>, said: &Said) -> Option<Arc<dyn Guard>> {
    connected.event().handle.as_ref()?;
    let row = row?;
    let state = said.state.as_ref().map(Json::to_string);
    Some(Arc::new(Unchanged { webhook: row.webhook, subscription: row.subscription, seq: row.seq, state }))
}

/// The state is what `handle` was given; then it is what `handle` left.
#[derive(Debug)]
struct Unchanged {
    webhook: String,
    subscription: Uuid,
    seq: i64,
    state: Option<String>,
}

#[async_trait]
impl Guard for Unchanged {
    async fn pass(&self, commit: &mut dyn Commit, _hit: Uuid) -> Result<bool, Error> {
        let rows = commit.webhook_subscriptions(&self.webhook).await?;
        let Some(row) = current(rows).filter(|row| row.subscription == self.subscription && row.seq == self.seq) else {
            return Ok(false);
        };
        if let Some(state) = &self.state {
            let row = SubscriptionRow { state: Some(state.clone()), seq: row.seq + 1, ..row };
            commit.put_subscription(&row).await?;
        }
        Ok(true)
    }
}

/// An event's hit: its record is the body, and the first has the request's bytes.
fn event_of(request: &Arrival, at: usize, (kind, record): (String, Json)) -> Arc<Arrival> {
    let mut headers = request.headers.clone();
    if let Some(members) = headers.members_mut() {
        members.insert(EVENT_HEADER.to_owned(), Json::from(kind));
    }
    Arc::new(Arrival {
        webhook: request.webhook.clone(),
        method: request.method.clone(),
        headers,
        query: request.query.clone(),
        body: record,
        raw: if at == 0 { request.raw.clone() } else { bytes::Bytes::new() },
        repeat: None,
        wait: None,
        by_script: Some(ByScript::default()),
    })
}

fn repeats(door: &Door, arrival: &Arrival) -> Vec<RepeatName> {
    RepeatName::of(arrival.repeat.as_ref(), door.webhook().dedupe.as_ref(), &arrival.request())
}

async fn asked(
    shared: &Shared,
    door: &Door,
    connected: &Connected,
    arrival: &Arrival,
    row: Option<&SubscriptionRow>,
) -> Result<Said, Error> {
    let event = connected.event();
    let Some(method) = &event.handle else {
        let events = match arrival.method.as_str() {
            "POST" => vec![(connected.event.clone(), arrival.body.clone())],
            _ => Vec::new(),
        };
        return Ok(Said { events, ..Said::default() });
    };
    let given = Members::from_iter([
        ("method".to_owned(), Json::from(arrival.method.as_str())),
        ("query".to_owned(), arrival.query.clone()),
        ("data".to_owned(), arrival.body.clone()),
        ("headers".to_owned(), arrival.headers.clone()),
        ("rawBody".to_owned(), Json::from(String::from_utf8_lossy(&arrival.raw).into_owned())),
        ("parameters".to_owned(), connected.parameters.clone()),
    ]);
    let state = row.map_or(Ok(Json::Null), SubscriptionRow::state_json)?;
    let key = Uuid::new_v4().to_string();
    let (account, cycle) = (door.account.as_str(), door.cycle.as_str());
    let caller = MethodCaller { shared, account, cycle, method: "handle", given: &given, key };
    let answered = connector::perform(&caller, method, &state).await?.map_err(|failure| refused(door, failure))?;
    let taken = connector::take(&caller, method, &answered, &state).await.map_err(|failure| refused(door, failure))?;
    let wrong = |reason: String| refused(door, Failure { reason, again: None, thrown: None });
    Ok(Said {
        events: taken.events.map_or(Ok(Vec::new()), |events| listed(&connected.event, events)).map_err(wrong)?,
        response: taken.response.map(|given| answer(&given)).transpose().map_err(wrong)?.flatten(),
        state: taken.state,
    })
}

fn refused(door: &Door, failure: Failure) -> Error {
    if let Some(thrown) = failure.thrown {
        return Error::Thrown(thrown);
    }
    let Door { identifier, cycle, step, .. } = door;
    tracing::warn!(webhook = identifier, cycle, step, reason = failure.reason, "a connector's handle failed");
    match failure.again {
        Some(after) => Error::Unavailable {
            reason: "the webhook's connector can't handle this now".into(),
            retry_after: after.unwrap_or(RETRY_SOON),
        },
        None => Error::Script(failure.reason),
    }
}

/// `[{ type, record }]`; a type that is left out is the event's name.
fn listed(event: &str, events: Json) -> Result<Vec<(String, Json)>, String> {
    let events = match events {
        Json::Null => return Ok(Vec::new()),
        Json::Array(events) => events,
        other => return Err(format!("events are a list of {{ type, record }}, not {}", other.kind())),
    };
    let one = |one: &Json| {
        let record = one.get("record").ok_or("an event has no `record`")?;
        let kind = match one.get("type") {
            None | Some(Json::Null) => event,
            Some(Json::Text(kind)) if kind.len() <= 200 && !kind.is_empty() => kind,
            Some(_) => return Err("an event's `type` is a text of 1 to 200 bytes"),
        };
        Ok((kind.to_owned(), record.clone()))
    };
    events.iter().map(one).collect::<Result<_, _>>().map_err(str::to_owned)
}

/// `{ status, headers, data }`.
fn answer(given: &Json) -> Result<Option<Answer>, String> {
    let members = match given {
        Json::Null => return Ok(None),
        Json::Object(members) => members,
        other => return Err(format!("a response is {{ status, headers, data }}, not {}", other.kind())),
    };
    let status = match members.get("status") {
        None | Some(Json::Null) => Json::from(200_u64),
        Some(status) => status.clone(),
    };
    let mut headers = Vec::new();
    if let Some(Json::Object(members)) = members.get("headers") {
        for (name, value) in members.iter().filter(|(_, value)| !matches!(value, Json::Null)) {
            let text = value.as_text().map_or_else(|| value.to_string(), str::to_owned);
            headers.push((name.to_ascii_lowercase(), text));
        }
    }
    response(&status, headers, members.get("data").cloned().unwrap_or_default()).map(Some)
}
