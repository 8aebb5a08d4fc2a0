//! What became of a hit, as HTTP. The words of the four plain answers are the contract's, byte for
//! byte.

use axum::{
    Json,
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use holdfast_engine::{Answer, Door, HitId, Reception, Reply, TransactionId, TransactionStatus};
use serde_json::json;

use super::{Refusal, chain::Passed, text};
use crate::{App, Problem};

pub const HIT: HeaderName = HeaderName::from_static("holdfast-hit");
pub const TRANSACTION: HeaderName = HeaderName::from_static("holdfast-transaction");
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// When a caller who was told `202` should look again.
const LOOK_AGAIN_SECONDS: u64 = 1;

/// Fields that belong to the connection and not to the answer (RFC 9110 §7.6.1), or that are made
/// here: a cycle does not set them.
const OURS: [&str; 10] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "idempotency-replayed",
];

pub fn accepted() -> Response {
    text(StatusCode::OK, "Webhook accepted.")
}

pub fn found() -> Response {
    text(StatusCode::OK, "Webhook found.")
}

pub fn unknown() -> Response {
    text(StatusCode::NOT_FOUND, "Webhook not found.")
}

pub fn inactive() -> Response {
    text(StatusCode::NOT_ACCEPTABLE, "Please make sure your webhook is active.")
}

/// The answer to an accepted hit.
pub fn response(identifier: &str, reception: Reception) -> Response {
    let Reception { hit, transaction, replayed, reply } = reception;
    let mut response = match reply {
        Reply::Accepted => accepted(),
        Reply::Answer(answer) => answered(answer),
        Reply::Pending { status } => pending(identifier, hit, transaction, status),
        // Why it matched nothing is for the operator: the hit's `reason`, and `explain`.
        Reply::NoMatch { .. } => Problem::new(StatusCode::NOT_FOUND, "no-match", "No transaction waits for this")
            .detail("The hit is kept as unmatched.")
            .into_response(),
        Reply::Ambiguous => Problem::new(StatusCode::CONFLICT, "ambiguous", "More than one transaction waits for this")
            .detail("The webhook rejects what is ambiguous.")
            .into_response(),
    };
    identify(&mut response, hit, transaction);
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn identify(response: &mut Response, hit: HitId, transaction: Option<TransactionId>) {
    let fields = [(HIT, Some(hit.to_string())), (TRANSACTION, transaction.map(|id| id.to_string()))];
    for (name, id) in fields {
        if let Some(value) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
}

pub fn answered(answer: Answer) -> Response {
    match answer {
        Answer::Response { status, headers, body } => written(status, &headers, body),
        Answer::Accepted => accepted(),
        Answer::Failed { transaction, step, message } => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "transaction-failed", "The transaction failed")
                .detail(message)
                .with("transaction", transaction.to_string())
                .with("step", step)
                .into_response()
        }
        Answer::Cancelled { transaction } => {
            Problem::new(StatusCode::CONFLICT, "transaction-cancelled", "The transaction was cancelled")
                .with("transaction", transaction.to_string())
                .into_response()
        }
        Answer::Expired { transaction } => {
            Problem::new(StatusCode::GONE, "transaction-expired", "The transaction's retention ran out")
                .with("transaction", transaction.to_string())
                .into_response()
        }
    }
}

/// What a `respond` step wrote. A field that HTTP cannot carry is left out, and said in the log.
fn written(status: u16, headers: &[(String, String)], body: Bytes) -> Response {
    let Ok(status) = StatusCode::from_u16(status) else {
        tracing::error!(status, "a stored answer has no status of HTTP");
        return Problem::internal().into_response();
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers {
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                response.headers_mut().append(name, value);
            }
            _ => tracing::warn!(header = name, "a respond step's header cannot be sent"),
        }
    }
    response
}

/// `202`: the answer will be at `Location`.
pub fn pending(
    identifier: &str,
    hit: HitId,
    transaction: Option<TransactionId>,
    status: TransactionStatus,
) -> Response {
    let document = json!({ "transaction": transaction.map(|id| id.to_string()), "status": status.word() });
    let mut response = (StatusCode::ACCEPTED, Json(document)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::RETRY_AFTER, HeaderValue::from(LOOK_AGAIN_SECONDS));
    if let Ok(location) = HeaderValue::try_from(format!("/hooks/{identifier}/answers/{hit}")) {
        fields.insert(header::LOCATION, location);
    }
    identify(&mut response, hit, transaction);
    response
}

/// One count a hit, and at debug one line. Its body, its key and its headers' values are in neither.
pub(super) fn record(app: &App, door: &Door, taken: &Result<Passed, Refusal>) {
    let outcome = match taken {
        Ok(Passed::Unclaimed) => return,
        Ok(Passed::Challenge(_)) => "challenge",
        Ok(Passed::Accepted(reception)) => outcome(reception),
        Err(refusal) => refusal.kind(),
    };
    metrics::counter!("holdfast_hits_total", "outcome" => outcome).increment(1);
    // A line a hit costs as much as a tenth of taking it; the hit itself is kept and can be asked for.
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let (hit, transaction) = match taken {
        Ok(Passed::Accepted(reception)) => {
            (Some(reception.hit.to_string()), reception.transaction.map(|id| id.to_string()))
        }
        _ => (None, None),
    };
    tracing::debug!(
        hit,
        transaction,
        webhook = door.identifier,
        cycle = door.cycle,
        step = door.step,
        node = &*app.node,
        outcome,
        "hit"
    );
}

fn outcome(reception: &Reception) -> &'static str {
    if reception.replayed {
        return "repeated";
    }
    match &reception.reply {
        Reply::Accepted | Reply::Answer(Answer::Accepted) => "accepted",
        Reply::Answer(Answer::Response { .. }) => "answered",
        Reply::Answer(Answer::Failed { .. }) => "failed",
        Reply::Answer(Answer::Cancelled { .. }) => "cancelled",
        Reply::Answer(Answer::Expired { .. }) => "expired",
        Reply::Pending { .. } => "pending",
        Reply::NoMatch { .. } => "no-match",
        Reply::Ambiguous => "ambiguous",
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
