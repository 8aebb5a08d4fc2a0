//! A method of a connector's event, done: a call, a script, or templates alone.
//!
//! Invariant: a call is made in [`perform`] alone; [`take`] only works out what comes of it, and may be
//! asked again with a newer state.

use std::time::Duration;

use holdfast_definitions::{Gives, Json, Members, Method, Scope, Script, Template};
use holdfast_sandbox::{Call, ErrorKind};

use crate::{
    Error,
    engine::Shared,
    runner::http::{Caller as HttpCaller, Once, once},
};

/// JSON text of a subscription's state.
const STATE_BYTES_MAX: usize = 64 << 10;

/// Who asks for a method, and with what.
pub struct Caller<'a> {
    pub shared: &'a Shared,
    pub account: &'a str,
    pub cycle: &'a str,
    pub method: &'static str,
    /// What it is given, but for the state.
    pub given: &'a Members,
    /// The same for each try.
    pub key: String,
}

/// Why a method came to nothing.
#[derive(Debug)]
pub struct Failure {
    pub reason: String,
    /// Another try may fare better: after the time that the partner asked for, if it did.
    pub again: Option<Option<Duration>>,
    /// What a script threw, word for word.
    pub thrown: Option<String>,
}

impl Failure {
    fn last(reason: String) -> Self {
        Self { reason, again: None, thrown: None }
    }
}

/// What a method gave.
#[derive(Debug, Default)]
pub struct Taken {
    pub state: Option<Json>,
    pub next_refresh: Option<Json>,
    pub events: Option<Json>,
    pub response: Option<Json>,
}

/// Makes the method's call, if it is one: what was answered.
pub async fn perform(caller: &Caller<'_>, method: &Method, state: &Json) -> Result<Result<Json, Failure>, Error> {
    let Method::Call(call) = method else { return Ok(Ok(Json::Null)) };
    let document = with_state(caller.given, state);
    let http = HttpCaller {
        shared: caller.shared,
        account: caller.account,
        document: &document,
        id: "",
        name: caller.cycle,
        vars: &(),
        key: caller.key.clone(),
    };
    Ok(match once(&http, &call.http).await? {
        Once::Answered(output) => match graphql_error(&output).filter(|_| call.graphql) {
            Some(reason) => {
                let mask = caller.shared.secret_values(caller.account).await?;
                let reason = mask.mask().apply(&reason).into_owned();
                Err(Failure { reason, again: Some(None), thrown: None })
            }
            None => Ok(output),
        },
        Once::Failed { reason, again } => Err(Failure { reason, again, thrown: None }),
    })
}

/// The first of GraphQL's `errors`, in an answer whose status is fine.
fn graphql_error(output: &Json) -> Option<String> {
    let Json::Array(errors) = output.get("body")?.get("errors")? else { return None };
    let first = errors.first()?;
    let message = first.get("message").and_then(Json::as_text).unwrap_or("it has no message");
    Some(format!("the answer has GraphQL errors: {message}"))
}

/// What the method gives, by what was answered and the state as it is now.
pub async fn take(caller: &Caller<'_>, method: &Method, answered: &Json, state: &Json) -> Result<Taken, Failure> {
    let taken = match method {
        Method::Script(script) => scripted(caller, script, state).await?,
        Method::Mapping(gives) => rendered(caller, gives, with_state(caller.given, state))?,
        Method::Call(call) => {
            let mut document = with_state(caller.given, state);
            if let Some(members) = document.members_mut() {
                members.insert("response".to_owned(), answered.clone());
            }
            rendered(caller, &call.gives, document)?
        }
    };
    match &taken.state {
        Some(state) if state.to_string().len() > STATE_BYTES_MAX => {
            Err(Failure::last(format!("the state would be over {STATE_BYTES_MAX} bytes")))
        }
        _ => Ok(taken),
    }
}

fn with_state(given: &Members, state: &Json) -> Json {
    let mut members = given.clone();
    members.insert("state".to_owned(), state.clone());
    Json::from(members)
}

fn rendered(caller: &Caller<'_>, gives: &Gives, document: Json) -> Result<Taken, Failure> {
    let scope = Scope {
        document: &document,
        transaction_id: "",
        cycle_name: caller.cycle,
        vars: &(),
        env: &caller.shared.environment,
        secrets: None,
    };
    let one = |template: &Option<Template>| {
        let rendered = template.as_ref().map(|template| template.render(&scope)).transpose();
        rendered.map_err(|error| Failure::last(error.to_string()))
    };
    Ok(Taken {
        state: one(&gives.state)?,
        next_refresh: one(&gives.next_refresh)?,
        events: one(&gives.events)?,
        response: one(&gives.response)?,
    })
}

async fn scripted(caller: &Caller<'_>, script: &Script, state: &Json) -> Result<Taken, Failure> {
    let call = Call {
        source: script.source.clone(),
        name: caller.method.to_owned(),
        arguments: vec![with_state(caller.given, state).to_string()],
        now_ms: caller.shared.clock.now().div_euclid(1_000),
        seed: caller.shared.dice.bits(),
        first_line: script.line,
        store: None,
    };
    let unable = |reason: &str| Failure { reason: reason.to_owned(), again: Some(None), thrown: None };
    let ran = caller.shared.scripts.run(caller.account, caller.cycle, call).await;
    let returned = ran.ok_or_else(|| unable("scripts can't be run here"))?.map_err(|error| match error.kind {
        ErrorKind::Throw => Failure {
            reason: format!("the script threw: {}", error.message),
            again: None,
            thrown: Some(error.message.clone()),
        },
        ErrorKind::Worker => unable("the script could not be run"),
        _ => Failure::last(match error.line {
            Some(line) => format!("the script failed in line {line}: {error}"),
            None => format!("the script failed: {error}"),
        }),
    })?;
    let value = Json::parse(returned.value.as_deref().unwrap_or("null").as_bytes());
    let value = value.map_err(|error| Failure::last(error.to_string()))?;
    if !matches!(value, Json::Null | Json::Object(_)) {
        return Err(Failure::last(format!("the script returned {}, not an object", value.kind())));
    }
    let one = |name: &str| value.get(name).filter(|value| !matches!(value, Json::Null)).cloned();
    Ok(Taken {
        state: one("state"),
        next_refresh: one("nextRefreshTimestamp"),
        events: one("events"),
        response: one("response"),
    })
}
