//! An endpoint's secrets, and what is signed with them.
//!
//! Invariant: a secret is in a `SecretString` alone; what leaves here are signatures, but for
//! `casesolved`, which sends the secret itself.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use uuid::Uuid;

use super::Profile;
use crate::{
    Error,
    clock::{Micros, to_utc},
    id::random,
    round::hex,
    secret::MasterKeys,
};

/// What a secret of Standard Webhooks begins with; its bytes follow in base64.
const PREFIX: &str = "whsec_";
/// Secrets that may be live at once.
const LIVE_MAX: usize = 3;

/// One secret, and until when it signs where a newer one has taken its place.
#[derive(Clone, Debug)]
pub struct OneSecret {
    pub value: SecretString,
    pub until: Option<Micros>,
}

/// The newest first.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<OneSecret>);

impl Secrets {
    pub fn of(value: SecretString) -> Self {
        Self(vec![OneSecret { value, until: None }])
    }

    /// A new one; those before it go on signing until then.
    pub fn rotated(mut self, value: SecretString, now: Micros, until: Micros) -> Self {
        self.0.retain(|one| is_live(one, now));
        for one in &mut self.0 {
            one.until = Some(one.until.map_or(until, |known| known.min(until)));
        }
        self.0.insert(0, OneSecret { value, until: None });
        self.0.truncate(LIVE_MAX);
        self
    }

    /// Those that sign, the newest first.
    pub fn live(&self, now: Micros) -> Vec<&OneSecret> {
        self.0.iter().filter(|one| is_live(one, now)).collect()
    }

    pub fn seal(&self, keys: &MasterKeys, account: &str, endpoint: Uuid) -> Result<(Vec<u8>, String), Error> {
        let list: Vec<(&str, Option<Micros>)> =
            self.0.iter().map(|one| (one.value.expose_secret(), one.until)).collect();
        let text = serde_json::to_string(&list).map_err(|error| Error::Internal(error.into()))?;
        keys.seal(account, &sealed_as(endpoint), &SecretString::from(text))
    }

    pub fn open(keys: &MasterKeys, account: &str, endpoint: Uuid, sealed: &[u8]) -> Result<Self, Error> {
        let text = keys.open(account, &sealed_as(endpoint), sealed)?;
        let list: Vec<(String, Option<Micros>)> = serde_json::from_str(text.expose_secret())
            .map_err(|_| Error::MasterKey(format!("the secrets of endpoint {endpoint} are stored in no known form")))?;
        Ok(Self(list.into_iter().map(|(value, until)| OneSecret { value: value.into(), until }).collect()))
    }
}

fn is_live(one: &OneSecret, now: Micros) -> bool {
    one.until.is_none_or(|until| now < until)
}

/// No secret of an account has this name: it has a slash.
fn sealed_as(endpoint: Uuid) -> String {
    format!("endpoint/{endpoint}")
}

/// A new secret for whatever profile.
pub fn generate() -> SecretString {
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(random())))
}

/// A secret that somebody brings. The error never says it.
pub fn check(profile: Profile, secret: &SecretString) -> Result<(), Error> {
    let text = secret.expose_secret();
    let wrong = |message: &str| Err(Error::Invalid(message.into()));
    match profile {
        Profile::Standard | Profile::Cloudevents => match text.strip_prefix(PREFIX).and_then(decoded) {
            Some(bytes) if (24..=64).contains(&bytes.len()) => Ok(()),
            _ => wrong("`secret` must be `whsec_` and the base64 of 24 to 64 bytes; left out, one is made"),
        },
        _ if !(16..=256).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            wrong("`secret` must be 16 to 256 visible ASCII characters; left out, one is made")
        }
        _ => Ok(()),
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes a key of any length (RFC 2104, section 2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// What is signed, beside the secrets.
pub struct Signed<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub at: Micros,
    pub body: &'a [u8],
}

/// The headers that prove where a delivery comes from. Where a header has room for one signature, it is
/// the older secret's until that ends, and the newer one's stands in the same header with `-Next`.
pub fn headers(profile: Profile, secrets: &[&OneSecret], signed: &Signed<'_>) -> Vec<(String, String)> {
    let seconds = to_utc(signed.at).timestamp().to_string();
    let all = |one: &dyn Fn(&[u8]) -> String, between: &str| {
        let each: Vec<_> = secrets.iter().map(|secret| one(secret.value.expose_secret().as_bytes())).collect();
        each.join(between)
    };
    let header = |name: &str, value: String| (name.to_owned(), value);
    match profile {
        Profile::Standard | Profile::Cloudevents => {
            let sign = |secret: &[u8]| {
                let text = std::str::from_utf8(secret).unwrap_or_default();
                let key = text.strip_prefix(PREFIX).and_then(decoded).unwrap_or_else(|| secret.to_vec());
                let parts = [signed.id.as_bytes(), b".", seconds.as_bytes(), b".", signed.body];
                format!("v1,{}", STANDARD.encode(mac(&key, &parts)))
            };
            let signatures = all(&sign, " ");
            vec![
                header("webhook-id", signed.id.to_owned()),
                header("webhook-timestamp", seconds.clone()),
                header("webhook-signature", signatures),
            ]
        }
        Profile::Stripe => {
            let sign = |secret: &[u8]| format!("v1={}", hex(&mac(secret, &[seconds.as_bytes(), b".", signed.body])));
            vec![header("stripe-signature", format!("t={seconds},{}", all(&sign, ",")))]
        }
        Profile::Github => {
            let mut headers = one_each("x-hub-signature-256", secrets, |secret| {
                format!("sha256={}", hex(&mac(secret, &[signed.body])))
            });
            headers.push(header("x-github-event", signed.kind.to_owned()));
            headers.push(header("x-github-delivery", signed.id.to_owned()));
            headers
        }
        Profile::Cycle => one_each("cycle-signature", secrets, |secret| hex(&mac(secret, &[signed.body]))),
        Profile::Casesolved => {
            one_each("x-webhook-secret", secrets, |secret| String::from_utf8_lossy(secret).into_owned())
        }
    }
}

fn one_each(name: &str, secrets: &[&OneSecret], sign: impl Fn(&[u8]) -> String) -> Vec<(String, String)> {
    let sign = |secret: &OneSecret| sign(secret.value.expose_secret().as_bytes());
    let mut headers = Vec::new();
    if let Some(oldest) = secrets.last() {
        headers.push((name.to_owned(), sign(oldest)));
    }
    if secrets.len() > 1 {
        headers.push((format!("{name}-next"), sign(secrets[0])));
    }
    headers
}
