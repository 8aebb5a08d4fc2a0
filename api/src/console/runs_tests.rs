use chrono::{DateTime, Utc};
use holdfast_definitions::Json;

use super::{Attempt, bar, element};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

#[test]
fn a_bar_lies_in_its_run_and_is_never_too_small_to_be_seen() {
    assert_eq!(bar((at(0), at(10)), (at(2), at(7))), (200, 500));
    assert_eq!(bar((at(0), at(10)), (at(10), at(10))), (992, 8), "at the end");
    assert_eq!(bar((at(5), at(5)), (at(5), at(5))), (0, 8), "a run that took no time");
    assert_eq!(bar((at(5), at(10)), (at(0), at(20))), (0, 1_000), "a clock that was set back");
}

#[test]
fn an_attempt_says_what_was_asked_and_what_came() {
    let of = |text: &str| Attempt::of(&Json::parse(text.as_bytes()).expect("JSON"));
    let answered =
        of(r#"{"duration_us":4210,"request":{"method":"POST","url":"http://h/"},"response":{"status":503}}"#);
    assert_eq!((answered.asked.as_str(), answered.came.as_str(), answered.well), ("POST http://h/", "503", false));
    assert_eq!(answered.took, "4 ms");
    let lost = of(r#"{"request":{"method":"GET","url":"u"},"error":{"kind":"timeout","message":"after 10 s"}}"#);
    assert_eq!(lost.came, "timeout: after 10 s");
}

#[test]
fn an_element_says_where_it_failed() {
    let text = r#"{"index":3,"status":"failed","steps":[{"step":"a","status":"completed"},
        {"step":"book","status":"failed","error":{"message":"502"}}]}"#;
    let told = element(&Json::parse(text.as_bytes()).expect("JSON"));
    assert_eq!(told, "3 failed: a completed, book failed (502)");
}
