//! `holdfast test`: the author's tests, played in memory (contract, section 14).

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use holdfast_tests::{binary, eventually, root};
use serde_json::Value;

const SHOP: &str = r#"
cycle: shop
vars: { carrier: "https://carrier.example" }
steps:
  placed: { webhook: , next: ask }
  ask:
    http: { method: POST, url: "${vars.carrier}/parcels", body: { order: "${$.placed.body.order}" } }
    on_error: given_up
    next: status
  status:
    webhook:
      mapping: [{ hit: $.body.parcel, transaction: $.ask.body.parcel }]
      expires: { after: 7d, next: given_up }
    next: which
  which:
    decision:
      - when: { value: $.status.body.state, equals: there }
        next: thanks
      - else: end
  thanks: { respond: { status: 201, body: { thanks: "${$.placed.body.order}" } } }
  given_up: { notify: { event: order.lost, data: { order: "${$.placed.body.order}" } } }
"#;

/// A folder of a test's own, with a cycle and scenarios.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(cycle: &str, scenarios: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("holdfast-scenarios-").tempdir().expect("a folder");
        std::fs::write(folder.path().join("shop.yaml"), cycle).expect("a cycle");
        std::fs::write(folder.path().join("shop.test.yaml"), scenarios).expect("scenarios");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn test(&self, arguments: &[&str]) -> Output {
        test(self.0.path(), arguments)
    }

    /// What is said, and the exit code.
    fn said(&self) -> (String, Option<i32>) {
        let output = self.test(&[]);
        (text(&output), output.status.code())
    }
}

