use holdfast_definitions::Json;

use super::{curl, curl_of};

#[test]
fn a_hit_can_be_pasted_into_a_shell_whatever_stands_in_it() {
    assert_eq!(
        curl("http://h", "id", r#"{"order_id": 42}"#),
        "curl 'http://h/hooks/id' \\\n  -H 'content-type: application/json' \\\n  -d '{\"order_id\":42}'"
    );
    let hit = r#"{"headers":{"x-order":"it's; rm"},"query":{"n":7,"a b":"&"},"body":["it's"]}"#;
    assert_eq!(
        curl_of("http://h", &Json::parse(hit.as_bytes()).expect("JSON")),
        "curl 'http://h?n=7&a+b=%26' \\\n  -H 'content-type: application/json' \\\n  -H 'x-order: it'\\''s; rm' \\\n  -d '[\"it'\\''s\"]'"
    );
}
