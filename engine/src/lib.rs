//! Transactions that wait for the outside world: accepted, run, held, resumed and answered.
//!
//! [`Engine`] is the one handle. Time, ids and the database each come in through one seam; SQL
//! stands in `store` and `migrations/` alone. What goes out to others goes through `egress`.

mod account;
mod address;
mod admin;
mod advance;
mod answer;
mod bulk;
mod callers;
mod catalog;
mod clock;
mod connector;
mod differ;
pub mod egress;
mod elements;
mod engine;
mod error;
mod explain;
mod held;
mod history;
mod hit;
mod id;
mod lanes;
mod limits;
mod machine;
mod mapping_words;
mod notify;
mod ongoing;
mod options;
mod play;
mod portable;
mod quiet;
mod round;
mod runner;
mod scripts;
mod secret;
mod several;
mod steps;
pub mod store;
mod tally;
mod usage;
mod view;
mod wait;
mod waiters;
mod work;
mod worker;
mod writer;

pub use account::{AccountLimits, AccountView, DEFAULT_ACCOUNT};
pub use answer::Answer;
pub use bulk::{BulkDone, BulkQuery, COUNTED_MAX, Chosen, LIMIT_MAX, Preview, TransactionAction};
pub use clock::INSTANT_MAX;
pub use engine::{DeliveryView, EndpointGiven, EndpointView, Engine, Handled, ResendGiven, SessionView, WouldMatch};
pub use error::Error;
pub use explain::{CandidateView, Difference, Explanation, ExtractedValue, NearMiss, Waiting};
pub use hit::{Arrival, ByScript, Hit, HitStatus, Reception, RepeatHeader, Reply, TransactionStatus};
pub use id::{CycleId, EndpointId, HitId, KeyId, MessageId, TransactionId};
pub use limits::Limits;
pub use notify::{EVENTS, EventType, example as event_example, own as own_event, profiles, schema as event_schema};
pub use options::{Admission, AnswerLookup, Database, Door, LiveEvent, Options};
pub use play::{Setting, Stage, StageScripts};
pub use scripts::{ScriptReader, ScriptWorker};
pub use secret::{Mask, MasterKeys, SecretValues};
pub use view::{
    Application, AttachedView, ClaimView, ConnectorView, CycleFigures, CycleState, CycleView, Deployed, Figures,
    Gauges, HitFilter, HourFigures, KeyView, NewShared, Page, PageQuery, RunStatus, RunView, Scope, SecretView,
    SharedView, StepFigures, StepTrace, SubscriptionView, TransactionDetail, TransactionFilter, TransactionView,
    VersionView, WebhookView,
};
pub use wait::{HoldView, StepDocuments, Underway};
