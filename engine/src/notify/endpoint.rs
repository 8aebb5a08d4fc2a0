//! An endpoint as it stands in the catalog.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use super::Settings;
use crate::{Error, LiveEvent, store::EndpointRow};

/// What an endpoint is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not answered the validation of this URL yet.
    Pending,
    Active,
    /// It failed for too long, or said that it is gone.
    Disabled,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Disabled].into_iter().find(|state| state.word() == word)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    pub settings: Settings,
    pub state: State,
    pub row: EndpointRow,
}

impl Endpoint {
    pub fn of(row: EndpointRow) -> Result<Self, Error> {
        let damaged =
            |what: &str| Error::Internal(format!("endpoint {}: its {what} can't be read", row.endpoint).into());
        let settings = serde_json::from_str(&row.settings).map_err(|_| damaged("settings"))?;
        let state = State::from_word(&row.state).ok_or_else(|| damaged("state"))?;
        Ok(Self { settings, state, row })
    }

    pub fn id(&self) -> Uuid {
        self.row.endpoint
    }

    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether events are kept for it: once it has been active they are, delivered or not.
    pub fn keeps(&self) -> bool {
        self.row.validated_at.is_some()
    }

    /// An event of no cycle is for all.
    pub fn wants(&self, event: &LiveEvent) -> bool {
        self.wants_of(&event.cycle, &event.event)
    }

    fn wants_of(&self, cycle: &str, event: &str) -> bool {
        let of_cycle = |only: &String| cycle.is_empty() || only == cycle;
        let of_type = |events: &Vec<String>| events.iter().any(|one| one == event);
        self.keeps()
            && self.settings.cycle.as_ref().is_none_or(of_cycle)
            && self.settings.events.as_ref().is_none_or(of_type)
    }
}

/// The endpoints of all accounts.
#[derive(Debug, Default)]
pub struct Watched {
    endpoints: HashMap<String, Vec<Arc<Endpoint>>>,
}

impl Watched {
    /// What has not changed since `earlier` is not read again.
    pub fn build(rows: Vec<EndpointRow>, earlier: &Self) -> Result<Self, Error> {
        let mut endpoints: HashMap<String, Vec<Arc<Endpoint>>> = HashMap::new();
        for row in rows {
            let known = earlier.find(&row.account, row.endpoint).filter(|known| known.row == row).cloned();
            let account = row.account.clone();
            let endpoint = match known {
                Some(known) => known,
                None => Arc::new(Endpoint::of(row)?),
            };
            endpoints.entry(account).or_default().push(endpoint);
        }
        Ok(Self { endpoints })
    }

    /// By id: rows come in that order.
    pub fn find(&self, account: &str, id: Uuid) -> Option<&Arc<Endpoint>> {
        let all = self.endpoints.get(account)?;
        all.get(all.binary_search_by_key(&id, |endpoint| endpoint.id()).ok()?)
    }

    pub fn of(&self, account: &str) -> &[Arc<Endpoint>] {
        self.endpoints.get(account).map(Vec::as_slice).unwrap_or_default()
    }

    /// Accounts that have any.
    pub fn accounts(&self) -> Vec<String> {
        self.endpoints.keys().cloned().collect()
    }

    /// Whether this event of the cycle would be somebody's.
    pub fn is_wanted(&self, account: &str, cycle: &str, event: &str) -> bool {
        self.of(account).iter().any(|endpoint| endpoint.wants_of(cycle, event))
    }

    /// Whether an event of the account could be anybody's.
    pub fn is_watched(&self, account: &str) -> bool {
        self.of(account).iter().any(|endpoint| endpoint.keeps())
    }
}
