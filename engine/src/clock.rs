//! The one seam for time. Instants are whole microseconds since 1970 in UTC, everywhere.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};

/// Microseconds since 1970 (UTC).
pub type Micros = i64;

/// The last second of the year 9999, in microseconds since 1970: what RFC 3339 can write. A manual clock
/// goes no further.
pub const INSTANT_MAX: Micros = 253_402_300_799_000_000;

pub fn to_utc(instant: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(instant).unwrap_or_default()
}

pub fn micros(duration: Duration) -> Micros {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The system's clock, set right by the database's; or one that a person moves.
#[derive(Debug)]
pub struct Clock {
    manual: bool,
    /// Manual: the instant. System: how far the database's clock is ahead of this machine's.
    value: AtomicI64,
}

impl Clock {
    pub fn system() -> Self {
        Self { manual: false, value: AtomicI64::new(0) }
    }

    pub fn manual(instant: Micros) -> Self {
        Self { manual: true, value: AtomicI64::new(instant) }
    }

    pub fn is_manual(&self) -> bool {
        self.manual
    }

    pub fn now(&self) -> Micros {
        let value = self.value.load(Ordering::Acquire);
        if self.manual { value } else { system_now() + value }
    }

    /// A manual clock only ever moves forward.
    pub fn set(&self, instant: Micros) {
        debug_assert!(self.manual);
        self.value.fetch_max(instant, Ordering::AcqRel);
    }

    /// The database's clock read `instant` just now.
    pub fn heard(&self, instant: Micros) {
        if !self.manual {
            self.value.store(instant - system_now(), Ordering::Release);
        }
    }
}

pub fn system_now() -> Micros {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}
