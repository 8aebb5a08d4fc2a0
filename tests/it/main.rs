//! One integration binary: each module tests one noun of the contract, on both databases.

mod layering;
