//! Every statement of the PostgreSQL store, written out in full. A test prepares each of them.
//!
//! `$1` is the account wherever there is one; a set of rows comes as one array a column. Columns are
//! listed in the order in which `columns` reads them.
//!
//! Fences (`OFFSET 0`) stand about what is sought by name, or, where rows are changed, about the names
//! with the account. Without them the planner, which knows nothing of a young partition and takes it
//! for a few rows, walks through the account and compares; and keeps that plan while the partition
//! grows. A test reads the plans on empty tables.

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
