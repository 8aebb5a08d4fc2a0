//! An author's test: what is given, what is done, and what is expected to come of it.
//!
//! Here it is only read. What plays it knows the engine; what came of it is a [`Json`] that an
//! expectation is held against ([`Wanted::differences`]).

mod expect;
mod promise;
mod read;
mod request;
mod want;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};

use crate::{Json, Span};

pub use promise::{Promised, Promises};
pub use read::{CheckedScenarios, check_scenarios, scenario_cycles};
pub use want::{Difference, Wanted, WantedValue};

/// One document of a `*.test.yaml`.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// The cycle that it plays on: a name.
    pub cycle: String,
    pub given: ScenarioGiven,
    /// `explore`
    pub promises: Promises,
    pub steps: Vec<ScenarioStep>,
    /// Of its name.
    pub span: Span,
}

/// How the world is when it begins, and what it answers.
#[derive(Clone, Debug)]
pub struct ScenarioGiven {
    /// When the clock starts: [`SCENARIO_START`] where nothing is said.
    pub at: DateTime<Utc>,
    /// What outside systems answer, by step; `STEP.METHOD` for a method of a step's connector.
    pub http: BTreeMap<String, GivenAnswers>,
    pub secrets: BTreeMap<String, String>,
    pub vars: BTreeMap<String, Json>,
    pub env: BTreeMap<String, Json>,
}

/// 2026-01-01T00:00:00Z, in microseconds since 1970: a scenario plays the same on any day.
pub const SCENARIO_START: i64 = 1_767_225_600_000_000;

/// The answers to a step's calls: one list for each call (inside an `each`, for each element), each of
/// them one answer for each attempt. The last of a list holds for what comes after it. Neither list is
/// empty.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenAnswers(pub Vec<Vec<GivenAnswer>>);

#[derive(Clone, Debug, PartialEq)]
pub enum GivenAnswer {
    Answer {
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
        body: Json,
    },
    /// There is no answer: the error's kind and message, as a step's `error` has them.
    Error { kind: String, message: String },
}

/// Something that is done, or looked at, and where it stands.
#[derive(Clone, Debug)]
pub struct ScenarioStep {
    pub span: Span,
    pub action: Action,
}

#[derive(Clone, Debug)]
pub enum Action {
    /// Boxed: much the largest.
    Hit(Box<Request>),
    Advance(Duration),
    /// The cycle is stopped.
    Stop,
    /// The cycle is started again.
    Start,
    /// The transaction is cancelled: that of the hit of this name, or the latest.
    Cancel(Option<String>),
    /// The transaction's latest run is repeated from a step.
    Rerun {
        from: String,
        of: Option<String>,
    },
    Expect(Box<Expected>),
}

/// A request at a webhook.
#[derive(Clone, Debug)]
pub struct Request {
    pub step: String,
    /// What other steps of the scenario call it.
    pub name: Option<String>,
    /// `POST` where nothing is said.
    pub method: String,
    /// Names in lower case. `content-type` is among them only where it was said.
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub body: RequestBody,
    /// It is put in behind the verifier. Else its headers must prove who sent it.
    pub verified: bool,
    /// Of the answer to its caller, whenever that comes.
    pub expect: Option<Wanted>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RequestBody {
    None,
    /// Sent as JSON.
    Json(Json),
    /// Sent as it is: `raw`.
    Raw(String),
}

/// What is looked at, each a pattern for the JSON that the one who plays shows of it.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The hit whose transaction, hit and answer are meant; the latest where there is none.
    pub of: Option<String>,
    /// `{ status, step, steps, document, error, runs }`
    pub transaction: Option<Wanted>,
    /// Of all, oldest first.
    pub transactions: Option<Wanted>,
    /// `{ step, status, reason, ambiguous, run }`
    pub hit: Option<Wanted>,
    /// Of all, in order.
    pub hits: Option<Wanted>,
    /// `{ status, headers, body }`; null while its caller waits.
    pub answer: Option<Wanted>,
    /// `{ step, method, url, headers, query, body }` of each call, `{ step, event, data }` of each event,
    /// since the scenario began.
    pub sent: Option<Wanted>,
}
