//! The shapes that clients rely on: fields may be added, never changed. Times are RFC 3339 in UTC
//! with microseconds.

use base64::Engine as _;
use chrono::{DateTime, Utc};
use holdfast_definitions::{Diagnostic, Json};
use holdfast_engine::{
    CandidateView, CycleView, Deployed, Explanation, ExtractedValue, Hit, KeyView, Page, RunView, SecretView,
    StepTrace, TransactionView, VersionView, WebhookView,
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// An error (RFC 9457), as `application/problem+json`. Other members may say more.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `problem` writes")]
pub struct ProblemDocument {
    /// `urn:holdfast:problem:…`
    r#type: String,
    title: String,
    status: u16,
    detail: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct List<T> {
    pub data: Vec<T>,
    /// The cursor of the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> List<T> {
    pub fn of<V>(page: Page<V>, show: impl Fn(V) -> T) -> Self {
        Self { data: page.data.into_iter().map(show).collect(), next: page.next }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Cycle {
    pub name: String,
    pub account: String,
    pub description: Option<String>,
    /// `draft`, `running` or `stopped`
    pub state: &'static str,
    pub version: u32,
    pub created_at: String,
    pub started_at: Option<String>,
    pub stopped_at: Option<String>,
    /// Transactions held now, by step; as old as counting takes long, up to fifty times that.
    pub held: Vec<Held>,
    /// Hits queued by a stop.
    pub queued: u64,
    pub webhooks: Vec<Webhook>,
    /// What its webhooks have subscribed to, and why not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub subscriptions: Vec<super::connections::Subscription>,
    /// The newest version's YAML, with the connectors that it was deployed with.
    pub source: String,
}

#[derive(Serialize, ToSchema)]
pub struct Held {
    pub step: String,
    pub count: u64,
}

impl Cycle {
    pub fn new(view: CycleView, public_url: &str) -> Self {
        Self {
            state: view.state.word(),
            created_at: time(view.created_at),
            started_at: view.started_at.map(time),
            stopped_at: view.stopped_at.map(time),
            held: view.held.into_iter().map(|(step, count)| Held { step, count }).collect(),
            webhooks: view.webhooks.into_iter().map(|webhook| Webhook::new(webhook, public_url)).collect(),
            subscriptions: view.subscriptions.into_iter().map(Into::into).collect(),
            name: view.name,
            account: view.account,
            description: view.description,
            version: view.version,
            queued: view.queued,
            source: view.source,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct DeployedCycle {
    /// Whether a new version was made.
    pub changed: bool,
    #[serde(flatten)]
    pub cycle: Cycle,
    /// Warnings of the file.
    #[schema(value_type = Vec<DiagnosticShape>)]
    pub diagnostics: Vec<Diagnostic>,
}

impl DeployedCycle {
    pub fn new(deployed: Deployed, public_url: &str) -> Self {
        Self {
            changed: deployed.changed,
            cycle: Cycle::new(deployed.cycle, public_url),
            diagnostics: deployed.warnings,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Version {
    pub version: u32,
    /// SHA-256 of the source.
    pub digest: String,
    pub created_at: String,
    pub source: String,
}

impl From<VersionView> for Version {
    fn from(view: VersionView) -> Self {
        Self { version: view.version, digest: view.digest, created_at: time(view.created_at), source: view.source }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Webhook {
    pub identifier: String,
    pub url: String,
    /// Null for a shared webhook, which belongs to no cycle.
    pub cycle: Option<String>,
    pub step: Option<String>,
    /// The name of the shared webhook that this is, or that the step is attached to: the identifier and
    /// the URL are that one's.
    pub shared: Option<String>,
    pub account: String,
    pub synchronous: bool,
    /// Its senders must prove who they are; otherwise whoever knows the URL is let in.
    pub verified: bool,
    /// Its hits start transactions; those of the others resume them.
    pub start: bool,
    pub last_hit_at: Option<String>,
    pub held: u64,
    pub queued: u64,
}

impl Webhook {
    pub fn new(view: WebhookView, public_url: &str) -> Self {
        Self {
            url: format!("{public_url}/hooks/{}", view.identifier),
            identifier: view.identifier,
            cycle: Some(view.cycle).filter(|cycle| !cycle.is_empty()),
            step: Some(view.step).filter(|step| !step.is_empty()),
            shared: view.shared,
            account: view.account,
            synchronous: view.synchronous,
            verified: view.verified,
            start: view.start,
            last_hit_at: view.last_hit_at.map(time),
            held: view.held,
            queued: view.queued,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Transaction {
    pub id: String,
    pub account: String,
    pub cycle: String,
    pub version: u32,
    /// `queued`, `running`, `held`, `completed`, `failed` or `cancelled`
    pub status: &'static str,
    /// Where it is held or failed.
    pub step: Option<String>,
    pub started_at: String,
    pub expires_at: String,
    #[schema(value_type = Option<Object>)]
    pub error: Option<Json>,
    /// Left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub document: Option<Json>,
    /// The last 100, oldest first; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<Vec<Run>>,
}

impl From<TransactionView> for Transaction {
    fn from(view: TransactionView) -> Self {
        let (document, runs) = match view.detail {
            Some(detail) => (Some(detail.document), Some(detail.runs.into_iter().map(Run::from).collect())),
            None => (None, None),
        };
        Self {
            id: view.id.to_string(),
            account: view.account,
            cycle: view.cycle,
            version: view.version,
            status: view.status.word(),
            step: view.step,
            started_at: time(view.started_at),
            expires_at: time(view.expires_at),
            error: view.error,
            document,
            runs,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Run {
    pub number: u32,
    /// Null for a re-run, and for a hold that ran into its `expires`.
    pub hit: Option<String>,
    /// The step where it began.
    pub entry: String,
    pub status: &'static str,
    pub started_at: String,
    pub ended_at: Option<String>,
    pub steps: Vec<Step>,
    /// The answer to its own caller.
    #[schema(value_type = Option<Object>)]
    pub answer: Option<Json>,
    #[schema(value_type = Option<Object>)]
    pub error: Option<Json>,
}

impl From<RunView> for Run {
    fn from(view: RunView) -> Self {
        Self {
            number: view.number,
            hit: view.hit.map(|hit| hit.to_string()),
            entry: view.entry,
            status: view.status.word(),
            started_at: time(view.started_at),
            ended_at: view.ended_at.map(time),
            steps: view.steps.into_iter().map(Step::from).collect(),
            answer: view.answer,
            error: view.error,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Step {
    pub step: String,
    pub kind: String,
    /// `running`, `completed`, `failed`, `held`, `expired` or `cancelled`
    pub status: String,
    pub started_at: String,
    pub duration_us: u64,
    #[schema(value_type = Option<Object>)]
    pub output: Option<Json>,
    #[schema(value_type = Option<Object>)]
    pub error: Option<Json>,
    /// Of an `http` step: each attempt as `{ at, duration_us, request, response or error }`, secrets masked.
    #[schema(value_type = Option<Vec<Object>>)]
    pub attempts: Option<Json>,
    /// Of an `each` step: `{ index, status, steps }` of the elements shown.
    #[schema(value_type = Option<Vec<Object>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<Json>,
    /// Elements that are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements_left_out: Option<usize>,
    /// Of a `script` step: what it wrote with `console.log`, line by line.
    #[schema(value_type = Option<Vec<String>>)]
    pub console: Option<Json>,
}

impl From<StepTrace> for Step {
    fn from(view: StepTrace) -> Self {
        Self {
            step: view.step,
            kind: view.kind,
            status: view.status,
            started_at: time(view.started_at),
            duration_us: view.duration_us,
            output: view.output,
            error: view.error,
            attempts: view.attempts,
            elements_left_out: view.elements.is_some().then_some(view.elements_left_out),
            elements: view.elements,
            console: view.console,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct HitShape {
    pub id: String,
    /// The webhook's identifier.
    pub webhook: String,
    pub cycle: String,
    pub step: String,
    pub received_at: String,
    pub method: String,
    #[schema(value_type = Object)]
    pub headers: Json,
    #[schema(value_type = Object)]
    pub query: Json,
    #[schema(value_type = Object)]
    pub body: Json,
    /// The body as it came, in base64.
    pub raw: String,
    /// `queued`, `applied`, `unmatched`, `filtered`, `expired`, `duplicate` or `rejected`
    pub status: &'static str,
    pub reason: Option<String>,
    pub transaction: Option<String>,
    pub run: Option<u32>,
    pub ambiguous: bool,
    pub replay_of: Option<String>,
    /// Until then an unmatched hit is offered to transactions that reach the step.
    pub early_until: Option<String>,
    pub applications: Vec<Application>,
}

/// What became of it in a cycle.
#[derive(Serialize, ToSchema)]
pub struct Application {
    /// The position of the event, where the request was several.
    pub event: u32,
    pub account: String,
    pub cycle: String,
    pub transaction: Option<String>,
    pub run: Option<u32>,
    pub status: &'static str,
}

impl HitShape {
    pub fn new(hit: Hit) -> Self {
        let application = |one: holdfast_engine::Application| Application {
            event: one.event,
            account: one.account,
            cycle: one.cycle,
            transaction: one.transaction.map(|transaction| transaction.to_string()),
            run: one.run,
            status: one.status.word(),
        };
        Self {
            id: hit.id.to_string(),
            webhook: hit.webhook,
            cycle: hit.cycle,
            step: hit.step,
            received_at: time(hit.received_at),
            method: hit.method,
            headers: hit.headers,
            query: hit.query,
            body: hit.body,
            raw: base64::engine::general_purpose::STANDARD.encode(&hit.raw),
            status: hit.status.word(),
            reason: hit.reason,
            transaction: hit.transaction.map(|transaction| transaction.to_string()),
            run: hit.run,
            ambiguous: hit.ambiguous,
            replay_of: hit.replay_of.map(|hit| hit.to_string()),
            early_until: hit.early_until.map(time),
            applications: hit.applications.into_iter().map(application).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct ExplanationShape {
    /// Null for a dry run.
    pub hit: Option<String>,
    pub webhook: String,
    pub cycle: String,
    pub step: String,
    pub outcome: String,
    /// One sentence for a person.
    pub summary: String,
    pub extracted: Vec<Extracted>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub key: Option<Vec<Json>>,
    /// Newest first, at most 20.
    pub candidates: Vec<Candidate>,
    pub winner: Option<String>,
    /// Nearest first, at most 10.
    pub near_misses: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Extracted {
    pub path: String,
    /// `text`, `number`, `boolean`, `null`, `object`, `array` or `missing`
    pub kind: &'static str,
    #[schema(value_type = Option<Object>)]
    pub value: Option<Json>,
}

impl From<ExtractedValue> for Extracted {
    fn from(value: ExtractedValue) -> Self {
        Self { path: value.path, kind: value.kind, value: value.value }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Candidate {
    pub transaction: String,
    pub version: u32,
    pub started_at: String,
    pub expires_at: String,
    pub resumed: bool,
    pub won: bool,
    pub why: String,
}

impl From<CandidateView> for Candidate {
    fn from(view: CandidateView) -> Self {
        Self {
            transaction: view.transaction.to_string(),
            version: view.version,
            started_at: time(view.started_at),
            expires_at: time(view.expires_at),
            resumed: view.resumed,
            won: view.won,
            why: view.why,
        }
    }
}

impl From<Explanation> for ExplanationShape {
    fn from(told: Explanation) -> Self {
        Self {
            hit: told.hit.map(|hit| hit.to_string()),
            webhook: told.webhook,
            cycle: told.cycle,
            step: told.step,
            outcome: told.outcome,
            summary: told.summary,
            extracted: told.extracted.into_iter().map(Extracted::from).collect(),
            key: told.key,
            candidates: told.candidates.into_iter().map(Candidate::from).collect(),
            winner: told.winner.map(|winner| winner.to_string()),
            near_misses: told.near_misses,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Key {
    pub id: String,
    /// Null: every account.
    pub account: Option<String>,
    pub name: String,
    pub scopes: Vec<&'static str>,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
    /// The secret, once: in the answer that made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Key {
    pub fn new(view: KeyView, secret: Option<String>) -> Self {
        Self {
            id: view.id.to_string(),
            account: view.account,
            name: view.name,
            scopes: view.scopes.iter().map(|scope| scope.word()).collect(),
            created_at: time(view.created_at),
            expires_at: view.expires_at.map(time),
            revoked_at: view.revoked_at.map(time),
            key: secret,
        }
    }
}

/// A secret, without its value.
#[derive(Serialize, ToSchema)]
pub struct Secret {
    pub name: String,
    /// The master key that it is sealed with.
    pub key_id: String,
    pub created_at: String,
    pub updated_at: String,
    /// To the minute.
    pub last_used_at: Option<String>,
}

impl From<SecretView> for Secret {
    fn from(view: SecretView) -> Self {
        Self {
            name: view.name,
            key_id: view.key_id,
            created_at: time(view.created_at),
            updated_at: time(view.updated_at),
            last_used_at: view.last_used_at.map(time),
        }
    }
}

/// What is wrong with a definition.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes `Diagnostic`")]
pub struct DiagnosticShape {
    code: String,
    /// `error` or `warning`
    severity: String,
    message: String,
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    help: Option<String>,
    /// There where one text in the place of another would make it good.
    suggestion: Option<SuggestionShape>,
}

/// What would make a mistake good, and the place of what it replaces.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes `Suggestion`")]
pub struct SuggestionShape {
    replacement: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}
