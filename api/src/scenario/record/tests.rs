use holdfast_definitions::check;

use super::*;

const CYCLE: &str = "
cycle: orders
steps:
  placed:
    webhook:
      verify: { hmac: sha256, header: x-signature, encoding: hex, signed: [body], secret: \"${secrets.S}\" }
    next: status
  status:
    webhook: { mapping: [{ hit: $.body.id, transaction: $.placed.body.id }] }
    next: ask
  ask:
    http: { method: POST, url: \"https://shop.example/${$.placed.body.id}\", body: { id: \"${$.placed.body.id}\" } }
";

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).expect("JSON")
}

fn hit(id: &str, at: &str, body: &str) -> Json {
    use base64::Engine as _;
    let raw = base64::engine::general_purpose::STANDARD.encode(body);
    json(&format!(
        r#"{{ "id": "{id}", "received_at": "2026-03-01T09:00:{at}Z", "method": "POST", "query": {{}}, "body": {body},
            "headers": {{ "content-type": "application/json", "x-signature": "abc", "cookie": "***", "host": "h",
                "x-shop": "4242 north" }}, "raw": "{raw}" }}"#
    ))
}

fn written(masked: &[&str]) -> String {
    let checked = check("orders.yaml", CYCLE);
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    let transaction = r#"{ "id": "T", "version": 3, "status": "completed", "step": null }"#;
    let runs = [
        r#"{ "number": 1, "hit": "1", "entry": "placed", "started_at": "2026-03-01T09:00:00.250000Z", "answer": null,
            "steps": [{ "step": "placed", "kind": "webhook", "status": "completed" },
                { "step": "status", "kind": "webhook", "status": "held" }] }"#,
        r#"{ "number": 2, "hit": "2", "entry": "status", "started_at": "2026-03-01T09:00:30.000000Z", "answer": null,
            "steps": [{ "step": "status", "kind": "webhook", "status": "completed" },
                { "step": "ask", "kind": "http", "status": "completed", "output": { "body": { "paid": "4242" } },
                  "attempts": [
                    { "at": "2026-03-01T09:00:30.000000Z", "error": { "kind": "timeout", "message": "too slow" },
                      "request": { "method": "POST", "url": "https://shop.example/4242?key=***", "body": "{\"id\":4242}",
                        "headers": { "content-type": "application/json" } } },
                    { "at": "2026-03-01T09:00:31.500000Z",
                      "request": { "method": "POST", "url": "https://shop.example/4242?key=***", "body": "{\"id\":4242}",
                        "headers": { "content-type": "application/json" } },
                      "response": { "status": 200, "headers": { "content-type": "application/json", "date": "now" },
                        "body": "{\"paid\":\"4242\"}" } }] }] }"#,
    ];
    let runs = runs.map(json);
    let hits =
        [hit("2", "30.000000", r#"{ "id": "4242" }"#), hit("1", "00.250000", r#"{ "id": 4242, "name": "Ann" }"#)];
    let recorded = Recorded {
        cycle: &checked.cycles[0],
        vars_known: true,
        transaction: &json(transaction),
        runs: &runs,
        hits: &hits,
    };
    let masked: Vec<Path> = masked.iter().map(|path| Path::parse(path).expect("a path")).collect();
    record(&recorded, &masked).expect("a scenario")
}

#[test]
fn a_transaction_is_written_as_a_scenario() {
    let expected = r#"# What transaction T did, of version 3 of orders.
test: as transaction T went
cycle: orders
given:
  at: 2026-03-01T09:00:00.250Z
  http: { ask: [[{ error: timeout, message: too slow }, { status: 200, body: { paid: "4242" } }]] }
steps:
  - hit: placed
    headers: { x-shop: "4242 north" }
    body: { id: 4242, name: Ann }
  - advance: 29s750ms
  - hit: status
    headers: { x-shop: "4242 north" }
    body: { id: "4242" }
  - advance: 1s500ms
  - expect:
      transaction: { status: completed, steps: [placed, status, ask] }
      sent:
        - { step: ask, method: POST, url: "https://shop.example/4242", body: { id: 4242 } }
        - { step: ask, method: POST, url: "https://shop.example/4242", body: { id: 4242 } }
"#;
    assert_eq!(written(&[]), expected);
}

#[test]
fn what_is_masked_has_one_placeholder_wherever_it_stands() {
    let text = written(&["$.body.id", "$.body.name"]);
    assert!(!text.contains("4242") && !text.contains("Ann"), "{text}");
    for wanted in [
        "body: { id: 900000001, name: masked-2 }",
        "body: { id: \"900000001\" }",
        "\"900000001 north\"",
        "https://shop.example/900000001",
        "paid: \"900000001\"",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

#[test]
fn a_transaction_without_its_hits_is_none() {
    let checked = check("orders.yaml", CYCLE);
    let transaction = json("{}");
    let recorded =
        Recorded { cycle: &checked.cycles[0], vars_known: true, transaction: &transaction, runs: &[], hits: &[] };
    assert_eq!(record(&recorded, &[]), Err(Unrecordable::NoHit));
}
