//! What happens, live, as server-sent events (WHATWG HTML §9.2): hints from this node's commits.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use holdfast_engine::LiveEvent;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::shapes::ProblemDocument;
use crate::{App, Problem, access};

const HEARTBEAT: Duration = Duration::from_secs(15);

/// `event: transaction.held`, `data: { account, cycle, transaction, hit, step, data }`, the last what a
/// `notify` step gave its event. A slow reader is told `event: missed`.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn events(
    State(app): State<App>,
    caller: access::Reader,
) -> Result<Sse<impl futures_core::Stream<Item = Result<Event, Infallible>>>, Problem> {
    let state = (app.engine.events(), caller.0.account);
    let stream = futures_util::stream::unfold(state, |(mut events, account)| async move {
        let event = next(&mut events, &account).await?;
        Some((Ok(event), (events, account)))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

async fn next(events: &mut Receiver<LiveEvent>, account: &str) -> Option<Event> {
    loop {
        match events.recv().await {
            Ok(event) if event.account == account => {
                let data = json!({
                    "account": event.account, "cycle": event.cycle, "step": event.step,
                    "transaction": event.transaction.map(|id| id.to_string()),
                    "hit": event.hit.map(|id| id.to_string()),
                    "data": event.data,
                });
                return Some(Event::default().event(event.event).data(data.to_string()));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                return Some(Event::default().event("missed").data(missed.to_string()));
            }
            Err(RecvError::Closed) => return None,
        }
    }
}
