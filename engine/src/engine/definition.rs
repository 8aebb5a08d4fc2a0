//! Versions of a cycle by number: as written, and as compiled, for whoever draws them.

use std::sync::Arc;

use holdfast_definitions::Cycle;

use super::Engine;
use crate::{Error, VersionView, catalog::Version, clock::to_utc, round::hex};

impl Engine {
    /// A version as it runs; the newest where none is named. None of a cycle that only transactions still
    /// know: those keep their versions, but it is no longer found by its name.
    pub async fn definition(&self, account: &str, cycle: &str, version: Option<u32>) -> Result<Arc<Cycle>, Error> {
        Ok(self.kept(account, cycle, version).await?.1.cycle)
    }

    /// `NotFound` too where no transaction needs it any more and a newer one took its place.
    pub async fn version(&self, account: &str, cycle: &str, version: u32) -> Result<VersionView, Error> {
        let (number, version) = self.kept(account, cycle, Some(version)).await?;
        Ok(VersionView {
            version: number,
            digest: hex(&version.cycle.digest),
            created_at: to_utc(version.created_at),
            source: version.cycle.source.clone(),
        })
    }

    async fn kept(&self, account: &str, cycle: &str, version: Option<u32>) -> Result<(u32, Version), Error> {
        let deployment = self.deployment(account, cycle).await?;
        let number = version.map_or(deployment.row.version, |number| i32::try_from(number).unwrap_or(i32::MAX));
        let found = deployment.versions.get(&number).cloned();
        let found = found.ok_or_else(|| Error::NotFound { what: "version", id: format!("{cycle} {number}") })?;
        Ok((number as u32, found))
    }
}
