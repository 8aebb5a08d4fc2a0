//! What stands around every route: the head's caps, and the catch for panics.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{Limits, Problem, telemetry::Watch};

/// Stands around every route: a request is counted and timed, its head is held against its caps
/// (the parser below refuses what is far over them, barely), and a panic below is a bug: a line in
/// the log and a `500`, and the server goes on.
pub async fn around(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    let watch = Watch::begin(&request);
    let response = match head_fault(&request, &limits) {
        Some(problem) => problem.into_response(),
        None => caught(next.run(request)).await.unwrap_or_else(|message| {
            tracing::error!(method = %watch.method, route = %watch.route, message, "a handler panicked");
            Problem::internal().into_response()
        }),
    };
    watch.end(&response);
    response
}

fn head_fault(request: &Request, limits: &Limits) -> Option<Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.target_bytes {
        let detail = format!("The request target has {target} bytes; at most {} are read.", limits.target_bytes);
        return Some(
            Problem::new(StatusCode::URI_TOO_LONG, "target-too-long", "The request target is too long")
                .detail(detail)
                .limit("target_bytes", limits.target_bytes as u64)
                .closing(),
        );
    }
    let fields = request.headers().len();
    // A field takes its name, `: `, its value and a line end.
    let size: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let (limit, max) = if fields > limits.head_fields {
        ("head_fields", limits.head_fields)
    } else if target + size > limits.head_bytes {
        ("head_bytes", limits.head_bytes)
    } else {
        return None;
    };
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Some(
        Problem::new(status, "head-too-large", "The request head is too large")
            .detail(format!("The head has {fields} fields and {} bytes.", target + size))
            .limit(limit, max as u64)
            .closing(),
    )
}

/// An error is what a panic said.
async fn caught(run: impl Future<Output = Response>) -> Result<Response, String> {
    let mut run = pin!(run);
    let poll = |context: &mut Context<'_>| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(response)) => Poll::Ready(Ok(response)),
        Err(panic) => {
            let message = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            Poll::Ready(Err(message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()))
        }
    };
    poll_fn(poll).await
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
