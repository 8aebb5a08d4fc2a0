use super::*;

/// The text without its `|`, and where that was.
fn cursor(text: &str) -> (String, usize) {
    let at = text.find('|').expect("a cursor");
    (text.replacen('|', "", 1), at)
}

/// The labels that are offered at the `|`.
fn offered(text: &str) -> String {
    let (text, at) = cursor(text);
    let labels: Vec<String> = complete(&text, at).into_iter().map(|one| one.label).collect();
    labels.join(" ")
}

/// The text once a label is taken.
fn taken(text: &str, label: &str) -> String {
    let (mut text, at) = cursor(text);
    let all = complete(&text, at);
    let one = all.iter().find(|one| one.label == label).unwrap_or_else(|| panic!("no {label} in {all:?}"));
    text.replace_range(one.replaces.clone(), &one.inserts);
    text
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(offered(text), expected, "{text}");
}

#[track_caller]
fn has(text: &str, expected: &[&str]) {
    let found = offered(text);
    for label in expected {
        assert!(found.split(' ').any(|found| found == *label), "{label} is not in {found}: {text}");
    }
}

/// A cycle of some steps, in which one more stands: the text is its lines.
fn step(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "cycle: order
vars: {{ shop: a, limit: 5 }}
steps:
  placed:
    name: An order
    webhook:
      schema: {{ properties: {{ lines: {{ items: {{ properties: {{ sku: {{ type: string }} }} }} }} }} }}
    next: price
  price:
    http: {{ url: https://a.example, auth: {{ bearer: \"${{secrets.SHOP}}\" }}, body: \"${{$.placed.body.order_id}}\" }}
    on_error: ignore
    next: total
  total:
    set: {{ sum: 1, parts: [{{ net: 2 }}], \"x-y\": 3 }}
    next: here
  here:
{lines}  later:
    set: 1
"
    )
}

#[test]
fn keys_are_those_that_the_map_may_have() {
    check("|", "concurrency connector cycle description events retention steps vars");
    check("cycle: a\n|\n", "concurrency description retention steps vars");
    check("cycle: a\nst|", "concurrency description retention steps vars");
    check("cycle: a\nretention: { | }\nsteps:", "completed failed");
    check("connector: a\n|", "description events");
    let kinds = "decision delay each fail http name next notify on_error respond script set webhook";
    check(&step("|"), kinds);
    check(&step("ne|"), kinds);
    check("cycle: a\nsteps:\n  a: { we| }", kinds);
    check("cycle: a\nsteps:\n  a: { we|", kinds);
    check(&step("respond: {}\n|"), "name next on_error");
    check(&step("|\nname: x"), "decision delay each fail http next notify on_error respond script set webhook");
    check("cycle: a\nsteps: { a: { webhook: , | } }", "name next on_error");
}

#[test]
fn keys_of_each_kind() {
    has(&step("webhook:\n  |"), &["mapping", "timeout", "verify", "expires", "early", "connector"]);
    check(&step("webhook:\n  expires: { | }"), "after next");
    check(&step("webhook:\n  mapping:\n    - |"), "hit transaction");
    check(&step("webhook:\n  mapping:\n    - hit: $.body.id\n      |"), "transaction");
    check(&step("webhook:\n  mapping: [{ hit: $.body.id, | }]"), "transaction");
    has(&step("http:\n  url: https://a.example\n  re|"), &["retry", "method", "expect", "auth"]);
    check(&step("http:\n  retry:\n    attempts: 3\n    |"), "backoff max_delay");
    check(&step("each:\n  in: $.placed.body\n  |"), "first parallel partial result steps");
    has(&step("each:\n  steps:\n    one:\n      |"), &["set", "http", "script"]);
    assert!(!offered(&step("each:\n  steps:\n    one:\n      |")).contains("webhook"));
    check(&step("respond: { | }"), "body headers status to");
}

#[test]
fn conditions_have_operators() {
    check(&step("decision:\n  - |"), "else next when");
    check(&step("decision:\n  - when: { value: $.placed.body.a, exists: true }\n    |"), "next");
    has(&step("decision:\n  - when: { |"), &["value", "all", "any", "not"]);
    has(&step("decision:\n  - when: { value: $.placed.body.a, | }"), &["equals", "at_least", "matches", "before"]);
    check(&step("decision:\n  - when: { value: $.placed.body.a, equals: 1, | }"), "ignore_case");
    has(&step("decision:\n  - when:\n      all:\n        - value: $.placed.body.a\n          |"), &["equals", "in"]);
    check(&step("decision:\n  - when: { value: $.placed.body.a, exists: | }"), "true false");
}

#[test]
fn a_key_that_is_taken_brings_its_colon() {
    assert_eq!(taken("cycle: a\nst|", "steps"), "cycle: a\nsteps:");
    assert_eq!(taken("cycle: a\nsteps:\n  a:\n    ne|", "next"), "cycle: a\nsteps:\n  a:\n    next: ");
    assert_eq!(taken("steps: { a: { ht|, next: b } }", "http"), "steps: { a: { http: , next: b } }");
    assert_eq!(taken("steps: { a: { ht|tpp: {} } }", "http"), "steps: { a: { http: {} } }");
}

#[test]
fn steps_come_after_next_and_its_like() {
    check(&step("set: 1\nnext: |"), "placed price total later end");
    check(&step("set: 1\nnext: pl|aced"), "placed price total later end");
    check(&step("set: 1\non_error: |"), "placed price total later end ignore fail stop");
    check(&step("decision:\n  - else: |"), "placed price total later end");
    check(
        &step("decision:\n  - { when: { value: $.placed.body.a, exists: true }, next: | }"),
        "placed price total later end",
    );
    check(&step("webhook:\n  expires: { after: 1h, next: | }"), "placed price total later end");
    check(&step("respond: { to: | }"), "placed");
    check(&step("each:\n  first: |\n  steps: { one: { set: 1 }, two: { set: 1 } }"), "one two");
    check(&step("each:\n  steps: { one: { set: 1, next: | }, two: { set: 1 } }"), "two end");
    assert_eq!(
        taken("steps:\n  a: { set: 1, next: st|art }\n  stop: {}", "stop"),
        "steps:\n  a: { set: 1, next: stop }\n  stop: {}"
    );
}

#[test]
fn choices_are_those_of_the_schema() {
    has(&step("webhook:\n  verify: { preset: | }"), &["stripe", "github", "standard-webhooks", "header"]);
    check(&step("webhook:\n  on_no_match: |"), "accept reject");
    has(&step("http: { method: | }"), &["GET", "POST"]);
    check(&step("http: { type: | }"), "json form xml text");
    check(&step("each: { partial: | }"), "true false");
    check(&step("webhook: { verify: { preset: header, secret: | } }"), "${secrets.SHOP}");
}

#[test]
fn a_path_begins_with_the_steps_before() {
    check(&step("set: \"${$.|}\""), "placed price total");
    check(&step("set: \"${$.|"), "placed price total");
    check(&step("set: \"${$.pl|\nnext: later"), "placed price total");
    check(&step("decision:\n  - when: { value: | }"), "$.placed $.price $.total");
    check(&step("decision:\n  - when: { value: $| }"), "$.placed $.price $.total");
    check(&step("decision:\n  - when: { value: $.pri|ce }"), "placed price total");
    check(&step("webhook: { mapping: [{ hit: $.body.id, transaction: $.| }] }"), "placed price total");
    check("cycle: a\nsteps:\n  a: { webhook: , next: b }\n  b: { set: \"${$.|}\" }\n  c: { set: 1 }", "a");
    // Nothing leads there yet: all the others may.
    check("cycle: a\nsteps:\n  a: { webhook: }\n  b: { set: \"${$.|}\" }\n  c: { set: 1 }", "a c");
}

#[test]
fn a_path_goes_on_into_what_a_step_puts_out() {
    check(&step("set: \"${$.placed.|}\""), "method headers query body received_at");
    check(&step("set: \"${$.price.|}\""), "status headers body error");
    check(&step("set: \"${$.price.error.|}\""), "kind message status");
    check(&step("set: \"${$.total.|}\""), "sum parts ['x-y']".replace("['x-y']", "x-y").as_str());
    check(&step("set: \"${$.total.parts[0].|}\""), "net");
    // By its schema, and by what is read elsewhere.
    check(&step("set: \"${$.placed.body.|}\""), "lines order_id");
    check(&step("set: \"${$.placed.body.lines[*].|}\""), "sku");
    check(&step("set: \"${$.placed.body.ord|}\""), "lines order_id");
    check(&step("webhook: { dedupe: $.| }"), "method headers query body");
    check(&step("webhook:\n  mapping:\n    - hit: $.bo|"), "method headers query body");
    assert_eq!(
        taken("steps: { a: { set: { x-y: 1 }, next: b }, b: { set: \"${$.a.x|}\" } }", "x-y"),
        "steps: { a: { set: { x-y: 1 }, next: b }, b: { set: \"${$.a['x-y']}\" } }"
    );
    let text = "steps: { a: { webhook: , next: b }, b: { set: \"${$.a.b|o.id}\" } }";
    assert_eq!(taken(text, "body"), text.replace("b|o", "body"));
    assert_eq!(
        taken("steps: { a: { webhook: , next: b }, b: { set: \"${|}\" } }", "$.a"),
        "steps: { a: { webhook: , next: b }, b: { set: \"${$.a}\" } }"
    );
}

#[test]
fn inside_an_each_its_element_is_there() {
    let each = |rest: &str| {
        step(&format!("each:\n  in: $.placed.body\n  steps:\n    one: {{ set: {{ label: 1 }}, next: two }}\n{rest}"))
    };
    check(&each("    two: { set: \"${$.|}\" }"), "one here placed price total");
    check(&each("    two: { set: \"${$.here.|}\" }"), "item index");
    check(&each("    two: { set: 1 }\n  result: \"${$.one.|}\""), "label");
    check(
        &each("    two: { set: 1 }\n  result: { a: 1 }\non_error: later\nnext: later")
            .replace("later:\n    set: 1", "later: { set: \"${$.here.|}\" }"),
        "error results",
    );
    check(
        &each("    two: { set: 1 }\n  result: { a: 1 }\nnext: later")
            .replace("later:\n    set: 1", "later: { set: \"${$.here[0].|}\" }"),
        "a",
    );
}

#[test]
fn a_template_reads_variables_and_secrets() {
    check(
        &step("http: { url: \"${|}\" }"),
        "$.placed $.price $.total vars.shop vars.limit secrets.SHOP env. transaction.id cycle.name",
    );
    check(&step("http: { url: \"${vars.|}\" }"), "vars.shop vars.limit secrets.SHOP env. transaction.id cycle.name");
    assert!(taken(&step("http: { url: \"https://${vars.s|}/x\" }"), "vars.shop").contains("https://${vars.shop}/x"));
    check(&step("http: { url: \"a}|\" }"), "");
}

#[test]
fn a_connector_s_methods_and_events() {
    let file = "connector: shop\nevents:\n  order_changed:\n    subscribe:\n      http: { url: \"https://a.example/${$.parameters.site}\" }\n      state: \"${$.|}\"\n  gone:\n";
    check(file, "webhookUri parameters state response");
    let cycle = format!("{}---\ncycle: a\nsteps:\n  a:\n    webhook:\n", file.replace('|', "response"));
    check(&format!("{cycle}      connector: |"), "shop");
    check(&format!("{cycle}      connector: shop\n      event: |"), "order_changed gone");
}

#[test]
fn nothing_is_offered_where_nothing_is_known() {
    for lines in [
        "name: |",
        "script: |",
        "set: |",
        "set: { a: | }",
        "delay: |",
        "# |",
        "webhook: # |",
        "set: \"${$.nothing.|}\"",
    ] {
        check(&step(lines), "");
    }
    check("cycle: |", "");
}

#[test]
fn each_document_has_its_own_steps() {
    check(
        "cycle: a\nsteps:\n  x: { webhook: }\n---\ncycle: b\nsteps:\n  y: { webhook: }\n  z: { set: 1, next: | }",
        "y end",
    );
}

#[test]
fn every_place_of_every_text_is_answered() {
    let text = step("set: \"${$.placed.body}\"\nnext: later");
    for at in 0..=text.len() {
        complete(&text, at);
        complete(&text[..at], at);
    }
    complete("ä", 1);
}
