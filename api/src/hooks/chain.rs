//! The checks that a request goes down, in the contract's order (section 3): state, room, body,
//! sender, challenge, repeat, payload.

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use holdfast_definitions::{Json, Members};
use holdfast_engine::{Admission, Arrival, Door, Error, Handled, Reception, Reply};
use serde_json::json;

use super::{Refusal, body, head, reply, sender::Sender};
use crate::{
    App, Limits, Problem,
    decode::{Coding, Format},
    verify,
};

/// What became of a request that was not refused.
pub enum Passed {
    Accepted(Reception),
    /// A provider's question about the address.
    Challenge(Response),
    /// Not asked in the provider's way, and of a method that starts nothing.
    Unclaimed,
}

/// Whether a request of this method goes down the chain.
pub fn is_claimed(door: &Door, method: &Method) -> bool {
    let webhook = door.webhook();
    let asks = webhook.script.is_some() || webhook.connected.is_some();
    let scripted = asks && [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    let challenge = webhook.challenge.as_ref();
    method == Method::POST || scripted || challenge.is_some_and(|challenge| verify::claims(challenge, method))
}

pub async fn down(app: &App, door: &Door, parts: Parts, body: Body) -> Result<Passed, Refusal> {
    let challenge = door.webhook().challenge.as_ref().filter(|challenge| verify::claims(challenge, &parts.method));
    // Asked while it subscribes: its connector may have to confirm the address.
    let confirms = door.admission == Admission::Refuse && app.engine.confirms(door).await?;
    if door.admission == Admission::Refuse && challenge.is_none() && !confirms {
        if parts.method != Method::POST {
            return Ok(Passed::Unclaimed);
        }
        body::linger(body, &parts.headers, &app.limits);
        return Err(Refusal::Inactive);
    }
    if let Err(busy) = room(app, door).await {
        body::discard(body, &parts.headers, &app.limits).await;
        return Err(busy.into());
    }
    let raw = body::read(body, &parts.headers, &app.limits).await?;
    let coding = head::one(&parts.headers, &header::CONTENT_ENCODING).unwrap_or_default();
    let coding = Coding::of(&coding).map_err(body::unsupported_coding)?;
    let sender = Sender::new(app, door, &parts).await?;
    if let Some(challenge) = challenge.filter(|challenge| !challenge.verified) {
        // Nobody has verified the body: it is not looked into, unless nobody ever does.
        let body = match door.webhook().verify {
            Some(_) => Json::Null,
            None => decoded(&parts.headers, coding, &raw, &app.limits).await.unwrap_or(Json::Null),
        };
        if let Some(answer) = sender.answer(challenge, &bare(&parts, body), false) {
            return Ok(Passed::Challenge(answer));
        }
        if parts.method != Method::POST && door.webhook().script.is_none() {
            return Ok(Passed::Unclaimed);
        }
    }
    let masked = sender.verified(&raw)?;
    let mut body = None;
    if let Some(challenge) = challenge.filter(|challenge| challenge.verified) {
        let decoded = decoded(&parts.headers, coding, &raw, &app.limits).await;
        let asked = bare(&parts, decoded.as_ref().map_or(Json::Null, Json::clone));
        if let Some(answer) = sender.answer(challenge, &asked, true) {
            return Ok(Passed::Challenge(answer));
        }
        body = Some(decoded);
    }
    // A script may turn any request into a hit, where there can be one.
    let connected = door.webhook().connected.is_some();
    let scripted = connected || door.webhook().script.is_some() && door.admission != Admission::Refuse;
    if parts.method != Method::POST && !scripted {
        return Ok(Passed::Unclaimed);
    }
    if door.admission == Admission::Refuse && !confirms {
        return Err(Refusal::Inactive);
    }
    let mut arrival = Arrival {
        webhook: door.identifier.clone(),
        method: parts.method.as_str().to_owned(),
        headers: head::fields(&parts.headers, &masked),
        query: head::query(&parts.uri),
        body: Json::Null,
        raw,
        repeat: head::repeat(&parts.headers)?,
        wait: head::wait(&parts.headers),
        by_script: None,
    };
    if let Some(earlier) = app.engine.recall(&arrival).await? {
        return Ok(Passed::Accepted(earlier));
    }
    arrival.body = match body {
        Some(body) => body?,
        None => decoded(&parts.headers, coding, &arrival.raw, &app.limits).await?,
    };
    if connected {
        return handled(app, door, arrival).await;
    }
    fits(door, &arrival.body)?;
    accepted(app, door, arrival).await
}

/// `Limit` where the node, the webhook or its account takes no more now.
async fn room(app: &App, door: &Door) -> Result<(), Error> {
    app.engine.has_room()?;
    app.rates.admit(door, app.engine.limits_of(&door.account).hits_per_second)?;
    app.engine.has_share(door).await
}

/// The connector says which events it is.
async fn handled(app: &App, door: &Door, arrival: Arrival) -> Result<Passed, Refusal> {
    let posted = arrival.method == "POST";
    Ok(match app.engine.handled(door, arrival).await? {
        Handled::Taken(reception) => Passed::Accepted(reception),
        Handled::Answered(answer) => Passed::Challenge(reply::answered(answer)),
        Handled::Nothing if posted => return Err(Refusal::Inactive),
        Handled::Nothing => Passed::Unclaimed,
    })
}

/// The last word is the script's, where there is one.
async fn accepted(app: &App, door: &Door, arrival: Arrival) -> Result<Passed, Refusal> {
    let arrival = app.engine.scripted(door, arrival).await?;
    let answer = arrival.by_script.as_ref().and_then(|script| script.answer.clone());
    let filtered = arrival.by_script.as_ref().is_some_and(|script| script.filtered);
    if arrival.method != "POST" && !filtered {
        return Ok(answer.map_or(Passed::Unclaimed, |answer| Passed::Challenge(reply::answered(answer))));
    }
    let mut reception = app.engine.receive(arrival).await?;
    if let Some(answer) = answer.filter(|_| !reception.replayed) {
        reception.reply = Reply::Answer(answer);
    }
    Ok(Passed::Accepted(reception))
}

/// What a challenge's paths are read from: with nothing masked, since nothing of it is kept.
fn bare(parts: &Parts, body: Json) -> Json {
    Json::from(Members::from_iter([
        ("method".to_owned(), Json::from(parts.method.as_str())),
        ("headers".to_owned(), head::bare_fields(&parts.headers)),
        ("query".to_owned(), head::query(&parts.uri)),
        ("body".to_owned(), body),
    ]))
}

/// `422` with every place that does not fit, as far as that goes.
fn fits(door: &Door, body: &Json) -> Result<(), Problem> {
    let misfits = door.webhook().schema.as_ref().map_or_else(Vec::new, |schema| schema.misfits(body));
    let Some(first) = misfits.first() else { return Ok(()) };
    let place = if first.pointer.is_empty() { "The body" } else { &first.pointer };
    let problem =
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "schema", "The body does not fit the webhook's schema")
            .detail(format!("{place}: {}", first.message));
    let errors: Vec<_> = misfits.iter().map(|one| json!({ "pointer": one.pointer, "message": one.message })).collect();
    Err(problem.with("errors", errors))
}

async fn decoded(headers: &HeaderMap, coding: Coding, raw: &Bytes, limits: &Limits) -> Result<Json, Problem> {
    if raw.is_empty() {
        return Ok(Json::Null);
    }
    let content_type = head::one(headers, &header::CONTENT_TYPE);
    let format = Format::of(content_type.as_deref()).map_err(|error| body::unsupported_type(error.to_string()))?;
    let plain = coding.undo(raw, limits).map_err(body::fault)?;
    format.read(plain, limits).await.map_err(body::fault)
}
