//! An `http` step's settings: one call to another system.

use std::time::Duration;

use crate::Template;

#[derive(Debug)]
pub struct Http {
    /// In capitals. `GET`, or `POST` where there is a body.
    pub method: String,
    pub url: Template,
    /// Added to the URL's own query. A list gives a name more than once; null leaves it out.
    pub query: Vec<(String, Template)>,
    /// Names in lower case. Null leaves one out.
    pub headers: Vec<(String, Template)>,
    pub body: Option<(BodyType, Template)>,
    pub auth: Option<Auth>,
    /// Of each attempt, whole: default 30 s, 1 s to 5 min.
    pub timeout: Duration,
    pub retry: Retry,
    /// Statuses that count as success, as inclusive ranges. Default: 200 to 299.
    pub expect: Vec<(u16, u16)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    Json,
    /// `application/x-www-form-urlencoded`, of an object.
    Form,
    /// By the rule of XML bodies, the other way.
    Xml,
    Text,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each `http` step, in its box")]
pub enum Auth {
    Basic {
        user: Template,
        password: Template,
    },
    Bearer {
        token: Template,
    },
    Header {
        /// In lower case.
        name: String,
        value: Template,
    },
    /// OAuth 2 client credentials (RFC 6749 §4.4).
    OAuth2 {
        token_url: Template,
        client_id: Template,
        client_secret: Template,
        scope: Option<Template>,
        audience: Option<Template>,
    },
}

/// Attempts in all, and the time between: `backoff` doubled each time, at most `max_delay`, ±20 %.
/// What is tried again: network errors, 408, 425, 429 and 5xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Default 3, 1 to 20.
    pub attempts: u32,
    /// Default 1 s, 100 ms to 1 h.
    pub backoff: Duration,
    /// Default 5 min, at most 24 h. `Retry-After` is honoured up to it.
    pub max_delay: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, backoff: Duration::from_secs(1), max_delay: Duration::from_secs(300) }
    }
}
