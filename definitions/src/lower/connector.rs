//! A `connector:` document: its events, and the four methods of each.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Lowering, get};
use crate::{
    BodyType, Connector, ConnectorEvent, Json, Members, Method, Schema, Template, codes,
    connector::{Call, Gives},
    problem::Problem,
    written::{Read, Spanned, WrittenKind},
    yaml::{Node, Value},
};

const TOP: &[&str] = &["connector", "description", "events"];
const EVENT: &[&str] = &["parameters", "subscribe", "handle", "refresh", "unsubscribe"];
const WAYS: &[&str] = &["script", "http", "graphql", "mapping"];
const GIVES: &[&str] = &["state", "nextRefreshTimestamp", "events", "response"];
/// Settings of a call that `graphql` shares with `http`.
const GRAPHQL: &[&str] = &["url", "query", "variables", "headers", "auth", "timeout", "retry"];
const EVENTS_MAX: usize = 100;

/// A method: what it may be implemented by, is given and may give.
struct Kind {
    name: &'static str,
    given: &'static [&'static str],
    gives: &'static [&'static str],
}

const SUBSCRIBE: Kind = Kind {
    name: "subscribe",
    given: &["webhookUri", "parameters", "state"],
    gives: &["state", "nextRefreshTimestamp"],
};
const HANDLE: Kind = Kind {
    name: "handle",
    given: &["method", "query", "data", "headers", "rawBody", "state", "parameters"],
    gives: &["events", "response", "state"],
};
const REFRESH: Kind = Kind { name: "refresh", ..SUBSCRIBE };
const UNSUBSCRIBE: Kind = Kind { name: "unsubscribe", given: &["webhookUri", "parameters", "state"], gives: &[] };

/// What the templates of a method may read, besides `response`.
pub fn given_to(method: &str) -> &'static [&'static str] {
    let kind = [SUBSCRIBE, HANDLE, REFRESH, UNSUBSCRIBE].into_iter().find(|kind| kind.name == method);
    kind.map_or(&[], |kind| kind.given)
}

impl Lowering {
    pub(super) fn connector(&mut self, root: &Node, source: &str) -> Option<Spanned<Connector>> {
        let Value::Map(members) = &root.value else { return None };
        self.refuse_unknown(members, TOP, "a connector");
        let name = self.required(root, "connector").and_then(|node| self.text(node, "connector"));
        if let Some(name) = &name {
            self.connector_word(name, "a connector", '-');
        }
        let description = get(root, "description").and_then(|node| self.text(node, "description"));
        let events = self.required(root, "events").map(|node| self.events(node));
        let name = name?;
        let connector = Connector {
            name: name.value,
            description: description.map(|text| text.value),
            events: events?,
            secrets: std::mem::take(&mut self.secrets),
            env: std::mem::take(&mut self.env),
            source: source.to_owned(),
        };
        Some(Spanned { value: connector, span: name.span })
    }

    fn connector_word(&mut self, word: &Spanned<String>, what: &str, joint: char) {
        let text = &word.value;
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint;
        if text.is_empty() || text.len() > 100 || !text.chars().all(letters) || text.starts_with(joint) {
            let message = format!("`{text}` is no name for {what}");
            let help = format!("lower-case letters, digits and `{joint}`, at most 100, not starting with `{joint}`");
            self.problems.push(Problem::error(codes::CONNECTOR_NAME, word.span, message).help(help));
        }
    }

