//! When a request is to be tried again.
//!
//! Invariant: pure; the same words, instant and seed give the same delay, and no delay is over its
//! maximum.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Nothing is kept longer than this, so nothing waits longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The delay that the answer's `Retry-After` asks for (RFC 9110, section 10.2.3): seconds or an
/// HTTP date, at most 31 days; a date gone by is no delay. None where there is none to be read.
#[must_use]
pub fn retry_after(headers: &[(String, String)], now: DateTime<Utc>) -> Option<Duration> {
    headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("retry-after")).find_map(|(_, value)| {
        let value = value.trim();
        let delay = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            value.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
        } else {
            let at = DateTime::<Utc>::from(httpdate::parse_http_date(value).ok()?);
            (at - now).to_std().unwrap_or(Duration::ZERO)
        };
        Some(delay.min(RETRY_AFTER_MAX))
    })
}

/// The delay before retry number `attempt` (the first is 1): `base`, doubled for each retry before
/// it, up to `max`, give or take 20 % by the seed. At the top the spread is all below `max`.
#[must_use]
pub fn backoff(attempt: u32, base: Duration, max: Duration, jitter_seed: u64) -> Duration {
    let doublings = attempt.saturating_sub(1);
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    let delay = base.saturating_mul(factor).min(max);
    // In thousandths, 800 to 1200, so that no floating point decides a schedule.
    let thousandths = 800 + mixed(jitter_seed ^ u64::from(attempt).rotate_left(32)) % 401;
    let jittered = delay.as_nanos().saturating_mul(u128::from(thousandths)) / 1000;
    let top = max.as_nanos();
    // What would pass the top is folded back, or every late retry would fall on the same instant.
    let folded = if jittered > top { top.saturating_sub(jittered - top) } else { jittered };
    Duration::from_nanos(u64::try_from(folded).unwrap_or(u64::MAX))
}

/// `SplitMix64`'s finalizer: neighbouring seeds come out unlike.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
