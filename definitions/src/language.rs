//! What an editor asks of a text that is being written: it may be broken at any place, and is answered all
//! the same.

mod lines;
mod outline;

pub use lines::{Lines, Position};
