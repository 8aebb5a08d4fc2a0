//! A webhook's script: it looks at each request before it is a hit, and may change it, filter it,
//! answer it or refuse it (contract, section 6).
//!
//! Invariant: what it does is done before anything is accepted: where it fails, there is no hit.

use holdfast_definitions::{Json, Members, Script};
use holdfast_sandbox::{Call, ErrorKind, Responded, Returned, ScriptError};

use super::Engine;
use crate::{Answer, Arrival, ByScript, Door, Error, history::timestamp, limits::RETRY_SOON, machine::response};

/// What of a request a script may change.
const PARTS: [&str; 4] = ["method", "headers", "query", "body"];

impl Engine {
    /// The request as the webhook's script leaves it; as it is where there is none. `Thrown` where
    /// the script refuses it, `Script` where the script itself is wrong.
    pub async fn scripted(&self, door: &Door, arrival: Arrival) -> Result<Arrival, Error> {
        let Some(script) = &door.webhook().script else { return Ok(arrival) };
        let _place = self.shared.scripts.request()?;
        let unavailable = |reason: &str| Error::Unavailable { reason: reason.into(), retry_after: RETRY_SOON };
        let call = self.request_call(door, script, &arrival);
        let ran = self.shared.scripts.run(&door.account, &door.cycle, call).await;
        match ran.ok_or_else(|| unavailable("scripts can't be run here"))? {
            Ok(returned) => left(arrival, returned).map_err(|error| wrong(door, error)),
            Err(error) if error.kind == ErrorKind::Throw => Err(Error::Thrown(error.message)),
            Err(error) if error.kind == ErrorKind::Worker => {
                tracing::warn!(%error, webhook = door.identifier, "a webhook's script could not be run");
                Err(unavailable("the webhook's script could not be run"))
            }
            Err(error) => Err(wrong(door, said(&error))),
        }
    }

    fn request_call(&self, door: &Door, script: &Script, arrival: &Arrival) -> Call {
        let now = self.shared.clock.now();
        let cycle = &door.definition;
        let vars: Members = cycle.vars.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let context = object([
            ("cycle", object([("name", Json::from(door.cycle.as_str()))])),
            ("step", Json::from(door.step.as_str())),
            ("now", Json::from(timestamp(now).as_str())),
            ("vars", Json::from(vars)),
        ]);
        let request = arrival.request();
        Call {
            source: script.source.clone(),
            name: "request".to_owned(),
            arguments: vec![request.to_string(), context.to_string()],
            now_ms: now.div_euclid(1_000),
            seed: self.shared.dice.bits(),
            first_line: script.line,
            store: None,
        }
    }
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::from(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Members>())
}

fn said(error: &ScriptError) -> String {
    match error.line {
        Some(line) => format!("line {line}: {error}"),
        None => error.to_string(),
    }
}

fn wrong(door: &Door, message: String) -> Error {
    let Door { identifier, cycle, step, .. } = door;
    tracing::warn!(webhook = identifier, cycle, step, error = message, "a webhook's script failed");
    Error::Script(message)
}

/// What the script returned goes on; what it left out of it stays as it was.
fn left(mut arrival: Arrival, returned: Returned) -> Result<Arrival, String> {
    let value =
        Json::parse(returned.value.as_deref().unwrap_or("null").as_bytes()).map_err(|error| error.to_string())?;
    let mut by_script = ByScript { filtered: false, answer: returned.responded.map(answer).transpose()? };
    match &value {
        Json::Bool(false) => by_script.filtered = true,
        Json::Object(members) => {
            if let Some(name) = members.keys().find(|name| !PARTS.contains(&name.as_str())) {
                return Err(format!("the script returned `{name}`, which no request has: it has {}", PARTS.join(", ")));
            }
            changed(&mut arrival, members)?;
        }
        other => {
            return Err(format!("the script returned {}: it returns the request, or false", other.kind()));
        }
    }
    arrival.by_script = Some(by_script);
    Ok(arrival)
}

fn changed(arrival: &mut Arrival, members: &Members) -> Result<(), String> {
    if let Some(method) = members.get("method") {
        let method = method.as_text().ok_or("the script returned a method that is no text")?;
        arrival.method = method.to_ascii_uppercase();
    }
    let map = |name: &str| match members.get(name) {
        Some(Json::Object(members)) => Ok(Some(Json::Object(members.clone()))),
        Some(_) => Err(format!("the script returned {name} that are no object")),
        None => Ok(None),
    };
    if let Some(headers) = map("headers")? {
        arrival.headers = headers;
    }
    if let Some(query) = map("query")? {
        arrival.query = query;
    }
    if let Some(body) = members.get("body") {
        arrival.body = body.clone();
    }
    Ok(())
}

fn answer(responded: Responded) -> Result<Answer, String> {
    let body =
        Json::parse(responded.body.as_deref().unwrap_or("null").as_bytes()).map_err(|error| error.to_string())?;
    response(&Json::from(u64::from(responded.status)), responded.headers.into_iter().collect(), body)
}
