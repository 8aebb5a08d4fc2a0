use super::*;

fn asked(value: &str) -> Option<Duration> {
    let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:00Z").expect("an instant").to_utc();
    retry_after(&[("date".into(), "x".into()), ("Retry-After".into(), value.into())], now)
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(asked("120"), seconds(120));
    assert_eq!(asked(" 0 "), seconds(0));
    assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), seconds(37));
    assert_eq!(asked("Sunday, 06-Nov-94 08:49:37 GMT"), seconds(37));
    assert_eq!(asked("Sun Nov  6 08:49:37 1994"), seconds(37));
    assert_eq!(asked("Sun, 06 Nov 1994 08:48:00 GMT"), seconds(0), "gone by");
    assert_eq!(asked("99999999999999999999999"), Some(RETRY_AFTER_MAX));
    assert_eq!(asked("Fri, 06 Nov 2026 08:49:37 GMT"), Some(RETRY_AFTER_MAX));
}

#[test]
fn what_is_neither_is_no_answer() {
    for value in ["", "soon", "+5", "-5", "1.5", "5s", "0x10", "Sun, 06 Nov 1994"] {
        assert_eq!(asked(value), None, "{value}");
    }
    assert_eq!(retry_after(&[], Utc::now()), None);
}

#[test]
fn backoff_doubles_within_a_fifth_and_stays_under_its_maximum() {
    let (base, max) = (Duration::from_secs(1), Duration::from_secs(60));
    for seed in 0..500 {
        for (attempt, about) in [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0)] {
            let delay = backoff(attempt, base, max, seed).as_secs_f64();
            assert!((about * 0.8..=about * 1.2).contains(&delay), "{attempt} {seed} {delay}");
        }
        for attempt in [7, 33, 64, u32::MAX] {
            let delay = backoff(attempt, base, max, seed).as_secs_f64();
            assert!((48.0..=60.0).contains(&delay), "{attempt} {seed} {delay}");
        }
    }
}

#[test]
fn backoff_is_the_same_for_the_same_seed_and_spread_over_seeds() {
    let delays: std::collections::BTreeSet<_> =
        (0..100).map(|seed| backoff(3, Duration::from_secs(5), Duration::from_secs(60), seed)).collect();
    assert!(delays.len() > 80, "{}", delays.len());
    let one = || backoff(9, Duration::from_secs(1), Duration::from_secs(60), 7);
    assert_eq!(one(), one());
    assert_eq!(backoff(3, Duration::MAX, Duration::ZERO, 7), Duration::ZERO);
}
