use super::*;

fn said(text: &str) -> Vec<String> {
    let one = |one: Variable| {
        let comment = one.comment.map(|said| format!(" ({said})")).unwrap_or_default();
        format!("{}.{} {}{comment}", one.cycle, one.name, one.declared)
    };
    variables(text).expect("it is YAML").into_iter().map(one).collect()
}

#[test]
fn each_has_its_value_and_what_is_written_behind_it() {
    let text = "
cycle: shop
vars:
  region: null   # where the shop is
  empty:         # nothing yet
  limit: 5
  site: \"a \\\" # b\"  #  the site
  mail: 'it''s # c' # the post
  strict: false  #
steps: {}
";
    let found = [
        "region null (where the shop is)",
        "empty null (nothing yet)",
        "limit 5",
        "site \"a \\\" # b\" (the site)",
        "mail \"it's # c\" (the post)",
    ];
    let mut found: Vec<_> = found.iter().map(|one| format!("shop.{one}")).collect();
    found.push("shop.strict false".to_owned());
    assert_eq!(said(text), found);
    assert_eq!(said("cycle: a\nvars: { one: 1, two: b }  # both"), ["a.one 1", "a.two \"b\""]);
}

#[test]
fn what_can_not_be_given_is_left_out_and_the_rest_may_be_wrong() {
    let text = "vars: { list: [1], 1st: 2, good: 3 }\nsteps: { a: { nothing: } }\nmore: 1\n---\nconnector: shop\nvars: { no: 1 }\n---\ncycle: two\nvars: 7\n";
    assert_eq!(said(text), [".good 3"]);
    assert_eq!(variables("vars: {"), None);
}

#[test]
fn a_diagnostic_of_a_value_stands_where_the_variable_says() {
    let text = "cycle: shop\nvars:\n  region: null\n  limit: 5\n  empty:\nsteps:\n  asked: { webhook: }\n";
    let given = crate::Given::from([("limit".to_owned(), Json::from("many"))]);
    let found = crate::check_given("", text, &given).diagnostics;
    let found: Vec<_> = found.iter().filter(|one| one.code == crate::VAR_GIVEN.0).collect();
    let places: Vec<_> = found.iter().map(|one| (one.line, one.column)).collect();
    let wanted: Vec<_> = variables(text).expect("it is YAML").iter().map(|one| (one.line, one.column)).collect();
    assert_eq!((places.len(), places), (3, wanted));
}
