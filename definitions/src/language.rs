//! What an editor asks of a text that is being written: it may be broken at any place, and is answered all
//! the same.

mod complete;
mod lines;
mod outline;
mod output;
mod place;
mod reading;
mod shape;
mod steps;

pub use complete::{Completion, CompletionKind, complete};
pub use lines::{Lines, Position};
