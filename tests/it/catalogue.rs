//! `docs/events.md` is made from the table of events in the code. `INSTA_UPDATE=always` writes it anew.

use holdfast_engine::{EVENTS, EventType, event_example, event_schema, own_event};
use holdfast_tests::root;
use serde_json::Value;

const HEAD: &str = "\
# Events

What an [endpoint](notifications.md) can be told of. This page is made from the code.

Each is shown as its body in the profile `standard`: `{ type, timestamp, data }`, with the JSON Schema of it below.
Other profiles have the same data in another form. `hit` is there where a hit led to the event. Fields may be added.
";

fn section(event: &EventType, text: &mut String) {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
    text.push_str(&format!("\n## `{}`\n{}\n\n", event.name, event.says));
    text.push_str(&format!("```json\n{}\n```\n", pretty(&event_example(event))));
    let schema = pretty(&event_schema(event));
    text.push_str(&format!("\n<details><summary>JSON Schema</summary>\n\n```json\n{schema}\n```\n\n</details>\n"));
}

fn written() -> String {
    let mut text = HEAD.to_owned();
    for event in EVENTS {
        section(event, &mut text);
    }
    text.push_str(
        "\n# The account's own\n\nAny name that a [`notify`](language.md#notify) step gives. Here, `order.late`:\n",
    );
    section(&own_event("order.late"), &mut text);
    text
}

#[test]
fn the_page_of_events_is_the_codes() {
    let page = root().join("docs/events.md");
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(&page, written()).expect("written");
    }
    let stands = std::fs::read_to_string(&page).expect("the page");
    assert!(stands == written(), "docs/events.md is not what the code says: run this test with INSTA_UPDATE=always");
}

#[test]
fn every_example_is_what_its_schema_says() {
    for event in EVENTS.iter().chain(&[own_event("order.late")]) {
        let schema = event_schema(event);
        let example = event_example(event);
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(validator.is_valid(&example), "{}", event.name);
        let mut without = example.clone();
        without["data"].as_object_mut().expect("data").remove("account");
        assert!(!validator.is_valid(&without), "{}", event.name);
        assert_eq!(schema["properties"]["type"]["enum"][0], event.name);
    }
}
