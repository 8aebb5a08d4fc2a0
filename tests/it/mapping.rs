//! When a hit and a held transaction are equal (contract, sections 3 and 17, "Correlation").

use holdfast_tests::{Store, World, both_stores};
use serde_json::{Value, json};

both_stores![
    equal_values_meet,
    unequal_values_do_not,
    a_hit_with_an_unusable_value_is_unmatched_and_says_why,
    a_transaction_with_an_unusable_value_fails_and_names_the_path,
    all_entries_must_match_each_with_its_own_partner,
    any_of_several_keys_matches,
    unusable_values_in_a_list_are_skipped,
    a_list_with_no_usable_value_fails,
    a_hundred_keys_are_held_and_one_more_fails,
    the_parts_of_a_key_are_never_joined,
    headers_and_query_can_carry_the_value,
    document_numbers_keep_their_digits,
];

/// Held by `id`, and by `n` to keep one pair of a table from meeting another.
const PAIRS: &str = "
cycle: pairs
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      early: 0s
      mapping:
        - { hit: $.body.id, transaction: $.placed.body.id }
        - { hit: $.body.n, transaction: $.placed.body.n }
";

const LINES: &str = "
cycle: lines
steps:
  placed:
    webhook:
    next: packed
  packed:
    webhook:
      early: 0s
      mapping:
        - { hit: $.body.sku, transaction: '$.placed.body.lines[*].sku' }
";

