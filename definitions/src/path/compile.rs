//! From the parser's tree to ours: patterns compiled, fences checked.

use jsonpath_rust::parser::{
    model::{
        Comparable, Comparison, Filter, FilterAtom, FnArg, Literal, Segment, Selector, SingularQuery,
        SingularQuerySegment, Test, TestFunction,
    },
    parse_json_path,
};
use regex::{Regex, RegexBuilder};

use super::{PathError, Step};
use crate::{Json, Number};

/// A compiled pattern's size in memory, at most.
const PATTERN_BYTES_MAX: usize = 256 << 10;

#[derive(Debug, Clone)]
pub struct Query {
    pub segments: Vec<Part>,
}

#[derive(Debug, Clone)]
pub struct Part {
    pub descendant: bool,
    pub selectors: Vec<Pick>,
}

#[derive(Debug, Clone)]
pub enum Pick {
    Step(Step),
    All,
    Slice(Option<i64>, Option<i64>, Option<i64>),
    Filter(Expression),
}

#[derive(Debug, Clone)]
pub enum Expression {
    Any(Vec<Expression>),
    Every(Vec<Expression>),
    Not(Box<Expression>),
    /// Some node is there.
    Exists(Source),
    Matches {
        text: Operand,
        pattern: Pattern,
    },
    Compare(Comparing, Operand, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Comparing {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone)]
pub enum Pattern {
    Compiled(Regex),
    /// A literal that is no I-Regexp: matches nothing (RFC 9535 §2.4.6).
    Never,
    /// Only without the fences: compiled for each node.
    Computed {
        operand: Operand,
        whole: bool,
    },
}

/// A query inside a filter: from the root or from the current node.
#[derive(Debug, Clone)]
pub struct Source {
    pub from_root: bool,
    pub query: Query,
}

#[derive(Debug, Clone)]
pub enum Operand {
    Literal(Json),
    Value(Source),
    Length(Box<Operand>),
    Count(Source),
    /// `value()`: of exactly one node.
    Single(Source),
}

pub fn compile(text: &str, fenced: bool) -> Result<Query, PathError> {
    let parsed = parse_json_path(text).map_err(|error| PathError::Syntax(first_line(&error.to_string())))?;
    Compiler { fenced, in_filter: false }.query(parsed.segments)
}

/// The steps of a query of names and indexes only.
pub fn singular(query: &Query) -> Option<Vec<Step>> {
    let step = |part: &Part| match (part.descendant, part.selectors.as_slice()) {
        (false, [Pick::Step(step)]) => Some(step.clone()),
        _ => None,
    };
    query.segments.iter().map(step).collect()
}

impl Query {
    pub fn leading_names(&self) -> Vec<&str> {
        self.segments
            .iter()
            .map_while(|part| match (part.descendant, part.selectors.as_slice()) {
                (false, [Pick::Step(Step::Name(name))]) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }
}

struct Compiler {
    fenced: bool,
    in_filter: bool,
}

impl Compiler {
    fn query(&mut self, segments: Vec<Segment>) -> Result<Query, PathError> {
        Ok(Query { segments: segments.into_iter().map(|one| self.part(one, false)).collect::<Result<_, _>>()? })
    }

    fn part(&mut self, segment: Segment, descendant: bool) -> Result<Part, PathError> {
        match segment {
            Segment::Descendant(_) if self.fenced && self.in_filter => Err(PathError::DescendantInFilter),
            Segment::Descendant(inner) => self.part(*inner, true),
            Segment::Selector(selector) => Ok(Part { descendant, selectors: vec![self.pick(selector)?] }),
            Segment::Selectors(selectors) => {
                let selectors = selectors.into_iter().map(|one| self.pick(one)).collect::<Result<_, _>>()?;
                Ok(Part { descendant, selectors })
            }
        }
    }

    fn pick(&mut self, selector: Selector) -> Result<Pick, PathError> {
        Ok(match selector {
            Selector::Name(name) => Pick::Step(Step::Name(name)),
            Selector::Index(index) => Pick::Step(Step::Index(index)),
            Selector::Wildcard => Pick::All,
            Selector::Slice(start, end, step) => Pick::Slice(start, end, step),
            Selector::Filter(filter) => {
                let outer = std::mem::replace(&mut self.in_filter, true);
                let filter = self.filter(filter);
                self.in_filter = outer;
                Pick::Filter(filter?)
            }
        })
    }

    fn filter(&mut self, filter: Filter) -> Result<Expression, PathError> {
        let mut each = |all: Vec<Filter>| all.into_iter().map(|one| self.filter(one)).collect::<Result<Vec<_>, _>>();
        match filter {
            Filter::Or(all) => Ok(Expression::Any(each(all)?)),
            Filter::And(all) => Ok(Expression::Every(each(all)?)),
            Filter::Atom(atom) => self.atom(atom),
        }
    }

    fn atom(&mut self, atom: FilterAtom) -> Result<Expression, PathError> {
        let (expression, not) = match atom {
            FilterAtom::Filter { expr, not } => (self.filter(*expr)?, not),
            FilterAtom::Test { expr, not } => (self.test(*expr)?, not),
            FilterAtom::Comparison(comparison) => (self.comparison(*comparison)?, false),
        };
        Ok(if not { Expression::Not(Box::new(expression)) } else { expression })
    }

    fn test(&mut self, test: Test) -> Result<Expression, PathError> {
        match test {
            Test::Function(function) => match *function {
                TestFunction::Match(text, pattern) => self.matching(text, pattern, true),
                TestFunction::Search(text, pattern) => self.matching(text, pattern, false),
                TestFunction::Custom(name, _) => Err(PathError::Function(name)),
                _ => Err(PathError::Syntax("length, count and value must be compared with something".into())),
            },
            query => Ok(Expression::Exists(self.source(query)?)),
        }
    }

    fn source(&mut self, test: Test) -> Result<Source, PathError> {
        match test {
            Test::RelQuery(segments) => Ok(Source { from_root: false, query: self.query(segments)? }),
            Test::AbsQuery(query) => Ok(Source { from_root: true, query: self.query(query.segments)? }),
            Test::Function(_) => Err(PathError::Syntax("a function can't stand where a query must".into())),
        }
    }

    fn matching(&mut self, text: FnArg, pattern: FnArg, whole: bool) -> Result<Expression, PathError> {
        let function = if whole { "match" } else { "search" };
        let text = self.operand(text)?;
        let pattern = match pattern {
            FnArg::Literal(Literal::String(pattern)) => match regex(&pattern, whole) {
                Ok(regex) => Pattern::Compiled(regex),
                Err(message) if self.fenced => return Err(PathError::Pattern { function, message }),
                Err(_) => Pattern::Never,
            },
            _ if self.fenced => return Err(PathError::PatternNotLiteral(function)),
            other => Pattern::Computed { operand: self.operand(other)?, whole },
        };
        Ok(Expression::Matches { text, pattern })
    }

    fn operand(&mut self, argument: FnArg) -> Result<Operand, PathError> {
        match argument {
            FnArg::Literal(literal) => Ok(Operand::Literal(json(literal))),
            FnArg::Test(test) => match *test {
                Test::Function(function) => self.function(*function),
                query => {
                    // A value is wanted: of a query that can yield several (RFC 9535 §2.4.3) there is none.
                    let source = self.source(query)?;
                    match singular(&source.query) {
                        Some(_) => Ok(Operand::Value(source)),
                        None => Err(PathError::Syntax("a function's argument must be a singular query".into())),
                    }
                }
            },
            FnArg::Filter(_) => Err(PathError::Syntax("a condition can't be a function's argument".into())),
        }
    }

    fn function(&mut self, function: TestFunction) -> Result<Operand, PathError> {
        match function {
            TestFunction::Length(argument) => Ok(Operand::Length(Box::new(self.operand(*argument)?))),
            TestFunction::Count(argument) => Ok(Operand::Count(self.nodes(argument)?)),
            TestFunction::Value(argument) => Ok(Operand::Single(self.nodes(argument)?)),
            TestFunction::Custom(name, _) => Err(PathError::Function(name)),
            TestFunction::Match(..) | TestFunction::Search(..) => {
                Err(PathError::Syntax("match and search yield true or false, which can't be compared".into()))
            }
        }
    }

    fn nodes(&mut self, argument: FnArg) -> Result<Source, PathError> {
        match argument {
            FnArg::Test(test) => self.source(*test),
            _ => Err(PathError::Syntax("count and value take a query".into())),
        }
    }

    fn comparison(&mut self, comparison: Comparison) -> Result<Expression, PathError> {
        let (how, left, right) = match comparison {
            Comparison::Eq(left, right) => (Comparing::Equal, left, right),
            Comparison::Ne(left, right) => (Comparing::NotEqual, left, right),
            Comparison::Gt(left, right) => (Comparing::Greater, left, right),
            Comparison::Gte(left, right) => (Comparing::AtLeast, left, right),
            Comparison::Lt(left, right) => (Comparing::Less, left, right),
            Comparison::Lte(left, right) => (Comparing::AtMost, left, right),
        };
        Ok(Expression::Compare(how, self.comparable(left)?, self.comparable(right)?))
    }

    fn comparable(&mut self, comparable: Comparable) -> Result<Operand, PathError> {
        match comparable {
            Comparable::Literal(literal) => Ok(Operand::Literal(json(literal))),
            Comparable::Function(function) => self.function(function),
            Comparable::SingularQuery(query) => {
                let (from_root, segments) = match query {
                    SingularQuery::Current(segments) => (false, segments),
                    SingularQuery::Root(segments) => (true, segments),
                };
                let segments = segments.into_iter().map(|segment| {
                    let step = match segment {
                        SingularQuerySegment::Index(index) => Step::Index(index),
                        SingularQuerySegment::Name(name) => Step::Name(name),
                    };
                    Part { descendant: false, selectors: vec![Pick::Step(step)] }
                });
                Ok(Operand::Value(Source { from_root, query: Query { segments: segments.collect() } }))
            }
        }
    }
}

fn json(literal: Literal) -> Json {
    match literal {
        Literal::Int(value) => Json::from(value),
        Literal::Float(value) => Number::parse(&format!("{value}")).map_or(Json::Null, Json::Number),
        Literal::String(text) => Json::Text(text),
        Literal::Bool(value) => Json::Bool(value),
        Literal::Null => Json::Null,
    }
}

/// An I-Regexp (RFC 9485): its dot matches all but line ends, which `regex` spells differently.
pub fn regex(pattern: &str, whole: bool) -> Result<Regex, String> {
    let mut translated = String::with_capacity(pattern.len() + 8);
    let (mut escaped, mut in_class) = (false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                translated.push_str(r"[^\n\r]");
                continue;
            }
            _ => {}
        }
        translated.push(c);
    }
    let source = if whole { format!("^(?:{translated})$") } else { translated };
    RegexBuilder::new(&source)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

fn first_line(message: &str) -> String {
    let mut useful = message.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['|', '-']));
    let last = useful.next_back().unwrap_or("it is no JSONPath");
    last.trim_start_matches("= ").to_owned()
}
