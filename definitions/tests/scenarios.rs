//! Scenario files: what is wrong with one is said with its place, and what is right is read as it means.

use std::{fs, path::PathBuf, sync::Arc};

use holdfast_definitions::{
    Action, CheckedScenarios, Cycle, GivenAnswer, Json, RequestBody, SCENARIO_START, Scenario, check, check_scenarios,
    codes, explain, render_terminal, scenario_cycles,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cycles() -> Vec<Arc<Cycle>> {
    let one = |name: &str| {
        let text = fs::read_to_string(root().join(format!("cycles/{name}.yaml"))).expect("an example");
        check(name, &text).cycles.pop().expect("it compiles")
    };
    ["order-status", "slack-stock", "shop-orders"].map(one).to_vec()
}

fn found(text: &str) -> CheckedScenarios {
    check_scenarios("x.test.yaml", text, &cycles())
}

fn scenario(text: &str) -> Scenario {
    let mut found = found(text);
    assert_eq!(found.diagnostics, [], "{text}");
    found.scenarios.pop().expect("a scenario")
}

#[test]
fn every_code_has_a_page_whose_examples_are_true() {
    let mut seen = 0;
    for code in codes().filter(|code| code.starts_with("HF14")) {
        let page = explain(code).unwrap_or_else(|| panic!("{code} has no page"));
        let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let [wrong, right] = blocks.as_slice() else { panic!("{code}: a wrong and a right example") };
        let earned: Vec<_> = found(wrong).diagnostics.iter().map(|one| one.code).collect();
        assert_eq!(earned, [code], "{wrong}");
        assert_eq!(found(right).diagnostics, [], "{right}");
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn each_bad_scenario_earns_what_it_did() {
    let folder = root().join("../tests/corpora/scenarios/bad");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the corpus").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let mut missing: Vec<_> = codes().filter(|code| code.starts_with("HF14")).collect();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().trim_end_matches(".test.yaml").to_owned();
        let text = fs::read_to_string(&file).expect("its text");
        let found = check_scenarios(&format!("{name}.test.yaml"), &text, &cycles());
        let code = name[..5].to_uppercase();
        assert!(found.diagnostics.iter().any(|one| one.code == code), "{name} does not earn {code}");
        assert!(found.scenarios.is_empty(), "{name}: one with a mistake is not played");
        missing.retain(|known| *known != code);
        let shown: Vec<_> = found.diagnostics.iter().map(|one| render_terminal(one, &text, false)).collect();
        insta::assert_snapshot!(format!("scenario-{name}"), shown.join("\n\n"));
    }
    assert_eq!(missing, [] as [&str; 0], "no bad scenario earns these");
}

#[test]
fn one_with_a_mistake_does_not_hide_the_others() {
    let found = found(
        "test: good\ncycle: order-status\nsteps: []\n---\ntest: bad\ncycle: nobody\nsteps: []\n---\n\
         test: good too\ncycle: order-status\nsteps: []\n---\n",
    );
    let names: Vec<&str> = found.scenarios.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["good", "good too"]);
    assert_eq!(found.diagnostics.len(), 1);
}

#[test]
fn a_hit_is_read_as_it_is_sent() {
    let scenario = scenario(
        "
test: hits
cycle: order-status
steps:
  - hit: placed
    body: { order_id: 99999999999999999999 }
  - hit: placed
    as: second
    method: GET
    headers: { X-Shop: a, Content-Type: text/csv }
    query: { page: 2, tag: [a, b] }
    content_type: text/plain
    raw: hello
    verified: false
    expect: { status: 200, headers: { Idempotency-Replayed: true } }
",
    );
    let hits: Vec<_> = scenario
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Hit(request) => Some(request),
            _ => None,
        })
        .collect();
    let [first, second] = hits.as_slice() else { panic!("two hits") };
    let RequestBody::Json(body) = &first.body else { panic!("JSON") };
    assert_eq!(body.to_string(), r#"{"order_id":99999999999999999999}"#);
    assert_eq!((first.method.as_str(), first.verified, first.headers.len()), ("POST", true, 0));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(second.headers, [pair("x-shop", "a"), pair("content-type", "text/plain")]);
    assert_eq!(second.query, [pair("page", "2"), pair("tag", "a"), pair("tag", "b")]);
    assert_eq!((second.method.as_str(), second.verified), ("GET", false));
    let expected = second.expect.as_ref().expect("an expectation").json();
    assert_eq!(expected.to_string(), r#"{"status":200,"headers":{"idempotency-replayed":"true"}}"#);
    assert_eq!(scenario.given.at.timestamp_micros(), SCENARIO_START);
}

#[test]
fn answers_are_read_by_call_and_by_attempt() {
    let scenario = scenario(
        "
test: answers
cycle: slack-stock
given:
  at: 2026-03-01T10:00:00+01:00
  http:
    look_up: [{ error: timeout }, { body: { stock: 1 } }]
    told: [[{ status: 500 }, { status: 204 }], { status: 204, headers: { X-A: b } }]
steps: []
",
    );
    assert_eq!(scenario.given.at.to_rfc3339(), "2026-03-01T09:00:00+00:00");
    let look_up = &scenario.given.http["look_up"].0;
    assert!(matches!(&look_up[0][0], GivenAnswer::Error { kind, .. } if kind == "timeout"));
    assert!(matches!(&look_up[1][0], GivenAnswer::Answer { status: 200, .. }));
    let lengths: Vec<usize> = scenario.given.http["told"].0.iter().map(Vec::len).collect();
    assert_eq!(lengths, [2, 1]);
}

fn differences(expected: &str, came: &str) -> Vec<String> {
    let text = format!("test: x\ncycle: order-status\nsteps:\n  - expect:\n      answer: {{ body: {expected} }}\n");
    let scenario = scenario(&text);
    let Action::Expect(expected) = &scenario.steps[0].action else { panic!("an expectation") };
    let came = Json::parse(format!("{{\"body\":{came}}}").as_bytes()).expect("JSON");
    let differences = expected.answer.as_ref().expect("an answer").differences(Some(&came));
    differences.into_iter().map(|one| format!("{}:{} {}", one.span.line, one.span.column, one.path)).collect()
}

#[test]
fn what_is_expected_is_met_in_part_and_by_the_language_s_own_equality() {
    let met = |expected: &str, came: &str| assert_eq!(differences(expected, came), [] as [&str; 0], "{expected}");
    met("{ a: 1 }", r#"{"a":1.0,"b":2}"#);
    met("{ a: 42 }", r#"{"a":"42"}"#);
    met("{ a: null }", "{}");
    met("{ a: {} }", r#"{"a":{"b":1}}"#);
    met("[{ a: 1 }, 2]", r#"[{"a":1,"b":2},2]"#);
    met("[]", "[]");
    let unmet = |expected: &str, came: &str, place: &str| assert_eq!(differences(expected, came), [place]);
    unmet("{ a: \"042\" }", r#"{"a":42}"#, "5:28 body.a");
    unmet("{ a: null }", r#"{"a":0}"#, "5:28 body.a");
    unmet("{ a: { b: 1 } }", r#"{"a":[1]}"#, "5:28 body.a");
    unmet("[1, 2]", "[1]", "5:23 body");
    unmet("[1, { c: 2 }]", r#"[1,{"c":3}]"#, "5:32 body[1].c");
    unmet("{ a: 9007199254740993 }", r#"{"a":9007199254740992}"#, "5:28 body.a");
}

#[test]
fn the_cycles_that_a_file_plays_on_are_known_before_it_is_checked() {
    assert_eq!(scenario_cycles("cycle: a\n---\ncycle: b\ntest: x\n---\n"), ["a", "b"]);
    assert_eq!(scenario_cycles("]["), [] as [&str; 0]);
}
