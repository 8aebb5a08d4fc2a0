use super::*;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

fn mapping(entries: &[(&str, &str)]) -> Mapping {
    let entry = |(hit, transaction): &(&str, &str)| Entry {
        hit: Path::parse(hit).unwrap(),
        transaction: Path::parse(transaction).unwrap(),
    };
    Mapping { entries: entries.iter().map(entry).collect() }
}

fn shown(keys: &[Key]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

#[test]
fn a_hit_and_a_hold_agree_whatever_the_type() {
    let mapping = mapping(&[("$.body.order.id", "$.placed.body.order_id")]);
    let held = mapping.hold_keys(&json(r#"{"placed":{"body":{"order_id":42}}}"#)).unwrap();
    assert_eq!(held, [mapping.hit_key(&json(r#"{"body":{"order":{"id":"42"}}}"#)).unwrap()]);
}

#[test]
fn every_part_of_a_composite_key_must_be_there() {
    let mapping = mapping(&[("$.body.a", "$.a"), ("$.headers['x-b']", "$.b")]);
    let error = mapping.hit_key(&json(r#"{"body":{"a":1},"headers":{}}"#)).unwrap_err();
    assert_eq!(error, KeyError::NotAKey { path: "$.headers['x-b']".into(), why: NotAKey::Missing });
}

#[test]
fn a_path_of_many_values_gives_a_key_for_each() {
    let many = mapping(&[("$.body.id", "$.lines[*].id")]);
    let document = json(r#"{"lines":[{"id":1},{"id":null},{"id":"b"},{"id":{}},{"id":1.0},{}]}"#);
    assert_eq!(shown(&many.hold_keys(&document).unwrap()), ["1", "\"b\""]);
    let none = many.hold_keys(&json(r#"{"lines":[{"id":null}]}"#)).unwrap_err();
    assert_eq!(none, KeyError::NotAKey { path: "$.lines[*].id".into(), why: NotAKey::Null });
    let two = mapping(&[("$.body.a", "$.a[*]"), ("$.body.b", "$.b[*]")]);
    let keys = two.hold_keys(&json(r#"{"a":[1,2],"b":["x","y"]}"#)).unwrap();
    assert_eq!(shown(&keys), ["1 \"x\"", "1 \"y\"", "2 \"x\"", "2 \"y\""]);
}

#[test]
fn a_hold_has_a_hundred_keys_at_most() {
    let list = |count: usize| (0..count as u64).map(Json::from).collect::<Json>();
    let document = |a, b| Json::from(crate::Members::from_iter([("a".to_owned(), list(a)), ("b".to_owned(), list(b))]));
    let mapping = mapping(&[("$.body.a", "$.a[*]"), ("$.body.b", "$.b[*]")]);
    assert_eq!(mapping.hold_keys(&document(10, 10)).unwrap().len(), 100);
    assert_eq!(mapping.hold_keys(&document(10, 11)).unwrap_err(), KeyError::TooMany { keys: 110 });
    assert!(matches!(mapping.hold_keys(&document(1, 101)).unwrap_err(), KeyError::TooMany { .. }));
}

#[test]
fn a_singular_path_to_an_array_is_no_key() {
    let error = mapping(&[("$.body.a", "$.a")]).hold_keys(&json(r#"{"a":[1]}"#)).unwrap_err();
    assert_eq!(error, KeyError::NotAKey { path: "$.a".into(), why: NotAKey::Array });
}

#[test]
fn the_smallest_hit_with_a_key_has_that_key() {
    let with = |entries: &[(&str, &str)], key: &[Json]| {
        let mapping = mapping(entries);
        let hit = mapping.hit_with(key)?;
        assert_eq!(mapping.hit_key(&hit).unwrap(), Key::from_values(key.iter().map(Some)).unwrap());
        Some(hit.to_string())
    };
    let key = [json("42"), json("\"a\"")];
    let entries = [("$.body.order['the id']", "$.a"), ("$.headers['x-b']", "$.b")];
    assert_eq!(with(&entries, &key).unwrap(), r#"{"body":{"order":{"the id":42}},"headers":{"x-b":"a"}}"#);
    let entries = [("$.body[2].id", "$.a"), ("$.body[-1].x", "$.b")];
    assert_eq!(with(&entries, &key).unwrap(), r#"{"body":[null,null,{"id":42,"x":"a"}]}"#);
    assert_eq!(with(&[("$.body.a", "$.a"), ("$.body.a.b", "$.b")], &key), None, "in each other's way");
    assert_eq!(with(&[("$.body[1000000000]", "$.a")], &key[..1]), None, "that would be large");
    assert_eq!(with(&[("$.body.a", "$.a")], &key), None, "a key of another mapping");
}
