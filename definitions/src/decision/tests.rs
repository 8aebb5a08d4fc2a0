use super::*;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// `value` is JSON, or `-` for what is missing.
fn holds(value: &str, operator: &str, operand: &str) -> bool {
    let value = (value != "-").then(|| json(value));
    Operator::from_name(operator, json(operand), false).unwrap().test(value.as_ref(), now())
}

fn ignoring_case(value: &str, operator: &str, operand: &str) -> bool {
    Operator::from_name(operator, json(operand), true).unwrap().test(Some(&json(value)), now())
}

#[test]
fn equality_is_that_of_keys() {
    assert!(holds("42", "equals", "\"42\"") && holds("42.0", "equals", "42") && holds("\"x\"", "equals", "\"x\""));
    assert!(!holds("\"042\"", "equals", "42") && !holds("\"42.0\"", "equals", "42") && !holds("true", "equals", "1"));
    assert!(holds("null", "equals", "null") && holds("[1,{\"a\":2}]", "equals", "[1.0,{\"a\":\"2\"}]"));
    assert!(!holds("9007199254740993", "equals", "9007199254740992"));
    assert!(holds("1e99999999999999999999", "equals", "1e99999999999999999999"));
    assert!(holds("\"\"", "equals", "\"\"") && !holds("\"\"", "equals", "null"));
}

#[test]
fn orderings_compare_numbers_and_texts_alike() {
    assert!(
        holds("5", "greater_than", "4") && holds("\"5\"", "greater_than", "4") && holds("10", "at_least", "\"10\"")
    );
    assert!(holds("\"10\"", "greater_than", "\"9\"") && holds("\"b\"", "greater_than", "\"a\""));
    assert!(holds("4", "less_than", "4.5") && holds("4", "at_most", "4.0") && !holds("4", "less_than", "4"));
    for operator in ["greater_than", "at_least", "less_than", "at_most"] {
        assert!(!holds("true", operator, "1") && !holds("\"abc\"", operator, "1") && !holds("null", operator, "0"));
        assert!(!holds("\"042\"", operator, "42"));
    }
}

#[test]
fn a_missing_value_is_only_absent_empty_or_not_something() {
    assert!(holds("-", "exists", "false") && holds("-", "empty", "true"));
    assert!(holds("-", "not_equals", "1") && holds("-", "not_contains", "1") && holds("-", "not_in", "[1]"));
    for (operator, operand) in [
        ("equals", "null"),
        ("greater_than", "0"),
        ("less_than", "0"),
        ("contains", "\"\""),
        ("starts_with", "\"\""),
        ("matches", "\"\""),
        ("in", "[null]"),
        ("exists", "true"),
        ("empty", "false"),
        ("before", "\"now\""),
        ("after", "\"now\""),
    ] {
        assert!(!holds("-", operator, operand), "{operator}");
    }
}

#[test]
fn empty_is_null_or_nothing_inside() {
    for value in ["null", "\"\"", "[]", "{}"] {
        assert!(holds(value, "empty", "true"), "{value}");
    }
    for value in ["0", "false", "\" \"", "[null]"] {
        assert!(holds(value, "empty", "false"), "{value}");
    }
    assert!(holds("null", "exists", "true"));
}

#[test]
fn texts_and_lists_contain() {
    assert!(holds("\"despatched\"", "contains", "\"patch\"") && holds("[1,\"2\"]", "contains", "2"));
    assert!(holds("{\"a\":1}", "contains", "\"a\"") && holds("[1]", "not_contains", "2"));
    assert!(holds("\"order-7\"", "starts_with", "\"order-\"") && holds("\"order-7\"", "ends_with", "\"7\""));
    assert!(holds("\"x-42-y\"", "matches", "\"[0-9]+\"") && !holds("42", "matches", "\"[0-9]+\""));
    assert!(holds("\"b\"", "in", "[\"a\",\"b\"]") && holds("3", "not_in", "[1,\"2\"]"));
}

#[test]
fn case_is_ignored_where_asked() {
    assert!(!holds("\"ABC\"", "equals", "\"abc\"") && ignoring_case("\"ÀBC\"", "equals", "\"àbc\""));
    assert!(ignoring_case("\"ABC\"", "starts_with", "\"aB\"") && ignoring_case("\"ABC\"", "contains", "\"bC\""));
    assert!(ignoring_case("\"ABC\"", "matches", "\"^abc$\"") && ignoring_case("\"B\"", "in", "[\"b\"]"));
}

#[test]
fn times_are_compared_as_instants() {
    assert!(holds("\"2026-11-24T13:00:00+02:00\"", "before", "\"2026-11-24T11:30:00Z\""));
    assert!(holds("\"2026-11-24T12:00:00.000001Z\"", "after", "\"now\""));
    assert!(
        holds("\"2026-11-16T00:00:00Z\"", "before", "\"now-7d\"")
            && holds("\"2026-11-24T12:59:00Z\"", "before", "\"now+1h\"")
    );
    assert!(!holds("\"tomorrow\"", "after", "\"now\"") && !holds("\"tomorrow\"", "before", "\"now\""));
}

#[test]
fn wrong_operands_are_refused() {
    let error = |name: &str, operand: &str| Operator::from_name(name, json(operand), false).unwrap_err();
    assert_eq!(error("equal", "1"), ConditionError::UnknownOperator("equal".into()));
    assert!(matches!(error("greater_than", "[1]"), ConditionError::NotOrdered { .. }));
    assert!(matches!(error("exists", "3"), ConditionError::NotBoolean { .. }));
    assert!(matches!(error("matches", "\"(\""), ConditionError::Pattern(_)));
    assert!(matches!(error("before", "\"yesterday\""), ConditionError::NotTime { .. }));
    assert!(matches!(error("after", "\"now*7d\""), ConditionError::NotTime { .. }));
    assert!(matches!(error("in", "1"), ConditionError::NotList { .. }));
    assert!(matches!(error("starts_with", "1"), ConditionError::NotText { .. }));
    let error = Operator::from_name("greater_than", json("1"), true).unwrap_err();
    assert!(matches!(error, ConditionError::IgnoreCase(_)));
}

#[test]
fn conditions_nest() {
    let test = |value: &str, operand: &str| Condition::Test {
        value: Path::parse(value).unwrap(),
        operator: Operator::from_name("equals", json(operand), false).unwrap(),
    };
    let document = json(r#"{"a":1,"b":[1,2]}"#);
    let holds = |condition: Condition| condition.holds(&document, now()).unwrap();
    assert!(holds(Condition::All(vec![test("$.a", "1"), Condition::Not(Box::new(test("$.a", "2")))])));
    assert!(holds(Condition::Any(vec![test("$.a", "2"), test("$.b[*]", "[1,2]")])));
    assert!(!holds(Condition::Any(Vec::new())) && holds(Condition::All(Vec::new())));
    assert!(holds(test("$.c[*]", "[]")));
    let exists = |value: &str| Condition::Test {
        value: Path::parse(value).unwrap(),
        operator: Operator::from_name("exists", json("true"), false).unwrap(),
    };
    assert!(!holds(exists("$.c")) && holds(exists("$.c[*]")));
}
