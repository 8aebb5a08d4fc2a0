use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

fn let_in(peer: &str, pairs: &[(&'static str, &str)]) -> bool {
    keyless(true, Some(peer.parse().unwrap()), &headers(pairs)).is_ok()
}

#[test]
fn loopback_is_let_in_without_a_key_in_dev_alone() {
    let host = ("host", "127.0.0.1:7400");
    assert!(let_in("127.0.0.1:5000", &[host]) && let_in("[::1]:5000", &[("host", "[::1]:7400")]));
    assert!(let_in("[::ffff:127.0.0.1]:5000", &[("host", "localhost")]));
    assert!(!let_in("10.0.0.1:5000", &[host]));
    assert!(keyless(false, "127.0.0.1:1".parse().ok(), &headers(&[host])).is_err());
    assert!(keyless(true, None, &headers(&[host])).is_err());
}

#[test]
fn no_web_page_can_reach_in() {
    let peer = "127.0.0.1:5000";
    assert!(!let_in(peer, &[("host", "evil.example:7400")]), "a name that was bound anew");
    assert!(!let_in(peer, &[]) && !let_in(peer, &[("host", "localhost.evil.example")]));
    assert!(!let_in(peer, &[("host", "localhost"), ("host", "evil.example")]), "two of them");
    let host = ("host", "localhost:7400");
    assert!(let_in(peer, &[host, ("origin", "http://localhost:7400")]));
    assert!(!let_in(peer, &[host, ("origin", "https://evil.example")]) && !let_in(peer, &[host, ("origin", "null")]));
    assert!(!let_in(peer, &[host, ("sec-fetch-site", "cross-site")]));
    assert!(let_in(peer, &[host, ("sec-fetch-site", "same-origin")]));
}

#[test]
fn a_forwarded_request_needs_a_key() {
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        assert!(!let_in("127.0.0.1:5000", &[("host", "localhost"), (name, "10.0.0.1")]), "{name}");
    }
}

#[test]
fn a_key_comes_in_either_header() {
    let key = |pairs: &[(&'static str, &str)]| secret(&headers(pairs)).map_err(|problem| problem.status());
    assert_eq!(key(&[("authorization", "Bearer hf_1")]), Ok(Some("hf_1".into())));
    assert_eq!(key(&[("x-api-key", "hf_1")]), Ok(Some("hf_1".into())));
    assert_eq!(key(&[]), Ok(None));
    assert_eq!(key(&[("authorization", "Basic abc")]), Err(StatusCode::UNAUTHORIZED));
}
