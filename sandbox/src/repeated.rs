//! The one rule for repeats: a name once has its value, a name again has an array of them.

use std::sync::Arc;

use holdfast_definitions::{Json, Members};

/// Adds a value that is not itself an array. The name keeps the place where it first stood.
pub fn put_repeated(members: &mut Members, name: String, value: Json) {
    match members.entry(name) {
        indexmap::map::Entry::Vacant(place) => {
            place.insert(value);
        }
        indexmap::map::Entry::Occupied(mut place) => match place.get_mut() {
            Json::Array(values) => Arc::make_mut(values).push(value),
            first => *first = Json::from(vec![std::mem::take(first), value]),
        },
    }
}
