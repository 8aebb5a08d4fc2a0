//! The place in a text, and what can be told of it without reading on.

/// Reads one document.
pub(super) struct Reader<'t> {
    pub text: &'t str,
    pub at: usize,
    pub end: usize,
    pub depth: usize,
    /// Up to where it is known that no `}`, and no `]`, comes on the line.
    pub barren: [usize; 2],
}

impl Reader<'_> {
    pub fn byte(&self, at: usize) -> u8 {
        // As if each text ended its line.
        if at < self.end { self.text.as_bytes()[at] } else { b'\n' }
    }

    pub fn is_space(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t')
    }

    pub fn is_line_end(&self, at: usize) -> bool {
        matches!(self.byte(at), b'\n' | b'\r')
    }

    pub fn is_blank(&self, at: usize) -> bool {
        self.is_space(at) || self.is_line_end(at)
    }

    /// The end of the line, without its line break.
    pub fn line_end(&self, at: usize) -> usize {
        (at..self.end).find(|at| self.is_line_end(*at)).unwrap_or(self.end)
    }

    pub fn line_start(&self, at: usize) -> usize {
        (0..at).rev().find(|at| self.is_line_end(*at)).map_or(0, |at| at + 1)
    }

    pub fn column(&self, at: usize) -> isize {
        isize::try_from(at - self.line_start(at)).unwrap_or(isize::MAX)
    }

    pub fn is_comment(&self, at: usize) -> bool {
        self.byte(at) == b'#' && (at == 0 || self.is_blank(at - 1))
    }

    pub fn skip_spaces(&mut self) {
        while self.at < self.end && self.is_space(self.at) {
            self.at += 1;
        }
    }

    /// Nothing more stands on this line.
    pub fn line_is_over(&self) -> bool {
        self.is_line_end(self.at) || self.is_comment(self.at)
    }

    /// On to the next thing that is neither blank nor a comment; false at the end.
    pub fn skip_blank(&mut self) -> bool {
        loop {
            while self.at < self.end && self.is_blank(self.at) {
                self.at += 1;
            }
            if self.at >= self.end {
                return false;
            }
            if !self.is_comment(self.at) {
                return true;
            }
            self.at = self.line_end(self.at);
        }
    }

    /// What is left of a line behind a value means nothing; a block was read up to the next line's beginning.
    pub fn finish_line(&mut self) {
        let start = self.line_start(self.at);
        if (start..self.at).any(|at| !self.is_space(at)) {
            self.at = self.line_end(self.at);
        }
    }

    pub fn is_dash(&self, at: usize) -> bool {
        self.byte(at) == b'-' && self.is_blank(at + 1)
    }
}
