//! Identifiers. Those of hits and transactions are UUID v7 (RFC 9562 §5.7) whose first 60 bits hold
//! the microsecond at which the accepting commit took them, so their order *is* the order of
//! (start by the database's clock, id): the rule for the most recent match needs no other column.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Micros;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// One accepted request.
    HitId
);
id!(
    /// One trip through a cycle.
    TransactionId
);
id!(
    /// One incarnation of a cycle: a new cycle of the same name has another.
    CycleId
);
id!(
    /// An API key, not its secret.
    KeyId
);
id!(
    /// A URL that is told of events.
    EndpointId
);
id!(
    /// An event as it goes out: `webhook-id`.
    MessageId
);

/// The bits of an id below its microsecond: 62 random bits after the version and variant.
const MICROS_PER_MILLI: i64 = 1_000;

impl TransactionId {
    /// When it started, to the microsecond.
    pub fn started_at(self) -> Micros {
        instant_of(self.0)
    }
}

impl MessageId {
    /// When it happened, to the microsecond.
    pub fn told_at(self) -> Micros {
        instant_of(self.0)
    }
}

impl HitId {
    /// When it was accepted, to the microsecond.
    pub fn accepted_at(self) -> Micros {
        instant_of(self.0)
    }
}

/// The smallest id of an instant: ids of that instant and later are not below it.
pub fn floor_of(instant: Micros) -> Uuid {
    compose(instant, 0)
}

/// 48 bits of milliseconds, 12 bits of microseconds within (RFC 9562 §6.2, method 3), 62 bits below.
fn compose(instant: Micros, low: u64) -> Uuid {
    let instant = instant.max(0);
    let (millis, micros) = ((instant / MICROS_PER_MILLI) as u128, (instant % MICROS_PER_MILLI) as u128);
    Uuid::from_u128(millis << 80 | 0x7 << 76 | micros << 64 | 0b10 << 62 | u128::from(low >> 2))
}

fn instant_of(id: Uuid) -> Micros {
    let bits = id.as_u128();
    (bits >> 80) as i64 * MICROS_PER_MILLI + ((bits >> 64) & 0xfff) as i64
}

/// Makes ids that strictly increase on this node, whatever the clock does.
#[derive(Debug, Default)]
pub struct Ids {
    last: u128,
    dice: Dice,
}

impl Ids {
    /// Ids above one that was made before.
    pub fn above(last: Uuid) -> Self {
        Self { last: last.as_u128(), dice: Dice::default() }
    }

    /// The same ids for the same seed and instants.
    pub fn seeded(seed: u64) -> Self {
        Self { last: 0, dice: Dice::seeded(seed) }
    }

    /// An id of this instant, or just above the last one made where that is greater.
    pub fn next(&mut self, instant: Micros) -> Uuid {
        let random = self.dice.bits();
        // Half the range is left free above, for ids of the same instant.
        let made = compose(instant, random >> 1).as_u128();
        self.last = if made > self.last { made } else { self.last + 1 };
        Uuid::from_u128(self.last)
    }
}

/// Random bits that may be foreseen where an engine is played: from the system, or drawn from a seed.
#[derive(Debug, Default)]
pub struct Dice(Option<AtomicU64>);

impl Dice {
    pub fn seeded(seed: u64) -> Self {
        Self(Some(AtomicU64::new(seed)))
    }

    /// 62 random bits at least, the lower ones.
    pub fn bits(&self) -> u64 {
        let Some(state) = &self.0 else { return Uuid::new_v4().as_u128() as u64 };
        // SplitMix64 (Steele, Lea, Flood 2014).
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn uuid(&self) -> Uuid {
        match &self.0 {
            None => Uuid::new_v4(),
            Some(_) => Uuid::from_u64_pair(self.bits(), self.bits()),
        }
    }

    /// 128 random bits, in 26 letters and digits.
    pub fn identifier(&self) -> String {
        match &self.0 {
            None => base32(&random()[..16]),
            Some(_) => base32(self.uuid().as_bytes()),
        }
    }
}

/// 256 random bits: three random UUIDs (122 bits each) from the system's source, through SHA-256.
pub fn random() -> [u8; 32] {
    let mut hash = Sha256::new();
    for _ in 0..3 {
        hash.update(Uuid::new_v4());
    }
    hash.finalize().into()
}

/// Lower-case letters and digits without i, l, o and u (Crockford), five bits each.
pub fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(DIGITS[(bits >> held) as usize & 31]));
        }
    }
    if held > 0 {
        text.push(char::from(DIGITS[(bits << (5 - held)) as usize & 31]));
    }
    text
}

#[cfg(test)]
#[path = "id_tests.rs"]
mod tests;
