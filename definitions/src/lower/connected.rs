//! A webhook that subscribes itself: `connector`, `event` and `parameters`.

use sha2::{Digest, Sha256};

use super::{Lowering, get};
use crate::{
    Connected, Json, Schema, Scope, codes,
    problem::Problem,
    yaml::{Node, Value},
};

/// Settings whose work a connector does.
const DONE_BY_CONNECTOR: &[&str] = &["script", "schema", "challenge", "shared"];

impl Lowering {
    pub(super) fn connected(&mut self, node: &Node, members: &[(Node, Node)]) -> Option<Connected> {
        let Some(connector) = get(node, "connector") else {
            for (key, _) in members.iter().filter(|(key, _)| ["event", "parameters"].contains(&key.name())) {
                let message = format!("`{}` stands without `connector`", key.name());
                self.error(codes::BESIDE_CONNECTOR, key.span, message);
            }
            return None;
        };
        for (key, _) in members.iter().filter(|(key, _)| DONE_BY_CONNECTOR.contains(&key.name())) {
            let message = format!("`{}` stands beside `connector`", key.name());
            let help = "the connector's `handle` sees each request, and answers it where it must be";
            self.problems.push(Problem::error(codes::BESIDE_CONNECTOR, key.span, message).help(help));
        }
        let name = self.text(connector, "connector")?;
        let Some(found) = self.connectors.get(&name.value).cloned() else {
            let known: Vec<&str> = self.connectors.keys().map(String::as_str).collect();
            let message = format!("there is no connector `{}` here", name.value);
            let problem = Problem::error(codes::UNKNOWN_CONNECTOR, name.span, message);
            self.problems.push(match known.is_empty() {
                true => problem.help("put its document into the same file, or deploy it first"),
                false => problem.suggest(&name.value, &known),
            });
            return None;
        };
        let event = self.required(node, "event").and_then(|node| self.text(node, "event"))?;
        let Some(described) = found.events.get(&event.value) else {
            let known: Vec<&str> = found.events.keys().map(String::as_str).collect();
            let message = format!("the connector `{}` has no event `{}`", found.name, event.value);
            let problem = Problem::error(codes::UNKNOWN_CONNECTOR, event.span, message);
            self.problems.push(problem.suggest(&event.value, &known));
            return None;
        };
        let parameters = self.parameters(get(node, "parameters"), node, described.parameters.as_ref())?;
        self.secrets.extend(found.secrets.iter().cloned());
        self.env.extend(found.env.iter().cloned());
        self.used.insert(found.name.clone(), found.clone());
        let mut digest = Sha256::new_with_prefix(described.fingerprint);
        digest.update(format!("{}\0{}\0{parameters}", found.name, event.value));
        Some(Connected { fingerprint: digest.finalize().into(), event: event.value, parameters, connector: found })
    }

    /// They are known at the deploy, and fit the event's schema.
    fn parameters(&mut self, node: Option<&Node>, webhook: &Node, schema: Option<&Schema>) -> Option<Json> {
        let empty = Node { value: Value::Map(Vec::new()), ..webhook.clone() };
        let node = node.unwrap_or(&empty);
        let mut reads = Vec::new();
        let template = self.template(node, &mut reads)?;
        let named = reads.first().map(|read| (read.span, format!("`{}`", read.path.text())));
        let env = template.env().first().map(|name| (node.span, format!("`env.{name}`")));
        if let Some((span, what)) = named.or(env) {
            let message = format!("parameters are known at the deploy: they can't read {what}");
            self.problems.push(Problem::error(codes::PARAMETERS, span, message).help("`${vars.NAME}` may be read"));
            return None;
        }
        let nothing = Json::Null;
        let scope =
            Scope { document: &nothing, transaction_id: "", cycle_name: "", vars: &self.vars, env: &(), secrets: None };
        let parameters = template.render(&scope).ok()?;
        // A variable that a deploy must give has no value yet.
        let known =
            self.given.is_some() || !template.vars().iter().any(|name| self.vars.get(*name) == Some(&Json::Null));
        for misfit in schema.filter(|_| known).map(|schema| schema.misfits(&parameters)).unwrap_or_default() {
            let at = pointed(node, &misfit.pointer);
            let place = if misfit.pointer.is_empty() { String::new() } else { format!(" at {}", misfit.pointer) };
            let message = format!("the parameters don't fit the event's schema{place}: {}", misfit.message);
            self.error(codes::PARAMETERS, at.span, message);
        }
        Some(parameters)
    }
}

/// The node at a JSON pointer, or the last one on the way there.
pub(super) fn pointed<'a>(node: &'a Node, pointer: &str) -> &'a Node {
    let mut at = node;
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        let inner = match &at.value {
            Value::List(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => get(at, &name),
        };
        let Some(inner) = inner else { break };
        at = inner;
    }
    at
}
