//! Scenarios played: the whole server in this process, on a database in memory, with a clock that stands
//! still until the scenario moves it.
//!
//! Invariants: it is the server itself that plays, from the request's head to the last row, with two
//! things put in its way: a request may come from behind the verifier, and what goes out is answered by
//! what the scenario gives. So nothing leaves. The same actions on the same cycle come to the same
//! [`Played`], to the byte.

mod compare;
mod edges;
pub mod explore;
mod judge;
mod outside;
pub mod place;
mod play;
mod played;
mod prepared;
pub mod record;
mod sent;
mod shown;
mod steady;
mod wire;
mod yaml;

pub use compare::{Compared, Turn, compare};
pub use edges::{edges, written as written_edge};
pub use judge::{Unmet, differences, judge};
pub use play::play;
pub use played::{
    Moment, Played, PlayedAnswer, PlayedHit, PlayedRun, PlayedStep, PlayedTransaction, Sent, SentWhat, TakenEdge,
};
pub use prepared::{Prepared, Unplayable};
