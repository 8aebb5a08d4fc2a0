use holdfast_definitions::Json;

use super::{OTHER, nearness};

fn near(mine: &str, theirs: &str) -> (usize, String) {
    let found = nearness(&Json::from(mine), &Json::from(theirs));
    (found.distance, found.words)
}

#[test]
fn what_nobody_sees_is_named() {
    for (mine, theirs, words) in [
        ("A-42 ", "A-42", "it has a space more at its end"),
        ("A-42", "  A-42", "it lacks 2 spaces at its start"),
        ("\tA-42\u{a0}", "A-42", "it has a tab more at its start and it has a no-break space more at its end"),
        ("A-42\u{200b}", "A-42", "it has a character without width more at its end"),
        ("A 42", "A-42", "it differs in what stands between the letters and digits"),
        ("A  42", "A 42", "it differs in the white space inside it"),
        ("a-42", "A-42", "it differs in upper and lower case"),
    ] {
        assert_eq!(near(mine, theirs).1, words, "{mine:?} beside {theirs:?}");
    }
    assert_eq!((near("A-42 ", "A-42").0, near("a-42", "A-42").0), (1, 1));
}

#[test]
fn slips_are_told_as_what_they_are() {
    for (mine, theirs, words) in [
        ("0042", "42", "it begins with `00`, which the other lacks"),
        ("42", "#42", "the other begins with `#`, which it lacks"),
        ("ORD-A42", "A42", "it has `ORD-` more at its start"),
        ("A42", "A42/1", "it lacks `/1` at its end"),
        ("A-O1", "A-01", "it has the letter `O` in place of the digit `0`"),
        ("A-24", "A-42", "`4` and `2` have changed places in it"),
        ("А-42", "A-42", "it has `А` (U+0410) in place of `A`"),
    ] {
        assert_eq!(near(mine, theirs), (2, words.to_owned()), "{mine:?} beside {theirs:?}");
    }
}

#[test]
fn one_digit_may_be_the_next_number() {
    assert_eq!(near("A-423", "A-42"), (3, "it has the digit `3` too many".to_owned()));
    assert_eq!(near("1001", "1002"), (3, "it has the digit `1` in place of the digit `2`".to_owned()));
}

#[test]
fn other_values_are_no_slips() {
    for (mine, theirs) in [("A-42", "B-17"), ("42", "17"), ("1", "2"), ("100", "100234"), ("", "A")] {
        assert_eq!(near(mine, theirs).0, OTHER, "{mine:?} beside {theirs:?}");
    }
    assert_eq!(nearness(&Json::from(true), &Json::from("true")).words, "it is a boolean and the other is text");
}
