use super::*;

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

fn find(path: &str, document: &str) -> Option<String> {
    Path::parse(path).unwrap().find(&json(document)).map(ToString::to_string)
}

fn value(path: &str, document: &str) -> String {
    Path::parse(path).unwrap().value(&json(document)).unwrap().to_string()
}

#[test]
fn a_singular_path_finds_one_value_or_none() {
    let document = r#"{"a":{"b":[10,20]},"x-y":99999999999999999999}"#;
    assert_eq!(find("$.a.b[0]", document).as_deref(), Some("10"));
    assert_eq!(find("$.a.b[-1]", document).as_deref(), Some("20"));
    assert_eq!(find("$['x-y']", document).as_deref(), Some("99999999999999999999"));
    assert_eq!(find("$.a.c.d", document), None);
    assert_eq!(find("$.a.b[5]", document), None);
    assert_eq!(value("$.a.c", document), "null");
}

#[test]
fn any_other_path_yields_a_list() {
    let document = r#"{"a":[{"n":1,"t":"x1"},{"n":2},{"n":30,"t":"y"}]}"#;
    assert_eq!(value("$.a[*].n", document), "[1,2,30]");
    assert_eq!(value("$..n", document), "[1,2,30]");
    assert_eq!(value("$.a[?@.n > 1].n", document), "[2,30]");
    assert_eq!(value("$.a[?match(@.t, 'x.')].n", document), "[1]");
    assert_eq!(value("$.b[*]", document), "[]");
}

#[test]
fn what_could_run_away_is_refused_when_it_is_written() {
    let refused = |path: &str| Path::parse(path).unwrap_err();
    assert_eq!(refused("$[?match(@.a, @.b)]"), PathError::PatternNotLiteral("match"));
    assert_eq!(refused("$[?search(@.a, $.p)]"), PathError::PatternNotLiteral("search"));
    assert_eq!(refused("$[?@..a]"), PathError::DescendantInFilter);
    assert!(matches!(refused("$[?match(@.a, '(')]"), PathError::Pattern { .. }));
    assert!(matches!(refused("$[?match(@.a, '((a{1000}){1000}){1000}')]"), PathError::Pattern { .. }));
    assert!(matches!(refused("$.a["), PathError::Syntax(_)));
    assert!(matches!(refused("a.b"), PathError::Syntax(_)));
}

#[test]
fn a_query_that_blows_up_is_stopped() {
    let mut deep = "1".to_owned();
    for _ in 0..60 {
        deep = format!("[{deep},{deep_len}]", deep_len = deep.len());
    }
    let wide = format!("[{}1]", "[1,2,3],".repeat(100_000));
    let began = std::time::Instant::now();
    for (path, document) in [("$..*..*..*..*..*", &deep), ("$..*..*", &wide), ("$[?@[?@ > 0]]..*", &wide)] {
        assert_eq!(Path::parse(path).unwrap().all(&json(document)), Err(Exhausted), "{path}");
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn the_first_names_say_which_step_is_read() {
    let names = |path: &str| Path::parse(path).unwrap().leading_names().join(" ");
    assert_eq!(names("$.placed.body.lines[*].id"), "placed body lines");
    assert_eq!(names("$['a b'].c"), "a b c");
    assert_eq!(names("$..a"), "");
    assert_eq!(names("$"), "");
}

#[test]
fn a_path_that_would_take_the_parser_too_long_is_refused() {
    let began = std::time::Instant::now();
    for hostile in [
        format!("$[?{}@.a", "@[?length(".repeat(100)),
        format!("$[?{}@.a{}]", "(".repeat(1_000), ")".repeat(1_000)),
        format!("$.{}", "a".repeat(PATH_BYTES_MAX)),
    ] {
        assert!(matches!(Path::parse(&hostile), Err(PathError::Syntax(_))));
    }
    assert!(Path::parse(&format!("$[?@.a == '{}']", "([".repeat(100))).is_ok());
    assert!(Path::parse(&format!("$[?{}@.a{}]", "(".repeat(9), ")".repeat(9))).is_ok());
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_large_text_read_for_every_element_is_stopped() {
    let big = "x".repeat(500_000);
    let document = json(&format!(r#"{{"a":"{big}","b":"{big}","l":[{}0]}}"#, "0,".repeat(100_000)));
    let began = std::time::Instant::now();
    for path in ["$.l[?search($.a, 'y')]", "$.l[?$.a == $.b]", "$.l[?length($.a) == 1]", "$.l[?$ == $]"] {
        let path = Path::parse(path).unwrap();
        assert_eq!(path.all(&document), Err(Exhausted), "{}", path.text());
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
}
