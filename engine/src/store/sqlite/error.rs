//! What SQLite's errors mean to the one who asked: come again, or never.

use super::super::Error;

/// Primary result codes (<https://www.sqlite.org/rescode.html>) that are about the file, the disk
/// or another holder of a lock, not about a row.
const UNAVAILABLE: [i32; 11] = [
    5,  // BUSY
    6,  // LOCKED
    7,  // NOMEM
    8,  // READONLY
    9,  // INTERRUPT
    10, // IOERR
    11, // CORRUPT
    13, // FULL
    14, // CANTOPEN
    15, // PROTOCOL
    26, // NOTADB
];

/// The low byte of an extended result code is the primary one.
const PRIMARY: i32 = 0xff;

fn code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & PRIMARY)
}

pub fn of(error: sqlx::Error) -> Error {
    let unavailable = match (&error, code(&error)) {
        (_, Some(code)) => UNAVAILABLE.contains(&code),
        (
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_),
            None,
        ) => true,
        _ => false,
    };
    if unavailable { Error::Unavailable(error.to_string()) } else { refused(error) }
}

pub fn refused(error: impl std::fmt::Display) -> Error {
    Error::Refused(error.to_string())
}

pub fn unavailable(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(error.to_string())
}
