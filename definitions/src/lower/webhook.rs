//! A webhook's settings.

use std::{num::NonZeroU32, time::Duration};

use super::{Lowering, connected::pointed, get};
use crate::{
    ENTRIES_MAX, OnAmbiguous, OnNoMatch, Path, Rate, Schema, codes,
    problem::{Problem, Span},
    written::{Read, Spanned, Target, WrittenWebhook},
    yaml::{Node, Value},
};

const KNOWN: &[&str] = &[
    "mapping",
    "timeout",
    "dedupe",
    "early",
    "expires",
    "on_no_match",
    "on_ambiguous",
    "verify",
    "challenge",
    "rate",
    "schema",
    "script",
    "shared",
    "connector",
    "event",
    "parameters",
];
/// Settings of a shared webhook: what makes sense before a cycle is known.
const SHARED: &[&str] = &["verify", "challenge", "rate", "schema", "dedupe"];
/// What a path into a hit may begin with.
pub const HIT_PARTS: &[&str] = &["method", "headers", "query", "body"];
/// Settings that mean nothing at a start webhook.
const MID_ONLY: &[&str] = &["early", "expires", "on_no_match", "on_ambiguous"];

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT_MAX: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const RATE_MAX: u32 = 1_000_000;
const MONTH: Duration = Duration::from_secs(31 * 24 * 3_600);

impl Lowering {
    pub(super) fn webhook(&mut self, span: Span, node: &Node, reads: &mut Vec<Read>) -> WrittenWebhook {
        let mut webhook = WrittenWebhook::at(span);
        let members = match &node.value {
            Value::Null => return webhook,
            Value::Map(members) => members,
            _ => {
                self.wrong_type(node, "webhook", "a map of settings, or nothing");
                return webhook;
            }
        };
        self.refuse_unknown(members, KNOWN, "a webhook");
        webhook.connected = self.connected(node, members);
        webhook.shared = get(node, "shared").and_then(|node| self.shared_name(node, members));
        webhook.mid_only = members
            .iter()
            .filter_map(|(key, _)| {
                let value = MID_ONLY.iter().copied().find(|name| *name == key.name())?;
                Some(Spanned { value, span: key.span })
            })
            .collect();
        webhook.mapping = get(node, "mapping").map(|mapping| self.mapping(mapping, reads));
        let timeout = get(node, "timeout");
        webhook.timeout =
            timeout.and_then(|node| self.duration_in(node, "timeout", codes::TIMEOUT_RANGE, (SECOND, TIMEOUT_MAX)));
        webhook.dedupe = get(node, "dedupe").and_then(|node| self.dedupe(node));
        webhook.early = get(node, "early").and_then(|node| {
            let value = self.duration_in(node, "early", codes::EARLY_RANGE, (Duration::ZERO, MONTH))?;
            Some(Spanned { value, span: node.span })
        });
        webhook.expires = get(node, "expires").and_then(|node| self.expires(node));
        let choices = ["accept", "reject"];
        if get(node, "on_no_match").and_then(|node| self.choice(node, "on_no_match", &choices)) == Some("reject") {
            webhook.on_no_match = OnNoMatch::Reject;
        }
        let choices = ["newest", "reject"];
        if get(node, "on_ambiguous").and_then(|node| self.choice(node, "on_ambiguous", &choices)) == Some("reject") {
            webhook.on_ambiguous = OnAmbiguous::Reject;
        }
        self.early_and_reject(&webhook);
        self.senders(node, &mut webhook);
        self.payload(node, &mut webhook);
        webhook
    }

    /// The settings of a webhook that belongs to no cycle.
    pub(super) fn shared_webhook(&mut self, node: &Node) -> WrittenWebhook {
        let mut webhook = WrittenWebhook::at(node.span);
        match &node.value {
            Value::Null => return webhook,
            Value::Map(members) => self.refuse_unknown(members, SHARED, "a shared webhook"),
            _ => {
                self.wrong_type(node, "a shared webhook", "a map of settings, or nothing");
                return webhook;
            }
        }
        webhook.dedupe = get(node, "dedupe").and_then(|node| self.dedupe(node));
        self.senders(node, &mut webhook);
        webhook.rate = get(node, "rate").and_then(|node| self.rate(node));
        webhook.schema = get(node, "schema").and_then(|node| self.schema(node));
        webhook
    }

