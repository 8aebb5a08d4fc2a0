//! Bodies into values: one file a format.
