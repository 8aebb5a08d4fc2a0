//! A small HTTP/1.1 client: one connection a request, nothing followed, nothing retried, so that a
//! test sees exactly what the server sent.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::Body;

/// Longer than the longest thing that a test waits for; a server that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request, not yet sent.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// No answer came: what became of the request is not known.
#[derive(Debug)]
pub struct Lost(pub String);

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Call {
    /// Panics on a method that is none.
    pub fn new(method: &str, path: &str) -> Self {
        let method = method.parse().expect("a method");
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Bytes::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn json(self, body: impl Into<Body>) -> Self {
        self.body("application/json", body.into().0)
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub async fn send(self, to: SocketAddr) -> Result<Response, Lost> {
        let exchange = tokio::time::timeout(PATIENCE, self.exchange(to));
        exchange.await.map_err(|_| Lost(format!("no answer within {PATIENCE:?}")))?
    }

    async fn exchange(self, to: SocketAddr) -> Result<Response, Lost> {
        let lost = |error: &dyn std::error::Error| Lost(error.to_string());
        let stream = TcpStream::connect(to).await.map_err(|error| lost(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
        let driven = tokio::spawn(connection);
        let mut request = Request::builder().method(self.method).uri(self.path).header("host", to.to_string());
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).expect("a test's request is well formed");
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            let body = response.into_body().collect().await?.to_bytes();
            Ok(Response { status, headers, body })
        };
        let answered = answer.await.map_err(|error: hyper::Error| lost(&error));
        driven.abort();
        answered
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Panics where the body is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Null where the body is no JSON.
    pub fn json_or_null(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The same response, if it has this status; panics, showing it, if not.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {:?}", self.text(), self.headers);
        self
    }

    pub fn hit(&self) -> String {
        self.header("holdfast-hit").unwrap_or_else(|| panic!("no Holdfast-Hit in {self:?}")).to_owned()
    }

    pub fn transaction(&self) -> String {
        self.header("holdfast-transaction").unwrap_or_else(|| panic!("no Holdfast-Transaction in {self:?}")).to_owned()
    }
}
