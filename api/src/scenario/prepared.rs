//! A cycle with what is given, and why actions can't be played on it.

use std::{collections::BTreeMap, sync::Arc};

use holdfast_definitions::{Cycle, GivenAnswers, Json, ScenarioGiven};
use holdfast_engine::Setting;

/// What ids and scripts' random numbers are drawn from: the same in every scenario.
const SEED: u64 = 1;

/// Why the actions could not all be done. Nothing came of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// Something must be given first, or the cycle can't be deployed.
    #[error("{0}")]
    Setting(String),
    /// A step called another system, and no answer is given for it.
    #[error("{step} calls another system, and nothing is given that it answers: add `{step}` to `given.http`")]
    NoAnswer {
        /// The position of the action by which it came to that; none: by the start of the cycle.
        action: Option<usize>,
        step: String,
    },
    /// An action that can't be done as things are then.
    #[error("{message}")]
    Action { action: usize, message: String },
}

/// A cycle with what is given: what actions are played on. Made once for many plays.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub cycle: Arc<Cycle>,
    pub(super) setting: Setting,
    pub(super) answers: BTreeMap<String, GivenAnswers>,
}

impl Prepared {
    /// `Setting` where the cycle reads of the variables or the environment what is not given.
    pub fn new(cycle: Arc<Cycle>, given: &ScenarioGiven) -> Result<Self, Unplayable> {
        if let Some(name) = cycle.env.iter().find(|name| !given.env.contains_key(*name)) {
            let message = format!("{} reads {name} of the environment: add `{name}` to `given.env`", cycle.name);
            return Err(Unplayable::Setting(message));
        }
        let unset = |(name, value): &(&String, &Json)| **value == Json::Null && !given.vars.contains_key(*name);
        if let Some((name, _)) = cycle.vars.iter().find(unset) {
            let message = format!("{}'s variable {name} has no value: add `{name}` to `given.vars`", cycle.name);
            return Err(Unplayable::Setting(message));
        }
        // One that is not given is there all the same: a scenario's hits come from behind the verifier.
        let secret = |name: &String| given.secrets.get(name).cloned().unwrap_or_else(|| format!("secret {name}"));
        let shared = cycle.webhooks().filter_map(|(_, _, webhook)| webhook.shared.clone());
        let mut shared: Vec<String> = shared.collect();
        shared.sort();
        shared.dedup();
        let setting = Setting {
            file: format!("{}.yaml", cycle.name),
            text: cycle.source.clone(),
            at: given.at,
            vars: given.vars.clone(),
            secrets: cycle.secrets.iter().map(|name| (name.clone(), secret(name))).collect(),
            environment: given.env.clone(),
            shared,
            seed: SEED,
        };
        Ok(Self { cycle, setting, answers: given.http.clone() })
    }
}
