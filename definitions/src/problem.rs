//! A mistake and its place, before it is known which file it is in.

use crate::{Diagnostic, Lines, Severity, codes::Code, suggestion::Instead};

/// Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

impl Span {
    pub const START: Self = Self { line: 1, column: 1, end_line: 1, end_column: 1 };

    pub fn at(line: usize, column: usize) -> Self {
        Self { line, column, end_line: line, end_column: column + 1 }
    }

    /// The reader counts the blanks behind a scalar between braces as its own.
    fn without_blanks(self, lines: &Lines) -> Self {
        let start = lines.offset_of(self.line, self.column);
        let end = lines.offset_of(self.end_line, self.end_column).max(start);
        let text = lines.text()[start..end].trim_end();
        if text.is_empty() || start + text.len() == end {
            return self;
        }
        let (end_line, end_column) = lines.line_and_column(start + text.len());
        Self { end_line, end_column, ..self }
    }
}

#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    severity: Severity,
    message: String,
    span: Span,
    help: Option<String>,
    /// Boxed: most have none, and a problem is also an error that is returned.
    instead: Option<Box<Instead>>,
}

impl Problem {
    pub fn error(code: Code, span: Span, message: String) -> Self {
        Self { code, severity: Severity::Error, message, span, help: None, instead: None }
    }

    pub fn warning(code: Code, span: Span, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What in the place of all of it would make it good.
    pub fn instead(mut self, by: impl Into<String>) -> Self {
        self.instead = Some(Box::new(Instead::Whole(by.into())));
        self
    }

    /// What in the place of a part of it would make it good.
    pub fn instead_of(mut self, what: impl Into<String>, by: impl Into<String>) -> Self {
        self.instead = Some(Box::new(Instead::Part { what: what.into(), by: by.into() }));
        self
    }

    /// All of it is a word that is not known.
    pub fn suggest(self, word: &str, known: &[&str]) -> Self {
        let problem = self.help(suggestion(word, known));
        match nearest(word, known.iter().copied()) {
            Some(nearest) => problem.instead(nearest),
            None => problem,
        }
    }

    /// A name of a path is not known, behind `before`, which is what the path begins with.
    pub fn suggest_name(self, path: &str, before: &str, name: &str, known: &[&str]) -> Self {
        let rest = path.strip_prefix(before).and_then(|rest| rest.strip_prefix(name));
        match (rest, nearest(name, known.iter().copied())) {
            (Some(rest), Some(nearest)) => {
                let by = format!("{before}{nearest}{rest}");
                self.help(format!("did you mean `{by}`?")).instead_of(path, by)
            }
            _ => self.help(suggestion(name, known)),
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub fn diagnostic(self, file: &str, lines: &Lines) -> Diagnostic {
        let span = self.span.without_blanks(lines);
        Diagnostic {
            code: self.code.0,
            severity: self.severity,
            message: self.message,
            file: file.to_owned(),
            line: span.line,
            column: span.column,
            end_line: span.end_line,
            end_column: span.end_column,
            help: self.help,
            suggestion: self.instead.and_then(|instead| instead.found(span, lines)),
        }
    }
}

/// The known word that a mistyped one most likely means.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|known| (distance(word, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// "did you mean …", else the list of what is known.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known are: {}", known.join(", ")),
    }
}

/// Insertions, deletions, replacements and swaps of neighbours that make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 3 || a.len() > 64 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
