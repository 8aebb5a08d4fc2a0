//! The other way round: a value put where a path would find it.

use super::{Path, Step};
use crate::{Json, Members};

/// An array is filled up to here, and no further.
const INDEX_MAX: i64 = 100;

impl Path {
    /// Puts a value where this singular path leads, and makes what is on the way there. False where
    /// something else stands on the way, or the path is not singular.
    pub fn put(&self, root: &mut Json, value: Json) -> bool {
        self.steps.as_ref().is_some_and(|steps| put(root, steps, value))
    }
}

fn put(at: &mut Json, steps: &[Step], value: Json) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        *at = value;
        return true;
    };
    match (step, &mut *at) {
        (Step::Name(name), Json::Object(members)) => {
            let members = std::sync::Arc::make_mut(members);
            put(members.entry(name.clone()).or_default(), rest, value)
        }
        (Step::Name(_), Json::Null) => {
            *at = Json::from(Members::new());
            put(at, steps, value)
        }
        (Step::Index(index), Json::Array(items)) => {
            let items = std::sync::Arc::make_mut(items);
            // Negative from the end.
            let room = if *index < 0 { -index } else { index + 1 };
            if room > INDEX_MAX {
                return false;
            }
            let room = usize::try_from(room).unwrap_or_default();
            items.resize(items.len().max(room), Json::Null);
            let position = if *index < 0 { items.len() - room } else { room - 1 };
            items.get_mut(position).is_some_and(|item| put(item, rest, value))
        }
        (Step::Index(_), Json::Null) => {
            *at = Json::from(Vec::new());
            put(at, steps, value)
        }
        _ => false,
    }
}
