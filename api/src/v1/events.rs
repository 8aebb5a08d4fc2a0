//! What happens, live, as server-sent events (WHATWG HTML §9.2): hints from this node's commits.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use holdfast_engine::{Engine, LiveEvent};
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::shapes::ProblemDocument;
use crate::{App, Problem, access};

/// How often a reader's key is looked at again.
const KEY_FRESH: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `event: transaction.held`, `data: { account, cycle, transaction, hit, step, data }`, the last what a
/// `notify` step gave its event. A slow reader is told `event: missed`.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn events(
    State(app): State<App>,
    caller: access::Reader,
    headers: HeaderMap,
) -> Result<Sse<impl futures_core::Stream<Item = Result<Event, Infallible>>>, Problem> {
    let reader = Reader {
        events: app.engine.events(),
        account: caller.0.account,
        key: access::secret(&headers)?,
        again: tokio::time::interval(KEY_FRESH),
        engine: app.engine,
    };
    let stream = futures_util::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// Who reads on, for as long as its key is live.
struct Reader {
    events: Receiver<LiveEvent>,
    account: String,
    key: Option<String>,
    /// When the key is looked at again.
    again: tokio::time::Interval,
    engine: Engine,
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let event = tokio::select! {
                event = self.events.recv() => event,
                _ = self.again.tick() => match self.may_go_on().await {
                    true => continue,
                    false => return None,
                },
            };
            match event {
                Ok(event) if event.account == self.account => return Some(shown(&event)),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => {
                    return Some(Event::default().event("missed").data(missed.to_string()));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// With the store out of reach nobody can say otherwise.
    async fn may_go_on(&self) -> bool {
        match &self.key {
            Some(key) => !matches!(self.engine.authenticate(key).await, Ok(None)),
            None => true,
        }
    }
}

fn shown(event: &LiveEvent) -> Event {
    let data = json!({
        "account": event.account, "cycle": event.cycle, "step": event.step,
        "transaction": event.transaction.map(|id| id.to_string()),
        "hit": event.hit.map(|id| id.to_string()),
        "data": event.data,
    });
    Event::default().event(event.event.clone()).data(data.to_string())
}
