//! The limits of contract section 13 that the engine keeps.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Limits {
    pub document_bytes: usize,
    pub steps_per_run: usize,
    pub runs_per_transaction: u32,
    pub queued_hits_per_webhook: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 4 << 20,
            steps_per_run: 10_000,
            runs_per_transaction: 10_000,
            queued_hits_per_webhook: 100_000,
        }
    }
}

/// How deep what a step puts out may be nested: twice what comes in from outside.
pub const OUTPUT_DEPTH_MAX: usize = 256;
/// How deep a stored text may be: an output in a template, which is at most 64 deep, in a row.
pub const STORED_DEPTH_MAX: usize = 512;
/// A transaction is kept this long after its start at most.
pub const RETENTION_MAX: Duration = Duration::from_secs(31 * 24 * 3600);
/// Hits are queued this long after a stop.
pub const QUEUE_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// A repeated delivery is recognised this long.
pub const REPEAT_WINDOW: Duration = Duration::from_secs(72 * 3600);
/// `retry_after` of what may be tried again soon.
pub const RETRY_SOON: Duration = Duration::from_secs(1);