fn test(path: &Path, arguments: &[&str]) -> Output {
    Command::new(binary()).arg("test").args(arguments).arg(path).output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn results(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

#[test]
fn the_examples_scenarios_hold_and_take_every_edge() {
    let output = test(&root().join("definitions/cycles"), &["--json"]);
    let found = results(&output);
    assert_eq!(found["failed"], 0, "{}", text(&output));
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(found["diagnostics"], serde_json::json!([]));
    let cycles = found["cycles"].as_array().expect("cycles");
    assert!(cycles.len() >= 14, "{}", cycles.len());
    for cycle in cycles {
        for edge in cycle["edges"].as_array().expect("edges") {
            assert_eq!(edge["taken"], true, "{}: {}", cycle["cycle"], edge["text"]);
        }
        let played = found["scenarios"].as_array().expect("scenarios").iter();
        assert!(played.filter(|one| one["cycle"] == cycle["cycle"]).count() >= 1, "{}", cycle["cycle"]);
    }
}

#[test]
fn the_clock_ends_with_the_year_9999() {
    let cycle = "cycle: shop\nsteps:\n  placed: { webhook: }\n";
    let scenario = "test: far\ncycle: shop\nsteps:\n  - hit: placed\n  - advance: 9999999d\n  - hit: placed\n  - advance: \
                    99999d\n  - expect: { transaction: { status: completed } }\n";
    let (said, code) = Folder::new(cycle, scenario).said();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn the_scenario_of_the_contract_holds() {
    let cycle = r#"
cycle: order-status
steps:
  placed: { webhook: , next: status }
  status:
    webhook: { mapping: [{ hit: $.body.order.id, transaction: $.placed.body.order_id }] }
    next: despatched
  despatched:
    decision:
      - when: { value: $.status.body.state, equals: Despatched }
        next: tell_shop
      - else: end
  tell_shop:
    http:
      method: POST
      url: https://shop.example/hooks/despatch
      body: { order: "${$.placed.body.order_id}", at: "${$.status.received_at}" }
"#;
    let scenario = r#"
test: the shop hears of a despatch, however late
cycle: order-status
given:
  http:                                   # what outside systems would answer, by step
    tell_shop: { status: 204 }
steps:
  - hit: placed
    body: { order_id: 42 }
    expect: { status: 200, body: Webhook accepted. }
  - advance: 30d
  - hit: status
    body: { order: { id: "42" }, state: Despatched }
  - expect:
      transaction: { status: completed, steps: [placed, status, despatched, tell_shop] }
      sent: [ { step: tell_shop, body: { order: 42 } } ]
"#;
    let (said, code) = Folder::new(cycle, scenario).said();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("not taken: order-status: despatched -> end (else)"), "{said}");
    assert!(said.contains("1 scenario passed") && said.contains("3 of 4 edges of 1 cycle taken"), "{said}");
}

#[test]
fn whatever_is_not_as_expected_is_shown_with_its_place() {
    let scenarios = r#"
test: all wrong
cycle: shop
given: { http: { ask: { status: 201, body: { parcel: 7 } } } }
steps:
  - hit: placed
    body: { order: A-1 }
    expect: { status: 404, body: Nothing. }
  - expect:
      transaction: { status: completed, step: which, steps: [placed, status], document: { ask: { body: { parcel: 8 } } } }
      sent: [{ step: ask, body: { order: A-2 } }]
  - hit: status
    body: { parcel: 9, state: there }
  - expect:
      hit: { status: applied }
      answer: { headers: { content-type: text/html } }
      transactions: []
      hits: [{ step: status }, { status: applied }]
"#;
    let folder = Folder::new(SHOP, scenarios);
    let (said, code) = folder.said();
    assert_eq!(code, Some(1), "{said}");
    let file = folder.path("shop.test.yaml").display().to_string();
    for (place, path, wanted, came) in [
        ("8:23", "answer.status", "404", "200"),
        ("8:34", "answer.body", "\"Nothing.\"", "\"Webhook accepted.\""),
        ("10:30", "transaction.status", "\"completed\"", "\"held\""),
        ("10:47", "transaction.step", "\"which\"", "\"status\""),
        ("10:70", "transaction.steps[1]", "\"status\"", "\"ask\""),
        ("10:114", "transaction.document.ask.body.parcel", "8", "7"),
        ("11:42", "sent[0].body.order", "\"A-2\"", "\"A-1\""),
        ("15:22", "hit.status", "\"applied\"", "\"unmatched\""),
        ("16:42", "answer.headers.content-type", "\"text/html\"", "\"text/plain; charset=utf-8\""),
        ("18:22", "hits[0].step", "\"status\"", "\"placed\""),
        ("18:42", "hits[1].status", "\"applied\"", "\"unmatched\""),
    ] {
        let shown = format!("  {file}:{place}: {path}\n      - {wanted}\n      + {came}\n");
        assert!(said.contains(&shown), "{shown}\nin:\n{said}");
    }
    assert!(said.contains(&format!("{file}:17:21: transactions")), "a list of another length is shown whole: {said}");
    assert!(said.contains("+         \"steps\": ["), "line by line, where it is long: {said}");
}

#[test]
fn what_was_not_given_is_asked_for() {
    for (given, asked) in
        [("", "add `ask` to `given.http`"), ("given: { http: { ask: { status: 500 } } }\n", "1 scenario passed")]
    {
        let scenario = format!(
            "test: one\ncycle: shop\n{given}steps:\n  - hit: placed\n    body: {{ order: 1 }}\n  - advance: 1m\n  - \
             expect: {{ transaction: {{ steps: [placed, ask, given_up] }} }}\n"
        );
        let (said, code) = Folder::new(SHOP, &scenario).said();
        assert!(said.contains(asked), "{said}");
        assert_eq!(code, Some(i32::from(given.is_empty())), "{said}");
    }
    let tracker = std::fs::read_to_string(root().join("definitions/cycles/tracker-issues.yaml")).expect("an example");
    let unsubscribed =
        "test: one\ncycle: tracker-issues\ngiven: { env: { TRACKER_URL: \"https://a.example\" } }\nsteps: []\n";
    let (said, _) = Folder::new(&tracker, unsubscribed).said();
    assert!(said.contains("add `changed.subscribe` to `given.http`"), "{said}");
    let env = SHOP.replace("${vars.carrier}", "${env.CARRIER}");
    let one = "test: one\ncycle: shop\nsteps: []\n";
    assert!(Folder::new(&env, one).said().0.contains("add `CARRIER` to `given.env`"));
    let unset = SHOP.replace("\"https://carrier.example\"", "null");
    assert!(Folder::new(&unset, one).said().0.contains("add `carrier` to `given.vars`"));
}

#[test]
fn the_rules_of_the_engine_are_the_engine_s_own() {
    let scenarios = r#"
test: a stop queues, a start goes on, and what is cancelled is matched no more
cycle: shop
given: { http: { ask: [{ body: { parcel: 1 } }, { body: { parcel: 2 } }] } }
steps:
  - stop:
  - hit: placed
    as: first
    body: { order: A-1 }
    expect: { status: 200, body: Webhook accepted. }
  - expect: { hit: { status: queued }, transactions: [], sent: [] }
  - advance: 23h
  - start:
  - expect: { hit: { status: applied }, transaction: { status: held } }
  - hit: placed
    body: { order: A-2 }
  - cancel: first
  - hit: status
    body: { parcel: 1, state: there }
  - expect:
      hit: { status: unmatched }
      transactions: [{ status: cancelled }, { status: held, document: { ask: { body: { parcel: 2 } } } }]
---
test: a step is done again
cycle: shop
given: { http: { ask: [{ body: { parcel: 1 } }, { body: { parcel: 5 } }] } }
steps:
  - hit: placed
    body: { order: A-1 }
  - rerun: ask
  - hit: status
    body: { parcel: 5, state: there }
    expect: { status: 201, body: { thanks: A-1 } }
  - expect:
      transaction:
        runs:
          - { entry: placed, hit: 1, steps: [placed, ask] }
          - { entry: ask, hit: null, steps: [ask] }
          - { entry: status, hit: 2, steps: [status, which, thanks] }
      sent: [{ step: ask, transaction: 1 }, { step: ask, transaction: 1 }]
---
test: what is past its retention is gone
cycle: shop
given: { http: { ask: { body: { parcel: 1 } } } }
steps:
  - hit: placed
    body: { order: A-1 }
  - advance: 30d
  - advance: 1d
  - expect:
      transaction: { status: gone, steps: [placed, ask, status, given_up] }
      sent: [{ step: ask }, { event: order.lost, at: "2026-01-08T00:00:00Z", data: { order: A-1 } }]
  - hit: status
    body: { parcel: 1, state: there }
  - expect: { hit: { status: unmatched } }
---
test: a repeated delivery
cycle: shop
given: { http: { ask: { body: { parcel: 1 } } } }
steps:
  - hit: placed
    headers: { Idempotency-Key: k1 }
    body: { order: A-1 }
  - hit: placed
    headers: { Idempotency-Key: k1 }
    body: { order: A-1 }
    expect: { status: 200, headers: { idempotency-replayed: true } }
  - expect: { hit: { status: duplicate, transaction: 1 }, transactions: [{ status: held }] }
  - hit: placed
    headers: { Idempotency-Key: k1 }
    body: { order: A-2 }
    expect: { status: 422 }
  - expect: { hit: { status: refused } }
"#;
    let (said, code) = Folder::new(SHOP, scenarios).said();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("4 scenarios passed"), "{said}");
}

/// What scripts draw, ids, times and the order of what is sent.
#[test]
fn a_scenario_plays_the_same_every_time() {
    let cycle = r#"
cycle: dice
steps:
  rolled: { webhook: { script: "function request(request) { return { body: { first: Math.random() } } }" }, next: again }
  again:
    script: |
      function step(document, context) { return { second: Math.random(), now: context.now, id: context.transaction.id } }
    next: all
  all:
    each:
      in: $.rolled.headers
      parallel: 4
      steps: { one: { http: { url: "https://a.example/${$.all.index}", retry: { attempts: 2 } } } }
"#;
    let scenario = "test: x\ncycle: dice\ngiven: { http: { one: [[{ error: timeout }, {}]] } }\nsteps:\n  - hit: rolled\n    \
                    body: {}\n  - advance: 1h\n  - expect: { transactions: [], sent: [] }\n";
    let cycle = cycle.replace("in: $.rolled.headers", "in: \"$.rolled.body.*\"");
    let folder = Folder::new(&cycle, scenario);
    let shown = || {
        let mut results = results(&folder.test(&["--json"]));
        results["scenarios"][0]["unmet"].take()
    };
    let (first, second) = (shown(), shown());
    assert_eq!(first[0]["came"][0]["status"], "completed", "{first:#}");
    assert_eq!(first, second);
    assert_eq!(first[1]["came"].as_array().map(Vec::len), Some(2), "{first:#}");
}

#[test]
fn junit_is_xml_that_says_what_failed() {
    let scenarios = "
test: \"good <&'> \\a\"
cycle: shop
steps: []
---
test: failed
cycle: shop
steps:
  - expect: { transaction: { status: held } }
---
test: unplayable
cycle: shop
steps:
  - cancel:
---
test: misspelt
cycle: shpo
steps: []
";
    let folder = Folder::new(SHOP, scenarios);
    let file = folder.path("results.xml");
    let output = folder.test(&["--junit", file.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let written = std::fs::read_to_string(file).expect("it is written");
    let mut reader = quick_xml::Reader::from_str(&written);
    let (mut open, mut cases, mut failures, mut errors) = (Vec::new(), 0, 0, 0);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}:\n{written}"));
        match event {
            quick_xml::events::Event::Start(ref tag) | quick_xml::events::Event::Empty(ref tag) => {
                let name = tag.name().as_ref().to_owned();
                for attribute in tag.attributes() {
                    attribute.expect("an attribute");
                }
                match name.as_str() {
                    "testcase" => cases += 1,
                    "failure" => failures += 1,
                    "error" => errors += 1,
                    _ => {}
                }
                if matches!(event, quick_xml::events::Event::Start(_)) {
                    open.push(name);
                }
            }
            quick_xml::events::Event::End(tag) => {
                assert_eq!(open.pop().as_deref(), Some(tag.name().as_ref()));
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty());
    assert_eq!((cases, failures, errors), (4, 1, 2), "{written}");
    assert!(written.contains("tests=\"4\" failures=\"1\" errors=\"2\""), "{written}");
    assert!(written.contains("transaction") && written.contains("there is no transaction yet"), "{written}");
}

#[test]
fn mistakes_and_misuse_have_exit_codes_of_their_own() {
    let folder = Folder::new(SHOP, "test: one\ncycle: shop\nsteps:\n  - hit: plcaed\n");
    let (said, code) = folder.said();
    assert_eq!(code, Some(1));
    assert!(said.contains("HF141") && said.contains("did you mean `placed`?") && said.contains(":4:10"), "{said}");
    let check = Command::new(binary()).arg("check").arg(folder.path("shop.test.yaml")).output().expect("it runs");
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check).contains("HF141"), "check reads scenarios too: {}", text(&check));
    let broken = Folder::new(&SHOP.replace("next: which", "next: whcih"), "test: one\ncycle: shop\nsteps: []\n");
    let (said, code) = broken.said();
    assert_eq!(code, Some(1));
    assert!(said.contains("HF040") && said.contains("whcih"), "{said}");
    assert_eq!(folder.test(&["--nonsense"]).status.code(), Some(2));
    assert_eq!(test(&folder.path("nowhere"), &[]).status.code(), Some(2));
    assert_eq!(test(&folder.path("shop.yaml"), &[]).status.code(), Some(2), "a definition has no scenarios");
    let empty = Folder::new(SHOP, "");
    let (said, code) = empty.said();
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no scenario"), "{said}");
}

#[test]
fn a_filter_plays_a_part() {
    let scenarios = "test: one\ncycle: shop\nsteps: []\n---\ntest: another\ncycle: shop\nsteps: []\n";
    let folder = Folder::new(SHOP, scenarios);
    let found = results(&folder.test(&["--json", "--filter", "other"]));
    let names: Vec<&Value> = found["scenarios"].as_array().expect("scenarios").iter().map(|one| &one["test"]).collect();
    assert_eq!(names, ["another"]);
}

#[tokio::test]
async fn watch_plays_again_when_a_file_changes() {
    let folder = Folder::new(SHOP, "test: one\ncycle: shop\nsteps: []\n");
    let log = folder.path("log.txt");
    let out = std::fs::File::create(&log).expect("a log");
    let mut child = Command::new(binary())
        .args(["test", "--watch"])
        .arg(folder.0.path())
        .stdout(Stdio::from(out.try_clone().expect("a handle")))
        .stderr(Stdio::from(out))
        .spawn()
        .expect("it starts");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let waits = || said().matches("waiting for a change").count();
    eventually("it has played once", async || (waits() == 1).then_some(())).await;
    assert!(said().contains("1 scenario passed"), "{}", said());
    let wrong = "test: one\ncycle: shop\nsteps:\n  - expect: { transaction: { status: held } }\n";
    std::fs::write(folder.path("shop.test.yaml"), wrong).expect("it is written");
    eventually("it has played again", async || (waits() >= 2 && said().contains("FAILED one")).then_some(())).await;
    std::fs::write(folder.path("shop.yaml"), SHOP.replace("next: which", "next: whcih")).expect("it is written");
    eventually("it has seen the definition", async || said().contains("HF040").then_some(())).await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("it is told to stop");
    assert!(child.wait().expect("it ends").success());
}

/// A release build plays a thousand in less than a second (docs/testing.md); this one has slack for a debug
/// build beside other tests.
#[test]
fn hundreds_of_scenarios_take_seconds_at_most() {
    const COUNT: usize = 300;
    const AT_MOST: Duration = Duration::from_secs(30);
    let cycle = "cycle: parcels\nsteps:\n  placed: { webhook: , next: status }\n  status:\n    webhook: { mapping: \
                 [{ hit: $.body.id, transaction: $.placed.body.id }] }\n    next: there\n  there: { set: done }\n";
    let one = |n: usize| {
        format!(
            "test: parcel {n}\ncycle: parcels\nsteps:\n  - hit: placed\n    body: {{ id: {n} }}\n  - hit: status\n    \
             body: {{ id: {n} }}\n  - advance: 1d\n  - hit: status\n    body: {{ id: {n} }}\n  - expect: {{ \
             transaction: {{ status: completed, document: {{ there: done }} }} }}\n"
        )
    };
    let scenarios: Vec<String> = (0..COUNT).map(one).collect();
    let folder = Folder::new(cycle, &scenarios.join("---\n"));
    let began = Instant::now();
    let (said, code) = folder.said();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("300 scenarios passed"), "{said}");
    assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
}

#[test]
fn the_scenarios_of_the_documentation_hold() {
    let page = std::fs::read_to_string(root().join("docs/testing.md")).expect("the page");
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    let folder = tempfile::Builder::new().prefix("holdfast-scenarios-").tempdir().expect("a folder");
    for cycle in ["order-status", "ask-and-wait", "slack-stock"] {
        let name = format!("{cycle}.yaml");
        std::fs::copy(root().join("definitions/cycles").join(&name), folder.path().join(&name)).expect("a copy");
    }
    std::fs::write(folder.path().join("page.test.yaml"), blocks.join("---\n")).expect("scenarios");
    let output = test(folder.path(), &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(&format!("{} scenarios passed", blocks.len())), "{}", text(&output));
}
