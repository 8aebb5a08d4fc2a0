//! The canonical correlation value: what a hit and a held transaction are compared by.
//!
//! Equality is exact and never passes through floating point (contract, section 3 and 17): text
//! byte for byte; numbers by decimal value; a text equals a number only where the text is that
//! number's plain canonical decimal form. So a text in that form *is* encoded as the number, and
//! equal values have equal bytes.

/// A composite correlation value in its canonical encoding: one tagged, length-prefixed part for
/// each mapping entry, in the order of the mapping.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<[u8]>);

/// Why a value can't be a key's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAKey {
    Missing,
    Null,
    EmptyText,
    Object,
    Array,
    /// The exponent of the number does not fit 64 bits.
    ExponentTooLarge,
}
