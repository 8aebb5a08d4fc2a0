//! The events that an endpoint can be told of: one table, from which the documents, the schemas and
//! the examples are made, and by which names are checked.

use holdfast_definitions::Json;
use serde_json::{Map, Value, json};

/// A kind of event.
pub struct EventType {
    pub name: &'static str,
    pub says: &'static str,
    /// What its data has.
    pub fields: &'static [&'static str],
}

/// Something that the data of events may have.
struct Field {
    name: &'static str,
    says: &'static str,
    /// JSON.
    schema: &'static str,
    example: &'static str,
}

const FIELDS: &[Field] = &[
    Field {
        name: "account",
        says: "The account that it happened in.",
        schema: r#"{"type":"string"}"#,
        example: r#""default""#,
    },
    Field { name: "cycle", says: "The cycle's name.", schema: r#"{"type":"string"}"#, example: r#""order-status""# },
    Field {
        name: "transaction",
        says: "The transaction's id.",
        schema: r#"{"type":"string","format":"uuid"}"#,
        example: r#""01932c5e-7b1a-7c44-9d2f-3a5b6c7d8e9f""#,
    },
    Field {
        name: "hit",
        says: "The id of the hit that led to it.",
        schema: r#"{"type":"string","format":"uuid"}"#,
        example: r#""01932c5e-7b1a-7b02-8a11-0f1e2d3c4b5a""#,
    },
    Field { name: "step", says: "The step where it happened.", schema: r#"{"type":"string"}"#, example: r#""status""# },
    Field {
        name: "error",
        says: "What went wrong.",
        schema: r#"{"type":"object","properties":{"kind":{"type":"string"},"message":{"type":"string"},"status":{"type":"integer"}},"required":["kind","message"]}"#,
        example: r#"{"kind":"status","message":"the answer's status is 500 (attempt 3 of 3)","status":500}"#,
    },
    Field {
        name: "reason",
        says: "Why.",
        schema: r#"{"type":"string"}"#,
        example: r#""no transaction waits for this key""#,
    },
    Field {
        name: "expires_at",
        says: "When its retention runs out.",
        schema: r#"{"type":"string","format":"date-time"}"#,
        example: r#""2026-11-26T12:00:00.000000Z""#,
    },
    Field {
        name: "endpoint",
        says: "The endpoint's id.",
        schema: r#"{"type":"string","format":"uuid"}"#,
        example: r#""7d3f0c52-54a1-4a0e-9f7f-2b1f8f1d6c3e""#,
    },
    Field {
        name: "data",
        says: "What the `notify` step gave it; left out where it has over 256 KiB.",
        schema: "{}",
        example: r#"{"order":42,"late_by":"2h"}"#,
    },
];

macro_rules! events {
    ($($name:literal: $says:literal [$($field:literal),*]),* $(,)?) => {
        &[$(EventType { name: $name, says: $says, fields: &["account", $($field),*] }),*]
    };
}

/// Ours. An account's own are those of its `notify` steps.
pub const EVENTS: &[EventType] = events![
    "cycle.started": "A cycle was started." ["cycle"],
    "cycle.stopped": "A cycle was stopped, by an operator or by a step with `on_error: stop`." ["cycle"],
    "cycle.deployed": "A new cycle, or a new version of one, was deployed." ["cycle"],
    "cycle.deleted": "A cycle was deleted." ["cycle"],
    "transaction.started": "A hit started a transaction." ["cycle", "step", "transaction", "hit"],
    "transaction.held": "A transaction came to a mid-cycle webhook, where it is held." ["cycle", "step", "transaction", "hit"],
    "transaction.resumed": "A hit, a re-run or an `expires` began another run of a transaction." ["cycle", "step", "transaction", "hit"],
    "transaction.completed": "A run of a transaction ended." ["cycle", "transaction", "hit"],
    "transaction.failed": "A run of a transaction failed." ["cycle", "step", "transaction", "hit", "error"],
    "transaction.cancelled": "An operator cancelled a transaction." ["cycle", "transaction"],
    "transaction.expired": "The retention of a held transaction ran out: nothing can resume it any more." ["cycle", "step", "transaction", "expires_at"],
    "hold.expiring": "A held transaction has a tenth of its retention left, at most 24 hours." ["cycle", "step", "transaction", "expires_at"],
    "hit.unmatched": "A hit at a mid-cycle webhook matched no transaction; it may still be applied, within the webhook's `early`. Or no account claims the value of a hit at a routed webhook, whose name is then the `cycle`." ["cycle", "step", "hit", "reason"],
    "hit.rejected": "A hit at a mid-cycle webhook was refused: it matched none, or several." ["cycle", "step", "hit", "reason"],
    "step.failed": "A step failed, whatever its `on_error` makes of it." ["cycle", "step", "transaction", "hit", "error"],
    "subscription.failed": "A connector could not subscribe, refresh or unsubscribe." ["cycle", "step", "reason"],
    "endpoint.disabled": "Another endpoint was disabled: it failed for too long, or answered `410`." ["endpoint", "reason"],
];

fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The JSON Schema of an event's data.
fn data_schema(event: &EventType) -> Value {
    let mut properties = Map::new();
    for name in event.fields {
        let Some(field) = field(name) else { continue };
        let mut schema = value(field.schema);
        schema["description"] = field.says.into();
        properties.insert(field.name.into(), schema);
    }
    json!({ "type": "object", "properties": properties, "required": required(event) })
}

/// Those that are there every time: a re-run has no hit, and not every failure a step.
fn required(event: &EventType) -> Vec<&'static str> {
    event.fields.iter().copied().filter(|name| !["hit", "reason", "data"].contains(name)).collect()
}

/// The JSON Schema (2020-12) of an event's body in the profile `standard`.
pub fn schema(event: &EventType) -> Value {
    json!({
        "type": "object",
        "description": event.says,
        "properties": {
            "type": { "type": "string", "enum": [event.name] },
            "timestamp": { "type": "string", "format": "date-time", "description": "When it happened." },
            "data": data_schema(event),
        },
        "required": ["type", "timestamp", "data"],
    })
}

/// A body of it in the profile `standard`.
pub fn example(event: &EventType) -> Value {
    let data: Map<String, Value> =
        event.fields.iter().filter_map(|name| Some(((*name).to_owned(), value(field(name)?.example)))).collect();
    json!({ "type": event.name, "timestamp": "2026-11-25T12:00:00.000000Z", "data": data })
}

/// The data of an event of an account's own, for the documents.
pub fn own(name: &'static str) -> EventType {
    EventType {
        name,
        says: "An event of the account's own: a `notify` step raised it.",
        fields: &["account", "cycle", "step", "transaction", "hit", "data"],
    }
}

/// Whether an event is one of ours.
pub fn is_ours(name: &str) -> bool {
    EVENTS.iter().any(|known| known.name == name) || name == super::VALIDATE
}

/// `{ "reason": … }`
pub fn reason(text: &str) -> Json {
    Json::from(holdfast_definitions::Members::from_iter([("reason".to_owned(), Json::from(text))]))
}
