use holdfast_definitions::Json;

use super::{Wrong, body, cut, difference, json, pretty, size};

fn signs(old: &str, new: &str) -> String {
    difference(old, new).into_iter().map(|line| format!("{}{}|", line.sign, line.text)).collect()
}

#[test]
fn a_difference_keeps_what_both_have_at_either_end() {
    assert_eq!(signs("", "a\nb"), "+a|+b|");
    assert_eq!(signs("a\nb\nc", "a\nx\ny\nc"), " a|-b|+x|+y| c|");
    assert_eq!(signs("a\na", "a"), " a|-a|");
    assert_eq!(signs("a", "a\na"), " a|+a|");
    assert_eq!(signs("same", "same"), " same|");
}

#[test]
fn json_is_written_for_people_and_its_numbers_stay_as_they_were() {
    let value = json(r#"{"a":[1.0,{"b":"\"x"}],"c":{},"d":[]}"#).expect("JSON");
    assert_eq!(
        pretty(&value),
        "{\n  \"a\": [\n    1.0,\n    {\n      \"b\": \"\\\"x\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}"
    );
    assert_eq!(json(&pretty(&value)).expect("JSON"), value);
}

#[test]
fn json_that_is_none_says_where() {
    let Err(Wrong(told)) = json("{\n  \"a\": 1,\n}") else { panic!("no JSON") };
    assert!(told.contains("line 3, column 1"), "{told}");
    assert_eq!(body("  ").expect("an empty body").to_string(), "{}");
    assert_eq!(body("null").expect("null"), Json::Null);
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let cut = cut("aé".to_owned(), 2);
    assert_eq!((cut.shown.as_str(), cut.whole.as_deref()), ("a", Some("3 bytes")));
    assert_eq!(super::cut("aé".to_owned(), 3).whole, None);
    assert_eq!([size(1_023), size(2_048), size(1_572_864)], ["1023 bytes", "2 KiB", "1.5 MiB"]);
}
