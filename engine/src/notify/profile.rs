//! The forms in which an event goes out.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_definitions::{Json, Members};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::{Micros, to_utc};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Standard Webhooks.
    #[default]
    Standard,
    /// Flat bodies with an endpoint's own ids; only 200 is success.
    Cycle,
    /// `{ event, data }`, and the secret in a header.
    Casesolved,
    Github,
    Stripe,
    /// CloudEvents 1.0, structured, signed as Standard Webhooks are.
    Cloudevents,
}

/// What a body depends on besides the event: endpoints that share it share the message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    Envelope,
    Flat(BTreeMap<String, String>),
    EventAndData,
    StripeEvent,
    CloudEvent,
}

/// An event that is to be written down.
pub struct Told<'a> {
    pub id: Uuid,
    pub kind: &'a str,
    pub at: Micros,
    pub account: &'a str,
    pub data: &'a Members,
}

impl Profile {
    pub const ALL: [Self; 6] =
        [Self::Standard, Self::Cycle, Self::Casesolved, Self::Github, Self::Stripe, Self::Cloudevents];

    pub fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Cycle => "cycle",
            Self::Casesolved => "casesolved",
            Self::Github => "github",
            Self::Stripe => "stripe",
            Self::Cloudevents => "cloudevents",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.word() == word)
    }

    pub fn shape(self, ids: &BTreeMap<String, String>) -> Shape {
        match self {
            Self::Standard | Self::Github => Shape::Envelope,
            Self::Cycle => Shape::Flat(ids.clone()),
            Self::Casesolved => Shape::EventAndData,
            Self::Stripe => Shape::StripeEvent,
            Self::Cloudevents => Shape::CloudEvent,
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Cloudevents => "application/cloudevents+json; charset=utf-8",
            _ => "application/json",
        }
    }

    pub fn takes(self, status: u16) -> bool {
        match self {
            Self::Cycle => status == 200,
            _ => (200..300).contains(&status),
        }
    }
}

/// What the data's names are in a flat body.
const FLAT: [(&str, &str); 6] = [
    ("account", "accountId"),
    ("cycle", "cycleId"),
    ("transaction", "transactionId"),
    ("hit", "hitId"),
    ("step", "stepId"),
    ("endpoint", "endpointId"),
];

impl Shape {
    pub fn body(&self, told: &Told<'_>) -> Bytes {
        let id = told.id.to_string();
        let text = |value: &str| Json::from(value);
        let at = to_utc(told.at).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let data = || Json::from(told.data.clone());
        let members: Vec<(&str, Json)> = match self {
            Self::Envelope => vec![("type", text(told.kind)), ("timestamp", text(&at)), ("data", data())],
            Self::EventAndData => vec![("event", text(told.kind)), ("data", data())],
            Self::StripeEvent => vec![
                ("id", text(&id)),
                ("object", text("event")),
                ("type", text(told.kind)),
                ("created", Json::from(to_utc(told.at).timestamp())),
                ("data", Json::from(Members::from_iter([("object".to_owned(), data())]))),
            ],
            Self::CloudEvent => vec![
                ("specversion", text("1.0")),
                ("id", text(&id)),
                ("source", Json::from(format!("/holdfast/{}", told.account))),
                ("type", text(told.kind)),
                ("time", text(&at)),
                ("datacontenttype", text("application/json")),
                ("data", data()),
            ],
            Self::Flat(ids) => {
                let mut members = vec![("type", text(told.kind)), ("id", text(&id))];
                for (name, value) in told.data {
                    let flat = FLAT.iter().find(|(known, _)| known == name).map_or(name.as_str(), |(_, flat)| flat);
                    members.push((flat, value.clone()));
                }
                members.extend(ids.iter().map(|(name, value)| (name.as_str(), text(value))));
                members
            }
        };
        let members: Members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Json::from(members).to_string().into()
    }
}

/// The words of all profiles.
pub fn profiles() -> Vec<&'static str> {
    Profile::ALL.iter().map(|profile| profile.word()).collect()
}
