//! What the engine shows of its state: plain values, read in one go.

use chrono::{DateTime, Utc};
use holdfast_definitions::{Diagnostic, Json};

use crate::{CycleId, HitId, KeyId, TransactionId, TransactionStatus};

/// A page of a list, newest first unless said otherwise. A page may be shorter than asked for
/// while `next` is set: a filter looks at a bounded number of rows a call.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Hand it back as `after` for the next page.
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// 1 to 1,000; default 50.
    pub limit: Option<u32>,
    pub after: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleState {
    Draft,
    Running,
    Stopped,
}

impl CycleState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

#[derive(Clone, Debug)]
pub struct CycleView {
    pub id: CycleId,
    pub name: String,
    pub account: String,
    pub description: Option<String>,
    pub state: CycleState,
    /// The newest version's number, from 1.
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub stopped_at: Option<DateTime<Utc>>,
    /// Transactions held now, by step.
    pub held: Vec<(String, u64)>,
    /// Hits queued by a stop and not yet run.
    pub queued: u64,
    pub webhooks: Vec<WebhookView>,
    /// What its webhooks have subscribed to.
    pub subscriptions: Vec<SubscriptionView>,
    /// Whether some webhook of it does.
    pub subscribes: bool,
    /// The newest version's YAML.
    pub source: String,
}

#[derive(Clone, Debug)]
pub struct VersionView {
    pub version: u32,
    /// Hexadecimal SHA-256 of the source.
    pub digest: String,
    pub created_at: DateTime<Utc>,
    pub source: String,
}

#[derive(Clone, Debug)]
pub struct WebhookView {
    pub identifier: String,
    pub cycle: String,
    pub step: String,
    pub account: String,
    pub synchronous: bool,
    /// Its senders must prove who they are.
    pub verified: bool,
    /// A start webhook has no mapping.
    pub start: bool,
    pub last_hit_at: Option<DateTime<Utc>>,
    /// Transactions held at it now.
    pub held: u64,
    pub queued: u64,
    /// The name of the shared webhook that the step is attached to, whose identifier is then given; or
    /// of the one that this is: it has no cycle and no step.
    pub shared: Option<String>,
}

/// What one document of a deployed file came to.
#[derive(Clone, Debug)]
pub struct Deployed {
    pub cycle: CycleView,
    /// Whether a new version was made: the same source again makes none.
    pub changed: bool,
    pub warnings: Vec<Diagnostic>,
}

#[derive(Clone, Debug, Default)]
pub struct TransactionFilter {
    pub cycle: Option<String>,
    pub status: Option<TransactionStatus>,
    pub step: Option<String>,
    /// A correlation value that it was held under, at any webhook, whatever has become of it since (but
    /// for a cancel): text, or a JSON array for a composite key.
    pub key: Option<String>,
    /// Started at or after.
    pub since: Option<DateTime<Utc>>,
    /// Started before.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default)]
pub struct HitFilter {
    /// A webhook's identifier.
    pub webhook: Option<String>,
    pub cycle: Option<String>,
    pub status: Option<crate::HitStatus>,
    /// Only those that matched more than one transaction.
    pub ambiguous: bool,
    /// Received at or after.
    pub since: Option<DateTime<Utc>>,
    /// Received before.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct TransactionView {
    pub id: TransactionId,
    pub account: String,
    pub cycle: String,
    pub version: u32,
    pub status: TransactionStatus,
    /// Where it is held or failed.
    pub step: Option<String>,
    pub started_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub error: Option<Json>,
    /// Left out of lists.
    pub detail: Option<TransactionDetail>,
}

#[derive(Clone, Debug)]
pub struct TransactionDetail {
    pub document: Json,
    /// The last 100 runs, oldest first.
    pub runs: Vec<RunView>,
}

#[derive(Clone, Debug)]
pub struct RunView {
    /// From 1, in the order in which their hits were accepted.
    pub number: u32,
    /// None for a re-run, and for a hold that ran into its `expires`.
    pub hit: Option<HitId>,
    /// The step where it began.
    pub entry: String,
    pub status: RunStatus,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub steps: Vec<StepTrace>,
    /// The answer to its own hit's caller, if it was given: `{ status, headers, body, step }`.
    pub answer: Option<Json>,
    pub error: Option<Json>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    Queued,
    Running,
    Held,
    Completed,
    Failed,
    Cancelled,
    Expired,
}

impl RunStatus {
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Held => "held",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let all =
            [Self::Queued, Self::Running, Self::Held, Self::Completed, Self::Failed, Self::Cancelled, Self::Expired];
        all.into_iter().find(|status| status.word() == word)
    }
}

