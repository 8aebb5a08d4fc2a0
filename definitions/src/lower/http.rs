//! An `http` step: what is called, with what, and how often.
//!
//! What is written out is checked here; what a template yields, where it is used.

use std::time::Duration;

use super::{Lowering, get, respond::is_token};
use crate::{
    BodyType, Http, Json, Retry, Template, codes,
    problem::Problem,
    written::{Read, WrittenKind},
    yaml::{Node, Value},
};

const KNOWN: &[&str] = &["method", "url", "query", "headers", "body", "type", "auth", "timeout", "retry", "expect"];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const TYPES: &[(&str, BodyType)] =
    &[("json", BodyType::Json), ("form", BodyType::Form), ("xml", BodyType::Xml), ("text", BodyType::Text)];
/// Headers that belong to the connection (RFC 9110 §7.6.1), to the message's framing, or to Holdfast.
const HEADERS_RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const TIMEOUT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
const ATTEMPTS: (u32, u32) = (1, 20);
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3_600));
const MAX_DELAY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(24 * 3_600));
/// 1xx is never a call's answer.
const STATUS: (u16, u16) = (200, 599);

impl Lowering {
    pub(super) fn http(&mut self, node: &Node, reads: &mut Vec<Read>) -> WrittenKind {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "http", "a map with at least `url`");
            return WrittenKind::Broken;
        };
        self.refuse_unknown(members, KNOWN, "`http`");
        let url = self.required(node, "url").and_then(|url| self.url(url, "url", reads));
        let query = get(node, "query").map(|query| self.query(query, reads)).unwrap_or_default();
        let auth = get(node, "auth").and_then(|auth| self.auth(auth, reads));
        let headers = get(node, "headers").map(|headers| self.request_headers(headers, auth.is_some(), reads));
        let body = self.body(node, reads);
        let method = match get(node, "method") {
            Some(method) => self.method(method),
            None => Some(if body.is_some() { "POST" } else { "GET" }),
        };
        let timeout = get(node, "timeout");
        let timeout = timeout.and_then(|node| self.duration_in(node, "timeout", codes::TIMEOUT_RANGE, TIMEOUT));
        let retry = get(node, "retry").map(|retry| self.retry(retry)).unwrap_or_default();
        let expect = get(node, "expect").map_or_else(|| vec![(200, 299)], |expect| self.expect(expect));
        match (url, method) {
            (Some(url), Some(method)) => WrittenKind::Http(Box::new(Http {
                method: method.to_owned(),
                url,
                query,
                headers: headers.unwrap_or_default(),
                body,
                auth,
                timeout: timeout.unwrap_or(TIMEOUT_DEFAULT),
                retry,
                expect,
            })),
            _ => WrittenKind::Broken,
        }
    }

    fn method(&mut self, node: &Node) -> Option<&'static str> {
        let given = self.text(node, "method")?.value;
        let found = METHODS.iter().copied().find(|known| known.eq_ignore_ascii_case(&given));
        if found.is_none() {
            let message = format!("`method` can't be `{given}`");
            let problem = Problem::error(codes::CHOICE, node.span, message);
            self.problems.push(problem.suggest(&given.to_ascii_uppercase(), METHODS));
        }
        found
    }

    fn query(&mut self, node: &Node, reads: &mut Vec<Read>) -> Vec<(String, Template)> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "query", "a map from names to values");
            return Vec::new();
        };
        let each = members
            .iter()
            .filter_map(|(key, value)| Some((key.name().to_owned(), self.secret_template(value, reads)?)));
        each.collect()
    }

    fn request_headers(&mut self, node: &Node, auth: bool, reads: &mut Vec<Read>) -> Vec<(String, Template)> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "headers", "a map from names to values");
            return Vec::new();
        };
        let mut headers = Vec::new();
        for (key, value) in members {
            let name = self.request_header(key, key.name());
            if auth && name.as_deref() == Some("authorization") {
                let message = "the header `authorization` stands beside `auth`, which sets it".to_owned();
                self.error(codes::HTTP_HEADER, key.span, message);
            }
            if let (Some(name), Some(value)) = (name, self.secret_template(value, reads)) {
                headers.push((name, value));
            }
        }
        headers
    }

    /// A header's name in lower case, where a call may set it.
    pub(super) fn request_header(&mut self, node: &Node, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        if !is_token(&name) {
            self.error(codes::HTTP_HEADER, node.span, format!("`{name}` is no header name"));
            return None;
        }
        if HEADERS_RESERVED.contains(&name.as_str()) {
            let message = format!("the header `{name}` can't be set by a call");
            let help = "it belongs to the connection or to Holdfast itself";
            self.problems.push(Problem::error(codes::HTTP_HEADER, node.span, message).help(help));
            return None;
        }
        Some(name)
    }

    fn body(&mut self, http: &Node, reads: &mut Vec<Read>) -> Option<(BodyType, Template)> {
        let given = get(http, "type");
        let kind = match given {
            Some(node) => self.body_type(node)?,
            None => BodyType::Json,
        };
        let Some(node) = get(http, "body") else {
            if let Some(given) = given {
                self.error(codes::BODY_TYPE, given.span, "`type` is a body's, and there is no `body`".into());
            }
            return None;
        };
        let body = self.secret_template(node, reads)?;
        // A text may be one `${…}`, which yields whatever it finds.
        let wanted = match (kind, &node.value) {
            (BodyType::Form, Value::Map(_)) | (BodyType::Json, _) => None,
            (BodyType::Xml, Value::Map(members)) if members.len() == 1 => None,
            (BodyType::Form, _) if body.as_constant().is_some() => Some("a map from fields to values"),
            (BodyType::Xml, Value::Map(_)) => Some("a map with the root element as its only key"),
            (BodyType::Xml, _) if body.as_constant().is_some() => Some("a map with the root element as its only key"),
            (BodyType::Text, Value::Map(_) | Value::List(_)) => Some("a text"),
            _ => None,
        };
        if let Some(wanted) = wanted {
            let message = format!("by its `type` the body must be {wanted}");
            self.error(codes::BODY_TYPE, node.span, message);
        }
        Some((kind, body))
    }

    fn body_type(&mut self, node: &Node) -> Option<BodyType> {
        let given = self.text(node, "type")?.value;
        let found = TYPES.iter().find(|(name, _)| *name == given);
        if found.is_none() {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            let problem = Problem::error(codes::CHOICE, node.span, format!("`type` can't be `{given}`"));
            self.problems.push(problem.suggest(&given, &names));
        }
        found.map(|(_, kind)| *kind)
    }

    fn retry(&mut self, node: &Node) -> Retry {
        let mut retry = Retry::default();
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "retry", "a map `{ attempts, backoff, max_delay }`");
            return retry;
        };
        self.refuse_unknown(members, &["attempts", "backoff", "max_delay"], "`retry`");
        if let Some(node) = get(node, "attempts") {
            retry.attempts = self.count(node, "attempts", ATTEMPTS).unwrap_or(retry.attempts);
        }
        if let Some(node) = get(node, "backoff") {
            let given = self.duration_in(node, "backoff", codes::SETTING_RANGE, BACKOFF);
            retry.backoff = given.unwrap_or(retry.backoff);
        }
        match get(node, "max_delay") {
            None => retry.max_delay = retry.max_delay.max(retry.backoff),
            Some(node) => {
                let given = self.duration_in(node, "max_delay", codes::SETTING_RANGE, MAX_DELAY);
                retry.max_delay = given.unwrap_or(retry.max_delay);
                if given.is_some_and(|given| given < retry.backoff) {
                    let message = format!(
                        "`max_delay` is {}, which is less than `backoff` ({})",
                        crate::format_duration(retry.max_delay),
                        crate::format_duration(retry.backoff)
                    );
                    self.error(codes::SETTING_RANGE, node.span, message);
                }
            }
        }
        retry
    }

    fn expect(&mut self, node: &Node) -> Vec<(u16, u16)> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() {
            self.error(codes::EXPECT, node.span, "`expect` is empty: no answer would be a success".into());
        }
        items.iter().filter_map(|item| self.status_range(item)).collect()
    }

    /// `404` or `2xx`.
    fn status_range(&mut self, node: &Node) -> Option<(u16, u16)> {
        let found = match node.json() {
            Json::Number(number) => {
                let status = number.as_i64().and_then(|status| u16::try_from(status).ok());
                status.filter(|status| (STATUS.0..=STATUS.1).contains(status)).map(|status| (status, status))
            }
            Json::Text(text) => match text.as_str() {
                "2xx" => Some((200, 299)),
                "3xx" => Some((300, 399)),
                "4xx" => Some((400, 499)),
                "5xx" => Some((500, 599)),
                _ => None,
            },
            _ => None,
        };
        if found.is_none() {
            let message = format!("`expect` can't be {}", node.json());
            let help = "a status from 200 to 599, a class (2xx, 3xx, 4xx, 5xx), or a list of those";
            self.problems.push(Problem::error(codes::EXPECT, node.span, message).help(help));
        }
        found
    }
}
