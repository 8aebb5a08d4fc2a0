//! A scenario's hit as the request that it is, and its answer as a scenario sees it.

use axum::{
    body::Body,
    http::{HeaderMap, Request as HttpRequest, header},
    response::Response,
};
use holdfast_definitions::{Json, Members, Request, RequestBody};
use holdfast_engine::{Error, HitId, TransactionId};

use super::PlayedAnswer;
use crate::hooks::Vouched;

/// An answer's body, at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Fields that name a hit or a transaction, or frame the message.
const LEFT_OUT: [&str; 3] = ["holdfast-hit", "holdfast-transaction", "content-length"];

/// An answer as it came.
pub struct Arrived {
    pub hit: Option<HitId>,
    pub transaction: Option<TransactionId>,
    pub repeats: bool,
    pub answer: PlayedAnswer,
}

pub fn request(identifier: &str, request: &Request) -> Result<HttpRequest<Body>, Error> {
    let mut target = format!("/hooks/{identifier}");
    if !request.query.is_empty() {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&request.query);
        target = format!("{target}?{}", query.finish());
    }
    let mut built = HttpRequest::builder().method(request.method.as_str()).uri(target);
    for (name, value) in &request.headers {
        built = built.header(name, value);
    }
    let typed = request.headers.iter().any(|(name, _)| name == header::CONTENT_TYPE.as_str());
    let body = match &request.body {
        RequestBody::None => String::new(),
        RequestBody::Json(body) => {
            if !typed {
                built = built.header(header::CONTENT_TYPE, "application/json");
            }
            body.to_string()
        }
        RequestBody::Raw(text) => text.clone(),
    };
    if request.verified {
        built = built.extension(Vouched);
    }
    built.body(Body::from(body)).map_err(|error| Error::Invalid(format!("the hit can't be sent: {error}")))
}

pub async fn arrived(response: Response) -> Arrived {
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
    let field = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let essence = field("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let text = || Json::from(String::from_utf8_lossy(&body).into_owned());
    let body = match body.is_empty() {
        true => Json::Null,
        false if is_json => Json::parse(&body).unwrap_or_else(|_| text()),
        false => text(),
    };
    Arrived {
        hit: field("holdfast-hit").and_then(|id| id.parse().ok()),
        transaction: field("holdfast-transaction").and_then(|id| id.parse().ok()),
        repeats: field("idempotency-replayed").is_some(),
        answer: PlayedAnswer { status: head.status.as_u16(), headers: fields(&head.headers), body },
    }
}

fn fields(headers: &HeaderMap) -> Json {
    let mut members = Members::new();
    for name in headers.keys().filter(|name| !LEFT_OUT.contains(&name.as_str())) {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        members.insert(name.as_str().to_owned(), Json::from(values.collect::<Vec<_>>().join(", ")));
    }
    Json::from(members)
}
