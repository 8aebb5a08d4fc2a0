//! When a delivery that failed is tried again.
//!
//! Invariant: pure; the same delivery and attempt give the same wait, within a fifth of what the
//! schedule says.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Profile, Settings};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// In milliseconds (contract, section 12).
const USUAL: [u64; 9] =
    [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const OF_CYCLE: [u64; 3] = [5 * MINUTE, 10 * MINUTE, 20 * MINUTE];

/// The wait after so many attempts, the first being 1; none where there are no more. At least as long
/// as the endpoint asked for. Only the usual schedule is spread: others say exactly what they want.
pub fn wait(
    settings: &Settings,
    tries: u32,
    (endpoint, message): (Uuid, Uuid),
    asked: Option<Duration>,
) -> Option<Duration> {
    let (waits, spread): (&[u64], bool) = match (&settings.schedule, settings.profile) {
        (Some(own), _) => (own, false),
        (None, Profile::Cycle) => (&OF_CYCLE, false),
        (None, _) => (&USUAL, true),
    };
    let wait = *waits.get(usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX))?;
    let thousandths = if spread { 800 + seed(endpoint, message, tries) % 401 } else { 1_000 };
    // Microseconds: thousandths of milliseconds.
    let wait = Duration::from_micros(wait.saturating_mul(thousandths));
    Some(asked.map_or(wait, |asked| asked.max(wait)))
}

fn seed(endpoint: Uuid, message: Uuid, tries: u32) -> u64 {
    let digest: [u8; 32] =
        Sha256::new().chain_update(endpoint).chain_update(message).chain_update(tries.to_be_bytes()).finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}
