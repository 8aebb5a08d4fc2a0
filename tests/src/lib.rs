//! What the tests stand on: a private database each, the engine on a clock that they move, and the
//! real binary on a port of its own.
//!
//! A test is an `async fn name(store: Store)`; [`both_stores!`] names it once for each database. One
//! that is left out of that list is dead code, which the lints refuse.

mod audit;
mod body;
mod cycles;
mod dice;
mod home;
mod http;
mod load;
mod node;
mod partner;
mod postgres;
mod stalling;
mod store;
mod wait;
mod wire;
mod world;

pub use audit::Audit;
pub use body::Body;
pub use cycles::{example, payload, root};
pub use dice::Dice;
pub use home::Home;
pub use http::{Call, Lost, Response};
pub use load::{Entry, Kind, LOAD, Load, Outcome};
pub use node::{Mode, Node, binary};
pub use partner::{Asked, Partner};
pub use postgres::Cluster;
pub use rustix::process::Signal;
pub use store::{Store, StoreHome};
pub use wait::{eventually, eventually_within};
pub use wire::{Cut, Wire};
pub use world::{Got, World, arrival, duration, object};

/// Runs each test named on both databases: `sqlite::name` and `postgres::name`.
#[macro_export]
macro_rules! both_stores {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Store::Sqlite).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Store::Postgres).await;
            })+
        }
    };
}
