//! Newline-delimited JSON: an array, one value a line. Empty lines are passed over.

use holdfast_definitions::Json;

use super::{Fault, Place, json};
use crate::Limits;

pub fn read(text: &str, limits: &Limits) -> Result<Json, Fault> {
    let mut values = Vec::new();
    for (above, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        if values.len() == limits.body_parts {
            return Err(Fault::Limit { limit: "body_parts", max: limits.body_parts });
        }
        values.push(json::read(line).map_err(|fault| below(fault, above))?);
    }
    Ok(Json::from(values))
}

/// A fault of one line as a fault of the whole.
fn below(fault: Fault, above: usize) -> Fault {
    match fault {
        Fault::Unreadable { place: Some(place), message } => {
            Fault::at(Place { line: place.line + above, ..place }, message)
        }
        other => other,
    }
}
