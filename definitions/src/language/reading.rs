//! Paths as they stand in a text, whole or half written, with the place of each part.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    Name(&'t str),
    Index(usize),
    /// `*`, a slice, a filter: any element.
    Any,
}

/// From its `$` on, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<'t> {
    pub range: Range<usize>,
    pub parts: Vec<(Part<'t>, Range<usize>)>,
}

impl<'t> Reading<'t> {
    /// The path whose `$` is at a byte. Behind a dot with nothing behind it the last part is an empty name.
    pub fn at(text: &'t str, start: usize) -> Self {
        let (mut at, mut parts) = (start + 1, Vec::new());
        loop {
            let rest = &text[at..];
            if let Some(rest) = rest.strip_prefix('.') {
                let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                let part = match length == 0 && rest.starts_with('*') {
                    true => (Part::Any, at + 1..at + 2),
                    false => (Part::Name(&rest[..length]), at + 1..at + 1 + length),
                };
                at = part.1.end;
                parts.push(part);
            } else if let Some((part, length)) = bracket(rest) {
                parts.push((part, at + 1..at + length - 1));
                at += length;
            } else {
                return Self { range: start..at, parts };
            }
        }
    }

    /// The parts alone.
    pub fn names(&self) -> Vec<Part<'t>> {
        self.parts.iter().map(|(part, _)| part.clone()).collect()
    }
}

/// Every path of a text.
pub fn readings(text: &str) -> impl Iterator<Item = Reading<'_>> {
    let begins = |at: &usize| text[at + 1..].starts_with(['.', '[']);
    text.match_indices('$').map(|(at, _)| at).filter(begins).map(|at| Reading::at(text, at))
}

/// In a path that has no brackets around it.
pub fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn bracket(text: &str) -> Option<(Part<'_>, usize)> {
    let inner = text.strip_prefix('[')?;
    if let Some(quote) = inner.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let name = &inner[1..];
        let close = name.find(quote)?;
        return name[close + 1..].starts_with(']').then(|| (Part::Name(&name[..close]), close + 4));
    }
    let close = inner.find(']')?;
    let part = inner[..close].parse().map_or(Part::Any, Part::Index);
    Some((part, close + 2))
}

/// Where the `${` begins, behind it, that is not closed at the end of a text.
pub fn open_template(text: &str) -> Option<usize> {
    let at = text.rfind("${")?;
    let literal = text[..at].ends_with('$');
    (!literal && !text[at..].contains('}')).then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_part_by_part() {
        let text = "x ${$.order['a b'][0].c[*]} $.d. y";
        let all: Vec<_> = readings(text).map(|path| (&text[path.range.clone()], path.names())).collect();
        assert_eq!(
            all,
            [
                (
                    "$.order['a b'][0].c[*]",
                    vec![Part::Name("order"), Part::Name("a b"), Part::Index(0), Part::Name("c"), Part::Any]
                ),
                ("$.d.", vec![Part::Name("d"), Part::Name("")]),
            ]
        );
        let parts = &readings(text).next().expect("a path").parts;
        let shown: Vec<_> = parts.iter().map(|(_, range)| &text[range.clone()]).collect();
        assert_eq!(shown, ["order", "'a b'", "0", "c", "*"]);
    }

    #[test]
    fn a_template_is_open_until_its_brace() {
        for (text, open) in
            [("a ${$.b", Some(4)), ("a ${$.b}", None), ("a $${", None), ("${a} ${", Some(7)), ("a", None)]
        {
            assert_eq!(open_template(text), open, "{text}");
        }
    }
}
