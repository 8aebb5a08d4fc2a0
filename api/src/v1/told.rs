//! What endpoints are told, as the OpenAPI document's `webhooks`: from the engine's own table.

use holdfast_engine::{EventType, event_example, event_schema};
use serde_json::json;
use utoipa::openapi::{OpenApi, PathItem, Paths};

pub fn describe(document: &mut OpenApi) {
    let mut paths = Paths::new();
    for event in holdfast_engine::EVENTS {
        paths.paths.insert(event.name.to_owned(), item(event));
    }
    document.webhooks = Some(paths);
}

fn item(event: &EventType) -> PathItem {
    let described = json!({
        "post": {
            "tags": ["endpoints"],
            "description": event.says,
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": event_schema(event), "example": event_example(event) } },
            },
            "responses": { "200": { "description": "It was received; any 2xx says so." } },
        },
    });
    // Made of constants; the snapshot has every one of them.
    serde_json::from_value(described).unwrap_or_default()
}
