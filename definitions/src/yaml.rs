//! YAML text to a tree of spanned nodes, within budgets.
//!
//! Built on `saphyr-parser`'s events, not on a deserializer: an event carries the scalar's own text,
//! its style, its anchor and its place, so that numbers keep their digits and every mistake has a
//! span. Events are pulled one by one and the first budget that is passed ends the reading, before
//! anything large is built.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Mark};

use crate::{
    Json, Members, Number, codes,
    problem::{Problem, Span},
};

/// Bytes of a definition file.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// How deep a definition may be nested.
pub const DEPTH_MAX: usize = 64;
/// Keys, values, lists and mappings, with the ends of the last two, of a file.
pub const NODES_MAX: usize = 100_000;
/// Nodes that aliases may add.
pub const ALIAS_NODES_MAX: usize = 10_000;

#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub span: Span,
    /// Written as `|` or `>`: its place is that of its first line that is not empty.
    pub block: bool,
}

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// A YAML document of a file, and the text that it stands in.
#[derive(Debug)]
pub struct Document {
    pub root: Node,
    pub source: String,
}

impl Node {
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    pub fn json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::Text(text.clone()),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(members) => Json::from(
                members.iter().map(|(name, value)| (name.name().to_owned(), value.json())).collect::<Members>(),
            ),
        }
    }

    /// A key's text.
    pub fn name(&self) -> &str {
        match &self.value {
            Value::Text(text) => text,
            _ => "",
        }
    }
}

/// Reads every document. After a syntax error nothing of the file is left to check.
pub fn read(text: &str) -> (Vec<Document>, Vec<Problem>) {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the definition has {} bytes; at most {TEXT_BYTES_MAX} are read", text.len());
        return (Vec::new(), vec![Problem::error(codes::TOO_LARGE, Span::START, message)]);
    }
    let mut reader = Reader { problems: Vec::new(), anchors: HashMap::new(), alias_nodes: 0 };
    let mut roots: Vec<(usize, Node)> = Vec::new();
    let mut stack: Vec<Open> = Vec::new();
    let mut starts: Vec<usize> = Vec::new();
    for (count, event) in Parser::new_from_str(text).enumerate() {
        let (event, mark) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = Span::at(error.marker().line(), error.marker().col() + 1);
                let deep = error.info().contains("recursion limit");
                let (code, message) = match deep {
                    true => (codes::TOO_DEEP, format!("nested deeper than {DEPTH_MAX}")),
                    false => (codes::SYNTAX, error.info().to_owned()),
                };
                reader.problems.push(Problem::error(code, at, message));
                return (Vec::new(), reader.problems);
            }
        };
        if count > NODES_MAX {
            let message = format!("the definition has more than {NODES_MAX} nodes");
            reader.problems.push(Problem::error(codes::TOO_LARGE, span(&mark), message));
            return (Vec::new(), reader.problems);
        }
        if let Event::DocumentStart(_) = event {
            starts.push(if starts.is_empty() { 0 } else { mark.start.index() });
            reader.anchors.clear();
        }
        match reader.take(event, &mark, &mut stack) {
            Ok(Some(root)) => roots.push((starts.len() - 1, root)),
            Ok(None) => {}
            Err(problem) => {
                reader.problems.push(problem);
                return (Vec::new(), reader.problems);
            }
        }
    }
    let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let byte = |index: usize| offsets.get(index).copied().unwrap_or(text.len());
    let documents = roots.into_iter().map(|(at, root)| {
        let end = starts.get(at + 1).map_or(text.len(), |next| byte(*next));
        Document { root, source: text[byte(starts[at])..end].to_owned() }
    });
    (documents.collect(), reader.problems)
}

enum Open {
    List(Vec<Node>, Mark, usize),
    /// With the line of each key: a map may be wide, and its keys are looked up by name.
    Map(Vec<(Node, Node)>, HashMap<String, usize>, Option<Node>, Mark, usize),
}

struct Reader {
    problems: Vec<Problem>,
    /// Finished nodes by their anchor.
    anchors: HashMap<usize, Node>,
    alias_nodes: usize,
}

