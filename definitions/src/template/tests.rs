use super::*;

fn named(name: &str, value: &str) -> std::collections::BTreeMap<String, Json> {
    [(name.to_owned(), Json::from(value))].into()
}

#[test]
fn variables_and_secrets_are_read_by_name() {
    assert_eq!(render(r#""${vars.region}-${secrets.token}""#), r#""eu-s3""#);
    assert_eq!(render(r#""${vars.other ?? 1}""#), "1");
    let both = Template::from_json(Json::parse(br#"["${vars.a}", { "b": "x ${secrets.c}" }]"#).unwrap()).unwrap();
    assert_eq!((both.vars(), both.secrets()), (vec!["a"], vec!["c"]));
    assert!(problem("${vars.}").contains("unknown") && problem("${secrets.a-b}").contains("unknown"));
}

fn render(template: &str) -> String {
    let document = Json::parse(
        br#"{"placed":{"body":{"id":99999999999999999999,"name":"Ada","none":null,"list":[1,2],"flag":true,"o":{"a":1}}}}"#,
    )
    .unwrap();
    let scope = Scope {
        document: &document,
        transaction_id: "tx-1",
        cycle_name: "orders",
        vars: &named("region", "eu"),
        env: &named("STAGE", "test"),
        secrets: Some(&named("token", "s3")),
    };
    let value = Json::parse(template.as_bytes()).unwrap();
    Template::from_json(value).unwrap().render(&scope).unwrap().to_string()
}

fn problem(text: &str) -> String {
    let error = Template::from_json(Json::from(text)).unwrap_err();
    format!("{}: {error}", error.offset)
}

#[test]
fn one_expression_yields_the_value_with_its_type() {
    assert_eq!(render(r#""${$.placed.body.id}""#), "99999999999999999999");
    assert_eq!(render(r#""${$.placed.body.list}""#), "[1,2]");
    assert_eq!(render(r#""${$.placed.body.missing}""#), "null");
    assert_eq!(render(r#""${$.placed.body.list[*]}""#), "[1,2]");
    assert_eq!(render(r#""${$.placed.nothing[*]}""#), "[]");
    assert_eq!(render(r#""${transaction.id}""#), r#""tx-1""#);
}

#[test]
fn parts_are_joined_as_text() {
    assert_eq!(
        render(r#""order ${$.placed.body.id} of ${$.placed.body.name}""#),
        r#""order 99999999999999999999 of Ada""#
    );
    assert_eq!(render(r#""[${$.placed.body.missing}${$.placed.body.none}]""#), r#""[]""#);
    assert_eq!(
        render(r#""${$.placed.body.flag} ${$.placed.body.o} in ${cycle.name}""#),
        r#""true {\"a\":1} in orders""#
    );
}

#[test]
fn a_default_stands_in_for_what_is_not_there() {
    assert_eq!(render(r#""${$.placed.body.missing ?? \"none\"}""#), r#""none""#);
    assert_eq!(render(r#""${$.placed.body.none ?? 7}""#), "7");
    assert_eq!(render(r#""${$.placed.body.id ?? 7}""#), "99999999999999999999");
    assert_eq!(render(r#""${$.placed.body.x ?? {\"a\": \"}\"}}""#), r#"{"a":"}"}"#);
    assert_eq!(render(r#""a ${$.placed.body.x ?? \"??\"}""#), r#""a ??""#);
}

#[test]
fn a_doubled_dollar_is_a_literal_one() {
    assert_eq!(render(r#""costs $${5}, ${$.placed.body.name}, $5""#), r#""costs ${5}, Ada, $5""#);
}

#[test]
fn trees_are_rendered_whole() {
    assert_eq!(
        render(r#"{"id":"${$.placed.body.id}","list":["x",{"n":"${$.placed.body.name}"}],"plain":1.0}"#),
        r#"{"id":99999999999999999999,"list":["x",{"n":"Ada"}],"plain":1.0}"#
    );
}

#[test]
fn mistakes_say_what_and_where() {
    assert!(problem("abc ${$.a").starts_with("4: `${` is not closed"));
    assert!(problem("${}").contains("empty"));
    assert!(problem("${secret.KEY}").contains("unknown `${secret.KEY}`: known are a path"));
    assert!(problem("${$.a[}").contains("no JSONPath"));
    assert!(problem("${$.a ?? none}").contains("no JSON value"));
    let error = Template::from_json(Json::parse(br#"{"a/b":[0,"${}"]}"#).unwrap()).unwrap_err();
    assert_eq!(error.pointer, "/a~1b/1");
}

#[test]
fn its_paths_are_known() {
    let template = Template::from_json(Json::parse(br#"{"a":"${$.x.y} ${$.z[*]}","b":["${$.w}"]}"#).unwrap()).unwrap();
    let paths: Vec<_> = template.paths().iter().map(|path| path.text().to_owned()).collect();
    assert_eq!(paths, ["$.x.y", "$.z[*]", "$.w"]);
}

#[test]
fn very_many_literals_are_read_quickly() {
    let began = std::time::Instant::now();
    let template = Template::from_json(Json::from("$${".repeat(300_000))).unwrap();
    assert_eq!(template.as_constant(), Some(&Json::from("${".repeat(300_000))));
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}
