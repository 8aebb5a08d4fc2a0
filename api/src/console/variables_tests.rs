use super::*;

fn given(typed: Option<&str>, kept: Option<Json>) -> Option<Json> {
    value(typed.map(str::to_owned).as_ref(), kept.as_ref())
}

#[test]
fn what_is_typed_is_given_and_else_what_was() {
    let kept = || Some(Json::from("eu"));
    assert_eq!(given(Some("us"), kept()), Some(Json::from("us")));
    assert_eq!(given(None, kept()), kept(), "there was no field yet");
    assert_eq!(given(Some(""), kept()), None, "it was emptied");
    assert_eq!(given(Some(""), Some(Json::from(""))), Some(Json::from("")));
    assert_eq!(given(Some(" "), None), Some(Json::from(" ")), "blanks are a text");
}

#[test]
fn a_field_of_several_cycles_needs_a_value_where_one_of_them_does() {
    let text = "cycle: a\nvars: { x: 1, y: true }\n---\ncycle: b\nvars: { x: null, y: false }  # both\n";
    let mut fields = [Field::new("x"), Field::new("y")];
    for one in variables(text).expect("it is YAML") {
        let at = fields.iter().position(|field| field.name == one.name).expect("it is one of them");
        fields[at].declare(one, true);
    }
    let told = |field: &Field| (field.kind, field.required, field.declared.join(", "));
    assert_eq!(told(&fields[0]), (Kind::Text, true, "1 in a".to_owned()));
    assert_eq!(told(&fields[1]), (Kind::Boolean, false, "true in a, false in b".to_owned()));
}
