//! What people set of an endpoint, checked.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{EVENTS, Profile};
use crate::Error;

const URL_BYTES_MAX: usize = 2 << 10;
const EVENTS_MAX: usize = 100;
const IDS_MAX: usize = 10;
const ID_BYTES_MAX: usize = 200;
const SCHEDULE_MAX: usize = 20;
/// The shortest and the longest wait between two attempts.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = super::KEPT;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub url: String,
    /// The only cycle whose events it is told.
    pub cycle: Option<String>,
    /// The only events that it is told.
    pub events: Option<Vec<String>>,
    pub profile: Profile,
    /// What the bodies of the profile `cycle` have beside.
    #[serde(default)]
    pub ids: BTreeMap<String, String>,
    /// Waits between attempts, in milliseconds, in place of the profile's.
    pub schedule: Option<Vec<u64>>,
}

impl Settings {
    /// Says the first thing that is wrong, and what would be right.
    pub fn check(&self) -> Result<(), Error> {
        self.check_url()?;
        self.check_events()?;
        if !self.ids.is_empty() && self.profile != Profile::Cycle {
            return Err(invalid("`ids` are for the profile `cycle` alone: leave them out, or set `profile: cycle`"));
        }
        let named = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(word);
        let fits = |(name, value): (&String, &String)| {
            named(name) && name.len() <= 50 && value.len() <= ID_BYTES_MAX && !["type", "id"].contains(&name.as_str())
        };
        if self.ids.len() > IDS_MAX || !self.ids.iter().all(fits) {
            return Err(invalid(format!(
                "`ids`: at most {IDS_MAX}, named by letters and digits (not `type` or `id`), each at most {ID_BYTES_MAX} bytes"
            )));
        }
        let Some(schedule) = &self.schedule else { return Ok(()) };
        let bounds = millis(WAIT_MIN)..=millis(WAIT_MAX);
        if schedule.is_empty() || schedule.len() > SCHEDULE_MAX || !schedule.iter().all(|wait| bounds.contains(wait)) {
            return Err(invalid(format!(
                "`schedule`: 1 to {SCHEDULE_MAX} waits of 1s to 31d each, such as [\"5s\", \"1m\"]"
            )));
        }
        Ok(())
    }

    /// Whether the address may be reached is said when it is.
    fn check_url(&self) -> Result<(), Error> {
        if self.url.len() > URL_BYTES_MAX {
            return Err(invalid(format!("`url` is over {URL_BYTES_MAX} bytes")));
        }
        let url = url::Url::parse(&self.url).map_err(|error| invalid(format!("`url` is no URL: {error}")))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("`url` must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("`url` has credentials in it: deliveries are signed instead"));
        }
        Ok(())
    }

    fn check_events(&self) -> Result<(), Error> {
        let Some(events) = &self.events else { return Ok(()) };
        if events.is_empty() || events.len() > EVENTS_MAX {
            return Err(invalid(format!("`events`: 1 to {EVENTS_MAX} names; left out, it is told of all")));
        }
        for event in events {
            let known = EVENTS.iter().any(|known| known.name == event);
            let family = event.split('.').next().unwrap_or_default();
            let ours = EVENTS.iter().any(|known| known.name.split('.').next() == Some(family));
            if !known && ours {
                let names: Vec<_> = EVENTS.iter().map(|known| known.name).collect();
                return Err(invalid(format!("there is no event `{event}`; ours are {}", names.join(", "))));
            }
            let part = |part: &str| {
                part.starts_with(|c: char| c.is_ascii_lowercase())
                    && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            };
            if !known && (event.len() > 100 || !event.split('.').all(part)) {
                return Err(invalid(format!("`{event}` is no name of an event: lower-case words joined by dots")));
            }
        }
        Ok(())
    }
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::Invalid(message.into())
}
