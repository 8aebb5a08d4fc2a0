//! Signatures as a receiver checks them, made anew from what the schemes say.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdfast_tests::Asked;
use ring::hmac::{HMAC_SHA256, Key, sign};

/// HMAC-SHA256 in hexadecimal.
pub fn hmac(key: &[u8], message: &[u8]) -> String {
    let tag = sign(&Key::new(HMAC_SHA256, key), message);
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether one of its signatures is this secret's (Standard Webhooks, "Signature scheme").
pub fn standard(asked: &Asked, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
    let signed = format!("{}.{}.{}", asked.header("webhook-id"), asked.header("webhook-timestamp"), asked.body);
    let tag = STANDARD.encode(sign(&Key::new(HMAC_SHA256, &key), signed.as_bytes()));
    asked.header("webhook-signature").split(' ').any(|one| one == format!("v1,{tag}"))
}
