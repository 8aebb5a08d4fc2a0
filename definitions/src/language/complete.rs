//! What may come next at a cursor.

mod value;

use std::ops::Range;

use super::{
    outline::{self, Document, Scalar, Style},
    place::{Marked, Place, Thing, find},
    shape::Shape,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub kind: CompletionKind,
    /// A few words beside it.
    pub detail: Option<String>,
    /// A text about it, in Markdown.
    pub documentation: Option<String>,
    /// The bytes whose place it takes: what of it is written already.
    pub replaces: Range<usize>,
    pub inserts: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    Key,
    Step,
    /// One of a few choices.
    Value,
    /// A name in a path.
    Property,
    /// What else `${…}` reads.
    Variable,
}

/// At a byte of a text, which need not be whole. What fits best comes first.
pub fn complete(text: &str, offset: usize) -> Vec<Completion> {
    if text.len() > crate::yaml::TEXT_BYTES_MAX || !text.is_char_boundary(offset) {
        return Vec::new();
    }
    let marked = Marked::new(text, offset);
    let documents = outline::documents(&marked.text);
    let Some(place) = find(&marked.text, &documents, offset) else { return Vec::new() };
    let at = Cursor { marked: &marked, documents: &documents, place: &place };
    let mut found = match &place.thing {
        Thing::Key { entries, at: entry } => {
            let entry = &entries[*entry];
            at.keys(entry.key.clone(), entry.colon, entry.flow)
        }
        Thing::Scalar(scalar) => at.scalar(scalar),
    };
    for completion in &mut found {
        completion.replaces = marked.back_to(completion.replaces.clone());
    }
    found
}

/// Where completion is asked for.
struct Cursor<'m> {
    marked: &'m Marked,
    documents: &'m [Document],
    place: &'m Place<'m>,
}

impl Cursor<'_> {
    fn text(&self) -> &str {
        &self.marked.text
    }

    fn shape(&self) -> Shape {
        Shape::at(self.text(), &self.place.document.root, &self.place.path)
    }

    /// The keys of the map that the place is in.
    fn keys(&self, written: Range<usize>, colon: bool, flow: bool) -> Vec<Completion> {
        let node = self.place.node(self.text(), &self.place.path);
        let entries = node.map(outline::Node::entries).unwrap_or_default();
        let others = entries.iter().filter(|entry| entry.key != written);
        let present: Vec<&str> = others.map(|entry| &self.text()[entry.key.clone()]).collect();
        let found = self.shape().open_keys(&present).into_iter().map(|(key, property)| Completion {
            label: key.to_owned(),
            kind: CompletionKind::Key,
            detail: None,
            documentation: Some(property.description).filter(|text| !text.is_empty()),
            replaces: written.clone(),
            inserts: match (colon, property.nested && !flow) {
                (true, _) => key.to_owned(),
                (false, true) => format!("{key}:"),
                (false, false) => format!("{key}: "),
            },
        });
        found.collect()
    }

    fn scalar(&self, scalar: &Scalar) -> Vec<Completion> {
        let mut found = self.values(scalar);
        if scalar.lonely && scalar.style == Style::Plain {
            found.extend(self.keys(scalar.range.clone(), false, false));
        }
        found
    }
}

#[cfg(test)]
mod tests;
