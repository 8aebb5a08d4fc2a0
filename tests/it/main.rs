//! One integration binary: each module tests one noun of the contract, on both databases.

mod answers;
mod api;
mod bombs;
mod commits;
mod crash;
mod dev;
mod early;
mod examples;
mod expires;
mod explain;
mod http;
mod layering;
mod limits;
mod mapping;
mod model;
mod nodes;
mod repair;
mod repeats;
mod resuming;
mod retention;
mod running;
mod secrets;
mod shutdown;
mod side_by_side;
mod steps;
mod storms;
