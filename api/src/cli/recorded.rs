//! Transactions of a running server, with all that a scenario of one is made from.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context as _, bail};
use holdfast_definitions::{Cycle, Json, check};

use super::client::Address;
use crate::scenario::record::Recorded;

/// Runs that are taken: a scenario has no more steps.
const RUNS_MAX: usize = 1_000;
const VERSIONS_MAX: usize = 10_000;

/// A version of a cycle that a server has.
pub struct Version {
    pub cycle: Arc<Cycle>,
    /// No other values were given for its variables than the definition's own.
    pub vars_known: bool,
}

pub struct Fetched {
    pub transaction: Json,
    pub runs: Vec<Json>,
    pub hits: Vec<Json>,
}

impl Fetched {
    pub async fn of(address: &Address, id: &str) -> anyhow::Result<Self> {
        let transaction = address.get(&format!("transactions/{id}"), &[]).await?;
        let mut runs = address.list(&format!("transactions/{id}/runs"), &[], RUNS_MAX).await?;
        runs.reverse();
        let ids: BTreeSet<&str> = runs.iter().filter_map(|run| run.get("hit")?.as_text()).collect();
        let mut hits = Vec::new();
        for id in ids {
            match address.get(&format!("hits/{id}"), &[]).await {
                Ok(hit) => hits.push(hit),
                // It is said in the scenario that it is missing.
                Err(error) if error.to_string().ends_with("(404)") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { transaction, runs, hits })
    }

    pub fn recorded<'a>(&'a self, version: &'a Version) -> Recorded<'a> {
        Recorded {
            cycle: &version.cycle,
            vars_known: version.vars_known,
            transaction: &self.transaction,
            runs: &self.runs,
            hits: &self.hits,
        }
    }
}

/// `number`: none for the newest.
pub async fn version(address: &Address, name: &str, number: Option<u64>) -> anyhow::Result<Version> {
    let versions = address.list(&format!("cycles/{name}/versions"), &[], VERSIONS_MAX).await?;
    let number_of = |version: &Json| version.get("version").and_then(|number| number.to_string().parse::<u64>().ok());
    let found = match number {
        Some(number) => versions.iter().find(|version| number_of(version) == Some(number)),
        None => versions.iter().max_by_key(|version| number_of(version)),
    };
    let Some(found) = found else {
        let known = versions.iter().filter_map(number_of).map(|number| number.to_string()).collect::<Vec<_>>();
        bail!("{name} has no version {}; it has {}", number.unwrap_or_default(), known.join(", "));
    };
    let text = |name: &str| found.get(name).and_then(Json::as_text).unwrap_or_default();
    let checked = check(&format!("{name}.yaml"), text("source"));
    let cycle = checked.cycles.into_iter().find(|cycle| cycle.name == name);
    let cycle = cycle.with_context(|| format!("the server's {name} can't be read here: it is of another Holdfast"))?;
    let digest: String = cycle.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Version { vars_known: digest == text("digest"), cycle })
}
