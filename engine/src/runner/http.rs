//! An `http` step: one attempt at a time, each told to the run's trace.
//!
//! Invariants: every attempt of a run at a step carries the same `Idempotency-Key`; a secret is put
//! into the request here, at the last moment, and nothing of it comes back into the trace.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use holdfast_definitions::{Auth, BodyType, Http, Json, Lookup, Members, Scope, Template};

use super::{
    Call, failed,
    masks::{Masks, failed_attempt},
    with_attempt,
};
use crate::{
    Error,
    clock::{micros, to_utc},
    egress::{Answered, Failure, Grant, Outgoing, backoff, retry_after},
    engine::Shared,
    history::parse,
    machine::{Done, Shown, StepError},
    notify::{HOPS_HEADER, hops_in},
    ongoing::Progress,
    secret::{Mask, SecretValues},
    store::UnderwayRow,
};

/// An answer's body is read up to here; what is longer fails the step.
const ANSWER_BYTES_MAX: usize = 4 << 20;
const XML_DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
/// Statuses that another attempt may change (contract, section 5).
const RETRIED: [u16; 3] = [408, 425, 429];

/// A request as it is about to go out, and as it may be shown.
struct Request {
    outgoing: Outgoing,
    shown: Json,
    /// The OAuth token that it carries.
    token: Option<(Grant, String)>,
}

pub async fn attempt(call: &Call<'_>, http: &Http) -> Result<Progress, Error> {
    let began = std::time::Instant::now();
    let secrets = call.shared.secret_values(call.account).await?;
    let mask = secrets.mask();
    let id = crate::TransactionId(call.row.transaction).to_string();
    let request = match request(&caller(call, &id), http, &secrets).await {
        Ok(request) => request,
        Err(unmade) => return unasked(call, http, unmade, mask, began),
    };
    let masks = Masks::new(mask, request.token.as_ref().map(|(_, token)| token.as_str()));
    let answered = call.shared.egress.send(request.outgoing).await;
    let duration_us = call.shared.took(began);
    if let (Ok(Answered { status: 401, .. }), Some((grant, token))) = (&answered, &request.token) {
        call.shared.tokens.forget(grant, token).await;
    }
    let shown = masks.attempt(call.now, &request.shown, &answered, duration_us);
    let refused = last_status(call.row)? == Some(401);
    let attempts = with_attempt(call.row, shown)?;
    let made = count(&attempts);
    let verdict = match verdict(call.shared, http, &answered) {
        // The token had been withdrawn: once, another may do.
        Verdict::Bad if request.token.is_some() && !refused && is_status(&answered, 401) => Verdict::Again(None),
        verdict => verdict,
    };
    if let Verdict::Again(after) = &verdict
        && let Some(again) = again(call, http, &attempts, *after)
    {
        return Ok(again);
    }
    let shown = Shown { at: Some(call.now), duration_us, attempts: Some(attempts), ..Shown::default() };
    Ok(match (verdict, answered) {
        (Verdict::Good, Ok(answered)) => {
            Progress::Done(Done { output: Some(masks.json(output(&answered))), shown, ..Done::default() })
        }
        (_, Ok(answered)) => {
            let message =
                format!("the answer's status is {} (attempt {made} of {})", answered.status, http.retry.attempts);
            let error = StepError { kind: "status", message, status: Some(answered.status) };
            failed(error, Some(masks.json(output(&answered))), shown)
        }
        (_, Err(failure)) => {
            let message = masks.text(&failure.message);
            failed(StepError::new(failure.kind, message), None, shown)
        }
    })
}

/// A request that did not go out: for want of a token, it may yet.
fn unasked(
    call: &Call<'_>,
    http: &Http,
    unmade: Unmade,
    mask: &Mask,
    began: std::time::Instant,
) -> Result<Progress, Error> {
    let Unmade { error, shown, may_pass } = unmade;
    let error = StepError { message: mask.apply(&error.message).into_owned(), ..error };
    let duration_us = call.shared.took(began);
    let attempts = match shown {
        Some(request) => with_attempt(call.row, failed_attempt(call.now, &request, &error, duration_us))?,
        None => parse(&call.row.attempts)?,
    };
    if may_pass && let Some(again) = again(call, http, &attempts, None) {
        return Ok(again);
    }
    let attempts = (count(&attempts) > 0).then_some(attempts);
    Ok(failed(error, None, Shown { at: Some(call.now), duration_us, attempts, ..Shown::default() }))
}

