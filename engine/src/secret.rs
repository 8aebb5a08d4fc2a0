//! Secrets: sealed with a master key at rest, opened in memory only, masked wherever they could show.
//!
//! Invariant: a value leaves this module in a `SecretString` alone, and what is stored opens only as
//! the account and name that it was sealed for.

mod mask;
mod values;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use secrecy::{
    ExposeSecret as _, SecretBox, SecretString,
    zeroize::{Zeroize as _, Zeroizing},
};
use sha2::{Digest as _, Sha256};

pub use mask::Mask;
pub use values::SecretValues;

use crate::{Error, id::random, round::hex};

/// Bytes of a value.
pub const VALUE_BYTES_MAX: usize = 64 << 10;
/// Secrets of an account, and bytes of all their values: every one of them is looked for wherever it
/// could show.
pub const SECRETS_MAX: usize = 500;
pub const VALUES_BYTES_MAX: usize = 256 << 10;

const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
/// The first byte of what is sealed: version, key id, nonce, then XChaCha20-Poly1305's output.
const VERSION: u8 = 1;
const HEAD_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES;

/// The keys that secrets are sealed with. The first seals; all of them open.
#[derive(Default)]
pub struct MasterKeys(Vec<MasterKey>);

struct MasterKey {
    id: [u8; KEY_ID_BYTES],
    key: SecretBox<[u8; KEY_BYTES]>,
}

impl MasterKeys {
    /// None at all: nothing can be sealed or opened.
    pub fn none() -> Self {
        Self::default()
    }

    /// One key a line, the base64 of 32 bytes; the first seals, those after it only open. Empty lines
    /// and those that begin with `#` are passed over. The error never shows the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.lines().map(str::trim).enumerate();
        let keys: Result<Vec<_>, _> = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(at, line)| MasterKey::parse(line).ok_or(at + 1))
            .collect();
        match keys {
            Ok(keys) if keys.is_empty() => Err(Error::MasterKey("the master key is empty".into())),
            Ok(keys) => Ok(Self(keys)),
            Err(line) => Err(Error::MasterKey(format!(
                "line {line} of the master key is not the base64 of {KEY_BYTES} bytes; make one with `openssl rand -base64 32`"
            ))),
        }
    }

    /// A new key, as the text that [`Self::parse`] takes.
    pub fn generate() -> Zeroizing<String> {
        let mut key = random();
        let text = Zeroizing::new(STANDARD.encode(key));
        key.zeroize();
        text
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id of the key that seals.
    pub fn current(&self) -> Option<String> {
        self.0.first().map(|key| hex(&key.id))
    }

    /// (what is to be stored, the key's id). `MasterKey` where there is no key.
    pub fn seal(&self, account: &str, name: &str, value: &SecretString) -> Result<(Vec<u8>, String), Error> {
        let key = self.0.first().ok_or_else(no_key)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&key.id);
        let nonce: [u8; NONCE_BYTES] = std::array::from_fn({
            let bytes = random();
            move |at| bytes[at]
        });
        sealed.extend_from_slice(&nonce);
        let aad = bound_to(&sealed[..1 + KEY_ID_BYTES], account, name);
        let payload = Payload { msg: value.expose_secret().as_bytes(), aad: &aad };
        let text = key.cipher()?.encrypt(&XNonce::from(nonce), payload);
        sealed.extend(text.map_err(|_| Error::Internal("a secret could not be sealed".into()))?);
        Ok((sealed, hex(&key.id)))
    }

    /// The value. `MasterKey` where the key is not among these, or where what is stored was changed or
    /// belongs to another account or name.
    pub fn open(&self, account: &str, name: &str, sealed: &[u8]) -> Result<SecretString, Error> {
        if sealed.len() < HEAD_BYTES || sealed[0] != VERSION {
            return Err(Error::MasterKey(format!("secret {name} of account {account} is stored in no known form")));
        }
        let id = &sealed[1..1 + KEY_ID_BYTES];
        let Some(key) = self.0.iter().find(|key| key.id == id) else {
            return Err(Error::MasterKey(format!(
                "secret {name} of account {account} is sealed with master key {}, which is not given: put it into \
                 --master-key-file, below the current one, or delete the secret",
                hex(id)
            )));
        };
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&sealed[1 + KEY_ID_BYTES..HEAD_BYTES]);
        let aad = bound_to(&sealed[..1 + KEY_ID_BYTES], account, name);
        let payload = Payload { msg: &sealed[HEAD_BYTES..], aad: &aad };
        let broken = || Error::MasterKey(format!("secret {name} of account {account} was changed where it is stored"));
        let mut bytes = key.cipher()?.decrypt(&XNonce::from(nonce), payload).map_err(|_| broken())?;
        let value = std::str::from_utf8(&bytes).map(|text| SecretString::from(text.to_owned()));
        let value = value.map_err(|_| broken());
        bytes.zeroize();
        value
    }
}

pub fn no_key() -> Error {
    Error::MasterKey(
        "there is no master key to seal secrets with: start the server with --master-key-file FILE or \
         HOLDFAST_MASTER_KEY"
            .into(),
    )
}

/// Ids only.
impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| hex(&key.id))).finish()
    }
}

impl MasterKey {
    fn parse(line: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        let key = SecretBox::init_with_mut(|key: &mut [u8; KEY_BYTES]| key.copy_from_slice(&bytes));
        let digest = Sha256::new().chain_update("holdfast master key\0").chain_update(bytes.as_slice()).finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        Some(Self { id, key })
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, Error> {
        XChaCha20Poly1305::new_from_slice(self.key.expose_secret())
            .map_err(|_| Error::Internal("a master key of the wrong length".into()))
    }
}

/// The associated data: a row that is moved to another account or name does not open.
fn bound_to(head: &[u8], account: &str, name: &str) -> Vec<u8> {
    let mut bound = head.to_vec();
    for part in [account, name] {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    bound
}

/// `[A-Za-z_][A-Za-z0-9_]{0,99}`
pub fn check_name(name: &str) -> Result<(), Error> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_digit());
    if name.is_empty() || name.len() > 100 || starts || !name.chars().all(letters) {
        return Err(Error::Invalid(
            "a secret's name has letters, digits and underscores, at most 100, not starting with a digit".into(),
        ));
    }
    Ok(())
}

/// Never says the value.
pub fn check_value(value: &SecretString) -> Result<(), Error> {
    match value.expose_secret().len() {
        0 => Err(Error::Invalid("a secret's value may not be empty".into())),
        1..=VALUE_BYTES_MAX => Ok(()),
        bytes => {
            Err(Error::Invalid(format!("a secret's value has {bytes} bytes: at most {VALUE_BYTES_MAX} are allowed")))
        }
    }
}

#[cfg(test)]
mod tests;
