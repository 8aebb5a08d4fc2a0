//! Runs JavaScript in worker processes that can be killed.
//!
//! A [`Pool`] keeps a few workers warm. Each call gets a runtime of its own in one of them, so that
//! nothing passes from one script to the next. The runtime limits memory, stack and time; what it
//! cannot stop, the pool kills.
//!
//! Invariant: no script runs in the process that holds a [`Pool`].

mod bytes;
mod call;
mod csv;
mod frame;
mod helpers;
mod kept;
mod limits;
mod pool;
mod repeated;
mod script;
mod serve;
mod worker;
mod xml;

pub use call::{Call, Change, ErrorKind, Kept, Responded, Returned, ScriptError};
pub use limits::Limits;
pub use pool::Pool;
pub use repeated::put_repeated;
pub use serve::serve;
pub use xml::{XmlError, format_xml, parse_xml};
