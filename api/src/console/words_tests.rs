use chrono::{DateTime, TimeDelta, Utc};

use super::{Lasting, When, count, lasted};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn an_instant_is_told_from_now() {
    let now = at("2026-11-25T12:00:00Z");
    let short = |text: &str| When { at: at(text), now }.short();
    assert_eq!(short("2026-11-25T11:59:59.5Z"), "just now");
    assert_eq!(short("2026-11-25T12:00:00.5Z"), "at once");
    assert_eq!(short("2026-11-25T11:59:15Z"), "45 s ago");
    assert_eq!(short("2026-11-25T11:48:00Z"), "12 min ago");
    assert_eq!(short("2026-11-24T12:00:01Z"), "23 h ago");
    assert_eq!(short("2026-11-16T12:00:00Z"), "9 d ago");
    assert_eq!(short("2026-12-26T12:00:00Z"), "in 31 d");
}

#[test]
fn its_element_has_the_whole_of_it() {
    let now = at("2026-11-25T12:00:00Z");
    let exact = "2026-11-25T12:00:00.000000Z";
    assert_eq!(
        When { at: now, now }.to_string(),
        format!("<time datetime=\"{exact}\" title=\"{exact}\">just now</time>")
    );
    let lasting = Lasting(When { at: now, now: now + TimeDelta::minutes(5) }).to_string();
    assert_eq!(lasting, format!("<time datetime=\"{exact}\" title=\"since {exact}\">5 min</time>"));
}

#[test]
fn numbers_are_grouped_and_durations_have_one_unit_that_fits() {
    assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
    let all = [850, 12_900, 3_450_000, 125_000_000, 7_260_000_000].map(lasted);
    assert_eq!(all, ["850 µs", "12 ms", "3.4 s", "2 min 5 s", "2 h 1 min"]);
}
