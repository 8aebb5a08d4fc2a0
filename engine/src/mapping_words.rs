//! What is said to people of a key that could not be made.

use holdfast_definitions::{KeyError, NotAKey};

/// The reason that an unmatched hit is kept with.
pub fn key_reason(error: &KeyError) -> String {
    match error {
        KeyError::NotAKey { path, why } => format!("{path} is {}", why_words(*why)),
        KeyError::TooMany { keys } => format!("the mapping gives {keys} keys; one hold has at most 100"),
        KeyError::Exhausted { path } => format!("{path} looks at too much"),
    }
}

pub fn why_words(why: NotAKey) -> &'static str {
    match why {
        NotAKey::Missing => "missing",
        NotAKey::Null => "null",
        NotAKey::EmptyText => "an empty text",
        NotAKey::Object => "an object",
        NotAKey::Array => "an array",
        NotAKey::ExponentTooLarge => "a number whose exponent is too large",
    }
}
