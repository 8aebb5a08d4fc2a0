//! Tokens by OAuth 2 client credentials (RFC 6749, section 4.4).
//!
//! Invariant: for one grant there is at most one token request under way; who waited for it shares
//! its outcome, good or bad. No secret and no token is in a `Debug` or in a failure.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use url::form_urlencoded;

use super::{Answered, Egress, Failure, Outgoing};

/// For the whole exchange with the token endpoint.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// It has to fit in a request's head.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// A token that is about to expire may do so on its way.
const EXPIRY_MARGIN: Duration = Duration::from_secs(30);
const EXPIRES_DEFAULT: Duration = Duration::from_secs(300);
/// Whatever the partner says, a token is asked for daily.
const EXPIRES_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Grants kept at once; past it, those without a live token are let go first.
const GRANTS_MAX: usize = 1_000;
/// What the endpoint's `error` may say in a failure (RFC 6749, section 5.2).
const ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// What a token is asked for with.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    pub token_url: String,
    pub client_id: String,
    pub client_secret: String,
    pub scope: Option<String>,
    pub audience: Option<String>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Grant {
    /// One for all that could make a difference to the token, the secret included.
    fn key(&self) -> Key {
        let mut hash = Sha256::new();
        let parts = [Some(&self.token_url), Some(&self.client_id), Some(&self.client_secret)];
        for part in parts.into_iter().chain([self.scope.as_ref(), self.audience.as_ref()]) {
            // Its length first, and one more for what is there, so that no two lists run together.
            hash.update(part.map_or(0, |part| part.len() + 1).to_be_bytes());
            hash.update(part.map_or("", String::as_str));
        }
        hash.finalize().into()
    }

    fn request(&self) -> Outgoing {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        // Both halves are form-encoded before they are joined (RFC 6749, section 2.3.1).
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", encoded(&self.client_id), encoded(&self.client_secret)));
        let headers = [
            ("authorization", format!("Basic {basic}")),
            ("accept", "application/json".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        Outgoing {
            method: "POST".to_owned(),
            url: self.token_url.clone(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: Bytes::from(form.finish()),
            timeout: TOKEN_TIMEOUT,
            body_max: ANSWER_BYTES_MAX,
        }
    }
}

type Key = [u8; 32];
/// Held for the length of a token request: that is the single flight.
type Slot = Arc<tokio::sync::Mutex<Option<Outcome>>>;

/// The last outcome of a grant.
enum Outcome {
    Token { token: String, until: Instant },
    Failed { at: Instant, failure: Failure },
}

/// Tokens in hand, for all runs. Clones share them.
#[derive(Clone, Default)]
pub struct Tokens {
    /// Held only for the length of a look-up.
    slots: Arc<Mutex<HashMap<Key, Slot>>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// A token that is good for a while yet: the one in hand, or a new one.
    pub async fn bearer(&self, egress: &Egress, grant: &Grant) -> Result<String, Failure> {
        let came = Instant::now();
        let slot = self.slot(grant.key());
        let mut slot = slot.lock().await;
        match &*slot {
            Some(Outcome::Token { token, until }) if Instant::now() < *until => return Ok(token.clone()),
            // It failed while we waited for it: asking again, one after another, would only queue.
            Some(Outcome::Failed { at, failure }) if *at >= came => return Err(failure.clone()),
            _ => {}
        }
        let asked = Instant::now();
        match egress.send(grant.request()).await.and_then(|answer| issued(&answer)) {
            Ok((token, lifetime)) => {
                let until = asked + lifetime.saturating_sub(EXPIRY_MARGIN);
                *slot = Some(Outcome::Token { token: token.clone(), until });
                Ok(token)
            }
            // What the caller meant to send was not, whatever became of the token request.
            Err(failure) => {
                let failure = Failure { sent: false, message: format!("no access token: {failure}"), ..failure };
                *slot = Some(Outcome::Failed { at: Instant::now(), failure: failure.clone() });
                Err(failure)
            }
        }
    }

    /// The partner answered 401 to `token`: it is given out no more. A newer one stays.
    pub async fn forget(&self, grant: &Grant, token: &str) {
        let slot = self.slot(grant.key());
        let mut slot = slot.lock().await;
        if matches!(&*slot, Some(Outcome::Token { token: held, .. }) if held == token) {
            *slot = None;
        }
    }

    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= GRANTS_MAX && !slots.contains_key(&key) {
            let now = Instant::now();
            slots.retain(|_, slot| {
                slot.try_lock().map_or(true, |held| held.as_ref().is_some_and(|held| held.is_live(now)))
            });
            if slots.len() >= GRANTS_MAX {
                slots.clear();
            }
        }
        slots.entry(key).or_default().clone()
    }
}

impl Outcome {
    fn is_live(&self, now: Instant) -> bool {
        matches!(self, Self::Token { until, .. } if now < *until)
    }
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    token_type: String,
    /// A number by the standard; some write it as text.
    expires_in: Option<Value>,
}

/// The token in a token endpoint's answer, and how long it lives.
fn issued(answer: &Answered) -> Result<(String, Duration), Failure> {
    let refused = |why: String| Failure::unsent("token", why);
    if answer.status != 200 {
        let said = serde_json::from_slice::<Value>(&answer.body).ok();
        let said = said.as_ref().and_then(|said| said["error"].as_str());
        // Only words of the standard: anything else might repeat what we sent.
        let said =
            ERRORS.into_iter().find(|word| Some(*word) == said).map_or(String::new(), |word| format!(", {word}"));
        let message = format!("the token endpoint answered {}{said}", answer.status);
        let busy = matches!(answer.status, 408 | 425 | 429 | 500..);
        return Err(if busy { Failure::unsent("busy", message) } else { refused(message) });
    }
    let issued: Issued = serde_json::from_slice(&answer.body)
        .map_err(|_| refused("the token endpoint's answer is no JSON with access_token and token_type".to_owned()))?;
    if !issued.token_type.eq_ignore_ascii_case("bearer") {
        return Err(refused("the token endpoint issued a token that is no bearer token".to_owned()));
    }
    let token = issued.access_token;
    if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refused("the token endpoint issued a token that cannot be sent".to_owned()));
    }
    let seconds = issued.expires_in.as_ref().and_then(|said| match said {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    Ok((token, seconds.map_or(EXPIRES_DEFAULT, Duration::from_secs).min(EXPIRES_MAX)))
}

#[cfg(test)]
#[path = "oauth_tests.rs"]
mod tests;
