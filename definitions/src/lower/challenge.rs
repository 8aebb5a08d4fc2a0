//! `challenge` of a webhook.

use super::{Lowering, get, senders, verify::spread};
use crate::{
    Answer, Challenge, ChallengeMethod, Mac, Path, Piece, codes,
    problem::Problem,
    yaml::{Node, Value},
};

const KNOWN: &[&str] = &["method", "verified", "when", "secret", "token", "value", "mac", "headers", "answer"];

impl Lowering {
    pub(super) fn challenge(&mut self, node: &Node) -> Option<Challenge> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "challenge", "a map, such as `{ preset: slack }`");
            return None;
        };
        let Some(preset) = get(node, "preset") else {
            self.refuse_unknown(members, KNOWN, "`challenge`");
            return self.challenge_form(node);
        };
        self.refuse_unknown(members, &["preset", "secret"], "this preset");
        let names: Vec<&str> = senders::CHALLENGE.iter().map(|(name, _)| *name).collect();
        let given = self.choice(preset, "preset", &names)?;
        let (_, text) = senders::CHALLENGE.iter().find(|(name, _)| *name == given)?;
        self.challenge_form(&spread(text, node, &["preset"])?)
    }

    fn challenge_form(&mut self, node: &Node) -> Option<Challenge> {
        let method = self.required(node, "method");
        let method = method.and_then(|node| self.choice(node, "method", &["get", "post", "options"]));
        let method = match method? {
            "get" => ChallengeMethod::Get,
            "post" => ChallengeMethod::Post,
            _ => ChallengeMethod::Options,
        };
        let verified = match get(node, "verified").map(|node| (&node.value, node)) {
            None => method == ChallengeMethod::Post,
            Some((Value::Bool(verified), _)) => *verified,
            Some((_, node)) => {
                self.wrong_type(node, "verified", "true or false");
                return None;
            }
        };
        let before = self.problems.len();
        let path = |lowering: &mut Self, name| get(node, name).and_then(|node| lowering.challenge_path(node, name));
        let (token, value) = (path(self, "token"), path(self, "value"));
        let mac = get(node, "mac").and_then(|node| self.mac(node));
        let secrets = match get(node, "secret") {
            Some(secret) => self.secrets(secret).unwrap_or_default(),
            None => Vec::new(),
        };
        let needs = get(node, "token").is_some() || get(node, "mac").is_some();
        if needs && get(node, "secret").is_none() {
            self.required(node, "secret");
        }
        if value.is_none() && mac.is_some() {
            self.required(node, "value");
        }
        let challenge = Challenge {
            method,
            verified,
            when: get(node, "when").map_or_else(Vec::new, |node| self.when(node)),
            secrets,
            token,
            value,
            mac,
            headers: get(node, "headers").map_or_else(Vec::new, |node| self.challenge_headers(node)),
            answer: get(node, "answer").map_or(Answer::Empty, |node| self.challenge_answer(node)),
        };
        self.challenge_whole(node, &challenge);
        (self.problems.len() == before).then_some(challenge)
    }

    /// A challenge must be told from a delivery, and what it hands back must be there.
    fn challenge_whole(&mut self, node: &Node, challenge: &Challenge) {
        if challenge.when.is_empty() && challenge.value.is_none() {
            self.error(codes::MISSING_KEY, node.span, "the key `when` or `value` is missing".to_owned());
        }
        let json: &[(String, Piece)] = if let Answer::Json(members) = &challenge.answer { members } else { &[] };
        let text = if let Answer::Text(piece) = &challenge.answer { Some(piece) } else { None };
        for piece in json.iter().chain(&challenge.headers).map(|(_, piece)| piece).chain(text) {
            let missing = match piece {
                Piece::Value if challenge.value.is_none() => "value",
                Piece::Mac if challenge.mac.is_none() => "mac",
                _ => continue,
            };
            self.required(node, missing);
        }
    }

    fn challenge_path(&mut self, node: &Node, what: &str) -> Option<Path> {
        self.hit_path(node, what, codes::HIT_NOT_SINGULAR)
    }

    fn when(&mut self, node: &Node) -> Vec<(Path, Option<crate::Json>)> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "when", "a map from paths to values");
            return Vec::new();
        };
        let all = members.iter().filter_map(|(key, value)| {
            let path = self.challenge_path(key, "when")?;
            let wanted = if let Value::Null = value.value { None } else { Some(value.json()) };
            Some((path, wanted))
        });
        all.collect()
    }

    fn mac(&mut self, node: &Node) -> Option<Mac> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "mac", "a map `{ hmac, encoding, prefix }`");
            return None;
        };
        self.refuse_unknown(members, &["hmac", "encoding", "prefix"], "`mac`");
        let algorithm = self.required(node, "hmac").and_then(|node| self.hash(node));
        let encoding = self.required(node, "encoding").and_then(|node| self.encoding(node));
        let prefix = get(node, "prefix").and_then(|node| self.text(node, "prefix"));
        let prefix = prefix.map_or_else(String::new, |text| text.value);
        Some(Mac { algorithm: algorithm?, encoding: encoding?, prefix })
    }

    fn challenge_headers(&mut self, node: &Node) -> Vec<(String, Piece)> {
        let members = self.pieces(node, "headers");
        members.into_iter().filter_map(|(name, piece)| Some((self.header_text(node, &name)?, piece))).collect()
    }

    fn challenge_answer(&mut self, node: &Node) -> Answer {
        match &node.value {
            Value::Map(members) if get(node, "literal").is_none() || members.len() > 1 => {
                Answer::Json(self.pieces(node, "answer"))
            }
            _ => self.piece(node).map_or(Answer::Empty, Answer::Text),
        }
    }

    fn pieces(&mut self, node: &Node, what: &str) -> Vec<(String, Piece)> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, what, "a map from names to `value`, `mac` or `{ literal }`");
            return Vec::new();
        };
        members.iter().filter_map(|(key, value)| Some((key.name().to_owned(), self.piece(value)?))).collect()
    }

    fn piece(&mut self, node: &Node) -> Option<Piece> {
        if let Some(literal) = get(node, "literal") {
            return Some(Piece::Literal(literal.json()));
        }
        match self.choice(node, "answer", &["value", "mac"])? {
            "value" => Some(Piece::Value),
            _ => Some(Piece::Mac),
        }
    }
}

impl Lowering {
    /// A challenge that waits for `verify` has none to wait for.
    pub(super) fn challenge_alone(&mut self, node: &Node) {
        let message = "the challenge is for verified senders only, and the webhook has no `verify`".to_owned();
        let help = "add `verify`, or say `verified: false` in the general form";
        self.problems.push(Problem::error(codes::CHALLENGE_ALONE, node.span, message).help(help));
    }
}
