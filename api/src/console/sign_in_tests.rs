use axum::http::HeaderMap;

use super::{is_own, local};

#[test]
fn nobody_is_led_out_of_the_console() {
    for good in ["/console", "/console/hits?status=unmatched", "/console?x"] {
        assert_eq!(local(good), good);
    }
    for bad in ["", "//evil.example", "https://evil.example", "/consoles", "/console\\evil", "/api/v1", "/console/a b"]
    {
        assert_eq!(local(bad), "/console", "{bad}");
    }
}

#[test]
fn a_form_of_another_origin_signs_nobody_in() {
    let own = |fields: &[(&str, &str)]| {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:7400".parse().unwrap());
        for (name, value) in fields {
            headers.insert(axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        is_own("https://hooks.example/holdfast", &headers)
    };
    assert!(own(&[]));
    assert!(own(&[("origin", "http://127.0.0.1:7400"), ("sec-fetch-site", "same-origin")]));
    assert!(own(&[("origin", "https://hooks.example"), ("sec-fetch-site", "same-origin")]));
    assert!(!own(&[("origin", "https://evil.example")]));
    assert!(!own(&[("origin", "https://hooks.exam")]));
    assert!(!own(&[("origin", "")]));
    assert!(!own(&[("origin", "null")]));
    assert!(!own(&[("sec-fetch-site", "cross-site")]));
    assert!(!own(&[("sec-fetch-site", "same-site")]));
}
