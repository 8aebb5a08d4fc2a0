use std::sync::Arc;

use holdfast_definitions::{Action, Cycle, RequestBody, Scenario, check, check_scenarios};
use proptest::prelude::*;

use super::*;

fn cycle() -> Arc<Cycle> {
    let checked = check("c.yaml", "cycle: c\nsteps:\n  placed: { webhook: , next: kept }\n  kept: { set: 1 }\n");
    checked.cycles.into_iter().next().expect("a cycle")
}

fn read(steps: &str) -> Scenario {
    let text = format!("test: t\ncycle: c\nsteps:\n{steps}");
    let checked = check_scenarios("c.test.yaml", &text, &[cycle()]);
    assert!(checked.diagnostics.is_empty(), "{:#?}\n{text}", checked.diagnostics);
    checked.scenarios.into_iter().next().expect("a scenario")
}

fn request(body: RequestBody) -> Request {
    Request {
        step: "placed".to_owned(),
        name: None,
        method: "POST".to_owned(),
        headers: Vec::new(),
        query: Vec::new(),
        body,
        verified: true,
        expect: None,
    }
}

fn written(request: &Request) -> String {
    let mut out = String::new();
    hit(&mut out, 2, request);
    out
}

fn back(text: &str) -> Request {
    match &read(text).steps[0].action {
        Action::Hit(request) => (**request).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hit_is_written_as_a_person_would() {
    let body = Json::parse(br#"{ "order": "A-17", "id": "42", "n": 42, "at": "now: soon", "lines": [] }"#);
    let mut one = request(RequestBody::Json(body.expect("JSON")));
    one.headers.push(("x-shop".to_owned(), "north".to_owned()));
    one.query = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
    assert_eq!(
        written(&one),
        "  - hit: placed\n    headers: { x-shop: north }\n    query: { a: [\"1\", \"2\"] }\n    \
         body: { order: A-17, id: \"42\", \"n\": 42, at: \"now: soon\", lines: [] }\n"
    );
}

#[test]
fn what_is_too_long_for_a_line_is_a_block() {
    let long = "x".repeat(60);
    let body = format!(r#"{{ "a": "{long}", "b": [{{ "c": "{long}", "d": "{long}" }}, 1] }}"#);
    let one = request(RequestBody::Json(Json::parse(body.as_bytes()).expect("JSON")));
    let text = written(&one);
    assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    assert_eq!(back(&text).body, one.body);
}

#[test]
fn what_a_file_can_not_hold_is_sent_as_text() {
    for body in [r#"{ "<<": 1 }"#.to_owned(), format!("{}1{}", "[".repeat(60), "]".repeat(60))] {
        let body = Json::parse(body.as_bytes()).expect("JSON");
        let read = back(&written(&request(RequestBody::Json(body.clone()))));
        assert_eq!(read.body, RequestBody::Raw(body.to_string()));
        assert_eq!(read.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        "[ -~]{0,30}".prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        "[\\x00-\\x20\\x7f-\\u{a0}\\u{2028}\\u{feff}:#'\"-]{0,6}".prop_map(Json::from),
        prop::sample::select(vec!["~", "null", "1e3", "0x1F", "- a", "a: b", "a #b", "", " a", "%", "!t", "&a", "*a"])
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec(("[ -~]{0,12}", inner), 0..5)
                .prop_map(|members| Json::from(members.into_iter().collect::<Members>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(body in json()) {
        let one = request(RequestBody::Json(body.clone()));
        let text = written(&one);
        let read = back(&text);
        let same = match read.body {
            RequestBody::Json(read) => read == body,
            RequestBody::Raw(text) => text == body.to_string(),
            RequestBody::None => false,
        };
        prop_assert!(same, "{text}");
    }
}
