//! What stands at a place of a text: a key or a scalar, and the keys and indexes that lead to it.

use super::outline::{Document, Entry, Node, Scalar, Value};

/// Stands at the cursor while a text is read for completion: a letter of no language, so that what is being
/// written is something.
pub const CURSOR: char = '\u{e000}';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'t> {
    Key(&'t str),
    Item(usize),
}

pub struct Place<'t> {
    pub document: &'t Document,
    /// To the scalar, or to the map that holds the key.
    pub path: Vec<Segment<'t>>,
    pub thing: Thing<'t>,
}

pub enum Thing<'t> {
    Key { entries: &'t [Entry], at: usize },
    Scalar(&'t Scalar),
}

/// What stands at a byte, or ends there.
pub fn find<'t>(text: &'t str, documents: &'t [Document], offset: usize) -> Option<Place<'t>> {
    documents.iter().find_map(|document| {
        let mut path = Vec::new();
        let within = document.range.start <= offset && offset <= document.range.end;
        let thing = within.then(|| search(text, &document.root, offset, &mut path)).flatten()?;
        Some(Place { document, path, thing })
    })
}

fn search<'t>(text: &'t str, node: &'t Node, offset: usize, path: &mut Vec<Segment<'t>>) -> Option<Thing<'t>> {
    match &node.value {
        Value::Nothing => None,
        Value::Scalar(scalar) => {
            (scalar.range.start <= offset && offset <= scalar.range.end).then_some(Thing::Scalar(scalar))
        }
        Value::Map(entries) => entries.iter().enumerate().find_map(|(at, entry)| {
            if entry.key.start <= offset && offset <= entry.key.end {
                return Some(Thing::Key { entries, at });
            }
            path.push(Segment::Key(&text[entry.key.clone()]));
            let found = search(text, &entry.value, offset, path);
            if found.is_none() {
                path.pop();
            }
            found
        }),
        Value::List(items) => items.iter().enumerate().find_map(|(at, item)| {
            path.push(Segment::Item(at));
            let found = search(text, item, offset, path);
            if found.is_none() {
                path.pop();
            }
            found
        }),
    }
}

impl<'t> Place<'t> {
    /// The key that leads to it: of a scalar its own, of a key that of its map.
    pub fn key(&self) -> Option<&'t str> {
        self.path.iter().rev().find_map(|segment| match segment {
            Segment::Key(key) => Some(*key),
            Segment::Item(_) => None,
        })
    }

    /// The node that a part of its path leads to.
    pub fn node(&self, text: &str, path: &[Segment<'_>]) -> Option<&'t Node> {
        path.iter().try_fold(&self.document.root, |node, segment| match segment {
            Segment::Key(key) => node.get(text, key),
            Segment::Item(at) => node.items().get(*at),
        })
    }
}

/// A text with a letter at the cursor.
pub struct Marked {
    pub text: String,
    cursor: usize,
}

impl Marked {
    pub fn new(text: &str, cursor: usize) -> Self {
        let (before, after) = text.split_at(cursor);
        Self { text: format!("{before}{CURSOR}{after}"), cursor }
    }

    /// Where a byte of it is in the text itself.
    fn back(&self, at: usize) -> usize {
        if at > self.cursor { (at - CURSOR.len_utf8()).max(self.cursor) } else { at }
    }

    pub fn back_to(&self, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        self.back(range.start)..self.back(range.end)
    }

    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Behind the letter.
    pub const fn behind(&self) -> usize {
        self.cursor + CURSOR.len_utf8()
    }
}
