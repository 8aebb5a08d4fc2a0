//! Every request counted, timed and (at debug) logged.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    response::Response,
};
use metrics::SharedString;

use crate::{
    hooks,
    problem::{Kind, Reached},
};

/// Counts down again however the request ends, a caller that goes away included.
struct InFlight;

impl InFlight {
    fn begin() -> Self {
        metrics::gauge!("holdfast_requests_in_flight").increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("holdfast_requests_in_flight").decrement(1.0);
    }
}

/// A request under way.
pub struct Watch {
    began: Instant,
    pub method: Method,
    /// The route, not the path: paths have no end of values, and a webhook's is its secret.
    pub route: SharedString,
    in_flight: InFlight,
}

impl Watch {
    pub fn begin(request: &Request) -> Self {
        let route = match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
            None => SharedString::const_str("none"),
            // By far the most: without a copy.
            Some(hooks::ROUTE) => SharedString::const_str(hooks::ROUTE),
            Some(other) => SharedString::from_owned(other.to_owned()),
        };
        Self { began: Instant::now(), method: request.method().clone(), route, in_flight: InFlight::begin() }
    }

    pub fn end(self, response: &Response) {
        let Self { began, method, route, in_flight } = self;
        drop(in_flight);
        let (took, status) = (began.elapsed(), response.status());
        let class = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status.as_u16() / 100).min(5)];
        metrics::histogram!("holdfast_request_duration_seconds", "route" => route.clone(), "status" => class)
            .record(took.as_secs_f64());
        let kind = response.extensions().get::<Kind>().map(|kind| kind.0);
        if let Some(kind) = kind {
            metrics::counter!("holdfast_refused_total", "kind" => kind).increment(1);
        }
        if let Some(Reached(limit)) = response.extensions().get::<Reached>() {
            metrics::counter!("holdfast_limit_reached_total", "limit" => *limit).increment(1);
            tracing::warn!(%method, %route, status = status.as_u16(), limit, "a request is refused: a limit is reached");
        }
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(%method, %route, status = status.as_u16(), duration_us, kind, "request");
    }
}
