//! `/console/live`: tells a page that what it shows may have changed, at most once a second. The page
//! then asks for itself again, so what is shown is always what is stored.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use holdfast_engine::LiveEvent;
use serde::Deserialize;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep_until},
};

use super::{page::Query, session::Looker};
use crate::App;

/// Events closer together than this are told as one.
const PACE: Duration = Duration::from_secs(1);
/// After an event, so that what comes right behind it is told with it.
const SETTLE: Duration = Duration::from_millis(150);
/// Once more after the last event, and after the page came: counts lag a little behind, on other nodes two
/// seconds, and what happened before the stream began is told nowhere else.
const ECHO: Duration = Duration::from_millis(2_500);
/// How often it is looked whether the session still is one.
const SESSION_FRESH: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What of the account a page shows; nothing named is all of it.
#[derive(Debug, Default, Deserialize)]
pub struct Topic {
    cycle: Option<String>,
    transaction: Option<String>,
}

impl Topic {
    /// Whether a page of this account shows what the event is of.
    fn has(&self, account: &str, event: &LiveEvent) -> bool {
        let cycle = self.cycle.as_ref().is_none_or(|cycle| *cycle == event.cycle);
        let transaction = self.transaction.as_ref();
        event.account == account
            && cycle
            && transaction.is_none_or(|wanted| event.transaction.is_some_and(|id| id.to_string() == *wanted))
    }
}

pub async fn live(
    State(app): State<App>,
    looker: Looker,
    Query(topic): Query<Topic>,
) -> Sse<impl futures_core::Stream<Item = Result<Event, Infallible>>> {
    let again = tokio::time::interval(SESSION_FRESH);
    let watcher = Watcher {
        events: app.engine.events(),
        app,
        looker,
        topic,
        again,
        last: None,
        echo: Some(Instant::now() + ECHO),
    };
    let stream = futures_util::stream::unfold(watcher, |mut watcher| async move {
        // A browser gives no event whose data is empty.
        watcher.changed().await.then(|| (Ok(Event::default().event("changed").data("now")), watcher))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

struct Watcher {
    events: Receiver<LiveEvent>,
    app: App,
    looker: Looker,
    topic: Topic,
    again: tokio::time::Interval,
    /// When it was last told.
    last: Option<Instant>,
    /// When it is told once more; none after that, until something happens.
    echo: Option<Instant>,
}

impl Watcher {
    /// Ready when something has changed; false at the end of the session.
    async fn changed(&mut self) -> bool {
        loop {
            let echo = self.echo.unwrap_or_else(|| Instant::now() + HEARTBEAT);
            tokio::select! {
                event = self.events.recv() => match event {
                    Ok(event) if !self.topic.has(self.looker.account(), &event) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return false,
                },
                () = sleep_until(echo), if self.echo.is_some() => {
                    self.echo = None;
                    return true;
                }
                _ = self.again.tick() => if !self.may_go_on().await { return false },
            }
        }
        let now = Instant::now();
        let due = self.last.map_or(now, |last| last + PACE).max(now + SETTLE);
        sleep_until(due).await;
        self.events = self.events.resubscribe();
        self.last = Some(Instant::now());
        self.echo = Some(Instant::now() + ECHO);
        true
    }

    /// With the store out of reach nobody can say otherwise.
    async fn may_go_on(&self) -> bool {
        let session = &self.looker.session;
        session.is_empty() || !matches!(self.app.engine.session(session).await, Ok(None))
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
