use proptest::prelude::*;

use super::*;

fn compare(a: &str, b: &str) -> Ordering {
    Number::parse(a).unwrap().compare(&Number::parse(b).unwrap()).unwrap()
}

#[test]
fn equal_values_are_equal_however_written() {
    for (a, b) in
        [("42", "42.0"), ("42", "4.2e1"), ("0", "-0"), ("0", "0e999999999999999"), ("1e400", "10E399"), ("0.1", "1e-1")]
    {
        assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
    }
}

#[test]
fn values_that_floating_point_would_merge_differ() {
    assert_eq!(compare("9007199254740992", "9007199254740993"), Ordering::Less);
    assert_eq!(compare("99999999999999999999", "99999999999999999998"), Ordering::Greater);
    assert_eq!(compare("0.1", "0.10000000000000000001"), Ordering::Less);
}

#[test]
fn order_knows_signs_and_exponents() {
    let ascending = ["-1e400", "-10", "-9.5", "-0.1", "0", "1e-400", "0.09", "0.1", "9", "10", "1e400"];
    for (at, a) in ascending.iter().enumerate() {
        for b in &ascending[at + 1..] {
            assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
        }
    }
}

#[test]
fn an_exponent_past_64_bits_has_no_value() {
    assert_eq!(Number::parse("1e99999999999999999999").unwrap().decimal(), None);
    assert!(Number::parse("0e99999999999999999999").unwrap().decimal().is_some());
}

#[test]
fn the_grammar_is_that_of_json() {
    for wrong in ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "1_000", " 1", "1e+", "NaN"] {
        assert_eq!(Number::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn canonical_is_one_text_for_each_number() {
    for text in ["0", "42", "-1", "0.5", "-10.25", "99999999999999999999"] {
        assert!(is_canonical(text), "{text}");
    }
    for text in ["", "-0", "042", "42.0", "1e3", " 42", "42 ", "+1", ".5", "1.", "-", "0.50"] {
        assert!(!is_canonical(text), "{text}");
    }
}

#[test]
fn whole_numbers_are_read_back() {
    for (text, value) in
        [("200", Some(200)), ("2e2", Some(200)), ("200.0", Some(200)), ("-7", Some(-7)), ("0.5", None), ("1e30", None)]
    {
        assert_eq!(Number::parse(text).unwrap().as_i64(), value, "{text}");
    }
}

proptest! {
    #[test]
    fn whole_numbers_compare_as_integers(a in any::<i64>(), b in any::<i64>()) {
        prop_assert_eq!(compare(&a.to_string(), &b.to_string()), a.cmp(&b));
    }

    #[test]
    fn scaled_numbers_compare_as_integers(a in -9_999_i64..9_999, b in -9_999_i64..9_999, scale in 0_usize..6) {
        let scaled = |value: i64| format!("{value}e-{scale}");
        prop_assert_eq!(compare(&scaled(a), &scaled(b)), a.cmp(&b));
    }
}
