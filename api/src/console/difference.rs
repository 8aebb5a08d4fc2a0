//! The difference of two texts, line by line, as a page shows it.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// Lines around a change that are shown.
const AROUND: usize = 4;
/// Lines that a page shows.
const LINES_MAX: usize = 3_000;
/// After so long the rest is taken as replaced: it is still true, only longer.
const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub struct Difference {
    pub lines: Vec<Line>,
    pub added: usize,
    pub removed: usize,
    /// There is more than is shown.
    pub cut: bool,
}

#[derive(Debug, PartialEq)]
pub struct Line {
    /// `added`, `removed`, `same`, or `gap` for lines that are left out.
    pub kind: &'static str,
    pub mark: &'static str,
    pub text: String,
}

impl Difference {
    pub fn of(before: &str, after: &str) -> Self {
        let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(before, after);
        let mut found = Self::default();
        for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
            let from = group.first().map_or(0, |op| op.new_range().start);
            if at > 0 || from > 0 {
                found.line("gap", "", format!("line {}", from + 1));
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let text = change.value().trim_end_matches(['\n', '\r']).to_owned();
                match change.tag() {
                    ChangeTag::Equal => found.line("same", " ", text),
                    ChangeTag::Insert => {
                        found.added += 1;
                        found.line("added", "+", text);
                    }
                    ChangeTag::Delete => {
                        found.removed += 1;
                        found.line("removed", "-", text);
                    }
                }
            }
        }
        found
    }

    fn line(&mut self, kind: &'static str, mark: &'static str, text: String) {
        match self.lines.len() < LINES_MAX {
            true => self.lines.push(Line { kind, mark, text }),
            false => self.cut = true,
        }
    }

    /// `2 lines added, 1 removed`
    pub fn said(&self) -> String {
        let lines = |number: usize| if number == 1 { "line" } else { "lines" };
        match (self.added, self.removed) {
            (0, 0) => "no line differs".to_owned(),
            (added, 0) => format!("{added} {} added", lines(added)),
            (0, removed) => format!("{removed} {} removed", lines(removed)),
            (added, removed) => format!("{added} {} added, {removed} removed", lines(added)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let before: String = (1..=30).map(|line| format!("{line}\n")).collect();
        let found = Difference::of(&before, &before.replace("20\n", "twenty\nmore\n"));
        let seen: Vec<_> = found.lines.iter().map(|line| format!("{}{}", line.mark, line.text)).collect();
        assert_eq!(
            seen,
            ["line 16", " 16", " 17", " 18", " 19", "-20", "+twenty", "+more", " 21", " 22", " 23", " 24"]
        );
        assert_eq!(found.said(), "2 lines added, 1 removed");
        assert_eq!(Difference::of(&before, &before).said(), "no line differs");
    }

    #[test]
    fn a_long_difference_is_cut_and_counted_whole() {
        let after: String = (0..5_000).map(|line| format!("{line}\n")).collect();
        let found = Difference::of("", &after);
        assert_eq!((found.lines.len(), found.added, found.cut), (LINES_MAX, 5_000, true));
    }
}
