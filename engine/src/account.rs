//! An account: whose cycles, webhooks, transactions, hits, secrets and keys are nobody else's; and
//! what it may use at most.

use chrono::{DateTime, Utc};

use crate::Error;

/// The account that is there from the start. It is never removed: a request that names no account
/// means it.
pub const DEFAULT_ACCOUNT: &str = "default";
const NAME_CHARS_MAX: usize = 63;

/// What an account may use at most; none: as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// On each node.
    pub hits_per_second: Option<u32>,
    /// That have not ended: queued, running or held.
    pub transactions: Option<u64>,
    /// Of hits and runs.
    pub stored_bytes: Option<u64>,
}

/// An account as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub limits: AccountLimits,
}

impl AccountLimits {
    pub(crate) fn from_columns(hits: Option<i64>, transactions: Option<i64>, bytes: Option<i64>) -> Self {
        let whole = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        Self {
            hits_per_second: hits.and_then(|value| u32::try_from(value).ok()),
            transactions: whole(transactions),
            stored_bytes: whole(bytes),
        }
    }

    pub(crate) fn columns(&self) -> [Option<i64>; 3] {
        let whole = |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        [self.hits_per_second.map(i64::from), whole(self.transactions), whole(self.stored_bytes)]
    }

    /// A limit of nothing at all would be a pause, which is what stopping a cycle is for.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let limits = [
            ("hits_per_second", self.hits_per_second.map(u64::from)),
            ("transactions", self.transactions),
            ("stored_bytes", self.stored_bytes),
        ];
        match limits.into_iter().find(|(_, most)| most.is_some_and(|most| most == 0 || i64::try_from(most).is_err())) {
            Some((name, Some(most))) => {
                Err(Error::Invalid(format!("limits.{name} is {most}: it is 1 or more, or null for none")))
            }
            _ => Ok(()),
        }
    }
}

/// Lower-case letters, digits and hyphens, beginning with a letter or digit.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || name.starts_with('-') || !name.chars().all(known) {
        return Err(Error::Invalid(format!(
            "an account's name has 1 to {NAME_CHARS_MAX} lower-case letters, digits and hyphens and begins with no hyphen"
        )));
    }
    Ok(())
}
