//! A request whose sender needs no proof: one of a scenario, which is put in behind the verifier.

/// Among a request's extensions, which nothing that comes over a socket can set.
#[derive(Clone, Copy, Debug)]
pub struct Vouched;
