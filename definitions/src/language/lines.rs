//! The lines of a text, and its places in the units of others: an editor counts UTF-16 units from 0, a
//! diagnostic characters from 1.
//!
//! Invariant: every place that is asked for is clamped to the text, at a character's border.

use std::ops::Range;

/// A line and a column, both from 0; the column in UTF-16 units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// A text whose places can be found.
#[derive(Clone, Debug)]
pub struct Lines {
    text: String,
    /// The byte at which each line begins.
    starts: Vec<usize>,
}

impl Lines {
    /// A line ends with `\n`, `\r\n` or `\r`, for YAML and for editors alike.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let bytes = text.as_bytes();
        let ends = |at: &usize| match bytes[*at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect();
        Self { text, starts }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The byte at a place.
    pub fn offset(&self, place: Position) -> usize {
        let line = usize::try_from(place.line).unwrap_or(usize::MAX);
        let Some(range) = self.line(line) else { return self.text.len() };
        let mut left = place.column;
        for (at, c) in self.text[range.clone()].char_indices() {
            let units = u32::try_from(c.len_utf16()).unwrap_or(1);
            if left < units {
                return range.start + at;
            }
            left -= units;
        }
        range.end
    }

    /// Where a byte is.
    pub fn place(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let before = &self.text[self.starts[line]..offset];
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { line: count(line), column: count(before.chars().map(char::len_utf16).sum()) }
    }

    /// The byte at a line and a column of a diagnostic: from 1, in characters.
    pub fn offset_of(&self, line: usize, column: usize) -> usize {
        let Some(range) = self.line(line.saturating_sub(1)) else { return self.text.len() };
        let text = &self.text[range.clone()];
        text.char_indices().nth(column.saturating_sub(1)).map_or(range.end, |(at, _)| range.start + at)
    }

    /// The line and the column of a byte, as those of a diagnostic.
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        (line + 1, self.text[self.starts[line]..offset].chars().count() + 1)
    }

    /// Puts another text into a range of bytes.
    pub fn replace(&mut self, range: Range<usize>, by: &str) {
        let mut text = std::mem::take(&mut self.text);
        text.replace_range(range, by);
        *self = Self::new(text);
    }

    /// A line's bytes, without its end.
    fn line(&self, line: usize) -> Option<Range<usize>> {
        let start = *self.starts.get(line)?;
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        Some(start..start + self.text[start..end].trim_end_matches(['\r', '\n']).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    #[test]
    fn a_place_and_its_byte_are_found_from_each_other() {
        let lines = Lines::new("ä: 1\r\n𝄞x: 2\rlast\n");
        for (place, offset) in
            [(at(0, 0), 0), (at(0, 1), 2), (at(0, 4), 5), (at(1, 0), 7), (at(1, 2), 11), (at(2, 1), 17), (at(3, 0), 21)]
        {
            assert_eq!((lines.offset(place), lines.place(offset)), (offset, place));
        }
    }

    #[test]
    fn what_is_past_the_text_is_its_end() {
        let lines = Lines::new("𝄞\nb");
        assert_eq!(lines.offset(at(0, 99)), 4);
        assert_eq!(lines.offset(at(0, 1)), 0, "half a character");
        assert_eq!(lines.offset(at(9, 0)), 6);
        assert_eq!(lines.place(99), at(1, 1));
        assert_eq!(lines.place(2), at(0, 0));
        assert_eq!((lines.offset_of(1, 2), lines.offset_of(2, 9), lines.offset_of(3, 1)), (4, 6, 6));
        assert_eq!((lines.line_and_column(4), lines.line_and_column(6)), ((1, 2), (2, 2)));
    }

    #[test]
    fn a_replaced_range_moves_the_lines_behind_it() {
        let mut lines = Lines::new("a\nb\nc");
        lines.replace(2..3, "x\ny");
        assert_eq!((lines.text(), lines.place(6)), ("a\nx\ny\nc", at(3, 0)));
    }
}
