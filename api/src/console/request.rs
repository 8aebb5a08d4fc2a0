//! A request as a sender would make it: a `curl` for a webhook, with the values where its cycle looks for
//! them, and what proves who sends it.

use holdfast_definitions::{Algorithm, Cycle, Path, Verify};
use serde_json::{Map, Value};

/// In every place that transactions are found by, so that one example's request finds another's.
const VALUE: &str = "A-17";

/// What a request needs to be taken as its sender's.
#[derive(Debug, Default, PartialEq)]
pub struct Proof {
    /// In words.
    pub said: String,
    /// Arguments of `curl`; a signature stands there as a placeholder.
    pub arguments: Vec<String>,
}

impl Proof {
    pub fn of(verify: &Verify) -> Self {
        let several = |all: &[Verify], joint: &str| -> (String, Vec<Self>) {
            let all: Vec<Self> = all.iter().map(Self::of).collect();
            (all.iter().map(|proof| proof.said.as_str()).collect::<Vec<_>>().join(joint), all)
        };
        let (said, arguments) = match verify {
            Verify::Any(all) => {
                let (said, all) = several(all, ", or ");
                (said, all.into_iter().next().unwrap_or_default().arguments)
            }
            Verify::All(all) => {
                let (said, all) = several(all, ", and ");
                (said, all.into_iter().flat_map(|proof| proof.arguments).collect())
            }
            Verify::Signature(signature) => (
                format!(
                    "a signature ({}) in the header {}, made with {}",
                    algorithm(signature.algorithm),
                    signature.header,
                    secret(&signature.secrets)
                ),
                vec!["-H".into(), quoted(&format!("{}: {}SIGNATURE", signature.header, signature.prefix))],
            ),
            Verify::Twilio { secrets } => (
                format!("Twilio's signature, made with {}", secret(secrets)),
                vec!["-H".into(), quoted("x-twilio-signature: SIGNATURE")],
            ),
            Verify::HttpSignatures(signatures) => (
                format!(
                    "an HTTP message signature ({}, RFC 9421), made with {}",
                    algorithm(signatures.algorithm),
                    secret(&signatures.secrets)
                ),
                vec!["-H".into(), quoted("signature-input: SIGNED"), "-H".into(), quoted("signature: SIGNATURE")],
            ),
            Verify::Header { name, secrets } => (
                format!("{} in the header {name}", secret(secrets)),
                vec!["-H".into(), format!("{}{}", quoted(&format!("{name}: ")), variable(secrets))],
            ),
            Verify::Basic { user, secrets } => (
                format!("the user {user} with {} as password", secret(secrets)),
                vec!["-u".into(), format!("{}{}", quoted(&format!("{user}:")), variable(secrets))],
            ),
            Verify::Bearer { secrets } => (
                format!("{} as bearer token", secret(secrets)),
                vec!["-H".into(), format!("{}{}", quoted("authorization: Bearer "), variable(secrets))],
            ),
        };
        Self { said, arguments }
    }
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HmacSha1 => "HMAC-SHA1",
        Algorithm::HmacSha256 => "HMAC-SHA256",
        Algorithm::HmacSha512 => "HMAC-SHA512",
        Algorithm::Ed25519 => "Ed25519",
    }
}

fn secret(names: &[String]) -> String {
    match names {
        [one] => format!("the secret {one}"),
        several => format!("one of the secrets {}", several.join(", ")),
    }
}

/// The secret in the shell's environment, by its name.
fn variable(names: &[String]) -> String {
    let name = names.first().map_or("SECRET", String::as_str);
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("\"${name}\"")
}

/// A command for a shell: what stands between single quotes is nothing but itself.
pub fn curl(url: &str, cycle: &Cycle, step: &str, proof: Option<&Proof>) -> String {
    let request = example(cycle, step);
    let mut url = url.to_owned();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let part = |name: &str| request.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let query = part("query");
    if !query.is_empty() {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(query.iter().map(|(name, value)| (name, text(value))));
        url = format!("{url}?{}", pairs.finish());
    }
    let mut arguments = vec![format!("curl -i {}", quoted(&url))];
    for (name, value) in part("headers") {
        arguments.push(format!("-H {}", quoted(&format!("{name}: {}", text(&value)))));
    }
    for pair in proof.map_or(&[][..], |proof| &proof.arguments).chunks(2) {
        arguments.push(pair.join(" "));
    }
    arguments.push(format!("-H {}", quoted("content-type: application/json")));
    let body = request.get("body").map_or_else(|| "{}".to_owned(), Value::to_string);
    arguments.push(format!("-d {}", quoted(&body)));
    arguments.join(" \\\n  ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `{ headers, query, body }` with a value wherever the cycle's mappings look into a request of this step.
fn example(cycle: &Cycle, step: &str) -> Map<String, Value> {
    let mut root = Map::new();
    for (_, at, webhook) in cycle.webhooks() {
        for entry in webhook.mapping.iter().flat_map(|mapping| &mapping.entries) {
            if at.id == step {
                put(&mut root, &names(&entry.hit));
            }
            if let [first, rest @ ..] = &names(&entry.transaction)[..]
                && *first == step
            {
                put(&mut root, rest);
            }
        }
    }
    root
}

/// Of a path of plain names: others have none that could be written for sure.
fn names(path: &Path) -> Vec<&str> {
    match path.is_singular() && !path.text().contains('[') {
        true => path.leading_names(),
        false => Vec::new(),
    }
}

fn put(into: &mut Map<String, Value>, names: &[&str]) {
    let Some((name, rest)) = names.split_first() else { return };
    let place = into.entry(*name).or_insert_with(|| match rest {
        [] => Value::from(VALUE),
        _ => Value::Object(Map::new()),
    });
    if let Value::Object(inner) = place {
        put(inner, rest);
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
