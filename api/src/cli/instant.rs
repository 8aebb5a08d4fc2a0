//! Instants as people say them on the command line.

use chrono::{DateTime, Local, NaiveTime, SecondsFormat, TimeDelta, Utc};

/// RFC 3339, `today` (since midnight here), or how long ago: `90m`, `24h`, `7d`. As RFC 3339.
pub fn instant(text: &str) -> Result<String, String> {
    said(text, Utc::now(), midnight())
}

/// Where the clocks are put on at midnight, the first instant of the day.
fn midnight() -> DateTime<Utc> {
    let now = Local::now();
    now.with_time(NaiveTime::MIN).earliest().unwrap_or(now).to_utc()
}

fn said(text: &str, now: DateTime<Utc>, midnight: DateTime<Utc>) -> Result<String, String> {
    let rfc = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    if text == "today" {
        return Ok(rfc(midnight));
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(rfc(at.to_utc()));
    }
    let wrong = || format!("{text} is no time: RFC 3339, `today`, or how long ago (`90m`, `24h`, `7d`)");
    let at = text.find(|one: char| !one.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = text.split_at(at);
    let count: i64 = count.parse().map_err(|_| wrong())?;
    let ago = match unit {
        "d" => TimeDelta::try_days(count),
        "h" => TimeDelta::try_hours(count),
        "m" => TimeDelta::try_minutes(count),
        "s" => TimeDelta::try_seconds(count),
        _ => None,
    };
    ago.and_then(|ago| now.checked_sub_signed(ago)).map(rfc).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_say_them() {
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        let midnight = "2026-11-24T23:00:00Z".parse().unwrap();
        let read = |text: &str| said(text, now, midnight);
        assert_eq!(read("today").unwrap(), "2026-11-24T23:00:00.000000Z");
        assert_eq!(read("90m").unwrap(), "2026-11-25T10:30:00.000000Z");
        assert_eq!(read("7d").unwrap(), "2026-11-18T12:00:00.000000Z");
        assert_eq!(read("2026-11-25T13:00:00.5+02:00").unwrap(), "2026-11-25T11:00:00.500000Z");
        for wrong in ["", "7", "d", "7w", "yesterday", "-1h", "9999999999999999h", "ä"] {
            assert!(read(wrong).unwrap_err().contains("is no time"), "{wrong}");
        }
    }
}