/// Another attempt, if there is one left: after the step's own delay, or the longer one asked for.
fn again(call: &Call<'_>, http: &Http, attempts: &Json, after: Option<Duration>) -> Option<Progress> {
    let made = count(attempts);
    if made >= http.retry.attempts {
        return None;
    }
    let own = backoff(made, http.retry.backoff, http.retry.max_delay, call.seed());
    // What the partner asks for is kept to, whatever our own longest delay.
    let wait = after.map_or(own, |asked| asked.max(own));
    let at = call.shared.clock.now().saturating_add(micros(wait));
    Some(Progress::Again { at, attempts: attempts.to_string() })
}

fn count(attempts: &Json) -> u32 {
    match attempts {
        Json::Array(attempts) => u32::try_from(attempts.len()).unwrap_or(u32::MAX),
        _ => 0,
    }
}

fn is_status(answered: &Result<Answered, Failure>, status: u16) -> bool {
    answered.as_ref().is_ok_and(|answered| answered.status == status)
}

/// Of the attempt before, where it was answered.
fn last_status(row: &UnderwayRow) -> Result<Option<u64>, Error> {
    let Json::Array(attempts) = parse(&row.attempts)? else { return Ok(None) };
    let status = attempts.last().and_then(|last| last.get("response")?.get("status").cloned());
    Ok(status.and_then(|status| status.to_string().parse().ok()))
}

enum Verdict {
    Good,
    Bad,
    /// After the time that the partner asked for, if it did.
    Again(Option<Duration>),
}

fn verdict(shared: &Shared, http: &Http, answered: &Result<Answered, Failure>) -> Verdict {
    match answered {
        Ok(answered) if http.expect.iter().any(|(from, to)| (*from..=*to).contains(&answered.status)) => Verdict::Good,
        Ok(answered) if RETRIED.contains(&answered.status) || answered.status >= 500 => {
            Verdict::Again(retry_after(&answered.headers, wall_clock(shared)))
        }
        Ok(_) => Verdict::Bad,
        // What is wrong with the address or too large stays so.
        Err(failure) if failure.may_pass() => Verdict::Again(None),
        Err(_) => Verdict::Bad,
    }
}

/// A date in `Retry-After` is the partner's wall clock, whatever ours is; where it is played, there is one.
fn wall_clock(shared: &Shared) -> DateTime<Utc> {
    match shared.played {
        Some(_) => to_utc(shared.clock.now()),
        None => to_utc(crate::clock::system_now()),
    }
}

/// Who makes a call, and what it reads.
pub struct Caller<'a> {
    pub shared: &'a Shared,
    pub account: &'a str,
    pub document: &'a Json,
    /// The transaction's, where there is one.
    pub id: &'a str,
    /// The cycle's.
    pub name: &'a str,
    pub vars: &'a dyn Lookup,
    /// The `Idempotency-Key`.
    pub key: String,
}

fn caller<'a>(call: &Call<'a>, id: &'a str) -> Caller<'a> {
    Caller {
        shared: call.shared,
        account: call.account,
        document: call.document,
        id,
        name: &call.cycle.name,
        vars: &call.cycle.vars,
        key: call.idempotency_key(),
    }
}

/// What came of one try at a call.
pub enum Once {
    /// `{ status, headers, body }`, as it came.
    Answered(Json),
    /// `again`: another try may fare better, after the time that the partner asked for.
    Failed { reason: String, again: Option<Option<Duration>> },
}

