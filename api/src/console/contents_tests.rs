use super::{AsItCame, Cut, size};

#[test]
fn a_text_is_cut_between_characters_and_says_how_large_it_was() {
    let cut = Cut::of("aé".repeat(10), 5);
    assert_eq!((cut.text.as_str(), cut.of.as_deref()), ("aéa", Some("30 bytes")));
    assert!(Cut::of("aé".into(), 3).of.is_none());
}

#[test]
fn what_is_no_text_is_shown_in_base64() {
    let came = AsItCame::of(&[0xff, 0xfe]).expect("a body");
    assert_eq!((came.base64, came.text.text.as_str()), (true, "//4="));
    let came = AsItCame::of(b"order=42").expect("a body");
    assert_eq!((came.base64, came.text.text.as_str()), (false, "order=42"));
    assert!(AsItCame::of(b"").is_none());
}

#[test]
fn sizes_are_read_at_a_glance() {
    let sizes = [1, 812, 1_024, 14_540, 1_048_576].map(size);
    assert_eq!(sizes, ["1 byte", "812 bytes", "1.0 KiB", "14.1 KiB", "1.0 MiB"]);
}
