//! Instants, sizes and numbers as people read them.

use std::fmt::{self, Display, Formatter};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// An instant beside now: `3 min ago`, and the whole of it where a pointer rests.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub at: DateTime<Utc>,
    pub now: DateTime<Utc>,
}

impl When {
    /// RFC 3339.
    pub fn exact(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    pub fn short(&self) -> String {
        let distance = self.now - self.at;
        let (amount, ahead) = (distance.abs(), distance < TimeDelta::zero());
        let text = span(amount);
        match (ahead, amount < TimeDelta::seconds(1)) {
            (true, true) => "at once".to_owned(),
            (false, true) => "just now".to_owned(),
            (true, false) => format!("in {text}"),
            (false, false) => format!("{text} ago"),
        }
    }
}

/// How long something has gone on: `5 min`, and since when where a pointer rests.
#[derive(Clone, Copy, Debug)]
pub struct Lasting(pub When);

impl askama::filters::HtmlSafe for Lasting {}

impl Display for Lasting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(When { at, now }) = *self;
        let exact = self.0.exact();
        write!(
            f,
            "<time datetime=\"{exact}\" title=\"since {exact}\">{}</time>",
            span((now - at).max(TimeDelta::zero()))
        )
    }
}

/// In its largest unit: `45 s`, `12 min`, `3 h`, `9 d`.
fn span(amount: TimeDelta) -> String {
    match amount.num_seconds() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A `<time>` element: a template's `{{ when|safe }}` is not needed, since it escapes nothing away.
impl askama::filters::HtmlSafe for When {}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let exact = self.exact();
        write!(f, "<time datetime=\"{exact}\" title=\"{exact}\">{}</time>", self.short())
    }
}

/// `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Of a step or a run: `850 µs`, `12 ms`, `3.4 s`, `2 min 5 s`.
pub fn lasted(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{} ms", microseconds / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", microseconds / 1_000_000, microseconds / 100_000 % 10),
        60_000_000..3_600_000_000 => format!("{} min {} s", microseconds / 60_000_000, microseconds / 1_000_000 % 60),
        _ => format!("{} h {} min", microseconds / 3_600_000_000, microseconds / 60_000_000 % 60),
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