/// One try, by itself: nothing of it is shown but why it failed.
pub async fn once(caller: &Caller<'_>, http: &Http) -> Result<Once, Error> {
    let secrets = caller.shared.secret_values(caller.account).await?;
    let request = match request(caller, http, &secrets).await {
        Ok(request) => request,
        Err(unmade) => {
            let reason = secrets.mask().apply(&unmade.error.message).into_owned();
            return Ok(Once::Failed { reason, again: unmade.may_pass.then_some(None) });
        }
    };
    let masks = Masks::new(secrets.mask(), request.token.as_ref().map(|(_, token)| token.as_str()));
    let answered = caller.shared.egress.send(request.outgoing).await;
    if let (Ok(Answered { status: 401, .. }), Some((grant, token))) = (&answered, &request.token) {
        caller.shared.tokens.forget(grant, token).await;
        return Ok(Once::Failed { reason: "the answer's status is 401".into(), again: Some(None) });
    }
    let again = match verdict(caller.shared, http, &answered) {
        Verdict::Good => None,
        Verdict::Bad => Some(None),
        Verdict::Again(after) => Some(Some(after)),
    };
    Ok(match (answered, again) {
        (Ok(answered), None) => Once::Answered(output(&answered)),
        (Ok(answered), again) => {
            let reason = format!("the answer's status is {}", answered.status);
            Once::Failed { reason, again: again.flatten() }
        }
        (Err(failure), again) => Once::Failed { reason: masks.text(&failure.message), again: again.flatten() },
    })
}

/// Why there is no request to send.
struct Unmade {
    error: StepError,
    /// The request as far as it was made.
    shown: Option<Json>,
    /// Another attempt may fare better.
    may_pass: bool,
}

impl From<StepError> for Unmade {
    fn from(error: StepError) -> Self {
        Self { error, shown: None, may_pass: false }
    }
}

async fn request(call: &Caller<'_>, http: &Http, secrets: &SecretValues) -> Result<Request, Unmade> {
    let scope = Scope {
        document: call.document,
        transaction_id: call.id,
        cycle_name: call.name,
        vars: call.vars,
        env: &call.shared.environment,
        secrets: Some(secrets),
    };
    let render = |template: &Template| {
        if let Some(missing) = template.secrets().into_iter().find(|name| !secrets.has(name)) {
            return Err(StepError::new("secret", format!("there is no secret {missing}")));
        }
        template.render(&scope).map_err(|exhausted| StepError::new("limit", exhausted.to_string()))
    };
    let url = with_query(&text(&render(&http.url)?), &http.query, &render)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &http.headers {
        match render(value)? {
            Json::Null => {}
            value => headers.push((name.clone(), text(&value))),
        }
    }
    let mut body = Bytes::new();
    if let Some((kind, template)) = &http.body {
        let (content_type, bytes) = encoded(*kind, &render(template)?)?;
        if !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".into(), content_type.into()));
        }
        body = bytes;
    }
    headers.push(("idempotency-key".into(), call.key.clone()));
    // A chain of deliveries goes on through whoever is called.
    let hops = hops_in(call.document);
    if hops > 0 && !headers.iter().any(|(name, _)| name == HOPS_HEADER) {
        headers.push((HOPS_HEADER.into(), hops.to_string()));
    }
    let shown = Masks::new(secrets.mask(), None).request(&http.method, &url, &headers, &body);
    let mut token = None;
    if let Some(auth) = &http.auth {
        let header = match grant(auth, &render)? {
            Some(grant) => {
                let bearer = call.shared.tokens.bearer(&call.shared.egress, &grant).await;
                let bearer = bearer.map_err(|failure| Unmade {
                    may_pass: failure.may_pass(),
                    error: StepError::new("oauth2", failure.message),
                    shown: Some(shown.clone()),
                })?;
                let header = ("authorization".to_owned(), format!("Bearer {bearer}"));
                token = Some((grant, bearer));
                header
            }
            None => authorized(auth, &render)?,
        };
        headers.push(header);
    }
    let outgoing =
        Outgoing { method: http.method.clone(), url, headers, body, timeout: http.timeout, body_max: ANSWER_BYTES_MAX };
    Ok(Request { outgoing, shown, token })
}

fn with_query(
    url: &str,
    query: &[(String, Template)],
    render: &impl Fn(&Template) -> Result<Json, StepError>,
) -> Result<String, StepError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, template) in query {
        match render(template)? {
            Json::Null => {}
            Json::Array(values) => pairs.extend(values.iter().map(|value| (name.clone(), text(value)))),
            value => pairs.push((name.clone(), text(&value))),
        }
    }
    if pairs.is_empty() {
        return Ok(url.to_owned());
    }
    let joined = form(&pairs);
    let (url, fragment) = url.split_once('#').map_or((url, ""), |(url, fragment)| (url, fragment));
    let mark = if url.contains('?') { "&" } else { "?" };
    let hash = if fragment.is_empty() { "" } else { "#" };
    Ok(format!("{url}{mark}{joined}{hash}{fragment}"))
}

