//! Every statement of the SQLite store, written out in full. A test prepares each of them and reads
//! its plan: no scan of a table, no sort, but for the few that say so.
//!
//! `?1` is the account wherever there is one. A set of rows comes as JSONB in `?2`, read by position,
//! and its large values in the blob `?3` (see `sheet`). Columns are listed in the order in which
//! `columns` reads them.

mod accounts;
mod catalog;
mod correlation;
mod forget;
mod hits;
mod lists;
mod outbox;
mod retention;
mod transactions;

pub use self::{
    accounts::*, catalog::*, correlation::*, forget::*, hits::*, lists::*, outbox::*, retention::*, transactions::*,
};

/// Each statement with its name, for the tests that prepare and read them.
#[cfg(test)]
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files =
        [OF_ACCOUNTS, OF_CATALOG, OF_CORRELATION, FORGET, OF_HITS, OF_LISTS, OF_OUTBOX, OF_RETENTION, OF_TRANSACTIONS];
    files.into_iter().flatten().copied()
}