const EQUAL: [(&str, &str); 14] = [
    ("42", "42"),
    ("42", "42.0"),
    ("42", r#""42""#),
    (r#""42""#, "42.0"),
    ("-7.50", "-7.5"),
    ("0", "-0"),
    ("1e3", "1000"),
    ("1e20", "100000000000000000000"),
    ("9007199254740993", r#""9007199254740993""#),
    ("99999999999999999999", "99999999999999999999.0"),
    (r#""A-42""#, r#""A-42""#),
    (r#""caf\u00e9""#, r#""café""#),
    ("true", "true"),
    ("false", "false"),
];

const UNEQUAL: [(&str, &str); 14] = [
    ("42", r#""042""#),
    ("42", r#""42.0""#),
    ("42", r#"" 42""#),
    ("1000", r#""1e3""#),
    ("9007199254740992", "9007199254740993"),
    ("99999999999999999999", "99999999999999999998"),
    ("0.1", "0.10000000000000001"),
    ("1e400", "1e401"),
    (r#""A-42""#, r#""a-42""#),
    (r#""A-42""#, r#""A-42 ""#),
    (r#""café""#, r#""cafe\u0301""#),
    ("true", r#""true""#),
    ("true", "1"),
    ("true", "false"),
];

async fn meets(world: &World, n: usize, held: &str, hit: &str) -> bool {
    let placed = world.hit("placed", format!(r#"{{"id": {held}, "n": {n}}}"#)).await.transaction();
    assert_eq!(world.status(placed).await, "held at status", "{held}");
    let got = world.hit("status", format!(r#"{{"id": {hit}, "n": {n}}}"#)).await;
    assert_eq!(got.said(), "200 Webhook accepted.");
    got.0.transaction == Some(placed)
}

async fn equal_values_meet(store: Store) {
    let world = World::start(store, PAIRS).await;
    for (n, (left, right)) in EQUAL.into_iter().enumerate() {
        assert!(meets(&world, 2 * n, left, right).await, "{left} is held, {right} comes");
        assert!(meets(&world, 2 * n + 1, right, left).await, "{right} is held, {left} comes");
    }
}

async fn unequal_values_do_not(store: Store) {
    let world = World::start(store, PAIRS).await;
    for (n, (left, right)) in UNEQUAL.into_iter().enumerate() {
        assert!(!meets(&world, 2 * n, left, right).await, "{left} is held, {right} comes");
        assert!(!meets(&world, 2 * n + 1, right, left).await, "{right} is held, {left} comes");
    }
}

async fn a_hit_with_an_unusable_value_is_unmatched_and_says_why(store: Store) {
    let world = World::start(store, PAIRS).await;
    world.hit("placed", json!({ "id": 1, "n": 1 })).await;
    for body in [
        json!({ "id": null, "n": 1 }),
        json!({ "n": 1 }),
        json!({ "id": "", "n": 1 }),
        json!({ "id": {}, "n": 1 }),
        json!({ "id": [], "n": 1 }),
        json!({ "id": [1], "n": 1 }),
        json!(null),
        json!("text"),
    ] {
        let got = world.hit("status", body.clone()).await;
        assert_eq!((got.said().as_str(), got.0.transaction), ("200 Webhook accepted.", None), "{body}");
        let status = world.hit_status(got.hit()).await;
        assert!(status.starts_with("unmatched: ") && status.contains("$.body.id"), "{body}: {status}");
    }
}

async fn a_transaction_with_an_unusable_value_fails_and_names_the_path(store: Store) {
    let world = World::start(store, PAIRS).await;
    for id in [Value::Null, json!(""), json!({}), json!([]), json!([1])] {
        let placed = world.hit("placed", json!({ "id": id, "n": 1 })).await.transaction();
        assert_eq!(world.status(placed).await, "failed at status", "{id}");
        let error = world.error(placed).await;
        assert!(error.contains("$.placed.body.id"), "{id}: {error}");
    }
    let missing = world.hit("placed", json!({ "n": 1 })).await.transaction();
    assert_eq!(world.status(missing).await, "failed at status");
}

async fn all_entries_must_match_each_with_its_own_partner(store: Store) {
    let world = World::start(store, PAIRS).await;
    let placed = world.hit("placed", json!({ "id": "a", "n": "b" })).await.transaction();
    assert_eq!(world.hit("status", json!({ "id": "a", "n": "c" })).await.0.transaction, None);
    assert_eq!(world.hit("status", json!({ "id": "b", "n": "a" })).await.0.transaction, None, "crossed over");
    assert_eq!(world.hit("status", json!({ "id": "a" })).await.0.transaction, None);
    assert_eq!(world.hit("status", json!({ "id": "a", "n": "b" })).await.transaction(), placed);
}

async fn the_parts_of_a_key_are_never_joined(store: Store) {
    let world = World::start(store, PAIRS).await;
    for (held, hit) in [(("a,b", "c"), ("a", "b,c")), (("a\u{0}", "b"), ("a", "\u{0}b")), (("1", "11"), ("11", "1"))] {
        world.hit("placed", json!({ "id": held.0, "n": held.1 })).await;
        let got = world.hit("status", json!({ "id": hit.0, "n": hit.1 })).await;
        assert_eq!(got.0.transaction, None, "{held:?} {hit:?}");
    }
}

async fn any_of_several_keys_matches(store: Store) {
    let world = World::start(store, LINES).await;
    let placed = world.hit("placed", json!({ "lines": [{ "sku": "x" }, { "sku": 7 }] })).await.transaction();
    assert_eq!(world.hit("packed", json!({ "sku": "x" })).await.transaction(), placed);
    assert_eq!(world.hit("packed", json!({ "sku": "7" })).await.transaction(), placed);
    assert_eq!(world.hit("packed", json!({ "sku": "y" })).await.0.transaction, None);
}

async fn unusable_values_in_a_list_are_skipped(store: Store) {
    let world = World::start(store, LINES).await;
    let lines = json!([{ "sku": null }, { "sku": "" }, { "sku": [] }, { "sku": {} }, { "sku": "z" }, {}]);
    let placed = world.hit("placed", json!({ "lines": lines })).await.transaction();
    assert_eq!(world.hit("packed", json!({ "sku": "z" })).await.transaction(), placed);
}

async fn a_list_with_no_usable_value_fails(store: Store) {
    let world = World::start(store, LINES).await;
    for lines in [json!([]), json!([{ "sku": null }]), json!([{ "sku": "" }, { "sku": {} }])] {
        let placed = world.hit("placed", json!({ "lines": lines })).await.transaction();
        assert_eq!(world.status(placed).await, "failed at packed");
        assert!(world.error(placed).await.contains("$.placed.body.lines"));
    }
}

async fn a_hundred_keys_are_held_and_one_more_fails(store: Store) {
    let world = World::start(store, LINES).await;
    let lines = |count: u32| json!({ "lines": (0..count).map(|sku| json!({ "sku": sku })).collect::<Vec<_>>() });
    let full = world.hit("placed", lines(100)).await.transaction();
    assert_eq!(world.status(full).await, "held at packed");
    assert_eq!(world.hit("packed", json!({ "sku": 99 })).await.transaction(), full);
    let over = world.hit("placed", lines(101)).await.transaction();
    assert_eq!(world.status(over).await, "failed at packed");
    // The same value twice is one key.
    let twice = json!({ "lines": (0..150).map(|_| json!({ "sku": "one" })).collect::<Vec<_>>() });
    let twice = world.hit("placed", twice).await.transaction();
    assert_eq!(world.status(twice).await, "held at packed");
}

async fn headers_and_query_can_carry_the_value(store: Store) {
    let world = World::start(
        store,
        "
cycle: aside
steps:
  placed:
    webhook:
    next: by_header
  by_header:
    webhook:
      early: 0s
      mapping: [{ hit: \"$.headers['x-order']\", transaction: $.placed.body.id }]
    next: by_query
  by_query:
    webhook:
      early: 0s
      mapping: [{ hit: $.query.order, transaction: $.placed.body.id }]
",
    )
    .await;
    let placed = world.hit("placed", json!({ "id": 42 })).await.transaction();
    let mut arrival = world.arrival("by_header", "null");
    arrival.headers = holdfast_tests::object(&[("x-order", "42")]);
    assert_eq!(world.send(arrival).await.transaction(), placed);
    assert_eq!(world.status(placed).await, "held at by_query");
    let mut arrival = world.arrival("by_query", "null");
    arrival.query = holdfast_tests::object(&[("order", "42")]);
    assert_eq!(world.send(arrival).await.transaction(), placed);
    assert_eq!(world.status(placed).await, "completed");
}

async fn document_numbers_keep_their_digits(store: Store) {
    let world = World::start(store, PAIRS).await;
    let body = r#"{"id": 99999999999999999999, "n": 1, "beside": 99999999999999999998, "f": 1.10}"#;
    let placed = world.hit("placed", body).await.transaction();
    let document = world.detail(placed).await.document.to_string();
    for digits in ["99999999999999999999", "99999999999999999998", "1.10"] {
        assert!(document.contains(digits), "{digits} in {document}");
    }
}
