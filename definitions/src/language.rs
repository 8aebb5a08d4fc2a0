//! What an editor asks of a text that is being written: it may be broken at any place, and is answered all
//! the same.

mod complete;
mod definition;
mod hover;
mod lines;
mod outline;
mod output;
mod place;
mod reading;
mod shape;
mod steps;
mod symbols;

pub use complete::{Completion, CompletionKind, complete};
pub use definition::{Definition, definition};
pub use hover::{Hover, hover};
pub use lines::{Lines, Position};
pub use symbols::{Symbol, SymbolKind, symbols};

#[cfg(test)]
mod tests;
