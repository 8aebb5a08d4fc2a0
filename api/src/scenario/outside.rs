//! The outside world of a scenario: it answers what was given, and keeps what it was sent.
//!
//! Invariant: which answer a call gets depends on its step, and on how many calls of it (inside an
//! `each`: which element, and how many of its attempts) came before, on nothing else.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, OnceLock, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use holdfast_definitions::{Cycle, GivenAnswer, GivenAnswers, Json, Members, StepKind};
use holdfast_engine::{
    DEFAULT_ACCOUNT, Engine, PageQuery,
    egress::{Answered, Failure, Outgoing, StandIn},
};
use uuid::Uuid;

use super::SentWhat;
use crate::decode;

/// What every call carries, and no scenario says.
const OURS: [&str; 1] = ["idempotency-key"];
/// What a token endpoint issues.
const TOKEN: &str = r#"{"access_token":"token","token_type":"bearer","expires_in":3600}"#;

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Called {
    pub at: DateTime<Utc>,
    pub by: Errand,
    /// From 0, among the calls of the errand's step for its element.
    pub count: usize,
    pub what: SentWhat,
}

/// Who calls, as the call's own key says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Errand {
    /// A step of a run, in an element of an `each` perhaps.
    Step { transaction: Uuid, run: u32, element: Option<usize>, step: String },
    /// A method of a webhook's connector: `STEP.METHOD`.
    Method(String),
}

impl Errand {
    pub fn name(&self) -> &str {
        match self {
            Self::Step { step, .. } => step,
            Self::Method(name) => name,
        }
    }
}

pub struct Outside {
    answers: BTreeMap<String, GivenAnswers>,
    /// The webhooks with a connector.
    connected: Vec<String>,
    /// Set once it is there: it asks this world before its caller has it.
    engine: OnceLock<Engine>,
    start: DateTime<Utc>,
    known: Mutex<Known>,
}

/// A step, and the run and element of one in an `each`.
type Counted = (String, Option<(Uuid, u32, usize)>);

#[derive(Default)]
struct Known {
    called: Vec<Called>,
    /// Calls by step and element.
    counts: HashMap<Counted, usize>,
    /// The first call that nothing was given for.
    missing: Option<String>,
    /// The webhook that is hit now.
    hit: String,
}

impl Outside {
    pub fn new(cycle: &Cycle, answers: &BTreeMap<String, GivenAnswers>, start: DateTime<Utc>) -> Self {
        let connected = cycle.steps.iter().filter(|step| match &step.kind {
            StepKind::Webhook(webhook) => webhook.connected.is_some(),
            _ => false,
        });
        Self {
            answers: answers.clone(),
            connected: connected.map(|step| step.id.clone()).collect(),
            engine: OnceLock::new(),
            start,
            known: Mutex::default(),
        }
    }

    pub fn is_of(&self, engine: &Engine) {
        let _ = self.engine.set(engine.clone());
    }

    /// What is asked for by a connector from now on is asked for by this webhook.
    pub fn hits(&self, step: &str) {
        step.clone_into(&mut self.known().hit);
    }

    pub fn called(&self) -> Vec<Called> {
        self.known().called.clone()
    }

