//! JSON (RFC 8259), strictly: numbers keep their text, a name twice in an object is refused.

use holdfast_definitions::Json;

use super::Fault;

pub fn read(text: &str, depth_max: usize) -> Result<Json, Fault> {
    let _ = (text, depth_max);
    Err(Fault::nowhere("not yet"))
}
/// A whole number.
pub fn whole(_number: usize) -> Json {
    Json::Null
}
