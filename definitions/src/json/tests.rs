use proptest::prelude::*;

use super::*;

fn roundtrip(text: &str) -> String {
    Json::parse(text.as_bytes()).unwrap().to_string()
}

fn error(text: &str) -> String {
    Json::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn numbers_keep_their_text() {
    for number in ["99999999999999999999", "99999999999999999998", "1.0", "-0", "1E+400", "0.10"] {
        assert_eq!(roundtrip(number), number);
        let value: Json = serde_json::from_str(number).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), number);
    }
}

#[test]
fn objects_keep_their_order() {
    assert_eq!(roundtrip(r#" { "b" : 1 , "a" : [ true , null ] } "#), r#"{"b":1,"a":[true,null]}"#);
}

#[test]
fn text_is_escaped_as_little_as_may_be() {
    assert_eq!(roundtrip(r#""\u0000\n\"\\ é \/""#), r#""\u0000\n\"\\ é /""#);
}

#[test]
fn errors_say_where() {
    assert!(error("{\n  \"a\": x}").starts_with("line 2, column 8"), "{}", error("{\n  \"a\": x}"));
    assert!(error(r#"{"a":1,"a":2}"#).contains("column 8: the name \"a\" stands twice"));
    assert!(error("").contains("line 1, column 1"));
    for wrong in ["1 2", "[1,]", "{\"a\"}", "nul", "\"\\ud800\"", "01", "[1"] {
        error(wrong);
    }
    assert!(Json::parse(b"\"\xff\"").is_err());
}

#[test]
fn a_megabyte_of_brackets_is_refused_at_once() {
    let began = std::time::Instant::now();
    assert!(error(&"[".repeat(1 << 20)).contains("nested deeper than 128"));
    assert!(began.elapsed() < std::time::Duration::from_millis(100));
    assert!(Json::parse(format!("{}{}", "[".repeat(128), "]".repeat(128)).as_bytes()).is_ok());
}

#[test]
fn a_duplicate_is_found_where_it_stands() {
    assert!(error(r#"{"b":"a","a":1,"a":2}"#).starts_with("line 1, column 16"));
    assert!(error("{\"a\":1,\n  \"\\u0061\":2}").starts_with("line 2, column 3: the name \"a\""));
    assert!(Json::parse(br#"{"a":{"a":1},"b":{"a":2}}"#).is_ok());
}

#[test]
fn a_huge_duplicate_name_is_refused_at_once() {
    let name = r#"\""#.repeat(250_000);
    let began = std::time::Instant::now();
    assert!(error(&format!(r#"{{"{name}":1,"{name}":2}}"#)).len() < 400);
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        ".*".prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((".*", inner), 0..4)
                .prop_map(|all| Json::from(all.into_iter().collect::<super::Members>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(&Json::parse(text.as_bytes()).unwrap(), &value);
        prop_assert_eq!(!serde_json::to_string(&value).unwrap().is_empty(), true);
        prop_assert_eq!(&serde_json::from_str::<Json>(&serde_json::to_string(&value).unwrap()).unwrap(), &value);
    }
}

#[test]
fn depth_is_counted_by_arrays_and_objects() {
    let json = |text: &str| Json::parse(text.as_bytes()).unwrap();
    for (text, depth) in [("1", 0), ("[]", 1), ("{}", 1), ("[1, {\"a\": [2]}]", 3)] {
        assert!(!json(text).is_deeper_than(depth), "{text}");
        assert!(depth == 0 || json(text).is_deeper_than(depth - 1), "{text}");
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(Json::parse(deep.as_bytes()).is_err());
    assert!(Json::parse_within(deep.as_bytes(), 200).unwrap().is_deeper_than(199));
}