    pub fn missing(&self) -> Option<String> {
        self.known().missing.clone()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None for a token's request, which has no key.
    async fn errand(&self, request: &Outgoing) -> Option<Errand> {
        let key = request.headers.iter().find(|(name, _)| name == "idempotency-key").map(|(_, key)| key.as_str())?;
        let parts: Vec<&str> = key.split('.').collect();
        let id: Uuid = parts.first()?.parse().ok()?;
        Some(match parts.as_slice() {
            [_, run, step] if run.parse::<u32>().is_ok() => Errand::Step {
                transaction: id,
                run: run.parse().unwrap_or_default(),
                element: None,
                step: (*step).to_owned(),
            },
            [_, run, _, index, step] => Errand::Step {
                transaction: id,
                run: run.parse().unwrap_or_default(),
                element: index.parse().ok(),
                step: (*step).to_owned(),
            },
            [_, method, ..] => Errand::Method(format!("{}.{method}", self.subscriber(id).await)),
            _ => Errand::Method(format!("{}.handle", self.known().hit)),
        })
    }

    /// The webhook whose subscription it is.
    async fn subscriber(&self, subscription: Uuid) -> String {
        if let ([_, _, ..], Some(engine)) = (self.connected.as_slice(), self.engine.get())
            && let Ok(page) = engine.subscriptions(DEFAULT_ACCOUNT, PageQuery::default()).await
            && let Some(view) = page.data.into_iter().find(|view| view.id == subscription)
        {
            return view.step;
        }
        self.connected.first().cloned().unwrap_or_default()
    }

    /// The answer that is given for a call, which is kept.
    fn answered(&self, errand: Errand, request: &Outgoing) -> Result<Answered, Failure> {
        let at = self.engine.get().map_or(self.start, Engine::now);
        let mut known = self.known();
        let inside = match &errand {
            Errand::Step { transaction, run, element: Some(element), .. } => Some((*transaction, *run, *element)),
            _ => None,
        };
        let element = inside.map(|(_, _, element)| element);
        let count = known.counts.entry((errand.name().to_owned(), inside)).or_default();
        let before = *count;
        *count += 1;
        let name = errand.name().to_owned();
        known.called.push(Called { at, by: errand, count: before, what: shown(request) });
        let given = self.answers.get(&name).and_then(|answers| nth(answers, element, before));
        match given {
            Some(GivenAnswer::Answer { status, headers, body }) => Ok(written(*status, headers, body)),
            Some(GivenAnswer::Error { kind, message }) => {
                Err(Failure::of(kind, message.clone()).unwrap_or_else(|| unknown(message.clone())))
            }
            None => {
                known.missing.get_or_insert(name.clone());
                Err(unknown(format!("the scenario gives no answer for {name}")))
            }
        }
    }
}

fn unknown(message: String) -> Failure {
    Failure { kind: "network", message, sent: false }
}

/// The last of a list holds for what comes after it.
fn nth(GivenAnswers(calls): &GivenAnswers, element: Option<usize>, count: usize) -> Option<&GivenAnswer> {
    match element {
        Some(index) => {
            let attempts = calls.get(index).or(calls.last())?;
            attempts.get(count).or(attempts.last())
        }
        None => {
            let mut all = calls.iter().flatten();
            all.clone().nth(count).or_else(|| all.next_back())
        }
    }
}

fn written(status: u16, headers: &[(String, String)], body: &Json) -> Answered {
    let mut headers = headers.to_vec();
    let is_said = headers.iter().any(|(name, _)| name == "content-type");
    let (content_type, body) = match body {
        Json::Null => (None, Bytes::new()),
        Json::Text(text) if is_said => (None, Bytes::from(text.clone())),
        Json::Text(text) => (Some("text/plain; charset=utf-8"), Bytes::from(text.clone())),
        json => (Some("application/json"), Bytes::from(json.to_string())),
    };
    if let Some(content_type) = content_type.filter(|_| !is_said) {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    Answered { status, headers, body }
}

/// A request as a scenario sees it.
fn shown(request: &Outgoing) -> SentWhat {
    let (url, _) = request.url.split_once('#').unwrap_or((&request.url, ""));
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let mut headers = Members::new();
    for (name, value) in request.headers.iter().filter(|(name, _)| !OURS.contains(&name.as_str())) {
        let joined = match headers.get(name).and_then(Json::as_text) {
            Some(before) => format!("{before}, {value}"),
            None => value.clone(),
        };
        headers.insert(name.clone(), Json::from(joined));
    }
    let content_type = headers.get("content-type").and_then(Json::as_text).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = || String::from_utf8_lossy(&request.body).into_owned();
    let body = match essence.as_str() {
        _ if request.body.is_empty() => Json::Null,
        "application/x-www-form-urlencoded" => decode::fields(&text()),
        essence if essence == "application/json" || essence.ends_with("+json") => {
            Json::parse(&request.body).unwrap_or_else(|_| Json::from(text()))
        }
        _ => Json::from(text()),
    };
    SentWhat::Call {
        method: request.method.clone(),
        url: url.to_owned(),
        query: decode::fields(query),
        headers: Json::from(headers),
        body,
    }
}

#[async_trait]
impl StandIn for Outside {
    async fn answer(&self, request: Outgoing) -> Result<Answered, Failure> {
        match self.errand(&request).await {
            Some(errand) => self.answered(errand, &request),
            None => {
                let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
                Ok(Answered { status: 200, headers, body: Bytes::from_static(TOKEN.as_bytes()) })
            }
        }
    }
}
