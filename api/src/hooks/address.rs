//! What a path under `/hooks/` means. Anything malformed means nothing, and is not found.

/// Longer than any identifier and any name in a definition.
const SEGMENT_BYTES_MAX: usize = 200;

#[derive(Debug, PartialEq, Eq)]
pub enum Address<'a> {
    Webhook(&'a str),
    Answer {
        identifier: &'a str,
        hit: &'a str,
    },
    /// In `dev` only.
    Step {
        cycle: &'a str,
        step: &'a str,
    },
}

impl<'a> Address<'a> {
    pub fn of(path: &'a str, dev: bool) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/hooks/")?.splitn(4, '/').collect();
        if !segments.iter().all(|segment| is_name(segment)) {
            return None;
        }
        match *segments.as_slice() {
            [identifier] => Some(Self::Webhook(identifier)),
            [cycle, step] if dev => Some(Self::Step { cycle, step }),
            [identifier, "answers", hit] => Some(Self::Answer { identifier, hit }),
            _ => None,
        }
    }
}

fn is_name(segment: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=SEGMENT_BYTES_MAX).contains(&segment.len()) && segment.bytes().all(is_of_a_name)
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
