//! Sends one request and reads one answer, within the request's bounds.
//!
//! Invariant: no answer is longer than its cap in memory, no exchange longer than its time, and a
//! redirect is an answer, not an instruction. Connections are kept per partner; nothing is locked
//! while a partner is waited for, so that a slow one delays no other.

use std::{error::Error, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::capture_connection},
    rt::{TokioExecutor, TokioTimer},
};
use url::{Position, Url};

use super::{Answered, Failure, Outgoing, Resolve, Rules, StandIn, SystemResolver, connect::Connector, places::Places};

/// Of the request's head, and of the answer's, which may run over by what one more read brings.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 100;
const URL_BYTES_MAX: usize = 8 * 1024;
/// Most servers close what is idle for a minute or more; we let go first.
const IDLE_MAX: Duration = Duration::from_secs(30);
const IDLE_PER_HOST_MAX: usize = 32;

/// What frames a message or keeps a connection is ours to say; `host` is the URL's.
const OURS: [&str; 11] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-connection",
    "proxy-authorization",
];

/// The client. Clones share its connections.
#[derive(Clone)]
pub struct Egress(Way);

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Egress").finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Way {
    Out { client: Client<Connector, Full<Bytes>>, places: Places },
    Nowhere(Arc<dyn StandIn>),
}

impl Egress {
    /// Reaches public addresses, and what the rules open.
    #[must_use]
    pub fn new(rules: impl Into<Rules>) -> Self {
        Self::resolving(rules, Arc::new(SystemResolver))
    }

    /// The same, with names looked up elsewhere.
    #[must_use]
    pub fn resolving(rules: impl Into<Rules>, resolver: Arc<dyn Resolve>) -> Self {
        let rules = rules.into();
        let places = Places::new(rules.connections);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .http1_max_headers(FIELDS_MAX)
            .build(Connector::new(rules, resolver));
        Self(Way::Out { client, places })
    }

    /// Reaches nobody.
    #[must_use]
    pub fn nowhere(stand_in: Arc<dyn StandIn>) -> Self {
        Self(Way::Nowhere(stand_in))
    }

    /// The whole answer, or why there is none. Sent once: a request is repeated only where a kept
    /// connection turned out closed before any of it was written. Where too many are out already it
    /// waits first, and its time does not run meanwhile.
    pub async fn send(&self, request: Outgoing) -> Result<Answered, Failure> {
        let Outgoing { timeout, body_max, .. } = request;
        let (client, places) = match &self.0 {
            Way::Out { client, places } => (client, places),
            Way::Nowhere(stand_in) => {
                prepared(request.clone())?;
                return stand_in.answer(request).await;
            }
        };
        let mut request = prepared(request)?;
        let host = request.uri().host().unwrap_or_default().to_owned();
        let _place = places.take(request.uri().authority().map_or("", |authority| authority.as_str())).await;
        let connection = capture_connection(&mut request);
        let exchange = async {
            let answer = client.request(request).await.map_err(|error| {
                let connected = connection.connection_metadata().is_some();
                unanswered(&host, &error, connected)
            })?;
            let (head, body) = answer.into_parts();
            let body = gathered(&host, body, body_max).await?;
            Ok(Answered { status: head.status.as_u16(), headers: listed(&head.headers), body })
        };
        let outcome = tokio::time::timeout(timeout, exchange).await;
        outcome.unwrap_or_else(|_| {
            Err(Failure {
                kind: "timeout",
                message: format!("no whole answer from {host} in {timeout:?}"),
                sent: connection.connection_metadata().is_some(),
            })
        })
    }
}

fn prepared(request: Outgoing) -> Result<Request<Full<Bytes>>, Failure> {
    let refused = |why: String| Failure::unsent("request", why);
    let uri = target(&request.url)?;
    let method = Method::from_bytes(request.method.as_bytes())
        .ok()
        .filter(|method| *method != Method::CONNECT)
        .ok_or_else(|| refused("the method is none that can be sent".to_owned()))?;
    let bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if request.headers.len() > FIELDS_MAX || bytes > HEAD_BYTES_MAX {
        return Err(refused(format!("the headers are over {FIELDS_MAX} fields or {HEAD_BYTES_MAX} bytes")));
    }
    let mut outgoing = Request::new(Full::new(request.body));
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() = uri;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refused("the name of a header has a character that no name may have".to_owned()))?;
        if OURS.contains(&name.as_str()) {
            return Err(refused(format!("the header `{name}` is not the caller's to set")));
        }
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| refused(format!("the header `{name}` has a character that no value may have")))?;
        outgoing.headers_mut().append(name, value);
    }
    let named = concat!("holdfast/", env!("CARGO_PKG_VERSION"));
    outgoing.headers_mut().entry(header::USER_AGENT).or_insert(HeaderValue::from_static(named));
    Ok(outgoing)
}

/// The URL in its canonical form: odd spellings of an address have become the address.
fn target(text: &str) -> Result<Uri, Failure> {
    let refused = |why: &str| Failure::unsent("url", why);
    if text.len() > URL_BYTES_MAX {
        return Err(refused("the URL is over 8 KiB"));
    }
    let url = Url::parse(text).map_err(|error| refused(&format!("not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("the URL is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("the URL has credentials in it: they belong under `auth`"));
    }
    url[..Position::AfterQuery].parse().map_err(|_| refused("the URL cannot be sent"))
}

async fn gathered(host: &str, mut body: Incoming, max: usize) -> Result<Bytes, Failure> {
    let too_large =
        || Failure { kind: "too_large", message: format!("the answer from {host} is over {max} bytes"), sent: true };
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(host, &error))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > max - all.len() {
            return Err(too_large());
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn unanswered(host: &str, error: &(dyn Error + 'static), connected: bool) -> Failure {
    for cause in causes(error) {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.clone();
        }
        if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
            let message = format!("the head of {host}'s answer is over {HEAD_BYTES_MAX} bytes or {FIELDS_MAX} fields");
            return Failure { kind: "too_large", message, sent: true };
        }
    }
    Failure { sent: connected, ..broken(host, error) }
}

fn broken(host: &str, error: &(dyn Error + 'static)) -> Failure {
    let why = causes(error).last().map(ToString::to_string).unwrap_or_default();
    Failure { kind: "network", message: format!("the exchange with {host} broke off: {why}"), sent: true }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