/// As a form is written (WHATWG URL, section 5.2).
fn form(pairs: &[(String, String)]) -> String {
    let mut written = String::new();
    for (name, value) in pairs {
        if !written.is_empty() {
            written.push('&');
        }
        push_encoded(name, &mut written);
        written.push('=');
        push_encoded(value, &mut written);
    }
    written
}

fn push_encoded(text: &str, written: &mut String) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => written.push(char::from(byte)),
            b' ' => written.push('+'),
            other => {
                let _ = write!(written, "%{other:02X}");
            }
        }
    }
}

fn encoded(kind: BodyType, value: &Json) -> Result<(&'static str, Bytes), StepError> {
    Ok(match kind {
        BodyType::Json => ("application/json", value.to_string().into()),
        BodyType::Text => ("text/plain; charset=utf-8", text(value).into()),
        BodyType::Form => {
            let Json::Object(members) = value else {
                return Err(StepError::new("body", "a form is made of an object"));
            };
            let mut pairs = Vec::new();
            for (name, value) in members.iter() {
                match value {
                    Json::Null => {}
                    Json::Array(values) => pairs.extend(values.iter().map(|value| (name.clone(), text(value)))),
                    value => pairs.push((name.clone(), text(value))),
                }
            }
            ("application/x-www-form-urlencoded", form(&pairs).into())
        }
        BodyType::Xml => {
            let written = holdfast_sandbox::format_xml(value).map_err(|message| StepError::new("body", message))?;
            ("application/xml", format!("{XML_DECLARATION}{written}").into())
        }
    })
}

/// What an OAuth token is asked for with.
fn grant(auth: &Auth, render: &impl Fn(&Template) -> Result<Json, StepError>) -> Result<Option<Grant>, StepError> {
    let Auth::OAuth2 { token_url, client_id, client_secret, scope, audience } = auth else { return Ok(None) };
    let some = |template: &Option<Template>| match template {
        Some(template) => render(template).map(|value| Some(text(&value))),
        None => Ok(None),
    };
    Ok(Some(Grant {
        token_url: text(&render(token_url)?),
        client_id: text(&render(client_id)?),
        client_secret: text(&render(client_secret)?),
        scope: some(scope)?,
        audience: some(audience)?,
    }))
}

fn authorized(
    auth: &Auth,
    render: &impl Fn(&Template) -> Result<Json, StepError>,
) -> Result<(String, String), StepError> {
    Ok(match auth {
        Auth::Basic { user, password } => {
            let pair = format!("{}:{}", text(&render(user)?), text(&render(password)?));
            ("authorization".to_owned(), format!("Basic {}", STANDARD.encode(pair)))
        }
        Auth::Bearer { token } => ("authorization".to_owned(), format!("Bearer {}", text(&render(token)?))),
        Auth::Header { name, value } => (name.clone(), text(&render(value)?)),
        Auth::OAuth2 { .. } => return Err(StepError::new("oauth2", "a token is asked for first")),
    })
}

/// `{ status, headers, body }`: JSON as what it is, anything else as text.
fn output(answered: &Answered) -> Json {
    let header = |name: &str| answered.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let essence = header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let body = match Json::parse(&answered.body) {
        _ if answered.body.is_empty() => Json::Null,
        Ok(body) if is_json => body,
        _ => Json::from(String::from_utf8_lossy(&answered.body).into_owned()),
    };
    let mut headers = Members::new();
    for (name, value) in &answered.headers {
        let joined = match headers.get(name).and_then(Json::as_text) {
            Some(before) => format!("{before}, {value}"),
            None => value.clone(),
        };
        headers.insert(name.clone(), Json::from(joined));
    }
    Json::from(Members::from_iter([
        ("status".to_owned(), Json::from(u64::from(answered.status))),
        ("headers".to_owned(), Json::from(headers)),
        ("body".to_owned(), body),
    ]))
}

fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    }
}
