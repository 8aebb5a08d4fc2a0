use super::*;

fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &[u8])| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a value"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().map(line) {
        headers.append(name, value);
    }
    headers
}

#[test]
fn fields_are_joined_and_secrets_masked() {
    let kept = fields(
        &headers(&[
            ("x-order", b"A-1"),
            ("accept", b"text/html"),
            ("x-order", b"A-2"),
            ("authorization", b"Bearer hunter2"),
            ("cookie", b"session=hunter2"),
            ("proxy-authorization", b"Basic hunter2"),
            ("x-name", b"Jos\xe9"),
            ("x-town", "Málaga".as_bytes()),
            ("x-shop-secret", b"hunter2"),
        ]),
        &["x-shop-secret".to_owned()],
    );
    assert_eq!(
        kept.to_string(),
        r#"{"x-order":"A-1, A-2","accept":"text/html","authorization":"***","cookie":"***","proxy-authorization":"***","x-name":"José","x-town":"Málaga","x-shop-secret":"***"}"#
    );
}

#[test]
fn a_query_is_read_like_a_form() {
    let uri: Uri = "/hooks/x?a=1&b=%20y&a=2&constructor=".parse().expect("a target");
    assert_eq!(query(&uri).to_string(), r#"{"a":["1","2"],"b":" y","constructor":""}"#);
    assert_eq!(query(&Uri::from_static("/hooks/x")).to_string(), "{}");
}

#[test]
fn an_idempotency_key_goes_before_a_webhook_id() {
    let both = headers(&[("webhook-id", b"msg_1"), ("idempotency-key", b" k-1 ")]);
    assert_eq!(repeat(&both).ok().flatten(), Some(RepeatHeader::IdempotencyKey("k-1".into())));
    let one = headers(&[("webhook-id", b"msg_1")]);
    assert_eq!(repeat(&one).ok().flatten(), Some(RepeatHeader::WebhookId("msg_1".into())));
    assert!(matches!(repeat(&HeaderMap::new()), Ok(None)));
}

#[test]
fn a_key_that_cannot_be_one_is_refused() {
    let long = vec![b'k'; 256];
    let cases: [&[(&str, &[u8])]; 5] = [
        &[("idempotency-key", b"a"), ("idempotency-key", b"a")],
        &[("idempotency-key", b"")],
        &[("idempotency-key", &long)],
        &[("idempotency-key", b"\xff")],
        &[("webhook-id", b"  ")],
    ];
    for case in cases {
        let problem = repeat(&headers(case)).expect_err("refused");
        assert_eq!(problem.status(), 400, "{case:?}");
    }
    assert!(repeat(&headers(&[("idempotency-key", &long[..255])])).is_ok());
}

#[test]
fn a_wait_is_read_out_of_the_preferences() {
    let seconds = |value: &[u8]| wait(&headers(&[("prefer", value)])).map(|wait| wait.as_secs());
    assert_eq!(seconds(b"wait=10"), Some(10));
    assert_eq!(seconds(b"respond-async, Wait = \"5\"; foo, wait=9"), Some(5));
    assert_eq!(seconds(b"wait=0"), Some(0));
    assert_eq!(seconds(b"wait=99999999999999999999"), Some(u32::MAX.into()));
    for none in ["wait", "wait=", "wait=-1", "wait=1.5", "return=minimal", "await=3"] {
        assert_eq!(seconds(none.as_bytes()), None, "{none}");
    }
    assert_eq!(wait(&headers(&[("prefer", b"return=minimal"), ("prefer", b"wait=3")])), Some(Duration::from_secs(3)));
}
