//! What came of it, as a scenario expects it: but for instants and ids, and for what the server alone
//! knows.

use std::time::Duration;

use chrono::TimeDelta;
use holdfast_definitions::{Cycle, Json, Members, StepKind, Webhook};

use super::{Moment, Recorded, instant, list, text};
use crate::{decode, scenario::steady::is_steady};

/// How a secret is shown.
const MASKED: &str = "***";

/// What a hit's caller got, where that is known: a response within the time that the caller waits.
pub fn answer(recorded: &Recorded<'_>, moment: &Moment<'_>) -> Option<Json> {
    let (hit, run) = moment.hit?;
    let answer = run.get("answer").filter(|answer| **answer != Json::Null)?;
    let waits = webhook(recorded.cycle, text(run, "entry")).map(|webhook| webhook.timeout)?;
    // A caller may ask for less.
    let asked = hit.get("headers").and_then(|headers| headers.get("prefer")).is_some();
    let steps = recorded.runs.iter().flat_map(|run| list(run, "steps"));
    let response = text(answer, "step");
    let received = instant(hit, "received_at")?;
    let answered = steps
        .filter(|step| text(step, "step") == response && text(step, "kind") == "respond")
        .filter_map(|step| instant(step, "started_at"))
        .find(|at| *at >= received)?;
    let within = TimeDelta::from_std(waits.saturating_sub(Duration::from_secs(1))).unwrap_or_default();
    if asked || answered - received > within {
        return None;
    }
    let mut wanted = Members::new();
    wanted.insert("status".to_owned(), answer.get("status").cloned()?);
    if let Some(body) = answer.get("body").map(|body| read(body, answer)).as_ref().and_then(known) {
        wanted.insert("body".to_owned(), body);
    }
    Some(Json::from(wanted))
}

/// An answer's body is shown as its text.
fn read(body: &Json, answer: &Json) -> Json {
    let Some(shown) = body.as_text() else { return body.clone() };
    let content_type = match answer.get("headers") {
        Some(headers @ Json::Object(_)) => text(headers, "content-type"),
        _ => "",
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let parsed = Json::parse(shown.as_bytes()).ok().filter(|_| is_json);
    match shown {
        "" => Json::Null,
        shown => parsed.unwrap_or_else(|| Json::from(shown)),
    }
}

/// Of the transaction as it is now, and all that it sent.
pub fn end(recorded: &Recorded<'_>) -> Vec<(&'static str, Json)> {
    let transaction = recorded.transaction;
    let mut wanted = Members::new();
    wanted.insert("status".to_owned(), Json::from(text(transaction, "status")));
    if let Some(step @ Json::Text(_)) = transaction.get("step") {
        wanted.insert("step".to_owned(), step.clone());
    }
    let steps = recorded.runs.iter().flat_map(|run| list(run, "steps"));
    let passed = steps.filter(|step| text(step, "status") != "held");
    wanted.insert("steps".to_owned(), passed.map(|step| Json::from(text(step, "step"))).collect());
    let mut all = vec![("transaction", Json::from(wanted))];
    all.extend(sent(recorded).filter(|sent| *sent != Json::from(Vec::new())).map(|sent| ("sent", sent)));
    all
}

fn webhook<'a>(cycle: &'a Cycle, step: &str) -> Option<&'a Webhook> {
    match &cycle.step(cycle.find(step)?).kind {
        StepKind::Webhook(webhook) => Some(webhook),
        _ => None,
    }
}

/// None where it is not all shown, or not in what order it went.
fn sent(recorded: &Recorded<'_>) -> Option<Json> {
    let mut all = Vec::new();
    for step in recorded.runs.iter().flat_map(|run| list(run, "steps")) {
        let kind = recorded.cycle.find(text(step, "step")).map(|at| &recorded.cycle.step(at).kind);
        match kind {
            Some(StepKind::Http(_)) => all.extend(calls(recorded, step)),
            Some(StepKind::Notify(notify)) if text(step, "status") == "completed" => {
                let mut event = Members::new();
                event.insert("step".to_owned(), Json::from(text(step, "step")));
                event.insert("event".to_owned(), Json::from(notify.event.as_str()));
                event.extend(step.get("output").and_then(known).map(|data| ("data".to_owned(), data)));
                all.push(Json::from(event));
            }
            Some(StepKind::Each(each)) => {
                let notifies = each.body.steps.iter().any(|step| matches!(step.kind, StepKind::Notify(_)));
                let inner = list(step, "elements").iter().flat_map(|element| list(element, "steps"));
                let calls_out = |inner: &&Json| {
                    let found = each.body.find(text(inner, "step")).map(|at| &each.body.step(at).kind);
                    matches!(found, Some(StepKind::Http(_)))
                };
                let inner: Vec<&Json> = inner.filter(calls_out).collect();
                let again = inner.iter().any(|inner| list(inner, "attempts").len() > 1);
                let left_out = step.get("elements_left_out").is_some_and(|left| left.to_string() != "0");
                if notifies || again || left_out {
                    return None;
                }
                all.extend(inner.into_iter().flat_map(|inner| calls(recorded, inner)));
            }
            _ => {}
        }
    }
    Some(Json::from(all))
}

/// The calls of a step, each attempt.
fn calls(recorded: &Recorded<'_>, step: &Json) -> Vec<Json> {
    // Where it went may be the server's own to say.
    let url_known = recorded.vars_known && recorded.cycle.env.is_empty();
    let attempts = list(step, "attempts").iter().filter_map(|attempt| attempt.get("request"));
    let call = |request: &Json| {
        let mut call = Members::new();
        call.insert("step".to_owned(), Json::from(text(step, "step")));
        call.insert("method".to_owned(), Json::from(text(request, "method")));
        let url = Json::from(text(request, "url").split(['?', '#']).next().unwrap_or_default());
        call.extend(known(&url).filter(|_| url_known).map(|url| ("url".to_owned(), url)));
        call.extend(body(request).filter(|_| url_known).map(|body| ("body".to_owned(), body)));
        Json::from(call)
    };
    attempts.map(call).collect()
}

/// A body as a scenario sees it; none where it is shown in part.
fn body(request: &Json) -> Option<Json> {
    let shown = request.get("body").and_then(Json::as_text)?;
    let content_type = request.get("headers").map_or("", |headers| text(headers, "content-type"));
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = match essence.as_str() {
        _ if shown.is_empty() || shown.ends_with(" bytes)") => return None,
        "application/x-www-form-urlencoded" => decode::fields(shown),
        "application/json" => Json::parse(shown.as_bytes()).ok()?,
        _ => Json::from(shown),
    };
    known(&body)
}

/// What will be the same when it is played. An object is expected in part, a list whole or not at all.
fn known(value: &Json) -> Option<Json> {
    match value {
        Json::Object(members) => {
            let kept = members.iter().filter_map(|(name, value)| Some((name.clone(), known(value)?)));
            Some(Json::from(kept.collect::<Members>()))
        }
        other => (is_steady(other) && !other.to_string().contains(MASKED)).then(|| other.clone()),
    }
}
