//! Every request counted, timed and (at debug) logged.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};

use crate::problem::{Kind, Reached};

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

/// The route, not the path: paths have no end of values, and a webhook's is its secret.
pub fn route_of(request: &Request) -> String {
    request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned()
}

pub async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let in_flight = InFlight::begin();
    let method = request.method().clone();
    let route = route_of(&request);
    let response = next.run(request).await;
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
        tracing::warn!(%method, route, status = status.as_u16(), limit, "a request is refused: a limit is reached");
    }
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(%method, route, status = status.as_u16(), duration_us, kind, "request");
    response
}
