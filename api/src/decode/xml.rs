//! XML as a value, by the rule that scripts read it by too: see `holdfast_sandbox::parse_xml`.
//! Invariant: the rule stands there only; here a fault gets its line and column.

use holdfast_definitions::Json;

use super::{Fault, Place};

pub fn read(text: &str) -> Result<Json, Fault> {
    holdfast_sandbox::parse_xml(text).map_err(|error| Fault::at(Place::of(text.as_bytes(), error.at), error.message))
}
