//! Identifiers. Those of hits and transactions are UUID v7 (RFC 9562 §5.7) whose first 60 bits hold
//! the microsecond at which the accepting commit took them, so their order *is* the order of
//! (start by the database's clock, id): the rule for the most recent match needs no other column.

use std::{fmt, str::FromStr};

use uuid::Uuid;

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
