//! A scenario's ground: its hits, and how long it may take until they come, by its own steps and by the
//! cycle's settings.

use std::time::Duration;

use holdfast_definitions::{Action, Cycle, Delay, Request, Retention, Scenario, StepKind, format_duration};

use super::{Ground, Tried};
use crate::scenario::yaml;

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_secs(1);
/// A synchronous caller waits no longer.
const CALLERS_WAIT_MAX: Duration = Duration::from_secs(300);
/// Pauses of a scenario that are tried, the shortest first.
const WAITS_MAX: usize = 12;

/// What sequences of a scenario are played with.
#[derive(Debug)]
pub struct Terrain {
    pub ground: Ground,
    /// The scenario's, without their names: a hit may come twice.
    pub requests: Vec<Request>,
    /// The first hit that is the same request, of each: a scenario may have one twice.
    pub same: Vec<usize>,
    /// Why each of the ground's pauses is tried.
    pub why: Vec<String>,
    /// After the last hit: whatever goes on by itself then has ended, or never will.
    settle: Duration,
    retention: Duration,
}

impl Terrain {
    /// Of the scenario's hits and pauses: what else it does is not done.
    pub fn of(scenario: &Scenario, cycle: &Cycle) -> Self {
        let (mut requests, mut own_waits, mut waited) = (Vec::new(), Vec::new(), Duration::ZERO);
        let mut waits: Vec<(Duration, String)> = Vec::new();
        let mut own = Duration::ZERO;
        for step in &scenario.steps {
            match &step.action {
                Action::Hit(request) => {
                    requests.push(Request { name: None, expect: None, ..(**request).clone() });
                    own_waits.push(std::mem::take(&mut waited));
                }
                Action::Advance(by) => {
                    waited += *by;
                    own += *by;
                    waits.push((*by, format!("{}, as the scenario waits", format_duration(*by))));
                }
                _ => {}
            }
        }
        let connected = cycle.webhooks().any(|(_, _, webhook)| webhook.connected.is_some());
        // Its subscription may be refreshed every minute of it.
        waits.extend(limits(cycle).into_iter().filter(|(wait, _)| !connected || *wait <= HOUR));
        waits.retain(|(wait, _)| !wait.is_zero());
        waits.sort_by_key(|(wait, _)| *wait);
        waits.dedup_by_key(|(wait, _)| *wait);
        waits.truncate(WAITS_MAX);
        let promises = &scenario.promises;
        let tried = |request: &Request| Tried {
            ordered: promises.ordered.is_of(&request.step),
            once: promises.once.is_of(&request.step),
            on_time: promises.on_time.is_of(&request.step),
        };
        let (waits, why) = waits.into_iter().unzip();
        let ground = Ground { hits: requests.iter().map(tried).collect(), own_waits, waits };
        let written: Vec<String> = requests.iter().map(written).collect();
        let first = |one: &String| written.iter().position(|other| other == one).unwrap_or_default();
        let same = written.iter().map(first).collect();
        Self { ground, requests, same, why, settle: by_itself(cycle) + own, retention: retention(cycle) }
    }

    /// How long to wait at the end of a sequence that has waited so long: short of the end of what it
    /// began with, unless it waited longer than that already.
    pub fn settle(&self, waited: Duration) -> Duration {
        match self.retention.checked_sub(waited + MOMENT) {
            Some(left) => self.settle.min(left),
            None => self.settle,
        }
    }
}

fn written(request: &Request) -> String {
    let mut out = String::new();
    yaml::hit(&mut out, 0, request);
    out
}

/// Just past each limit that the cycle sets.
fn limits(cycle: &Cycle) -> Vec<(Duration, String)> {
    let mut waits = Vec::new();
    let mut past = |limit: Duration, what: String| {
        waits.push((limit + MOMENT, format!("longer than {what} ({})", format_duration(limit))));
    };
    for (_, step, webhook) in cycle.webhooks() {
        if webhook.mapping.is_some() && !webhook.early.is_zero() {
            past(webhook.early, format!("`early` of {}", step.id));
        }
        if let Some(expires) = &webhook.expires {
            past(expires.after, format!("`expires` of {}", step.id));
        }
    }
    past(retention(cycle), "retention".to_owned());
    if let Retention::ByOutcome { completed, failed } = cycle.retention {
        past(completed, "retention of what completed".to_owned());
        past(failed, "retention of what failed".to_owned());
    }
    waits
}

/// Of what has not ended.
fn retention(cycle: &Cycle) -> Duration {
    match cycle.retention {
        Retention::FromStart(kept) => kept,
        Retention::ByOutcome { .. } => 31 * DAY,
    }
}

/// No transaction goes on by itself for longer, as far as that is written.
fn by_itself(cycle: &Cycle) -> Duration {
    let of = |kind: &StepKind| match kind {
        StepKind::Webhook(webhook) => {
            let expires = webhook.expires.as_ref().map_or(Duration::ZERO, |expires| expires.after + MOMENT);
            expires + if webhook.synchronous { CALLERS_WAIT_MAX } else { Duration::ZERO }
        }
        StepKind::Delay(Delay::For(by)) => *by + MOMENT,
        // Until a time of the day, mostly; a call that is tried again is done with that sooner.
        StepKind::Delay(_) | StepKind::Http(_) | StepKind::Each(_) => DAY,
        _ => Duration::ZERO,
    };
    cycle.steps.iter().map(|step| of(&step.kind)).sum()
}
