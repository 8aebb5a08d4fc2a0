//! How a webhook tells its senders from strangers, as data: what is signed, where the signature
//! stands, which secrets may have made it.
//!
//! Invariant: a secret is here by its name only.

use std::time::Duration;

/// Names of secrets, 1 to [`SECRETS_MAX`]. All are tried: during a rotation several are live.
pub type Secrets = Vec<String>;

/// Names of secrets in one place.
pub const SECRETS_MAX: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// One of them is enough.
    Any(Vec<Verify>),
    All(Vec<Verify>),
    Signature(Box<Signature>),
    /// HMAC-SHA1 over the URL and the sorted form fields, or the URL with a digest of the body.
    Twilio {
        secrets: Secrets,
    },
    HttpSignatures(Box<HttpSignatures>),
    /// A header whose value is the secret.
    Header {
        /// In lower case.
        name: String,
        secrets: Secrets,
    },
    /// RFC 7617; the secret is the password.
    Basic {
        user: String,
        secrets: Secrets,
    },
    /// RFC 6750, in `Authorization`.
    Bearer {
        secrets: Secrets,
    },
}

/// A signature in a header, over a message put together from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub algorithm: Algorithm,
    pub secrets: Secrets,
    pub key: KeyForm,
    /// Where the signature stands, in lower case.
    pub header: String,
    /// Stands before the signature; what does not begin with it is no candidate.
    pub prefix: String,
    /// Between several signatures, or other things, in the one header.
    pub separator: Option<char>,
    pub encoding: Encoding,
    pub signed: Vec<Part>,
    pub timestamp: Option<Timestamp>,
    /// The header of the delivery's id, in lower case. An id with a dot is refused: it could
    /// borrow from the part behind it.
    pub id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    HmacSha1,
    HmacSha256,
    HmacSha512,
    Ed25519,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Hex,
    /// Standard alphabet, with or without padding.
    Base64,
    Base64Url,
}

/// How a secret's text becomes the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyForm {
    /// Cut off first, where it is there: `whsec_`.
    pub prefix: String,
    /// None: the text's own bytes.
    pub encoding: Option<Encoding>,
}

/// A part of the signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it came: before a content coding is undone.
    Body,
    /// As the sender saw it.
    Url,
    Method,
    Timestamp,
    Id,
    /// A header's value, by its name in lower case.
    Header(String),
    Text(String),
}

/// The sender's clock, which is part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    pub header: String,
    /// Where the header holds several things: how the timestamp begins (`t=`).
    pub prefix: String,
    pub millis: bool,
    /// How far it may be from ours, before or after.
    pub tolerance: Duration,
}

/// RFC 9421, with RFC 9530's digest of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSignatures {
    /// `HmacSha256` or `Ed25519`.
    pub algorithm: Algorithm,
    pub secrets: Secrets,
    pub key: KeyForm,
    /// Components that a signature must cover, in lower case.
    pub covers: Vec<String>,
    pub tolerance: Duration,
}

impl Verify {
    /// Every secret that it may need.
    pub fn secrets(&self) -> Vec<&str> {
        let names = match self {
            Self::Any(of) | Self::All(of) => return of.iter().flat_map(Self::secrets).collect(),
            Self::Signature(signature) => &signature.secrets,
            Self::HttpSignatures(signatures) => &signatures.secrets,
            Self::Twilio { secrets }
            | Self::Header { secrets, .. }
            | Self::Basic { secrets, .. }
            | Self::Bearer { secrets } => secrets,
        };
        names.iter().map(String::as_str).collect()
    }
}
