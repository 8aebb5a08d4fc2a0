//! Keys, codes and signatures.
//!
//! Invariant: every candidate is tried with every secret, and what decides is compared in constant
//! time.

use base64::{Engine as _, alphabet, engine};
use hmac::{Hmac, KeyInit, Mac};
use holdfast_definitions::{Algorithm, Encoding, KeyForm};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Lookup, Reason};

const LENIENT: engine::GeneralPurposeConfig = engine::GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
const BASE64: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
/// What stands before the key in a SubjectPublicKeyInfo of Ed25519 (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

pub fn decode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => unhex(text.as_bytes()),
        Encoding::Base64 => BASE64.decode(text).ok(),
        Encoding::Base64Url => BASE64_URL.decode(text).ok(),
    }
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

pub fn encode(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Encoding::Base64 => engine::general_purpose::STANDARD.encode(bytes),
        Encoding::Base64Url => BASE64_URL.encode(bytes),
    }
}

/// The key that a secret's text stands for.
pub fn key(secret: &[u8], form: &KeyForm) -> Option<Vec<u8>> {
    let secret = secret.strip_prefix(form.prefix.as_bytes()).unwrap_or(secret);
    let key = match form.encoding {
        None => secret.to_vec(),
        Some(encoding) => decode(std::str::from_utf8(secret).ok()?.trim(), encoding)?,
    };
    (!key.is_empty()).then_some(key)
}

/// None for Ed25519, which makes no code.
pub fn mac(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    fn of<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
        mac.update(message);
        Some(mac.finalize().into_bytes().to_vec())
    }
    match algorithm {
        Algorithm::HmacSha1 => of::<Hmac<sha1::Sha1>>(key, message),
        Algorithm::HmacSha256 => of::<Hmac<Sha256>>(key, message),
        Algorithm::HmacSha512 => of::<Hmac<sha2::Sha512>>(key, message),
        Algorithm::Ed25519 => None,
    }
}

pub fn signed(algorithm: Algorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    if algorithm == Algorithm::Ed25519 {
        let key = key.strip_prefix(&ED25519_SPKI).unwrap_or(key);
        return UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok();
    }
    mac(algorithm, key, message).is_some_and(|wanted| bool::from(wanted.ct_eq(signature)))
}

/// Whether two texts are the same, in a time that tells nothing of either's content or length.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    bool::from(Sha256::digest(a).ct_eq(&Sha256::digest(b)))
}

/// The secret that `holds`; all of them are tried.
pub fn which(names: &[String], secrets: Lookup, holds: impl Fn(&[u8]) -> bool) -> Result<(String, usize), Reason> {
    let (mut found, mut any) = (None, false);
    for name in names {
        let values = secrets(name).unwrap_or_default();
        for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
            any = true;
            if holds(value) {
                found.get_or_insert_with(|| (name.clone(), at));
            }
        }
    }
    match found {
        Some(found) => Ok(found),
        None if any => Err(Reason::Mismatch),
        None => Err(Reason::NoSecret(names.to_vec())),
    }
}
