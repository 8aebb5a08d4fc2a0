use super::*;

fn seen(problem: Problem) -> (u16, Option<String>, Value) {
    let document = problem.document();
    let response = problem.into_response();
    let retry = response.headers().get(header::RETRY_AFTER).map(|v| v.to_str().expect("in a test").to_owned());
    assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
    assert_eq!(document["status"], response.status().as_u16());
    (response.status().as_u16(), retry, document)
}

#[test]
fn each_refusal_of_the_engine_has_its_status() {
    let limit = Error::Limit { limit: "queued_hits_per_webhook", max: 3, retry_after: Duration::from_secs(2) };
    let away = Error::Unavailable { reason: "the disk is full".into(), retry_after: Duration::from_millis(1500) };
    let cases = [
        (Error::NotFound { what: "cycle", id: "x".into() }, 404, None),
        (Error::Inactive, 406, None),
        (Error::Conflict("stop it first".into()), 409, None),
        (Error::Invalid("limit is at most 1,000".into()), 400, None),
        (Error::KeyReused, 422, None),
        (Error::Definition(vec![]), 422, None),
        (limit, 429, Some("2")),
        (away, 503, Some("2")),
        (Error::Internal("a secret of the inside".into()), 500, None),
    ];
    for (error, status, retry) in cases {
        let said = seen(error.into());
        assert_eq!((said.0, said.1.as_deref()), (status, retry), "{}", said.2);
    }
}

#[test]
fn an_internal_error_tells_nothing_of_the_inside() {
    let (_, _, document) = seen(Error::Internal("password=hunter2".into()).into());
    assert!(!document.to_string().contains("hunter2"), "{document}");
}

#[test]
fn a_limit_is_named() {
    let (_, _, document) = seen(Error::Limit { limit: "runs", max: 10, retry_after: Duration::ZERO }.into());
    assert_eq!((&document["limit"], &document["max"]), (&json!("runs"), &json!(10)));
}

#[test]
fn a_wrong_method_says_which_are_right() {
    let response = Problem::method(&Method::DELETE, "GET, HEAD, POST").into_response();
    assert_eq!(response.headers()[header::ALLOW], "GET, HEAD, POST");
    assert_eq!(response.status(), 405);
}
