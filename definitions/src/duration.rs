//! Durations as people write them: `31d`, `23h50m`, `500ms`.

use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration: write it as 31d, 23h50m, 30s or 500ms")]
pub struct DurationError(String);

/// Units from the greatest to the least, each at most once and in this order.
const UNITS: &[(&str, u64)] = &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    let (mut rest, mut millis, mut from) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let unit = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let (unit, tail) = tail.split_at(unit);
        let at = UNITS.iter().position(|(name, _)| *name == unit).filter(|at| *at >= from).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        millis = number.checked_mul(UNITS[at].1).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
        (rest, from) = (tail, at + 1);
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(millis)) }
}

/// The shortest text that [`parse_duration`] reads as the same duration, to the millisecond.
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in UNITS {
        if millis >= *size {
            text.push_str(&format!("{}{unit}", millis / size));
            millis %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for text in ["31d", "23h50m", "500ms", "1d1h1m1s1ms", "0s", "30s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
        assert_eq!(parse_duration("744h"), parse_duration("31d"));
        assert_eq!(format_duration(Duration::from_secs(90_000)), "1d1h");
    }

    #[test]
    fn other_texts_are_no_durations() {
        for text in ["", "31", "d", "1.5h", "-1s", "1s1m", "1m1m", "1 d", "1w", "99999999999999999999d", "1D"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
