//! What the trace shows of an attempt: nothing secret, and bodies up to a size.
//!
//! Invariant: a body is masked before it is cut, so that no secret is cut in two and shown by half.

use bytes::Bytes;
use holdfast_definitions::{Json, Members};

use crate::{
    clock::Micros,
    egress::{Answered, Failure},
    history::{error_json, timestamp},
    machine::StepError,
    secret::Mask,
};

/// Bytes of a body that are shown.
const SHOWN_BYTES_MAX: usize = 4 << 10;

/// The account's secrets, and the token that was got with one. A partner may send either back.
pub struct Masks<'a> {
    account: &'a Mask,
    token: Option<Mask>,
}

impl<'a> Masks<'a> {
    pub fn new(account: &'a Mask, token: Option<&str>) -> Self {
        Self { account, token: token.map(|token| Mask::of([token])) }
    }

    pub fn text(&self, text: &str) -> String {
        let masked = self.account.apply(text);
        self.token.as_ref().map_or_else(|| masked.to_string(), |token| token.apply(&masked).into_owned())
    }

    pub fn json(&self, value: Json) -> Json {
        let masked = self.account.json(value);
        self.token.as_ref().map_or_else(|| masked.clone(), |token| token.json(masked.clone()))
    }

    pub fn request(&self, method: &str, url: &str, headers: &[(String, String)], body: &Bytes) -> Json {
        object([
            ("method", Json::from(method)),
            ("url", self.shown(url)),
            ("headers", self.headers(headers)),
            ("body", self.body(body)),
        ])
    }

    pub fn attempt(&self, at: Micros, request: &Json, answered: &Result<Answered, Failure>, duration_us: u64) -> Json {
        let what = match answered {
            Ok(answered) => {
                let response = object([
                    ("status", Json::from(u64::from(answered.status))),
                    ("headers", self.headers(&answered.headers)),
                    ("body", self.body(&answered.body)),
                ]);
                ("response", response)
            }
            Err(failure) => {
                let error = StepError::new(failure.kind, self.text(&failure.message));
                return failed_attempt(at, request, &error, duration_us);
            }
        };
        object([
            ("at", Json::from(timestamp(at))),
            ("duration_us", Json::from(duration_us)),
            ("request", request.clone()),
            what,
        ])
    }

    fn headers(&self, headers: &[(String, String)]) -> Json {
        headers.iter().map(|(name, value)| (name.clone(), self.shown(value))).collect::<Members>().into()
    }

    fn shown(&self, text: &str) -> Json {
        Json::from(self.text(text))
    }

    fn body(&self, body: &Bytes) -> Json {
        let text = self.text(&String::from_utf8_lossy(body));
        if text.len() <= SHOWN_BYTES_MAX {
            return Json::from(text);
        }
        let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
        Json::from(format!("{}… ({} bytes)", &text[..end], body.len()))
    }
}

/// An attempt with no answer.
pub fn failed_attempt(at: Micros, request: &Json, error: &StepError, duration_us: u64) -> Json {
    object([
        ("at", Json::from(timestamp(at))),
        ("duration_us", Json::from(duration_us)),
        ("request", request.clone()),
        ("error", error_json(error)),
    ])
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::from(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Members>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_at_the_cut_is_masked_whole() {
        let mask = Mask::of(["canary-value"]);
        for at in SHOWN_BYTES_MAX - 20..SHOWN_BYTES_MAX + 5 {
            let body = format!("{}canary-value{}", "x".repeat(at), "y".repeat(100));
            let shown = Masks::new(&mask, None).body(&body.into()).to_string();
            assert!(!shown.contains("can"), "{at}: {}", &shown[shown.len() - 60..]);
            assert!(shown.contains("bytes)"), "{at}");
        }
    }

    #[test]
    fn a_text_within_a_text_is_masked() {
        let (mask, value) = (Mask::of(["canary\"quoted\"", "12345678"]), "canary\"quoted\"");
        let once = Json::from(value).to_string();
        let members = |value: Json| object([("a", value)]);
        let value = members(members(Json::from(once.as_str())));
        let masked = Masks::new(&mask, None).json(value);
        assert_eq!(masked.to_string(), r#"{"a":{"a":"\"***\""}}"#);
        let number = Json::parse(b"[12345678, 1]").expect("JSON");
        assert_eq!(Masks::new(&mask, None).json(number).to_string(), r#"["***",1]"#);
        let name = Json::parse(br#"{"12345678":true}"#).expect("JSON");
        assert_eq!(Masks::new(&mask, Some("true")).json(name).to_string(), r#"{"***":true}"#);
    }
}
