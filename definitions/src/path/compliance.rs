//! The JSONPath compliance test suite (RFC 9535), on the unfenced evaluator. What fails is frozen,
//! each with its reason: a change in either direction fails here.

use crate::{Json, path::Path};

/// (name, why it fails)
const FAILING: &[(&str, &str)] = &[];

fn passes(test: &Json) -> bool {
    let selector = test.get("selector").and_then(Json::as_text).unwrap();
    let path = Path::parse_unfenced(selector);
    if test.get("invalid_selector") == Some(&Json::Bool(true)) {
        return path.is_err();
    }
    let Ok(path) = path else { return false };
    let found = path.all(test.get("document").unwrap()).unwrap();
    let found = found.into_iter().cloned().collect::<Json>();
    match (test.get("result"), test.get("results")) {
        (Some(result), _) => found == *result,
        (_, Some(Json::Array(results))) => results.contains(&found),
        _ => false,
    }
}

#[test]
fn the_suite_passes_but_for_what_is_known() {
    let suite = Json::parse(include_bytes!("../../../tests/corpora/jsonpath/cts.json")).unwrap();
    let Some(Json::Array(tests)) = suite.get("tests") else { panic!("no tests in the suite") };
    let name = |test: &Json| test.get("name").and_then(Json::as_text).unwrap().to_owned();
    let failed: Vec<String> = tests.iter().filter(|test| !passes(test)).map(name).collect();
    let frozen: Vec<&str> = FAILING.iter().map(|(name, _)| *name).collect();
    assert_eq!(failed, frozen, "of {}", tests.len());
    assert!(tests.len() >= 687 && failed.len() < 9);
}
