//! What stands around every page: the headers that keep a browser in, and errors as pages.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::Value;

use super::page;
use crate::problem::MEDIA_TYPE;

/// Content Security Policy Level 3: nothing but what this server sends, no script and no style that
/// stands in a page, no frame around it.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A problem document is far below this.
const PROBLEM_BYTES_MAX: usize = 1 << 20;

/// Set by htmx on what it sends.
pub fn is_partial(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

pub async fn around(request: Request, next: Next) -> Response {
    let partial = is_partial(request.headers());
    let wanted = request.uri().path_and_query().map_or("/console", |path| path.as_str()).to_owned();
    let reads = request.method() == axum::http::Method::GET;
    let mut response = next.run(request).await;
    if response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == MEDIA_TYPE) {
        response = told(response, partial, reads.then_some(&wanted)).await;
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A problem as a person reads it: a page, or a notice in the page that asked.
async fn told(response: Response, partial: bool, wanted: Option<&str>) -> Response {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    if parts.status == StatusCode::UNAUTHORIZED {
        let next = wanted.map_or_else(String::new, |wanted| {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
            format!("?{query}")
        });
        let target = format!("/console/sign-in{next}");
        return match (partial, HeaderValue::from_str(&target)) {
            (true, Ok(target)) => ([(HeaderName::from_static("hx-redirect"), target)], Body::empty()).into_response(),
            _ => Redirect::to(&target).into_response(),
        };
    }
    let mut made = page::problem(parts.status, &document, partial);
    for (name, value) in &parts.headers {
        if name == header::RETRY_AFTER || name == header::ALLOW || name == header::CONNECTION {
            made.headers_mut().insert(name, value.clone());
        }
    }
    made.extensions_mut().extend(parts.extensions);
    made
}