    /// Its own settings hold: none may stand beside it.
    fn shared_name(&mut self, node: &Node, members: &[(Node, Node)]) -> Option<Spanned<String>> {
        for (key, _) in members.iter().filter(|(key, _)| key.name() != "shared" && key.name() != "mapping") {
            let message = format!("`{}` stands beside `shared`", key.name());
            let help = "the shared webhook has settings of its own: `holdfast webhooks create NAME --settings FILE`";
            self.problems.push(Problem::error(codes::BESIDE_SHARED, key.span, message).help(help));
        }
        let name = self.text(node, "shared")?;
        self.check_name(&name, "a shared webhook");
        Some(name)
    }

    fn senders(&mut self, node: &Node, webhook: &mut WrittenWebhook) {
        let (verify, challenge) = (get(node, "verify"), get(node, "challenge"));
        webhook.verify = verify.and_then(|node| self.verify(node));
        webhook.challenge = challenge.and_then(|node| self.challenge(node));
        if let (None, Some(node), Some(challenge)) = (verify, challenge, &webhook.challenge)
            && challenge.verified
        {
            self.challenge_alone(node);
        }
    }

    fn payload(&mut self, node: &Node, webhook: &mut WrittenWebhook) {
        webhook.rate = get(node, "rate").and_then(|node| self.rate(node));
        webhook.schema = get(node, "schema").and_then(|node| self.schema(node));
        webhook.script = get(node, "script").and_then(|node| self.source(node, "request", "request, context"));
    }

