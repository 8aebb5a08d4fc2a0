//! What PostgreSQL's errors mean to the one who asked: come again, or never.

use super::super::Error;

/// SQLSTATE classes and codes (PostgreSQL, Appendix A) that are about the server, the connection or
/// another's lock, not about a row.
const UNAVAILABLE_CLASSES: [&str; 5] = ["08", "40", "53", "57", "58"];
const UNAVAILABLE: [&str; 5] = [
    "25006", // read only
    "25P02", // an earlier statement of the transaction failed
    "25P03", // idle in a transaction for too long
    "55P03", // a lock was not to be had in time
    "XX000", // internal error
];

pub fn of(error: sqlx::Error) -> Error {
    let unavailable = match &error {
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| {
            UNAVAILABLE.contains(&&*code) || UNAVAILABLE_CLASSES.iter().any(|class| code.starts_with(class))
        }),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::TypeNotFound { .. } => false,
        _ => true,
    };
    if unavailable { Error::Unavailable(error.to_string()) } else { Error::Refused(error.to_string()) }
}
