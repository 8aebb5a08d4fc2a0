use super::*;

#[test]
fn each_form_of_address_is_known() {
    assert_eq!(Address::of("/hooks/Ab_-9", false), Some(Address::Webhook("Ab_-9")));
    assert_eq!(Address::of("/hooks/ab/answers/0190", false), Some(Address::Answer { identifier: "ab", hit: "0190" }));
    assert_eq!(Address::of("/hooks/orders/placed", true), Some(Address::Step { cycle: "orders", step: "placed" }));
    assert_eq!(Address::of("/hooks/orders/placed", false), None);
}

#[test]
fn what_is_malformed_means_nothing() {
    let long = format!("/hooks/{}", "a".repeat(201));
    for path in [
        "/hooks/",
        "/hooks/a/",
        "/hooks//a",
        "/hooks/a/b/c",
        "/hooks/a/answers/",
        "/hooks/a/answers/b/c",
        "/hooks/%61",
        "/hooks/a.b",
        "/hooks/..",
        "/hooks/a%00",
        "/hooks/é",
        "/other",
        &long,
    ] {
        assert_eq!(Address::of(path, true), None, "{path}");
    }
}
