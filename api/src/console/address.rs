//! Addresses of pages, with names in them that are anything.

/// The page of a cycle; `what` stands behind it.
pub fn at(cycle: &str, what: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(cycle.as_bytes()).collect();
    format!("/console/cycles/{name}{what}")
}

pub fn asked(path: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}
