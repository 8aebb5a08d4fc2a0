//! YAML as far as it can be read: the maps, lists and scalars of a text that is being written, by its lines and
//! their indentation. What the real reader refuses is here read as what it most likely becomes.
//!
//! Invariants: it reads to the end of every text, in time linear to it but for the depth; what the real reader
//! accepts, of the YAML that definitions are written in, has the same keys and scalars here, at the same places.

mod flow;
mod reader;
mod scalar;

use std::ops::Range;

use reader::Reader;

/// Deeper than the real reader goes: what is below is left out.
const DEPTH_MAX: usize = 80;

#[derive(Debug)]
pub struct Node {
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    /// Nothing is written.
    Nothing,
    Scalar(Scalar),
    Map(Vec<Entry>),
    List(Vec<Node>),
}

#[derive(Debug)]
pub struct Scalar {
    /// As written, without its quotes; of a block, from its first line to its last.
    pub range: Range<usize>,
    pub style: Style,
    /// It stands alone where a map might: it may become a key.
    pub lonely: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Quoted,
    Block,
}

#[derive(Debug)]
pub struct Entry {
    /// Of the key's text, without its quotes.
    pub key: Range<usize>,
    pub colon: bool,
    /// It stands between braces.
    pub flow: bool,
    pub value: Node,
}

/// A document of a text.
#[derive(Debug)]
pub struct Document {
    pub range: Range<usize>,
    pub root: Node,
}

impl Node {
    const NOTHING: Self = Self { value: Value::Nothing };

    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub fn scalar<'t>(&self, text: &'t str) -> Option<&'t str> {
        match &self.value {
            Value::Scalar(scalar) => text.get(scalar.range.clone()),
            _ => None,
        }
    }

    pub fn get(&self, text: &str, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| text.get(entry.key.clone()) == Some(key)).map(|entry| &entry.value)
    }
}

/// Every document of a text.
pub fn documents(text: &str) -> Vec<Document> {
    let mut starts = vec![0];
    let mut ends = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let word = line.trim_end();
        if word == "---" || line.starts_with("--- ") || word == "..." {
            ends.push(at);
            starts.push(at + 3);
        }
        at += line.len();
    }
    ends.push(text.len());
    let all = starts.into_iter().zip(ends).map(|(start, end)| Document {
        range: start..end,
        root: Reader { text, at: start, end, depth: 0, barren: [0; 2] }.block(-1, false),
    });
    // What stands before the first `---`, or behind a `...`, is mostly nothing.
    all.filter(|document| !matches!(document.root.value, Value::Nothing)).collect()
}

