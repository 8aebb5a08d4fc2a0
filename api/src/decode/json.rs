//! JSON (RFC 8259), strictly: numbers keep their text, a name twice in an object is refused.

use holdfast_definitions::Json;

use super::{Fault, Place};

pub fn read(text: &str) -> Result<Json, Fault> {
    Json::parse(text.as_bytes()).map_err(|error| {
        let from_one = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Fault::at(Place { line: from_one(error.line), column: from_one(error.column) }, error.message)
    })
}
