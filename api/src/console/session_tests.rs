use axum::http::{HeaderMap, header};

use super::{SESSION, cookie, token};

#[test]
fn a_token_is_its_sessions_alone() {
    assert_eq!(token("a"), token("a"));
    assert_ne!(token("a"), token("b"));
    assert_eq!(token("a").len(), 64);
    assert!(!token("abc").contains("abc"));
}

#[test]
fn a_cookie_is_found_among_others() {
    let mut headers = HeaderMap::new();
    headers.append(header::COOKIE, "a=1; holdfast-sessions=no".parse().unwrap());
    headers.append(header::COOKIE, "b=2;  holdfast-session=yes ; c=3".parse().unwrap());
    assert_eq!(cookie(&headers, SESSION), Some("yes"));
    assert_eq!(cookie(&headers, "d"), None);
}
