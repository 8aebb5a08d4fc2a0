//! Forms and queries (the URL standard's `application/x-www-form-urlencoded`): a field once is
//! text, a field again is an array. What is not UTF-8 after decoding becomes U+FFFD.

use holdfast_definitions::{Json, Members};

use super::Fault;

pub fn read(text: &str, parts_max: usize) -> Result<Json, Fault> {
    if text.split('&').count() > parts_max {
        return Err(Fault::Limit { limit: "body_parts", max: parts_max });
    }
    Ok(fields(text.trim_end_matches(['\r', '\n'])))
}

/// The fields of a form or of a query, an object.
pub fn fields(text: &str) -> Json {
    let mut members = Members::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        holdfast_sandbox::put_repeated(&mut members, name.into_owned(), Json::Text(value.into_owned()));
    }
    Json::from(members)
}