impl Reader {
    /// A finished root comes back.
    fn take(&mut self, event: Event<'_>, mark: &Mark, stack: &mut Vec<Open>) -> Result<Option<Node>, Problem> {
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag {
                    self.refuse_tag(&tag.suffix, mark);
                }
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                (Node { value: scalar(&text, style), span: span(mark), block }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                if let Some(tag) = tag {
                    self.refuse_tag(&tag.suffix, mark);
                }
                self.open(stack, Open::List(Vec::new(), *mark, anchor), mark)?;
                return Ok(None);
            }
            Event::MappingStart(anchor, tag) => {
                if let Some(tag) = tag {
                    self.refuse_tag(&tag.suffix, mark);
                }
                self.open(stack, Open::Map(Vec::new(), HashMap::new(), None, *mark, anchor), mark)?;
                return Ok(None);
            }
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Open::List(items, start, anchor)) => {
                    (Node { value: Value::List(items), span: span(&start), block: false }, anchor)
                }
                Some(Open::Map(members, _, _, start, anchor)) => {
                    (Node { value: Value::Map(members), span: span(&start), block: false }, anchor)
                }
                None => return Ok(None),
            },
            Event::Alias(anchor) => (self.alias(anchor, mark)?, 0),
            _ => return Ok(None),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(self.place(node, stack))
    }

    fn open(&self, stack: &mut Vec<Open>, open: Open, mark: &Mark) -> Result<(), Problem> {
        if stack.len() >= DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX}");
            return Err(Problem::error(codes::TOO_DEEP, span(mark), message));
        }
        stack.push(open);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, mark: &Mark) -> Result<Node, Problem> {
        let Some(node) = self.anchors.get(&anchor) else {
            let message = "an alias stands inside the node that it names".to_owned();
            return Err(Problem::error(codes::SYNTAX, span(mark), message));
        };
        self.alias_nodes += size(node);
        if self.alias_nodes > ALIAS_NODES_MAX {
            let message = format!("aliases expand to more than {ALIAS_NODES_MAX} nodes");
            return Err(Problem::error(codes::ALIASES, span(mark), message));
        }
        Ok(Node { span: span(mark), ..node.clone() })
    }

    fn place(&mut self, node: Node, stack: &mut [Open]) -> Option<Node> {
        match stack.last_mut() {
            None => return Some(node),
            Some(Open::List(items, ..)) => items.push(node),
            Some(Open::Map(members, lines, key, ..)) => match key.take() {
                None => *key = Some(self.key(node)),
                Some(name) if name.name() == "\0" => {}
                Some(name) => match lines.get(name.name()) {
                    Some(first) => {
                        let message = format!("the key `{}` stands twice in one map", name.name());
                        let help = format!("the first is in line {first}");
                        self.problems.push(Problem::error(codes::DUPLICATE_KEY, name.span, message).help(help));
                    }
                    None => {
                        lines.insert(name.name().to_owned(), name.span.line);
                        members.push((name, node));
                    }
                },
            },
        }
        None
    }

    /// A key is a text; one that is a number or a boolean is taken as it is written.
    fn key(&mut self, node: Node) -> Node {
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.text().to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Null | Value::List(_) | Value::Map(_) => {
                let message = format!("a key must be a text, not {}", node.kind());
                self.problems.push(Problem::error(codes::KEY_NOT_TEXT, node.span, message));
                "\0".to_owned()
            }
        };
        if text == "<<" {
            let message = "merge keys (`<<`) are not supported".to_owned();
            let help = "write the keys out, or use an alias for a whole value";
            self.problems.push(Problem::error(codes::MERGE_KEY, node.span, message).help(help));
            return Node { value: Value::Text("\0".to_owned()), span: node.span, block: false };
        }
        Node { value: Value::Text(text), span: node.span, block: false }
    }

    fn refuse_tag(&mut self, tag: &str, mark: &Mark) {
        let message = format!("the tag `!{tag}` is not supported");
        let help = "quote a value to make it a text";
        self.problems.push(Problem::error(codes::TAG, span(mark), message).help(help));
    }
}

/// What a scalar means: YAML 1.2's core for what JSON has, text for all else (`no`, `on`, `012`,
/// `1_000` and `0x1F` are texts).
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => Number::parse(text).map_or_else(|| Value::Text(text.to_owned()), Value::Number),
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(members) => members.iter().map(|(_, value)| 1 + size(value)).sum(),
        _ => 0,
    }
}

fn span(mark: &Mark) -> Span {
    Span {
        line: mark.start.line(),
        column: mark.start.col() + 1,
        end_line: mark.end.line(),
        end_column: mark.end.col() + 1,
    }
}
