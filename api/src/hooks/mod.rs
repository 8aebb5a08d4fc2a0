//! The way in for webhooks: `/hooks/{identifier}`, `/hooks/{identifier}/answers/{hit}`, and in
//! `dev` `/hooks/{cycle}/{step}`.
//!
//! Invariant: the checks come in the contract's order (section 3), so that a sender learns the
//! first thing that is wrong and nothing behind it; nothing is parsed before a repeat was looked for.

mod address;
mod body;
mod chain;
mod head;
mod rates;
mod reply;
mod sender;
mod vouched;

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::any,
};
use holdfast_engine::{Admission, AnswerLookup, Door, Error, HitId};

use crate::{App, Problem};
use address::Address;
use chain::Passed;
pub use rates::Rates;
pub use vouched::Vouched;

#[cfg(test)]
pub(crate) use body::read as read_body;

/// `dev` has the one account that is there from the start.
const DEV_ACCOUNT: &str = "default";
const WEBHOOK_METHODS: &str = "GET, HEAD, POST";
const ANSWER_METHODS: &str = "GET, HEAD";

/// Every address of a webhook.
pub const ROUTE: &str = "/hooks/{*address}";

pub fn routes() -> Router<App> {
    Router::new().route("/hooks", any(async || reply::unknown())).route(ROUTE, any(take))
}

/// A request at any address of a webhook.
pub(crate) async fn take(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let identifier = match Address::of(parts.uri.path(), app.dev) {
        Some(Address::Webhook(identifier)) => Some(identifier.to_owned()),
        Some(Address::Step { cycle, step }) => app.engine.identifier(DEV_ACCOUNT, cycle, step),
        Some(Address::Answer { identifier, hit }) => return answer(&app, &parts, identifier, hit).await,
        None => None,
    };
    let door = match identifier {
        Some(identifier) => door(&app, &identifier).await,
        None => Ok(None),
    };
    let door = match door {
        Ok(Some(door)) => door,
        Ok(None) => {
            body::linger(body, &parts.headers, &app.limits);
            return reply::unknown();
        }
        Err(error) => return Problem::from(error).into_response(),
    };
    if !chain::is_claimed(&door, &parts.method) {
        body::linger(body, &parts.headers, &app.limits);
        return unclaimed(&parts.method);
    }
    let method = parts.method.clone();
    let taken = chain::down(&app, &door, parts, body).await;
    reply::record(&app, &door, &taken);
    match taken {
        Ok(Passed::Accepted(reception)) => reply::response(&door.identifier, reception),
        Ok(Passed::Challenge(answer)) => answer,
        Ok(Passed::Unclaimed) => unclaimed(&method),
        Err(refusal) => refusal.into_response(),
    }
}

/// A request that is no hit.
fn unclaimed(method: &Method) -> Response {
    match *method {
        Method::GET | Method::HEAD => reply::found(),
        ref other => Problem::method(other, WEBHOOK_METHODS).into_response(),
    }
}

/// The webhook, from memory; before one is refused, another node's newest change is looked for.
async fn door(app: &App, identifier: &str) -> Result<Option<Door>, Error> {
    match app.engine.door(identifier) {
        Some(door) if door.admission == Admission::Run => Ok(Some(door)),
        // With the store out of reach, what is known is what there is.
        known => Ok(app.engine.door_again(identifier).await.unwrap_or(known)),
    }
}

/// Why a hit was not accepted.
#[derive(Debug)]
enum Refusal {
    /// `404`: it went between two looks.
    Unknown,
    /// `406`
    Inactive,
    Problem(Problem),
}

impl Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => reply::unknown(),
            Self::Inactive => reply::inactive(),
            Self::Problem(problem) => problem.into_response(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Inactive => "inactive",
            Self::Problem(problem) => problem.kind(),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Inactive => Self::Inactive,
            Error::NotFound { what: "webhook", .. } => Self::Unknown,
            other => Self::Problem(other.into()),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// The answer to a hit, for a caller that was told `202`.
async fn answer(app: &App, parts: &Parts, identifier: &str, hit: &str) -> Response {
    if app.engine.door(identifier).is_none() {
        return reply::unknown();
    }
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Problem::method(&parts.method, ANSWER_METHODS).into_response();
    }
    let no_such_hit = || Problem::not_found("there is no answer to such a hit").into_response();
    let Ok(hit) = hit.parse::<HitId>() else { return no_such_hit() };
    match app.engine.answer(identifier, hit).await {
        Ok(AnswerLookup::Ready(reception)) => reply::response(identifier, reception),
        Ok(AnswerLookup::Pending { transaction, status }) => reply::pending(identifier, hit, transaction, status),
        Err(Error::NotFound { .. }) => no_such_hit(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Plain words, as the contract writes them.
fn text(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}
