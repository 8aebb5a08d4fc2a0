//! What is done to many at once: as it is asked for, and what is said of it.

use std::collections::BTreeMap;

use holdfast_definitions::Json;
use uuid::Uuid;

use crate::Error;

/// What is done to transactions.
#[derive(Clone, Debug)]
pub enum TransactionAction {
    Cancel,
    /// From a step, or from the one where each failed.
    Rerun {
        step: Option<String>,
    },
    /// Those that are held, each with a hit of this body.
    Resume {
        step: Option<String>,
        body: Json,
    },
}

/// Which: all that a filter lets through, or these, at most 1,000.
#[derive(Clone, Debug)]
pub enum Chosen<F, I> {
    /// It must name something.
    Filter(F),
    Ids(Vec<I>),
}

/// What an action would be done to.
#[derive(Clone, Debug)]
pub struct Preview<T> {
    /// Counted up to 10,000.
    pub matching: u64,
    /// There may be more.
    pub capped: bool,
    /// How many of them are of which status.
    pub statuses: BTreeMap<String, u64>,
    /// Those that are meant and would be left as they are: why, and how many, counted up to 10,000 in all.
    pub refused: BTreeMap<String, u64>,
    /// The first few.
    pub sample: Vec<T>,
    /// Handed to the calls that do it, so that they do it to what was counted and to nothing that came
    /// since; and to nothing twice.
    pub mark: String,
}

/// One call of several.
#[derive(Clone, Debug, Default)]
pub struct BulkQuery {
    /// 1 to 1,000; default 200.
    pub limit: Option<u32>,
    /// The `next` of the call before.
    pub after: Option<String>,
    /// A preview's; a call without one begins a mark of its own, which its `next` carries on.
    pub mark: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct BulkDone {
    pub done: u64,
    /// Those to which it was done already: by this very call, sent before, or by somebody else since the
    /// mark.
    pub unchanged: u64,
    /// (id, why not)
    pub failed: Vec<(Uuid, String)>,
    /// Where to go on; none: all of them have had their turn.
    pub next: Option<String>,
}

const LIMIT_DEFAULT: u32 = 200;
/// What a preview counts up to.
pub const COUNTED_MAX: usize = 10_000;
/// Of one call, and of ids.
pub const LIMIT_MAX: u32 = 1_000;

impl BulkQuery {
    pub(crate) fn size(&self) -> Result<usize, Error> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if limit == 0 || limit > LIMIT_MAX {
            return Err(Error::Invalid(format!("limit is {limit}: it goes from 1 to {LIMIT_MAX}")));
        }
        Ok(limit as usize)
    }

    /// (where it goes on, its mark)
    pub(crate) fn place<M: std::str::FromStr>(&self) -> Result<(Option<Uuid>, Option<M>), Error> {
        let read = |text: &str| text.parse::<M>().map_err(|_| Error::Invalid("mark is none of a preview".into()));
        match (&self.after, &self.mark) {
            (Some(after), _) => {
                let wrong = || Error::Invalid("after is no `next` of this action".into());
                let (id, mark) = after.split_once('.').ok_or_else(wrong)?;
                Ok((Some(id.parse().map_err(|_| wrong())?), Some(read(mark)?)))
            }
            (None, Some(mark)) => Ok((None, Some(read(mark)?))),
            (None, None) => Ok((None, None)),
        }
    }
}

/// One more of these.
pub fn count(counted: &mut BTreeMap<String, u64>, what: String) {
    *counted.entry(what).or_default() += 1;
}

/// The `next` of a call that has come to this id.
pub fn next(id: Uuid, mark: impl std::fmt::Display) -> String {
    format!("{id}.{mark}")
}

impl BulkDone {
    /// What came of one; an error that is of the server and not of it comes back.
    pub(crate) fn note(&mut self, id: Uuid, came: Result<bool, Error>) -> Option<Error> {
        match came {
            Ok(true) => self.done += 1,
            Ok(false) => self.unchanged += 1,
            Err(error @ (Error::Unavailable { .. } | Error::Unknown)) => return Some(error),
            Err(error @ Error::Internal(_)) => {
                tracing::error!(%id, error = %error.for_log(), "one of many failed");
                self.failed.push((id, error.to_string()));
            }
            Err(error) => self.failed.push((id, error.to_string())),
        }
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.done == 0 && self.unchanged == 0 && self.failed.is_empty()
    }
}