    fn rate(&mut self, node: &Node) -> Option<Rate> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "rate", "a map `{ hits, per }`");
            return None;
        };
        self.refuse_unknown(members, &["hits", "per"], "`rate`");
        let hits = self.required(node, "hits").and_then(|node| self.count(node, "hits", (1, RATE_MAX)));
        let per = self
            .required(node, "per")
            .and_then(|node| self.duration_in(node, "per", codes::SETTING_RANGE, (SECOND, DAY)));
        Some(Rate { hits: NonZeroU32::new(hits?)?, per: per? })
    }

    /// What is wrong with it is shown at its place in the file.
    pub(super) fn schema(&mut self, node: &Node) -> Option<Schema> {
        if !matches!(node.value, Value::Map(_) | Value::Bool(_)) {
            self.wrong_type(node, "schema", "a JSON Schema: a map, true or false");
            return None;
        }
        match Schema::compile(&node.json()) {
            Ok(schema) => Some(schema),
            Err(misfit) => {
                let at = pointed(node, &misfit.pointer);
                let message = format!("this is no JSON Schema: {}", misfit.message);
                let help = "draft 2020-12; `$ref` reaches into this schema only, patterns have no look-around and no \
                            back-references";
                self.problems.push(Problem::error(codes::SCHEMA, at.span, message).help(help));
                None
            }
        }
    }

    fn early_and_reject(&mut self, webhook: &WrittenWebhook) {
        if let (OnNoMatch::Reject, Some(early)) = (webhook.on_no_match, &webhook.early)
            && !early.value.is_zero()
        {
            let message = "`on_no_match: reject` turns `early` off".to_owned();
            let help = "a hit that is refused can't be kept for later: leave one of them out";
            self.problems.push(Problem::warning(codes::EARLY_AND_REJECT, early.span, message).help(help));
        }
    }

    pub(super) fn choice<'a>(&mut self, node: &Node, what: &str, choices: &[&'a str]) -> Option<&'a str> {
        let text = self.text(node, what)?;
        let found = choices.iter().copied().find(|choice| *choice == text.value);
        if found.is_none() {
            let message = format!("`{what}` can't be `{}`", text.value);
            self.problems.push(Problem::error(codes::CHOICE, node.span, message).suggest(&text.value, choices));
        }
        found
    }

    fn mapping(&mut self, node: &Node, reads: &mut Vec<Read>) -> Spanned<Vec<(Path, Path)>> {
        let mut entries = Vec::new();
        let Value::List(items) = &node.value else {
            self.wrong_type(node, "mapping", "a list of `{ hit, transaction }`");
            return Spanned { value: entries, span: node.span };
        };
        if items.is_empty() {
            let message = "the mapping is empty: no hit could be told from another".to_owned();
            self.error(codes::MAPPING_EMPTY, node.span, message);
        }
        if items.len() > ENTRIES_MAX {
            let message = format!("the mapping has {} entries; at most {ENTRIES_MAX} are allowed", items.len());
            self.error(codes::MAPPING_TOO_LONG, node.span, message);
        }
        for item in items {
            let Value::Map(members) = &item.value else {
                self.wrong_type(item, "mapping", "a list of `{ hit, transaction }`");
                continue;
            };
            self.refuse_unknown(members, &["hit", "transaction"], "a mapping");
            let hit = self.required(item, "hit").and_then(|node| self.hit_path(node, "hit", codes::HIT_NOT_SINGULAR));
            let transaction = self.required(item, "transaction").and_then(|node| {
                let path = self.path(node, "transaction")?;
                reads.push(Read { path: path.clone(), span: node.span, before: true });
                Some(path)
            });
            if let (Some(hit), Some(transaction)) = (hit, transaction) {
                entries.push((hit, transaction));
            }
        }
        Spanned { value: entries, span: node.span }
    }

    fn dedupe(&mut self, node: &Node) -> Option<Path> {
        self.hit_path(node, "dedupe", codes::DEDUPE_NOT_SINGULAR)
    }

    /// A singular path into `{ method, headers, query, body }`.
    pub(super) fn hit_path(&mut self, node: &Node, what: &str, not_singular: codes::Code) -> Option<Path> {
        let path = self.path(node, what)?;
        if !path.is_singular() {
            let message = format!("`{}` can find several values: `{what}` must be a singular path", path.text());
            let help = "names and indexes only, such as `$.body.order.id` or `$.body.items[0].id`";
            self.problems.push(Problem::error(not_singular, node.span, message).help(help));
            return None;
        }
        let names = path.leading_names();
        match names.first() {
            Some(first) if HIT_PARTS.contains(first) => {}
            first => {
                let message = format!("`{}` does not begin with a part of the request", path.text());
                let problem = Problem::error(codes::HIT_ROOT, node.span, message);
                self.problems.push(match first {
                    Some(first) => problem.suggest_name(path.text(), "$.", first, HIT_PARTS),
                    None => problem.help(format!("known are: {}", HIT_PARTS.join(", "))),
                });
                return None;
            }
        }
        if let ["headers", name, ..] = names.as_slice()
            && name.chars().any(|c| c.is_ascii_uppercase())
        {
            let message = format!("header names are in lower case: `{name}` never matches");
            let lower = path.text().replacen(name, &name.to_ascii_lowercase(), 1);
            let problem = Problem::warning(codes::HEADER_CASE, node.span, message).help(format!("write `{lower}`"));
            self.problems.push(problem.instead_of(path.text(), lower));
        }
        Some(path)
    }

    fn expires(&mut self, node: &Node) -> Option<(Duration, Target)> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "expires", "a map `{ after, next }`");
            return None;
        };
        self.refuse_unknown(members, &["after", "next"], "`expires`");
        let after = self
            .required(node, "after")
            .and_then(|node| self.duration_in(node, "after", codes::EXPIRES_RANGE, (SECOND, MONTH)));
        let next = self.required(node, "next").and_then(|node| self.target(node, "next"));
        Some((after?, next?))
    }
}