    fn events(&mut self, node: &Node) -> BTreeMap<String, ConnectorEvent> {
        let mut events = BTreeMap::new();
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "events", "a map from the names of events to their methods");
            return events;
        };
        if members.is_empty() || members.len() > EVENTS_MAX {
            let message = format!("a connector has 1 to {EVENTS_MAX} events, not {}", members.len());
            self.error(codes::CONNECTOR_NAME, node.span, message);
        }
        for (key, value) in members {
            self.connector_word(&Spanned { value: key.name().to_owned(), span: key.span }, "an event", '_');
            events.insert(key.name().to_owned(), self.connector_event(value));
        }
        events
    }

    fn connector_event(&mut self, node: &Node) -> ConnectorEvent {
        match &node.value {
            Value::Null => {}
            Value::Map(members) => self.refuse_unknown(members, EVENT, "an event"),
            _ => self.wrong_type(node, "an event", "a map of methods, or nothing"),
        }
        let parameters: Option<Schema> = get(node, "parameters").and_then(|node| self.schema(node));
        let mut digest = Sha256::new();
        for name in ["subscribe", "refresh", "unsubscribe"] {
            let written = get(node, name).map(Node::json).unwrap_or_default();
            digest.update(format!("{name}={written}\0"));
        }
        ConnectorEvent {
            parameters,
            subscribe: get(node, "subscribe").and_then(|node| self.method_of(node, &SUBSCRIBE)),
            handle: get(node, "handle").and_then(|node| self.method_of(node, &HANDLE)),
            refresh: get(node, "refresh").and_then(|node| self.method_of(node, &REFRESH)),
            unsubscribe: get(node, "unsubscribe").and_then(|node| self.method_of(node, &UNSUBSCRIBE)),
            fingerprint: digest.finalize().into(),
        }
    }

    fn method_of(&mut self, node: &Node, kind: &Kind) -> Option<Method> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, kind.name, "a map with `script`, `http` or `graphql`");
            return None;
        };
        let ways: Vec<&str> = WAYS.iter().copied().filter(|way| *way != "mapping" || kind.name == "handle").collect();
        let known: Vec<&str> = ways.iter().chain(GIVES).copied().collect();
        self.refuse_unknown(members, &known, &format!("`{}`", kind.name));
        let found: Vec<_> = members.iter().filter(|(key, _)| ways.contains(&key.name())).collect();
        let [(way, value)] = found.as_slice() else {
            let message = format!("`{}` must be implemented in one way", kind.name);
            let help = format!("exactly one of: {}", ways.join(", "));
            self.problems.push(Problem::error(codes::METHOD_WAY, node.span, message).help(help));
            return None;
        };
        let mut reads = Vec::new();
        let way_name = way.name();
        if let ("script" | "mapping", Some((key, _))) =
            (way_name, members.iter().find(|(key, _)| GIVES.contains(&key.name())))
        {
            let message = format!("`{}` stands beside `{way_name}`", key.name());
            let help = match way_name {
                "script" => "what a script gives is what its function returns",
                _ => "what a mapping gives stands inside of it",
            };
            self.problems.push(Problem::error(codes::METHOD_GIVES, key.span, message).help(help));
        }
        match way_name {
            "script" => self.source(value, kind.name, "context").map(Method::Script),
            "mapping" => {
                if let Value::Map(members) = &value.value {
                    self.refuse_unknown(members, kind.gives, "`mapping`");
                } else {
                    self.wrong_type(value, "mapping", "a map with `events`, `response` or `state`");
                }
                let gives = self.gives(value, kind, &mut reads);
                self.reads_given(&reads, kind, false);
                Some(Method::Mapping(Box::new(gives)))
            }
            _ => self.call(way_name, value, node, kind).map(|call| Method::Call(Box::new(call))),
        }
    }

    fn call(&mut self, way: &str, value: &Node, node: &Node, kind: &Kind) -> Option<Call> {
        let (mut asked, mut taken) = (Vec::new(), Vec::new());
        let graphql = way == "graphql";
        let http = match graphql {
            true => self.graphql(value, &mut asked),
            false => match self.http(value, &mut asked) {
                WrittenKind::Http(http) => Some(*http),
                _ => None,
            },
        };
        let gives = self.gives(node, kind, &mut taken);
        self.reads_given(&asked, kind, false);
        self.reads_given(&taken, kind, true);
        Some(Call { http: http?, graphql, gives })
    }

    /// As `http`: its body is `{ query, variables }`, and the query is never put together.
    fn graphql(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<crate::Http> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "graphql", "a map with at least `url` and `query`");
            return None;
        };
        self.refuse_unknown(members, GRAPHQL, "`graphql`");
        let query = self.required(node, "query").and_then(|query| {
            let text = self.text(query, "query")?.value;
            if text.contains("${") {
                let message = "a GraphQL query is not put together: it can't hold `${…}`".to_owned();
                let help = "declare a variable in the query, `query ($id: ID!) { node(id: $id) { id } }`, and give it under `variables`";
                self.problems.push(Problem::error(codes::GRAPHQL_QUERY, query.span, message).help(help));
                return None;
            }
            Some(text)
        });
        let variables = get(node, "variables");
        if let Some(variables) = variables.filter(|node| !matches!(node.value, Value::Map(_))) {
            self.wrong_type(variables, "variables", "a map from names to values");
        }
        if let Some(variables) = variables {
            self.secret_template(variables, reads)?;
        }
        let rest = members.iter().filter(|(key, _)| !["query", "variables"].contains(&key.name())).cloned();
        let rest = Node { value: Value::Map(rest.collect()), ..node.clone() };
        let WrittenKind::Http(http) = self.http(&rest, reads) else { return None };
        let mut body = Members::from_iter([("query".to_owned(), Json::from(query?))]);
        if let Some(variables) = variables {
            body.insert("variables".to_owned(), variables.json());
        }
        let body = Template::from_json(Json::from(body)).ok()?;
        Some(crate::Http { method: "POST".to_owned(), body: Some((BodyType::Json, body)), ..*http })
    }

    fn gives(&mut self, node: &Node, kind: &Kind, reads: &mut Vec<Read>) -> Gives {
        let Value::Map(members) = &node.value else { return Gives::default() };
        for (key, _) in members.iter().filter(|(key, _)| GIVES.contains(&key.name())) {
            if !kind.gives.contains(&key.name()) {
                let message = format!("`{}` gives no `{}`", kind.name, key.name());
                let help = match kind.gives {
                    [] => format!("`{}` gives nothing", kind.name),
                    gives => format!("it gives: {}", gives.join(", ")),
                };
                self.problems.push(Problem::error(codes::METHOD_GIVES, key.span, message).help(help));
            }
        }
        let mut one = |name: &str| get(node, name).and_then(|node| self.template(node, reads));
        Gives {
            state: one("state"),
            next_refresh: one("nextRefreshTimestamp"),
            events: one("events"),
            response: one("response"),
        }
    }

    /// Each path begins with something that the method is given.
    fn reads_given(&mut self, reads: &[Read], kind: &Kind, answered: bool) {
        let mut given = kind.given.to_vec();
        given.extend(answered.then_some("response"));
        for read in reads {
            let names = read.path.leading_names();
            let Some(first) = names.first().filter(|first| !given.contains(first)) else { continue };
            let message = format!("`{}`: `{}` is given no `{first}`", read.path.text(), kind.name);
            let problem = Problem::error(codes::METHOD_READS, read.span, message);
            self.problems.push(problem.suggest_name(read.path.text(), "$.", first, &given));
        }
    }
}
