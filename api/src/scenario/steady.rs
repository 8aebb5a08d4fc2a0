//! What is the same whenever it is played: instants and ids are taken out of values.

use holdfast_definitions::{Json, Members};

const TIME: &str = "<time>";
const ID: &str = "<id>";

/// The value with every instant (RFC 3339, with its time of day) and every UUID in its texts replaced.
pub fn steady(value: &Json) -> Json {
    match value {
        Json::Text(text) => Json::from(steady_text(text)),
        Json::Array(items) => items.iter().map(steady).collect(),
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| (steady_text(name), steady(value));
            Json::from(members.iter().map(member).collect::<Members>())
        }
        other => other.clone(),
    }
}

/// Whether some instant or UUID stands in it.
pub fn is_steady(value: &Json) -> bool {
    match value {
        Json::Text(text) => steady_text(text) == *text,
        Json::Array(items) => items.iter().all(is_steady),
        Json::Object(members) => members.iter().all(|(name, value)| steady_text(name) == *name && is_steady(value)),
        _ => true,
    }
}

pub fn steady_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = out.ends_with(|last: char| last.is_ascii_alphanumeric());
        let found = if after_word { None } else { time(rest).map(|n| (TIME, n)).or(id(rest).map(|n| (ID, n))) };
        let (put, length) = found.unwrap_or((&rest[..first.len_utf8()], first.len_utf8()));
        out.push_str(put);
        rest = &rest[length..];
    }
    out
}

/// The length of the instant at the text's beginning: `d` is a digit.
fn time(text: &str) -> Option<usize> {
    let mut length = shape(text, "dddd-dd-ddTdd:dd:dd")?;
    if let Some(fraction) = text[length..].strip_prefix('.') {
        length += 1 + fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    }
    let zone = &text[length..];
    let zoned = shape(zone, "Z").or_else(|| shape(zone, "+dd:dd")).or_else(|| shape(zone, "-dd:dd"))?;
    Some(length + zoned)
}

/// The length of the UUID at the text's beginning: `x` is a hexadecimal digit.
fn id(text: &str) -> Option<usize> {
    let length = shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")?;
    let ends = !text[length..].starts_with(|next: char| next.is_ascii_alphanumeric());
    ends.then_some(length)
}

fn shape(text: &str, shape: &str) -> Option<usize> {
    let fits = |(byte, wanted): (u8, u8)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit(),
        other => byte == other,
    };
    let head = text.as_bytes().get(..shape.len())?;
    head.iter().copied().zip(shape.bytes()).all(fits).then_some(shape.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_ids_are_taken_out_and_nothing_else() {
        for (text, steadied) in [
            ("at 2026-01-01T00:00:00Z, or 2026-01-01T00:00:00.123456+02:00.", "at <time>, or <time>."),
            ("/t/0199d3a1-7c1e-7000-8000-0123456789ab/x", "/t/<id>/x"),
            ("0199d3a1-7c1e-7000-8000-0123456789ab.1.book", "<id>.1.book"),
            ("2026-01-01", "2026-01-01"),
            ("2026-01-01T00:00:00", "2026-01-01T00:00:00"),
            ("a0199d3a1-7c1e-7000-8000-0123456789ab", "a0199d3a1-7c1e-7000-8000-0123456789ab"),
            ("größer als 2026-01-01T00:00:00Z", "größer als <time>"),
        ] {
            assert_eq!(steady_text(text), steadied);
        }
        let value = Json::parse(br#"{ "a": [1, "2026-01-01T00:00:00Z"], "b": null }"#).expect("JSON");
        assert_eq!(steady(&value).to_string(), r#"{"a":[1,"<time>"],"b":null}"#);
        assert!(!is_steady(&value) && is_steady(&steady(&value)));
    }
}
