use chrono::DateTime;
use holdfast_definitions::{check, picture};

use super::*;

const SHIPPING: &str = "
cycle: shipping
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body
      partial: true
      steps:
        which: { decision: [ { when: { value: $.ship.item, equals: 0 }, next: refused }, { else: book } ] }
        book: { set: 1, next: label }
        label: { set: 2 }
        refused: { fail: { message: no } }
";

fn painted_with(elements: &str, left_out: usize, lineage: &[u32]) -> String {
    let run = run(1, elements, left_out);
    painted(&check("", SHIPPING).cycles.remove(0), &[run], lineage).0
}

fn run(number: u32, elements: &str, left_out: usize) -> RunView {
    let step = StepTrace {
        step: "ship".into(),
        kind: "each".into(),
        status: "completed".into(),
        started_at: DateTime::UNIX_EPOCH,
        duration_us: 0,
        output: None,
        error: None,
        attempts: None,
        elements: Some(Json::parse(elements.as_bytes()).expect("JSON")),
        elements_left_out: left_out,
        console: None,
    };
    RunView {
        number,
        hit: None,
        entry: "ship".into(),
        status: RunStatus::Completed,
        started_at: DateTime::UNIX_EPOCH,
        ended_at: None,
        steps: vec![step],
        answer: None,
        error: None,
    }
}

#[test]
fn the_ways_of_all_elements_are_painted_with_how_many_took_them() {
    let elements = r#"[
        {"index":0,"status":"failed","steps":[{"step":"which","status":"completed"},{"step":"refused","status":"failed"}]},
        {"index":1,"status":"completed","steps":[{"step":"which","status":"completed"},{"step":"book","status":"completed"},{"step":"label","status":"completed"}]},
        {"index":2,"status":"running","steps":[{"step":"which","status":"completed"}]}]"#;
    let drawn = painted_with(elements, 0, &[1]);
    let has = |part: &str| assert!(drawn.contains(part), "{part} in {drawn}");
    has("<title>ship (each): 3 elements: 1 done, 1 failed, 1 dropped</title>");
    has("<title>which (decision): 3 elements: 3 done</title>");
    has("<title>label (set): 1 element: 1 done</title>");
    has("<title>refused (fail): 1 element: 1 failed</title>");
    let count = |part: &str| drawn.matches(part).count();
    // Inside: to both cases, from one to the next, and to both ends; outside: to the end.
    assert_eq!((count(" taken\""), count("<g class=\"passed\">"), count("<g class=\"wrong\">")), (6, 4, 1), "{drawn}");
}

#[test]
fn what_an_earlier_run_did_is_behind_and_what_is_not_kept_is_said() {
    let elements = r#"[{"index":0,"status":"completed","steps":[{"step":"label","status":"completed"}]}]"#;
    let drawn = painted_with(elements, 900, &[]);
    assert!(drawn.contains("1 element: 1 done, and 900 more of which nothing is kept"), "{drawn}");
    assert_eq!((drawn.matches(" taken-before\"").count(), drawn.matches("<g class=\"before\">").count()), (2, 2));
    let none = painted_with("[]", 0, &[1]);
    assert!(none.contains("ship (each): no element"), "{none}");
    assert_eq!(picture(&check("", SHIPPING).cycles.remove(0)).matches("taken").count(), 0);
}

#[test]
fn the_way_in_words_says_what_came_of_the_elements_last() {
    let cycle = check("", SHIPPING).cycles.remove(0);
    let element = |status: &str| format!(r#"[{{"index":0,"status":"{status}","steps":[]}}]"#);
    let runs = [run(1, &element("failed"), 0), run(2, &element("completed"), 0)];
    assert_eq!(painted(&cycle, &runs, &[1, 2]).1, "ship (1 element: 1 done)");
}
