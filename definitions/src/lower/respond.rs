//! A synchronous response.

use super::{Lowering, get};
use crate::{
    Json, Template, codes,
    problem::Problem,
    written::{Read, WrittenKind, WrittenRespond},
    yaml::{Node, Value},
};

const KNOWN: &[&str] = &["status", "headers", "body", "to"];
/// Headers that belong to the connection (RFC 9110 §7.6.1) or to Holdfast.
pub const HEADERS_RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "holdfast-hit",
    "holdfast-transaction",
    "idempotency-replayed",
];

impl Lowering {
    pub(super) fn respond(&mut self, node: &Node, reads: &mut Vec<Read>) -> WrittenKind {
        let constant = |value| Template::constant(value);
        let (mut status, mut body) = (constant(Json::from(200_u64)), constant(Json::Null));
        let (mut headers, mut to) = (Vec::new(), None);
        match &node.value {
            Value::Null => {}
            Value::Map(members) => {
                self.refuse_unknown(members, KNOWN, "`respond`");
                if let Some(node) = get(node, "status") {
                    status = self.status(node, reads).unwrap_or(status);
                }
                if let Some(node) = get(node, "body") {
                    body = self.template(node, reads).unwrap_or(body);
                }
                if let Some(node) = get(node, "headers") {
                    headers = self.headers(node, reads);
                }
                to = get(node, "to").and_then(|node| self.target(node, "to"));
            }
            _ => self.wrong_type(node, "respond", "a map `{ status, headers, body, to }`"),
        }
        WrittenKind::Respond(Box::new(WrittenRespond { status, headers, body, to }))
    }

    fn status(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Template> {
        let template = self.template(node, reads)?;
        let Some(constant) = template.as_constant() else { return Some(template) };
        let in_range = match constant {
            Json::Number(number) => number.as_i64().is_some_and(|status| (200..=599).contains(&status)),
            _ => false,
        };
        if !in_range {
            let message = format!("`status` is {constant}: it must be a number from 200 to 599");
            self.error(codes::RESPOND_STATUS, node.span, message);
            return None;
        }
        Some(template)
    }

    fn headers(&mut self, node: &Node, reads: &mut Vec<Read>) -> Vec<(String, Template)> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "headers", "a map from names to values");
            return Vec::new();
        };
        let mut headers = Vec::new();
        for (key, value) in members {
            let name = key.name().to_ascii_lowercase();
            if !is_token(&name) {
                self.error(codes::RESPOND_HEADER, key.span, format!("`{name}` is no header name"));
            } else if HEADERS_RESERVED.contains(&name.as_str()) {
                let message = format!("the header `{name}` can't be set by a response");
                let help = "it belongs to the connection or to Holdfast itself";
                self.problems.push(Problem::error(codes::RESPOND_HEADER, key.span, message).help(help));
            } else if let Some(value) = self.template(value, reads) {
                headers.push((name, value));
            }
        }
        headers
    }
}

/// A header's name is a token (RFC 9110 §5.6.2).
pub(super) fn is_token(name: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(token)
}
