//! `/healthz`: the process serves. `/readyz`: and the store answers, and it is not stopping.
//! `/metrics`: Prometheus' text format. None of them asks for a key, and none shows a payload.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{App, Problem};

/// A probe that waits longer than this for the store has its answer.
const STORE_PATIENCE: Duration = Duration::from_secs(2);
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.is_draining() {
        return Err(Problem::unavailable("This node is stopping.", Duration::from_secs(1)));
    }
    match tokio::time::timeout(STORE_PATIENCE, app.engine.ready()).await {
        Ok(Ok(())) => Ok("ready\n"),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Problem::unavailable("The store does not answer.", Duration::from_secs(1))),
    }
}

/// Without the store's figures where the store does not answer: the rest is wanted most just then.
async fn metrics(State(app): State<App>) -> Response {
    let gauges = tokio::time::timeout(STORE_PATIENCE, app.engine.gauges()).await.ok().and_then(Result::ok);
    ([(header::CONTENT_TYPE, PROMETHEUS)], app.metrics.render(gauges.as_ref())).into_response()
}
