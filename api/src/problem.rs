//! The one shape of an error: a problem document (RFC 9457). What the engine refuses becomes a
//! status here and nowhere else.
//!
//! Invariant: nothing secret, no body and no source of an internal error is ever in a problem.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use holdfast_engine::Error;
use serde_json::{Map, Value, json};

pub const MEDIA_TYPE: &str = "application/problem+json";

/// The name of a problem, for logs and metrics; it travels in the response's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Kind(pub &'static str);

/// The limit that was reached, likewise.
#[derive(Clone, Copy, Debug)]
pub struct Reached(pub &'static str);

/// Boxed: it is the error of many results, and rare.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: Option<String>,
    members: Map<String, Value>,
    headers: HeaderMap,
    limit: Option<&'static str>,
}

impl Problem {
    /// `kind` is a lower-case name with hyphens, the same for ever: clients compare it. `title`
    /// says the same to people and does not vary (RFC 9457 §3.1.4).
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        Self(Box::new(Parts {
            status,
            kind,
            title,
            detail: None,
            members: Map::new(),
            headers: HeaderMap::new(),
            limit: None,
        }))
    }

    /// What was wrong this time, and what to do about it.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// An extension member (RFC 9457 §3.2).
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Rounded up to whole seconds, at least one (RFC 9110 §10.2.3).
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The rest of the request will not be read: the connection ends with this answer.
    pub fn closing(self) -> Self {
        self.header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// A limit was reached: its name goes into the answer, the log and a metric.
    pub fn limit(mut self, name: &'static str, max: u64) -> Self {
        self.0.limit = Some(name);
        self.with("limit", name).with("max", max)
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn kind(&self) -> &'static str {
        self.0.kind
    }

    /// The document: `type`, `title`, `status`, `detail` and the extension members.
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("type".into(), format!("urn:holdfast:problem:{}", self.0.kind).into());
        document.insert("title".into(), self.0.title.into());
        document.insert("status".into(), self.0.status.as_u16().into());
        if let Some(detail) = &self.0.detail {
            document.insert("detail".into(), detail.as_str().into());
        }
        document.extend(self.0.members.clone());
        Value::Object(document)
    }

    /// A thing of this server that is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here").detail(detail)
    }

    /// A request that is wrong in itself.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "The request is not valid").detail(detail)
    }

    /// `405` with what is allowed (RFC 9110 §15.5.6).
    pub fn method(method: &Method, allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not allowed here")
            .detail(format!("{method} is not allowed here; allowed: {allow}"))
            .header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// A bug: the caller learns that it is one, and no more.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "Something is wrong inside Holdfast")
            .detail("The error was logged. The request may or may not have been carried out.")
    }

    /// The store is out of reach, or the node is leaving.
    pub fn unavailable(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Holdfast cannot take this now")
            .detail(detail)
            .retry_after(retry_after)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound { .. } => Self::not_found(detail),
            Error::Inactive => {
                Self::new(StatusCode::NOT_ACCEPTABLE, "inactive", "The cycle is not running").detail(detail)
            }
            Error::Conflict(_) => {
                Self::new(StatusCode::CONFLICT, "conflict", "The present state does not allow this").detail(detail)
            }
            Error::Invalid(_) => Self::invalid(detail),
            Error::Thrown(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "The webhook's script refuses the request")
                    .detail(detail)
            }
            Error::Script(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "script-failed", "The webhook's script failed")
                    .detail("Nothing was accepted. The log says what is wrong.")
            }
            Error::Subscription(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "subscription-failed", "The subscription could not be made")
                    .detail(detail)
            }
            Error::MasterKey(_) => {
                Self::new(StatusCode::CONFLICT, "master-key", "The master key of secrets is missing or another")
                    .detail(detail)
            }
            Error::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "This Idempotency-Key belongs to another request",
            )
            .detail(detail),
            Error::Definition(diagnostics) => {
                let found: Vec<Value> = diagnostics.iter().map(|found| json!(found)).collect();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "definition", "The definition has errors")
                    .detail(detail)
                    .with("diagnostics", found)
            }
            Error::Limit { limit, max, retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "A limit is reached")
                    .detail(detail)
                    .limit(limit, max)
                    .retry_after(retry_after)
            }
            Error::Unavailable { retry_after, .. } => Self::unavailable(detail, retry_after),
            Error::Unknown => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "outcome-unknown",
                "It is not known whether this was carried out",
            )
            .detail(detail),
            Error::Internal(source) => {
                tracing::error!(error = %Chain(source.as_ref()), "internal error");
                Self::internal()
            }
        }
    }
}

/// An error with its sources, for the log.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, self.document().to_string()).into_response();
        response.headers_mut().extend(self.0.headers);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.extensions_mut().insert(Kind(self.0.kind));
        if let Some(limit) = self.0.limit {
            response.extensions_mut().insert(Reached(limit));
        }
        response
    }
}

/// A path that is no route.
pub async fn no_such_page(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

/// A route that has no such method; axum adds `Allow`.
pub async fn no_such_method(method: Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not allowed here")
        .detail(format!("{method} is not allowed here; see the header Allow"))
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
