//! How a call signs in, and the URLs that a call may have.
//!
//! Credentials stand in `auth` and never in a URL, which is shown in traces.

use super::{Lowering, get};
use crate::{
    Auth, Template, codes,
    problem::Problem,
    written::Read,
    yaml::{Node, Value},
};

const WAYS: &[&str] = &["basic", "bearer", "header", "oauth2"];

impl Lowering {
    pub(super) fn auth(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Auth> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "auth", "a map with one of `basic`, `bearer`, `header`, `oauth2`");
            return None;
        };
        self.refuse_unknown(members, WAYS, "`auth`");
        let ways: Vec<_> = members.iter().filter(|(key, _)| WAYS.contains(&key.name())).collect();
        let [(way, value)] = ways.as_slice() else {
            let message = match ways.first() {
                None => "`auth` says no way to sign in".to_owned(),
                Some(_) => "`auth` says several ways to sign in".to_owned(),
            };
            let help = format!("exactly one of: {}", WAYS.join(", "));
            self.problems.push(Problem::error(codes::AUTH, node.span, message).help(help));
            return None;
        };
        match way.name() {
            "bearer" => Some(Auth::Bearer { token: self.secret_template(value, reads)? }),
            "basic" => {
                self.settings(value, "basic", &["user", "password"])?;
                let (user, password) = (self.needed(value, "user", reads), self.needed(value, "password", reads));
                Some(Auth::Basic { user: user?, password: password? })
            }
            "header" => {
                self.settings(value, "header", &["name", "value"])?;
                let name = self.required(value, "name").and_then(|node| {
                    let name = self.text(node, "name")?;
                    self.request_header(node, &name.value)
                });
                let value = self.needed(value, "value", reads);
                Some(Auth::Header { name: name?, value: value? })
            }
            _ => self.oauth2(value, reads),
        }
    }

    fn oauth2(&mut self, node: &Node, reads: &mut Vec<Read>) -> Option<Auth> {
        self.settings(node, "oauth2", &["token_url", "client_id", "client_secret", "scope", "audience"])?;
        let token_url = self.required(node, "token_url").and_then(|url| self.url(url, "token_url", reads));
        let client_id = self.needed(node, "client_id", reads);
        let client_secret = self.needed(node, "client_secret", reads);
        let scope = get(node, "scope").and_then(|node| self.secret_template(node, reads));
        let audience = get(node, "audience").and_then(|node| self.secret_template(node, reads));
        Some(Auth::OAuth2 {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            scope,
            audience,
        })
    }

    fn settings(&mut self, node: &Node, what: &str, known: &[&str]) -> Option<()> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, what, &format!("a map with {}", known.join(", ")));
            return None;
        };
        self.refuse_unknown(members, known, &format!("`{what}`"));
        Some(())
    }

    fn needed(&mut self, node: &Node, name: &str, reads: &mut Vec<Read>) -> Option<Template> {
        self.required(node, name).and_then(|node| self.secret_template(node, reads))
    }

    /// A URL, of which what is written out is checked: a text that begins with `${` may yield any.
    pub(super) fn url(&mut self, node: &Node, what: &str, reads: &mut Vec<Read>) -> Option<Template> {
        let text = self.text(node, what)?.value;
        let url = self.secret_template(node, reads)?;
        if text.starts_with("${") {
            return Some(url);
        }
        if let Err(why) = check_url(&filled(&text)) {
            let message = format!("`{what}` {why}");
            let help = "a whole URL: `https://shop.example/orders`; who signs in stands in `auth`";
            self.problems.push(Problem::error(codes::URL, node.span, message).help(help));
        }
        Some(url)
    }
}

/// The text with a digit for each `${…}`: it fits a host, a port and a path alike.
fn filled(text: &str) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("${") {
        let Some(end) = rest[at..].find('}') else { break };
        filled.push_str(&rest[..at]);
        filled.push('1');
        rest = &rest[at + end + 1..];
    }
    filled + rest
}

/// What RFC 3986 §3 asks of an http(s) URL, as far as it can be told without a name being looked up.
fn check_url(url: &str) -> Result<(), &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("is no whole URL")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("must begin with http:// or https://");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c)) {
        return Err("has characters that stand in no URL: write them as %XX");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("has credentials in it, which traces would show");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Err("has no host");
    }
    match port.map(str::parse::<u16>) {
        Some(Ok(0) | Err(_)) => Err("has a port that is no number from 1 to 65535"),
        _ => Ok(()),
    }
}
