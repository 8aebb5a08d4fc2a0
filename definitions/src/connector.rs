//! A connector: another system's events, how they are subscribed to and what their requests say.
//!
//! Invariants: every template and schema in it compiled; a method reads only what it is given.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Http, Json, Schema, Script, Template};

/// By name.
pub type Connectors = BTreeMap<String, Arc<Connector>>;

/// An immutable, checked connector.
#[derive(Debug)]
pub struct Connector {
    pub name: String,
    pub description: Option<String>,
    pub events: BTreeMap<String, ConnectorEvent>,
    /// The secrets that its methods read.
    pub secrets: BTreeSet<String>,
    /// The variables of the environment that they read.
    pub env: BTreeSet<String>,
    /// The YAML of this document, as written.
    pub source: String,
}

#[derive(Debug)]
pub struct ConnectorEvent {
    /// What a webhook's `parameters` must fit.
    pub parameters: Option<Schema>,
    pub subscribe: Option<Method>,
    /// None: each request is one event, and its body the record.
    pub handle: Option<Method>,
    pub refresh: Option<Method>,
    pub unsubscribe: Option<Method>,
    /// Of the three methods that make, keep and end a subscription.
    pub(crate) fingerprint: [u8; 32],
}

/// How a method is implemented.
#[derive(Debug)]
pub enum Method {
    /// JavaScript with a function that is named like the method.
    Script(Script),
    Call(Box<Call>),
    /// Templates alone.
    Mapping(Box<Gives>),
}

/// A call to the other system, and what is taken from its answer.
#[derive(Debug)]
pub struct Call {
    pub http: Http,
    /// The answer's body is GraphQL's: `errors` in it are a failure.
    pub graphql: bool,
    /// They read what the method is given, and `$.response`.
    pub gives: Gives,
}

/// What a method gives, each where it is there.
#[derive(Debug, Default)]
pub struct Gives {
    pub state: Option<Template>,
    pub next_refresh: Option<Template>,
    /// Yields a list of `{ type, record }`.
    pub events: Option<Template>,
    /// Yields `{ status, headers, data }`.
    pub response: Option<Template>,
}

/// A webhook that subscribes itself.
#[derive(Debug)]
pub struct Connected {
    pub connector: Arc<Connector>,
    pub event: String,
    pub parameters: Json,
    /// Another one is another subscription.
    pub fingerprint: [u8; 32],
}

impl Connected {
    pub fn event(&self) -> &ConnectorEvent {
        match self.connector.events.get(&self.event) {
            Some(event) => event,
            None => unreachable!("a check has found the event"),
        }
    }
}

impl Connector {
    /// The scripts of its methods: (event, method, script).
    pub fn scripts(&self) -> impl Iterator<Item = (&str, &'static str, &Script)> {
        self.events.iter().flat_map(|(name, event)| {
            let methods = [
                ("subscribe", &event.subscribe),
                ("handle", &event.handle),
                ("refresh", &event.refresh),
                ("unsubscribe", &event.unsubscribe),
            ];
            methods.into_iter().filter_map(move |(method, written)| match written {
                Some(Method::Script(script)) => Some((name.as_str(), method, script)),
                _ => None,
            })
        })
    }
}
