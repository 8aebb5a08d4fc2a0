//! Scalars: plain, quoted, blocks.

use super::{Reader, Scalar, Style};

impl Reader<'_> {
    /// A scalar that is a value; it may go on over lines that stand deeper than `parent`.
    pub(super) fn scalar(&mut self, parent: isize, lonely: bool) -> Scalar {
        if let Some(quoted) = self.quoted(parent) {
            return quoted;
        }
        let mut scalar = self.line_scalar(lonely);
        loop {
            let before = self.at;
            self.at = self.line_end(self.at);
            let goes_on = self.skip_blank()
                && self.column(self.at) > parent
                && !self.is_dash(self.at)
                && self.key().is_none()
                && !matches!(self.byte(self.at), b'{' | b'}' | b'[' | b']' | b'"' | b'\'');
            if !goes_on {
                self.at = before;
                return scalar;
            }
            let next = self.line_scalar(false);
            scalar = Scalar { range: scalar.range.start..next.range.end, style: Style::Plain, lonely: false };
        }
    }

    /// What stands on this line, without a comment.
    pub(super) fn line_scalar(&mut self, lonely: bool) -> Scalar {
        let start = self.at;
        let end = (start..self.line_end(start)).find(|at| self.is_comment(*at)).unwrap_or(self.line_end(start));
        let length = self.text[start..end].trim_end().len();
        self.at = end;
        Scalar { range: start..start + length, style: Style::Plain, lonely }
    }

    /// None where there is no quote. One that is not closed ends with its line.
    pub(super) fn quoted(&mut self, parent: isize) -> Option<Scalar> {
        if !matches!(self.byte(self.at), b'"' | b'\'') {
            return None;
        }
        let start = self.at + 1;
        let close = self.closing(self.at, None).or_else(|| {
            let lines = self.deeper_end(self.line_end(start), parent);
            self.closing(self.at, Some(lines))
        });
        let end = close.unwrap_or_else(|| start + self.text[start..self.line_end(start)].trim_end().len());
        self.at = close.map_or(end, |close| close + 1);
        Some(Scalar { range: start..end, style: Style::Quoted, lonely: false })
    }

    /// The quote that closes the one at `open`: on its line, or before `end`.
    pub(super) fn closing(&self, open: usize, end: Option<usize>) -> Option<usize> {
        let quote = self.byte(open);
        let mut at = open + 1;
        while end.map_or(!self.is_line_end(at), |end| at < end) {
            match self.byte(at) {
                b'\\' if quote == b'"' => at += 1,
                b'\'' if quote == b'\'' && self.byte(at + 1) == b'\'' => at += 1,
                byte if byte == quote => return Some(at),
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// The end of the lines behind `at` that are blank or stand deeper than `parent`: that of the last that is
    /// not blank.
    fn deeper_end(&self, at: usize, parent: isize) -> usize {
        let (mut end, mut line) = (at, at);
        while line < self.end {
            let start = line + 1;
            let stop = self.line_end(start.min(self.end));
            let first = (start..stop).find(|at| !self.is_space(*at));
            match first {
                Some(first) if self.column(first) <= parent => break,
                Some(_) => end = stop,
                None => {}
            }
            line = stop;
        }
        end
    }

    /// `|`, `>`, `|-`, `>2+`, with a comment perhaps.
    pub(super) fn is_block_header(&self) -> bool {
        let mut at = self.at + 1;
        while matches!(self.byte(at), b'+' | b'-' | b'0'..=b'9') {
            at += 1;
        }
        while self.is_space(at) {
            at += 1;
        }
        self.is_line_end(at) || self.is_comment(at)
    }

    pub(super) fn block_scalar(&mut self, parent: isize) -> Scalar {
        let header = self.line_end(self.at);
        let end = self.deeper_end(header, parent);
        let start = (header..end).find(|at| !self.is_blank(*at)).unwrap_or(header);
        self.at = end;
        Scalar { range: start..end.max(start), style: Style::Block, lonely: false }
    }
}
