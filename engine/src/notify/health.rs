//! When an endpoint has failed for too long (contract, section 12).
//!
//! Invariant: pure; a line's counts change here alone.

use crate::{clock::Micros, store::LineRow};

const HOUR: Micros = 3_600_000_000;
/// Without a success for so long, it is disabled.
const FAILING_MAX: Micros = 5 * 24 * HOUR;
/// Of an hour's attempts, in hundredths; and of at least so many.
const FAILED_MAX: i64 = 70;
const MADE_MIN: i32 = 20;

/// Counts an attempt. The reason, where it disables the endpoint.
pub fn count(line: &mut LineRow, succeeded: bool, now: Micros) -> Option<String> {
    if line.hour_at.is_none_or(|at| now >= at + HOUR || now < at) {
        (line.hour_at, line.made, line.failed) = (Some(now), 0, 0);
    }
    line.made = line.made.saturating_add(1);
    if succeeded {
        line.last_success_at = Some(now);
        line.failing_since = None;
        return None;
    }
    line.failed = line.failed.saturating_add(1);
    let since = *line.failing_since.get_or_insert(now);
    if now - since >= FAILING_MAX {
        return Some("5 days went by without a successful delivery".into());
    }
    if line.made >= MADE_MIN && i64::from(line.failed) * 100 >= i64::from(line.made) * FAILED_MAX {
        return Some(format!("{} of {} deliveries within an hour failed", line.failed, line.made));
    }
    None
}
