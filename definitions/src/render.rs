//! One diagnostic, its several faces: as rustc would show it, and as a line for editors and CI.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::{Diagnostic, Severity};

/// With the offending line and a suggestion; ends without a line break.
pub fn render_terminal(diagnostic: &Diagnostic, source: &str, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let first = byte_of(source, diagnostic.line, diagnostic.column);
    let last = byte_of(source, diagnostic.end_line, diagnostic.end_column).max(first);
    let snippet =
        Snippet::source(source).path(diagnostic.file.as_str()).annotation(AnnotationKind::Primary.span(first..last));
    let mut group = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code).element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// `file:line:column: error[HF012]: message (help)`
pub fn render_line(diagnostic: &Diagnostic) -> String {
    let Diagnostic { file, line, column, code, message, .. } = diagnostic;
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let help = diagnostic.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{file}:{line}:{column}: {severity}[{code}]: {message}{help}")
}

/// The byte at a line and column that count from 1, the column in characters; clamped to the text.
fn byte_of(source: &str, line: usize, column: usize) -> usize {
    let starts = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1));
    let Some(start) = starts.into_iter().nth(line.saturating_sub(1)) else { return source.len() };
    let rest = &source[start..];
    let text = rest.split('\n').next().unwrap_or_default();
    let within = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    start + within
}