#[derive(Clone, Debug)]
pub struct StepTrace {
    pub step: String,
    /// The word of the definition language.
    pub kind: String,
    /// `running`, `completed`, `failed`, `held`, `expired` or `cancelled`.
    pub status: String,
    pub started_at: DateTime<Utc>,
    pub duration_us: u64,
    pub output: Option<Json>,
    pub error: Option<Json>,
    /// What was tried, and what came of it: of steps that touch the world.
    pub attempts: Option<Json>,
    /// Of an `each`: a list of `{ index, status, steps }`.
    pub elements: Option<Json>,
    /// Elements that are not in the list.
    pub elements_left_out: usize,
    /// What a script wrote with `console.log`: a list of lines.
    pub console: Option<Json>,
}

/// A scope of an API key (contract, section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    Read,
    Deploy,
    Operate,
    Admin,
}

#[derive(Clone, Debug)]
pub struct KeyView {
    pub id: KeyId,
    /// None: every account.
    pub account: Option<String>,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A connector as it is deployed.
#[derive(Clone, Debug)]
pub struct ConnectorView {
    pub name: String,
    pub version: u32,
    pub description: Option<String>,
    /// Their names.
    pub events: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub source: String,
}

/// A subscription as it may be shown: its state is not, since it may hold what a partner keeps secret.
#[derive(Clone, Debug)]
pub struct SubscriptionView {
    pub id: uuid::Uuid,
    /// Empty where it is gone.
    pub cycle: String,
    pub step: String,
    pub webhook: String,
    pub connector: String,
    pub event: String,
    pub parameters: Json,
    /// `subscribing`, `active`, `failed` or `ending`
    pub status: String,
    pub reason: Option<String>,
    pub attempts: u32,
    pub made_at: Option<DateTime<Utc>>,
    pub refresh_at: Option<DateTime<Utc>>,
}

/// A secret as it may be shown: all but what it is.
#[derive(Clone, Debug)]
pub struct SecretView {
    pub name: String,
    /// The master key that it is sealed with.
    pub key_id: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// To the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Figures for `/metrics` that are read from the store, not counted in the process.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// (account, cycle, step, held now)
    pub held: Vec<(String, String, String, u64)>,
    /// (account, cycle, hits queued by a stop)
    pub queued: Vec<(String, String, u64)>,
    /// Callers waiting at this node.
    pub waiting_callers: u64,
    /// Requests that wait for a commit at this node.
    pub commit_queue: u64,
}

/// A shared webhook to be made.
#[derive(Clone, Debug, Default)]
pub struct NewShared {
    pub name: String,
    /// YAML: nothing, or a map of settings.
    pub settings: String,
    /// JSONPath into `{ method, headers, query, body }`: where the value stands that accounts claim.
    pub route: Option<String>,
    /// Several accounts may claim one value, and a hit goes to all of them.
    pub fan_out: bool,
}

/// A webhook that belongs to no cycle, as an account sees it.
#[derive(Clone, Debug)]
pub struct SharedView {
    pub identifier: String,
    pub name: String,
    pub account: String,
    /// The account owns it; others see a routed one, and of it what is their own.
    pub owned: bool,
    /// The owner's to see.
    pub settings: Option<String>,
    pub route: Option<String>,
    pub fan_out: bool,
    pub paused: bool,
    pub verified: bool,
    pub created_at: DateTime<Utc>,
    /// The account's steps that are attached to it.
    pub attached: Vec<AttachedView>,
}

#[derive(Clone, Debug)]
pub struct AttachedView {
    pub cycle: String,
    pub step: String,
    /// `draft`, `running` or `stopped`.
    pub state: String,
}

#[derive(Clone, Debug)]
pub struct ClaimView {
    pub value: Json,
    pub account: String,
    pub claimed_at: DateTime<Utc>,
}

/// What became of an event of a hit in a cycle.
#[derive(Clone, Debug)]
pub struct Application {
    /// The position of the event in its request.
    pub event: u32,
    pub account: String,
    pub cycle: String,
    pub transaction: Option<crate::TransactionId>,
    pub run: Option<u32>,
    /// The hit's status there.
    pub status: crate::HitStatus,
}

/// What a cycle did in the last 24 hours: figures for people who look, not records. A crash loses at most
/// the last two seconds of a node's.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// 24, oldest first; the last is the hour under way.
    pub hours: Vec<HourFigures>,
    pub steps: Vec<StepFigures>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HourFigures {
    pub from: DateTime<Utc>,
    /// Kept at the cycle's webhooks, whatever became of them: repeats, replays and rejected ones too.
    pub hits: u64,
    /// Transactions that started.
    pub started: u64,
    /// Times a run completed its transaction.
    pub completed: u64,
    /// Times a run failed its transaction.
    pub failed: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepFigures {
    pub step: String,
    /// Transactions held there now.
    pub held: u64,
    /// Runs that passed it in the last 24 hours; of the steps inside an `each` nothing is counted.
    pub passed: u64,
    /// Runs that failed at it, whether or not an `on_error` led them on.
    pub failed: u64,
}

/// The chart of one of many cycles.
#[derive(Clone, Debug)]
pub struct CycleFigures {
    pub cycle: String,
    /// As in [`Figures::hours`].
    pub hours: Vec<HourFigures>,
}
