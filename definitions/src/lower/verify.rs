//! `verify` of a webhook.
//!
//! Invariant: no secret's value gets through; what is not a `${secrets.NAME}` is a mistake.

use std::time::Duration;

use super::{Lowering, get, senders};
use crate::{
    Algorithm, Encoding, HttpSignatures, KeyForm, Part, SECRETS_MAX, Secrets, Signature, Timestamp, Verify, codes,
    problem::Problem,
    yaml::{self, Node, Value},
};

/// What a `verify` may be; exactly one of them.
const FORMS: &[&str] = &["preset", "hmac", "ed25519", "any", "all"];
/// What both signature forms may have.
const SIGNATURE: &[&str] = &[
    "hmac",
    "ed25519",
    "secret",
    "key",
    "key_prefix",
    "header",
    "prefix",
    "separator",
    "encoding",
    "signed",
    "timestamp",
    "tolerance",
    "id",
];
/// Presets that are no signature over the declarative form.
pub(super) const OTHER_PRESETS: &[&str] = &["twilio", "http-signatures", "header", "basic", "bearer"];
/// What an HTTP message signature must cover unless the author says otherwise.
const COVERS: &[&str] = &["@method", "@authority", "@path", "content-digest"];

const COMBINED_MAX: usize = 10;
const PARTS_MAX: usize = 20;
const TOLERANCE: Duration = Duration::from_secs(300);
const TOLERANCES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 3_600));

