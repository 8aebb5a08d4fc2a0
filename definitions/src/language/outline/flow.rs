//! Maps and lists between braces and brackets. One that is not closed ends before the first line that stands no
//! deeper than what it belongs to.

use super::{Entry, Node, Reader, Scalar, Style, Value};

impl Reader<'_> {
    pub(super) fn flow_map(&mut self, parent: isize) -> Value {
        self.at += 1;
        let mut entries = Vec::new();
        while self.flow_space(parent) {
            match self.byte(self.at) {
                b'}' => {
                    self.at += 1;
                    break;
                }
                b']' => break,
                b',' => self.at += 1,
                _ => entries.extend(self.flow_entry(parent)),
            }
        }
        Value::Map(entries)
    }

    pub(super) fn flow_list(&mut self, parent: isize) -> Value {
        self.at += 1;
        let mut items = Vec::new();
        while self.flow_space(parent) {
            match self.byte(self.at) {
                b']' => {
                    self.at += 1;
                    break;
                }
                b'}' => break,
                b',' => self.at += 1,
                _ => items.extend(self.flow_value(parent)),
            }
        }
        Value::List(items)
    }

    fn flow_entry(&mut self, parent: isize) -> Option<Entry> {
        let key = self.quoted(parent).or_else(|| self.flow_plain())?;
        self.skip_spaces();
        let colon = self.byte(self.at) == b':';
        let mut value = Node::NOTHING;
        if colon {
            self.at += 1;
            if self.flow_space(parent) && !matches!(self.byte(self.at), b',' | b'}' | b']') {
                value = self.flow_value(parent).unwrap_or(Node::NOTHING);
            }
        }
        Some(Entry { key: key.range, colon, flow: true, value })
    }

    fn flow_value(&mut self, parent: isize) -> Option<Node> {
        self.skip_properties();
        if matches!(self.byte(self.at), b'{' | b'[') {
            return Some(self.value(parent, false));
        }
        let scalar = self.quoted(parent).or_else(|| self.flow_plain())?;
        Some(Node { value: Value::Scalar(scalar) })
    }

    /// On to the next thing of it; false where it ends without its brace.
    fn flow_space(&mut self, parent: isize) -> bool {
        let before = self.at;
        let same_line = |reader: &Self| (before..reader.at).all(|at| !reader.is_line_end(at));
        if self.skip_blank() && (same_line(self) || self.column(self.at) > parent) {
            return true;
        }
        self.at = before;
        false
    }

    /// Without quotes. What belongs to a path or a template stays together, though YAML would end it. Where
    /// nothing can be read a byte is skipped, and there is none.
    fn flow_plain(&mut self) -> Option<Scalar> {
        let start = self.at;
        let mut at = start;
        while !self.is_line_end(at) && !self.is_comment(at) {
            match self.byte(at) {
                b'$' if self.byte(at + 1) == b'{' => match self.until(at, b'}', 0) {
                    Some(close) => at = close,
                    None => break,
                },
                b'[' if at > start && !self.is_space(at - 1) => match self.until(at, b']', 1) {
                    Some(close) => at = close,
                    None => break,
                },
                b',' | b'{' | b'}' | b'[' | b']' => break,
                b':' if self.is_blank(at + 1) || matches!(self.byte(at + 1), b',' | b'}' | b']') => break,
                _ => {}
            }
            at += 1;
        }
        let length = self.text[start..at].trim_end().len();
        self.at = if length == 0 { self.skipped(start) } else { at };
        (length > 0).then_some(Scalar { range: start..start + length, style: Style::Plain, lonely: false })
    }

    /// The next such byte on this line. A line without it is looked through once.
    fn until(&mut self, at: usize, close: u8, barren: usize) -> Option<usize> {
        if at < self.barren[barren] {
            return None;
        }
        let mut end = at;
        while !self.is_line_end(end) {
            if self.byte(end) == close {
                return Some(end);
            }
            end += 1;
        }
        self.barren[barren] = end;
        None
    }

    /// Past the character here.
    fn skipped(&self, at: usize) -> usize {
        at + self.text[at..].chars().next().map_or(1, char::len_utf8)
    }
}
