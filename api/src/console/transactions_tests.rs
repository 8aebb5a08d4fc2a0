use chrono::{DateTime, Utc};

use super::{Wanted, instant};

fn now() -> DateTime<Utc> {
    "2026-03-31T08:30:00Z".parse().expect("a time")
}

#[test]
fn a_time_is_a_word_or_written_out() {
    let at = |since| instant(since, now()).map(|at| at.to_rfc3339());
    assert_eq!(at("hour").as_deref(), Ok("2026-03-31T07:30:00+00:00"));
    assert_eq!(at("today").as_deref(), Ok("2026-03-31T00:00:00+00:00"));
    assert_eq!(at("week").as_deref(), Ok("2026-03-24T08:30:00+00:00"));
    assert_eq!(at("2026-03-30T07:00Z").as_deref(), Ok("2026-03-30T07:00:00+00:00"));
    assert_eq!(at("2026-03-30T07:00:00+02:00").as_deref(), Ok("2026-03-30T05:00:00+00:00"));
    assert!(at("yesterday").is_err_and(|wrong| wrong.contains("“yesterday” is no time")));
}

#[test]
fn an_address_keeps_the_filter_but_for_what_is_left_out() {
    let wanted = Wanted {
        cycle: Some("shop".into()),
        key: Some("A & B".into()),
        since: Some("hour".into()),
        from: Some("2026-03-30T07:00".into()),
        ..Wanted::default()
    };
    let wanted = wanted.settled();
    let all = "/console/transactions?cycle=shop&key=A+%26+B&since=2026-03-30T07%3A00Z&after=x";
    assert_eq!(wanted.address("", Some("x")), all);
    assert_eq!(wanted.address("since", None), "/console/transactions?cycle=shop&key=A+%26+B");
    assert_eq!(Wanted::default().address("", None), "/console/transactions");
}