impl Lowering {
    pub(super) fn verify(&mut self, node: &Node) -> Option<Verify> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "verify", "a map, such as `{ preset: github, secret: ${secrets.GITHUB} }`");
            return None;
        };
        let forms: Vec<&Node> = members.iter().map(|(key, _)| key).filter(|key| FORMS.contains(&key.name())).collect();
        let [form] = forms.as_slice() else {
            let message = if forms.is_empty() { "`verify` has no form" } else { "`verify` has several forms" };
            let help = format!("it has one of: {}; `any` and `all` combine several", FORMS.join(", "));
            self.problems.push(Problem::error(codes::VERIFY_FORM, node.span, message.to_owned()).help(help));
            return None;
        };
        match form.name() {
            "preset" => self.verify_preset(node, members),
            "any" => self.combined(node, members, "any").map(Verify::Any),
            "all" => self.combined(node, members, "all").map(Verify::All),
            _ => self.signature(node, members),
        }
    }

    fn combined(&mut self, node: &Node, members: &[(Node, Node)], name: &str) -> Option<Vec<Verify>> {
        self.refuse_unknown(members, &[name], "`verify`");
        match get(node, name).map(|list| (&list.value, list)) {
            Some((Value::List(items), _)) if (1..=COMBINED_MAX).contains(&items.len()) => {
                let all: Vec<_> = items.iter().map(|item| self.verify(item)).collect();
                all.into_iter().collect()
            }
            Some((_, list)) => {
                self.wrong_type(list, name, &format!("a list of 1 to {COMBINED_MAX}"));
                None
            }
            None => None,
        }
    }

    fn verify_preset(&mut self, node: &Node, members: &[(Node, Node)]) -> Option<Verify> {
        let names: Vec<&str> = senders::VERIFY.iter().map(|(name, _)| *name).chain(OTHER_PRESETS.to_vec()).collect();
        let given = get(node, "preset").and_then(|preset| self.choice(preset, "preset", &names))?;
        if let Some((_, text)) = senders::VERIFY.iter().find(|(name, _)| *name == given) {
            self.refuse_unknown(members, &["preset", "secret", "tolerance"], "this preset");
            let whole = spread(text, node, &["preset"])?;
            let Value::Map(members) = &whole.value else { return None };
            return self.signature(&whole, members);
        }
        let known: &[&str] = match given {
            "header" => &["preset", "secret", "header"],
            "basic" => &["preset", "secret", "user"],
            "http-signatures" => &["preset", "secret", "algorithm", "key", "covers", "tolerance"],
            _ => &["preset", "secret"],
        };
        self.refuse_unknown(members, known, "this preset");
        let secrets = self.required(node, "secret").and_then(|node| self.secrets(node));
        match given {
            "header" => {
                let name = self.required(node, "header").and_then(|node| self.header_name(node, "header"));
                Some(Verify::Header { name: name?, secrets: secrets? })
            }
            "basic" => {
                let user = self.required(node, "user").and_then(|node| self.text(node, "user"));
                Some(Verify::Basic { user: user?.value, secrets: secrets? })
            }
            "bearer" => Some(Verify::Bearer { secrets: secrets? }),
            "twilio" => Some(Verify::Twilio { secrets: secrets? }),
            _ => self.http_signatures(node, secrets),
        }
    }

    fn http_signatures(&mut self, node: &Node, secrets: Option<Secrets>) -> Option<Verify> {
        let given = self.required(node, "algorithm");
        let given = given.and_then(|node| self.choice(node, "algorithm", &["hmac-sha256", "ed25519"]));
        let key = get(node, "key").map_or(Some(Some(Encoding::Base64)), |node| self.key_encoding(node));
        let covers = match get(node, "covers") {
            None => COVERS.iter().map(|name| (*name).to_owned()).collect(),
            Some(Node { value: Value::List(items), .. }) if items.len() <= PARTS_MAX => {
                items.iter().filter_map(|item| Some(self.text(item, "covers")?.value.to_ascii_lowercase())).collect()
            }
            Some(other) => {
                self.wrong_type(other, "covers", "a list of components");
                Vec::new()
            }
        };
        if !covers.iter().any(|name| name == "content-digest") {
            self.body_unsigned(get(node, "covers").unwrap_or(node));
        }
        Some(Verify::HttpSignatures(Box::new(HttpSignatures {
            algorithm: if given? == "ed25519" { Algorithm::Ed25519 } else { Algorithm::HmacSha256 },
            secrets: secrets?,
            key: KeyForm { prefix: String::new(), encoding: key? },
            covers,
            tolerance: self.tolerance(node),
        })))
    }

    fn signature(&mut self, node: &Node, members: &[(Node, Node)]) -> Option<Verify> {
        self.refuse_unknown(members, SIGNATURE, "`verify`");
        let (algorithm, written) = match (get(node, "hmac"), get(node, "ed25519")) {
            (Some(hash), _) => {
                let key = get(node, "key").map_or(Some(None), |node| self.key_encoding(node));
                (self.hash(hash), key)
            }
            (None, Some(key)) => (Some(Algorithm::Ed25519), self.key_encoding(key)),
            (None, None) => return None,
        };
        let prefix = |lowering: &mut Self, name| {
            get(node, name).and_then(|node| lowering.text(node, name)).map_or_else(String::new, |text| text.value)
        };
        let secrets = self.required(node, "secret").and_then(|node| self.secrets(node));
        let header = self.required(node, "header").and_then(|node| self.header_name(node, "header"));
        let id = get(node, "id").and_then(|node| self.header_name(node, "id"));
        let tolerance = self.tolerance(node);
        let timestamp = get(node, "timestamp").and_then(|node| self.timestamp(node, tolerance));
        let signed = self.required(node, "signed").map(|list| self.parts(node, list));
        let key_prefix = prefix(self, "key_prefix");
        Some(Verify::Signature(Box::new(Signature {
            algorithm: algorithm?,
            secrets: secrets?,
            key: KeyForm { prefix: key_prefix, encoding: written? },
            header: header?,
            prefix: prefix(self, "prefix"),
            separator: get(node, "separator").and_then(|node| self.separator(node)),
            encoding: get(node, "encoding").map_or(Some(Encoding::Hex), |node| self.encoding(node))?,
            signed: signed?,
            timestamp,
            id,
        })))
    }

    fn timestamp(&mut self, node: &Node, tolerance: Duration) -> Option<Timestamp> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "timestamp", "a map `{ header }`");
            return None;
        };
        self.refuse_unknown(members, &["header", "prefix", "unit"], "`timestamp`");
        let header = self.required(node, "header").and_then(|node| self.header_name(node, "header"));
        let prefix = get(node, "prefix").and_then(|node| self.text(node, "prefix"));
        let unit = get(node, "unit").and_then(|node| self.choice(node, "unit", &["s", "ms"]));
        let prefix = prefix.map_or_else(String::new, |text| text.value);
        Some(Timestamp { header: header?, prefix, millis: unit == Some("ms"), tolerance })
    }

    /// What is signed must hold the timestamp and the id that are looked at, and should hold the body.
    fn parts(&mut self, node: &Node, list: &Node) -> Vec<Part> {
        let Value::List(items) = &list.value else {
            self.wrong_type(list, "signed", "a list of parts");
            return Vec::new();
        };
        if items.is_empty() || items.len() > PARTS_MAX {
            self.wrong_type(list, "signed", &format!("a list of 1 to {PARTS_MAX} parts"));
        }
        let parts: Vec<Part> = items.iter().filter_map(|item| self.part(item)).collect();
        for (name, part) in [("timestamp", Part::Timestamp), ("id", Part::Id)] {
            match (get(node, name), parts.contains(&part)) {
                (Some(setting), false) => {
                    let message = format!("`{name}` is no part of what is signed: anyone could change it");
                    let help = format!("put `{name}` into `signed`, where the sender does, or leave it out");
                    self.problems.push(Problem::error(codes::NOT_SIGNED, setting.span, message).help(help));
                }
                (None, true) => self.error(codes::MISSING_KEY, node.span, format!("the key `{name}` is missing")),
                _ => {}
            }
        }
        if !parts.contains(&Part::Body) {
            self.body_unsigned(list);
        }
        parts
    }

    fn body_unsigned(&mut self, node: &Node) {
        let message = "the body is not signed: whoever sees one request can send it again with another body".to_owned();
        let help = "add the body (`body` to `signed`, `content-digest` to `covers`) if the sender signs it";
        self.problems.push(Problem::warning(codes::BODY_UNSIGNED, node.span, message).help(help));
    }

    fn part(&mut self, node: &Node) -> Option<Part> {
        if let Value::Map(members) = &node.value {
            self.refuse_unknown(members, &["text"], "a part");
            let text = self.required(node, "text").and_then(|node| self.text(node, "text"))?;
            return Some(Part::Text(text.value));
        }
        let text = self.text(node, "signed")?.value;
        Some(match text.as_str() {
            "body" => Part::Body,
            "url" => Part::Url,
            "method" => Part::Method,
            "timestamp" => Part::Timestamp,
            "id" => Part::Id,
            other => match other.strip_prefix("header:") {
                Some(name) => Part::Header(self.header_text(node, name)?),
                None => Part::Text(text),
            },
        })
    }

    fn separator(&mut self, node: &Node) -> Option<char> {
        let text = self.text(node, "separator")?;
        let mut letters = text.value.chars();
        match (letters.next(), letters.next()) {
            (Some(one), None) => Some(one),
            _ => {
                self.wrong_type(node, "separator", "one character");
                None
            }
        }
    }

    pub(super) fn hash(&mut self, node: &Node) -> Option<Algorithm> {
        Some(match self.choice(node, "hmac", &["sha1", "sha256", "sha512"])? {
            "sha1" => Algorithm::HmacSha1,
            "sha256" => Algorithm::HmacSha256,
            _ => Algorithm::HmacSha512,
        })
    }

    pub(super) fn encoding(&mut self, node: &Node) -> Option<Encoding> {
        Some(match self.choice(node, "encoding", &["hex", "base64", "base64url"])? {
            "hex" => Encoding::Hex,
            "base64" => Encoding::Base64,
            _ => Encoding::Base64Url,
        })
    }

    fn key_encoding(&mut self, node: &Node) -> Option<Option<Encoding>> {
        match self.choice(node, "key", &["text", "hex", "base64", "base64url"])? {
            "text" => Some(None),
            _ => self.encoding(node).map(Some),
        }
    }

    fn tolerance(&mut self, node: &Node) -> Duration {
        get(node, "tolerance")
            .and_then(|node| self.duration_in(node, "tolerance", codes::TOLERANCE_RANGE, TOLERANCES))
            .unwrap_or(TOLERANCE)
    }

    pub(super) fn header_name(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        self.header_text(node, &text.value)
    }

    pub(super) fn header_text(&mut self, node: &Node, name: &str) -> Option<String> {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || name.len() > 100 || !name.chars().all(token) {
            self.error(codes::HEADER_NAME, node.span, format!("`{name}` is no header's name"));
            return None;
        }
        Some(name.to_ascii_lowercase())
    }

    /// `${secrets.NAME}`, or a list of them.
    pub(super) fn secrets(&mut self, node: &Node) -> Option<Secrets> {
        let one = std::slice::from_ref(node);
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => one,
        };
        if items.is_empty() || items.len() > SECRETS_MAX {
            let message = format!("`secret` names 1 to {SECRETS_MAX} secrets, not {}", items.len());
            self.error(codes::SECRET_LITERAL, node.span, message);
            return None;
        }
        let names: Vec<_> = items.iter().map(|item| self.secret(item)).collect();
        names.into_iter().collect()
    }

    fn secret(&mut self, node: &Node) -> Option<String> {
        let text = if let Value::Text(text) = &node.value { text.as_str() } else { "" };
        let name = text.strip_prefix("${secrets.").and_then(|rest| rest.strip_suffix('}'));
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match name {
            Some(name) if (1..=100).contains(&name.len()) && name.chars().all(letters) => {
                self.secrets.insert(name.to_owned());
                Some(name.to_owned())
            }
            _ => {
                // What stands there may be the secret itself: it is not repeated.
                let message = "a secret must be named, never written out or left empty".to_owned();
                let help = "write `${secrets.NAME}`, and a list of them during a rotation";
                self.problems.push(Problem::error(codes::SECRET_LITERAL, node.span, message).help(help));
                None
            }
        }
    }
}

/// A preset's members with the author's, but for those named, placed where the author wrote.
pub fn spread(preset: &str, author: &Node, but: &[&str]) -> Option<Node> {
    let root = yaml::read(preset).0.into_iter().next()?.root;
    let (Value::Map(mut members), Value::Map(given)) = (root.value, &author.value) else { return None };
    members.extend(given.iter().filter(|(key, _)| !but.contains(&key.name())).cloned());
    Some(Node { value: Value::Map(members), ..author.clone() })
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
