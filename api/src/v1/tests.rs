#[test]
fn the_openapi_document_is_the_one_that_clients_know() {
    let (_, document) = super::described();
    insta::assert_snapshot!(document.to_pretty_json().unwrap());
}
