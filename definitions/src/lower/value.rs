//! Paths and templates, with their places.

use super::Lowering;
use crate::{
    Path, PathError, Template, TemplateProblem, codes,
    problem::{Problem, Span},
    written::Read,
    yaml::{Node, Value},
};

impl Lowering {
    pub(super) fn path(&mut self, node: &Node, what: &str) -> Option<Path> {
        let text = self.text(node, what)?;
        match Path::parse(&text.value) {
            Ok(path) => Some(path),
            Err(error) => {
                self.path_error(&text.value, &error, node.span);
                None
            }
        }
    }

    fn path_error(&mut self, text: &str, error: &PathError, span: Span) {
        let problem = match error {
            PathError::Syntax(_) | PathError::Function(_) => {
                let problem = Problem::error(codes::PATH, span, format!("`{text}` is no JSONPath: {error}"));
                if text.starts_with('$') {
                    problem
                } else {
                    problem.help(format!("a path starts with `$`: did you mean `$.{text}`?"))
                }
            }
            _ => Problem::error(codes::PATH_FENCED, span, format!("`{text}` can't be used: {error}")),
        };
        self.problems.push(problem);
    }

    /// A value with `${…}` in its texts; every path in it is noted with the place of its text.
    pub(super) fn template(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Template> {
        let before = self.problems.len();
        self.texts(node, reads);
        if self.problems.len() > before {
            return None;
        }
        Template::from_json(node.json()).ok()
    }

    fn texts(&mut self, node: &Node, reads: &mut Vec<Read>) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.texts(item, reads)),
            Value::Map(members) => members.iter().for_each(|(_, value)| self.texts(value, reads)),
            Value::Text(_) => match Template::from_json(node.json()) {
                Ok(template) => {
                    let path = |path: &Path| Read { path: path.clone(), span: node.span, before: false };
                    reads.extend(template.paths().into_iter().map(path));
                }
                Err(error) => match &error.problem {
                    TemplateProblem::Path { text, error } => self.path_error(text, error, node.span),
                    TemplateProblem::Unknown(_) => {
                        self.error(codes::TEMPLATE_UNKNOWN, node.span, error.to_string());
                    }
                    _ => {
                        let problem = Problem::error(codes::TEMPLATE, node.span, error.to_string());
                        self.problems.push(problem.help("a literal `${` is written `$${`"));
                    }
                },
            },
            _ => {}
        }
    }
}
