//! Paths and templates, with their places.

use super::Lowering;
use crate::{
    Path, PathError, Template, TemplateProblem, codes,
    problem::{Problem, Span, nearest, suggestion},
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
                let begun = format!("$.{text}");
                if text.starts_with('$') {
                    problem
                } else if Path::parse(&begun).is_ok() {
                    problem.help(format!("a path starts with `$`: did you mean `{begun}`?")).instead(begun)
                } else {
                    problem.help("a path starts with `$`, such as `$.placed.body.id`")
                }
            }
            _ => Problem::error(codes::PATH_FENCED, span, format!("`{text}` can't be used: {error}")),
        };
        self.problems.push(problem);
    }

    /// A value with `${…}` in its texts; every path in it is noted with the place of its text.
    /// Reading a secret is refused.
    pub(super) fn template(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Template> {
        let before = self.problems.len();
        self.texts(node, reads, false);
        self.compiled(node, before)
    }

    /// As [`Self::template`], where secrets may be read: what calls out, and what verifies.
    pub(super) fn secret_template(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Template> {
        let before = self.problems.len();
        self.texts(node, reads, true);
        self.compiled(node, before)
    }

    fn compiled(&mut self, node: &Node, before: usize) -> Option<Template> {
        if self.problems.len() > before {
            return None;
        }
        Template::from_json(node.json()).ok()
    }

    fn texts(&mut self, node: &Node, reads: &mut Vec<Read>, secrets: bool) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.texts(item, reads, secrets)),
            Value::Map(members) => members.iter().for_each(|(_, value)| self.texts(value, reads, secrets)),
            Value::Text(_) => match Template::from_json(node.json()) {
                Ok(template) => {
                    let path = |path: &Path| Read { path: path.clone(), span: node.span, before: false };
                    reads.extend(template.paths().into_iter().map(path));
                    self.named(&template, node.span, secrets);
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

    /// Each variable is declared; secrets are read only where they may be.
    fn named(&mut self, template: &Template, span: Span, secrets: bool) {
        for name in template.vars().into_iter().filter(|name| !self.vars.contains_key(*name)) {
            let known: Vec<&str> = self.vars.keys().map(String::as_str).collect();
            let message = format!("the variable `{name}` is not declared");
            let problem = Problem::error(codes::VAR_UNDECLARED, span, message);
            self.problems.push(match (known.is_empty(), nearest(name, known.iter().copied())) {
                (true, _) => {
                    problem.help(format!("declare it at the top: `vars: {{ {name}: null }}`, with a value of its own"))
                }
                (false, None) => problem.help(suggestion(name, &known)),
                (false, Some(nearest)) => {
                    let by = format!("vars.{nearest}");
                    problem.help(format!("did you mean `{by}`?")).instead_of(format!("vars.{name}"), by)
                }
            });
        }
        self.env.extend(template.env().into_iter().map(str::to_owned));
        for name in template.secrets() {
            self.secrets.insert(name.to_owned());
            if !secrets {
                let message = format!("the secret `{name}` can't be read here: it would be stored and shown");
                let help = "secrets may be read by what calls another system and by what verifies a request";
                self.problems.push(Problem::error(codes::SECRET_HERE, span, message).help(help));
            }
        }
    }
}
