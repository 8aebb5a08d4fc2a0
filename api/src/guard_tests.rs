use axum::{Router, body::Body, http::Request, middleware, routing::get};
use tower::ServiceExt as _;

use super::*;

async fn status_of(request: Request<Body>) -> (u16, String) {
    let limits = Limits { target_bytes: 20, head_bytes: 100, head_fields: 3, ..Limits::default() };
    let router = Router::new()
        .route(
            "/bug",
            get(|| async {
                if true {
                    panic!("a bug")
                }
            }),
        )
        .fallback(|| async { "through" })
        .layer(middleware::from_fn_with_state(Arc::new(limits), around));
    let response = router.oneshot(request).await.expect("in a test");
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.expect("in a test");
    (status, String::from_utf8(body.to_vec()).expect("in a test"))
}

fn request(target: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut builder = Request::builder().uri(target);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::empty()).expect("in a test")
}

#[tokio::test]
async fn a_head_within_its_caps_passes() {
    assert_eq!(status_of(request("/12345678901234567?x", &[("a", "1")])).await, (200, "through".to_owned()));
}

#[tokio::test]
async fn a_long_target_is_414_and_a_large_head_431_with_the_limit_named() {
    let (status, body) = status_of(request("/12345678901234567890", &[])).await;
    assert_eq!(status, 414);
    assert!(body.contains("target_bytes"), "{body}");
    let (status, body) = status_of(request("/", &[("a", &"x".repeat(100))])).await;
    assert_eq!(status, 431);
    assert!(body.contains("head_bytes"), "{body}");
    let (status, body) = status_of(request("/", &[("a", "1"), ("a", "2"), ("a", "3"), ("b", "4")])).await;
    assert_eq!(status, 431);
    assert!(body.contains("head_fields"), "{body}");
}

#[tokio::test]
async fn a_panic_is_a_500_that_says_nothing_of_it() {
    let (status, body) = status_of(request("/bug", &[])).await;
    assert_eq!(status, 500);
    assert!(body.contains("internal-error") && !body.contains("a bug"), "{body}");
}
