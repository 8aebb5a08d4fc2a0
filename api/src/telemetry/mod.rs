//! What an operator sees: logs, metrics, and the two probes.

mod logs;
mod metrics;
mod observe;
mod probes;

pub use logs::{LogFormat, start_logging};
pub use metrics::Metrics;
pub(crate) use observe::Watch;
pub(crate) use probes::routes;
