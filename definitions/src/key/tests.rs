use proptest::prelude::*;

use super::*;

fn key(json: &str) -> Result<Key, NotAKey> {
    Key::from_values([Some(&Json::parse(json.as_bytes()).unwrap())])
}

fn equal(a: &str, b: &str) -> bool {
    key(a).unwrap() == key(b).unwrap()
}

#[test]
fn a_number_equals_its_plain_canonical_text_and_no_other() {
    assert!(equal("42", "42.0") && equal("42", "4.2e1") && equal("42", "\"42\"") && equal("-0", "0"));
    assert!(equal("0.5", "\"0.5\"") && equal("99999999999999999999", "\"99999999999999999999\""));
    for text in ["042", "42.0", "4.2e1", " 42", "42 ", "+42"] {
        let text = format!("{text:?}");
        assert!(!equal("42", &text), "{text}");
        assert!(equal(&text, &text));
    }
}

#[test]
fn big_integers_differ_by_one() {
    assert!(!equal("9007199254740992", "9007199254740993"));
    assert!(!equal("99999999999999999999", "\"99999999999999999998\""));
}

#[test]
fn a_huge_exponent_is_never_expanded() {
    let written_out = format!("\"1{}\"", "0".repeat(400));
    assert!(equal("1e400", &written_out));
    assert!(!equal("1e400", "\"1e400\""));
    assert_eq!(key("1e999999999999").unwrap().bytes().len(), 4 + "n+1e1000000000000".len());
    assert_eq!(key("1e99999999999999999999"), Err(NotAKey::ExponentTooLarge));
}

#[test]
fn true_and_false_are_themselves() {
    assert!(equal("true", "true") && !equal("true", "false") && !equal("true", "\"true\"") && !equal("true", "1"));
}

#[test]
fn what_is_no_scalar_is_no_key() {
    for (json, why) in
        [("null", NotAKey::Null), ("\"\"", NotAKey::EmptyText), ("{}", NotAKey::Object), ("[1]", NotAKey::Array)]
    {
        assert_eq!(key(json), Err(why));
    }
    assert_eq!(Key::from_values([None]), Err(NotAKey::Missing));
}

#[test]
fn parts_never_run_into_each_other() {
    let text = |text: &str| Json::from(text);
    let pair = |a: &str, b: &str| Key::from_values([Some(&text(a)), Some(&text(b))]).unwrap();
    assert_ne!(pair("ab", "c"), pair("a", "bc"));
    assert_ne!(pair("a", "bt"), pair("at", "b"));
    assert_eq!(pair("a", "7").parts(), [text("a"), Json::from(7_i64)]);
}

#[test]
fn a_key_is_read_from_its_bytes() {
    let made = key("\"A-42\"").unwrap();
    assert_eq!(Key::from_bytes(made.bytes()), Some(made.clone()));
    assert_eq!(Key::from_bytes(&made.bytes()[..5]), None);
    assert_eq!(made.to_string(), "\"A-42\"");
}

#[test]
fn numbers_are_shown_plainly() {
    for (written, shown) in [
        ("42.0", "42"),
        ("1e3", "1000"),
        ("0.5", "0.5"),
        ("-12.50", "-12.5"),
        ("1e-3", "0.001"),
        ("0", "0"),
        ("1.5e300", "1.5e300"),
    ] {
        assert_eq!(key(written).unwrap().to_string(), shown);
    }
}

proptest! {
    #[test]
    fn equal_bytes_mean_equal_texts(a in "[0-9.e -]{1,6}", b in "[0-9.e -]{1,6}") {
        let (ka, kb) = (Key::from_values([Some(&Json::from(a.as_str()))]), Key::from_values([Some(&Json::from(b.as_str()))]));
        prop_assert_eq!(ka == kb, a == b);
    }

    #[test]
    fn an_integer_equals_its_text(a in any::<i64>()) {
        prop_assert_eq!(Key::from_values([Some(&Json::from(a))]), Key::from_values([Some(&Json::from(a.to_string()))]));
    }
}