impl Reader<'_> {
    /// What stands behind a `key:`, a `-`, or at the top; `parent` is the column of what it belongs to. A list
    /// may stand at the very column of its key.
    fn block(&mut self, parent: isize, behind_key: bool) -> Node {
        self.skip_spaces();
        self.skip_properties();
        if !self.line_is_over() {
            return self.value(parent, !behind_key);
        }
        let before = self.at;
        if self.skip_blank() {
            let column = self.column(self.at);
            if column > parent || behind_key && column == parent && self.is_dash(self.at) {
                return self.value(parent, true);
            }
        }
        self.at = before;
        Node::NOTHING
    }

    /// Anchors and tags say nothing here.
    fn skip_properties(&mut self) {
        while matches!(self.byte(self.at), b'&' | b'!') {
            while self.at < self.end && !self.is_blank(self.at) {
                self.at += 1;
            }
            self.skip_spaces();
        }
    }

    /// `fresh`: where it stands, a map or a list may begin.
    fn value(&mut self, parent: isize, fresh: bool) -> Node {
        if self.depth == DEPTH_MAX {
            self.at = self.end;
            return Node::NOTHING;
        }
        self.depth += 1;
        let value = match self.byte(self.at) {
            b'{' => self.flow_map(parent),
            b'[' => self.flow_list(parent),
            b'|' | b'>' if self.is_block_header() => Value::Scalar(self.block_scalar(parent)),
            _ if fresh && self.is_dash(self.at) => self.list(),
            _ if fresh && (self.key().is_some() || self.begins_map()) => self.map(),
            _ => Value::Scalar(self.scalar(parent, fresh)),
        };
        self.depth -= 1;
        Node { value }
    }

    /// A line without a colon, and one with a key behind it, no less deep: the first will be a key too.
    fn begins_map(&mut self) -> bool {
        if matches!(self.byte(self.at), b'"' | b'\'') {
            return false;
        }
        let (before, column) = (self.at, self.column(self.at));
        self.at = self.line_end(self.at);
        let begins = self.skip_blank() && self.column(self.at) >= column && self.key().is_some();
        self.at = before;
        begins
    }

    /// The key that stands here, and where its value begins.
    fn key(&self) -> Option<(Range<usize>, usize)> {
        let quote = self.byte(self.at);
        if matches!(quote, b'"' | b'\'') {
            let close = self.closing(self.at, None)?;
            let mut at = close + 1;
            while self.is_space(at) {
                at += 1;
            }
            return (self.byte(at) == b':' && self.is_blank(at + 1)).then_some((self.at + 1..close, at + 1));
        }
        let mut at = self.at;
        while !self.is_line_end(at) && !self.is_comment(at) {
            if self.byte(at) == b':' && self.is_blank(at + 1) {
                let key = self.text[self.at..at].trim_end();
                return Some((self.at..self.at + key.len(), at + 1));
            }
            at += 1;
        }
        None
    }

    fn map(&mut self) -> Value {
        let column = self.column(self.at);
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            entries.push(self.entry(column));
            loop {
                if !self.skip_blank() || self.column(self.at) < column {
                    return Value::Map(entries);
                }
                if self.column(self.at) == column && !self.is_dash(self.at) {
                    break;
                }
                self.stray(column, &mut entries);
            }
        }
    }

    fn entry(&mut self, column: isize) -> Entry {
        let (key, colon) = match self.key() {
            Some((key, behind)) => {
                self.at = behind;
                (key, true)
            }
            None => {
                let word = self.line_scalar(false);
                (word.range, false)
            }
        };
        let value = if colon || self.deeper(column) { self.block(column, true) } else { Node::NOTHING };
        self.finish_line();
        Entry { key, colon, flow: false, value }
    }

    /// Whether the next line stands deeper.
    fn deeper(&mut self, column: isize) -> bool {
        let before = self.at;
        self.at = self.line_end(self.at);
        let deeper = self.skip_blank() && self.column(self.at) > column;
        self.at = before;
        deeper
    }

    /// Lines whose indentation fits nothing: they belong to the nearest map before them.
    fn stray(&mut self, column: isize, entries: &mut Vec<Entry>) {
        let node = self.value(column, true);
        self.finish_line();
        let last = entries.last_mut().map(|entry| &mut entry.value.value);
        match (node.value, last) {
            (Value::Map(more), Some(Value::Map(entries))) => entries.extend(more),
            (Value::Map(more), _) => entries.extend(more),
            (Value::Scalar(scalar), Some(Value::Map(entries))) if scalar.style == Style::Plain => {
                entries.push(Entry { key: scalar.range, colon: false, flow: false, value: Node::NOTHING });
            }
            _ => {}
        }
    }

    fn list(&mut self) -> Value {
        let column = self.column(self.at);
        let mut items = Vec::new();
        loop {
            self.at += 1;
            let item = self.block(column, false);
            self.finish_line();
            items.push(item);
            loop {
                if !self.skip_blank() || self.column(self.at) < column {
                    return Value::List(items);
                }
                match (self.column(self.at) == column, self.is_dash(self.at)) {
                    (true, true) => break,
                    (true, false) => return Value::List(items),
                    (false, _) => match items.last_mut().map(|item| &mut item.value) {
                        Some(Value::Map(entries)) => self.stray(column, entries),
                        _ => self.stray(column, &mut Vec::new()),
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
