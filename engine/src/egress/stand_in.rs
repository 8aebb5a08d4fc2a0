//! What answers in the outside world's place, where an engine is played.

use async_trait::async_trait;

use super::{Answered, Failure, Outgoing};

#[async_trait]
pub trait StandIn: Send + Sync + 'static {
    /// The answer to a request that would have gone out. What could not have been sent is not asked for.
    async fn answer(&self, request: Outgoing) -> Result<Answered, Failure>;
}
