//! Bytes that mean nothing here: `{ base64, length }`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use holdfast_definitions::{Json, Members};

pub fn value(bytes: &[u8]) -> Json {
    Json::from(Members::from_iter([
        ("base64".to_owned(), Json::Text(BASE64_STANDARD.encode(bytes))),
        ("length".to_owned(), Json::from(bytes.len() as u64)),
    ]))
}
