//! The one way out: every request that leaves this process goes through [`Egress`].
//!
//! Where an engine is played, a [`StandIn`] answers in the others' place, and no socket is opened.
//!
//! Invariant: a socket is opened in `connect` alone, and only to an address that was judged there
//! a moment before. Nothing here follows a redirect, reads a proxy from the environment or expands
//! a compressed body.

mod address;
mod client;
mod connect;
mod message;
mod oauth;
#[cfg(test)]
mod partner;
mod places;
mod retry;
mod rules;
mod stand_in;

pub use address::{Network, NotANetwork, is_open, is_public};
pub use client::Egress;
pub use connect::{Resolve, SystemResolver};
pub use message::{Answered, Failure, Outgoing};
pub use oauth::{Grant, Tokens};
pub use retry::{backoff, retry_after};
pub use rules::{Authorities, CONNECTIONS_MAX, NoAuthorities, Rules};
pub use stand_in::StandIn;
