//! What a definition compiles to, and what is said of one that does not.

use holdfast_definitions::{Severity, check};

fn codes(text: &str) -> Vec<String> {
    let mut codes: Vec<_> =
        check("a.yaml", text).diagnostics.iter().map(|one| format!("{}:{}", one.code, one.line)).collect();
    codes.dedup();
    codes
}

const ORDER: &str = r#"
cycle: order-status
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      mapping:
        - { hit: $.body.order.id, transaction: $.placed.body.order_id }
    next: despatched
  despatched:
    decision:
      - when: { value: $.status.body.state, equals: Despatched }
        next: tell
      - else: end
  tell:
    set: { order: "${$.placed.body.order_id}" }
    next: reply
  reply:
    respond: { body: "${$.tell}", to: status }
"#;

#[test]
fn a_good_cycle_compiles() {
    let checked = check("a.yaml", ORDER);
    assert_eq!(checked.diagnostics, []);
    let cycle = &checked.cycles[0];
    let webhook = |id: &str| cycle.webhooks().find(|(_, step, _)| step.id == id).unwrap();
    assert!(!webhook("placed").2.synchronous && webhook("status").2.synchronous);
    let status = cycle.find("status").unwrap();
    assert_eq!(cycle.step(status).may_answer, [status]);
    assert_eq!(cycle.step(cycle.find("placed").unwrap()).may_answer, [status]);
    assert_eq!(check("b.yaml", &cycle.source).cycles[0].digest, cycle.digest);
}

#[test]
fn everything_wrong_is_reported_in_one_go() {
    let text = ORDER
        .replace("next: status\n", "next: statsu\n")
        .replace("equals:", "equal:")
        .replace("cycle: order-status", "cycle: Order");
    let found = codes(&text);
    for code in ["HF016:2", "HF040:6", "HF056:14"] {
        assert!(found.contains(&code.to_owned()), "{code} in {found:?}");
    }
}

#[test]
fn scalars_mean_what_yaml_1_2_says() {
    let text = "cycle: a\nsteps:\n  s:\n    webhook:\n    next: t\n  t:\n    set: { a: no, b: on, c: 012, d: 1_000, e: 12, f: true, g: ~, h: 99999999999999999999, i: '1' }\n";
    let checked = check("a.yaml", text);
    let cycle = &checked.cycles[0];
    let holdfast_definitions::StepKind::Set(template) = &cycle.step(cycle.find("t").unwrap()).kind else { panic!() };
    assert_eq!(
        template.as_constant().unwrap().to_string(),
        r#"{"a":"no","b":"on","c":"012","d":"1_000","e":12,"f":true,"g":null,"h":99999999999999999999,"i":"1"}"#
    );
}

#[test]
fn several_cycles_share_a_file() {
    let two = "cycle: a\nsteps: { s: { webhook: } }\n---\ncycle: b\nsteps: { s: { webhook: } }\n";
    let checked = check("a.yaml", two);
    assert_eq!(checked.diagnostics, []);
    let sources: Vec<_> = checked.cycles.iter().map(|cycle| check("", &cycle.source).cycles[0].name.clone()).collect();
    assert_eq!(sources, ["a", "b"]);
    assert_eq!(codes(&two.replace("cycle: b", "cycle: a")), ["HF017:4"]);
}

#[test]
fn bombs_are_refused_quickly() {
    let aliases = format!(
        "cycle: a\nx: &a0 [1,1,1,1,1,1,1,1,1,1]\n{}",
        (1..9).map(|n| format!("y{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))).collect::<String>()
    );
    let deep: String = (0..4_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 200))).collect();
    for (name, text, code) in [
        ("aliases", aliases, "HF004"),
        ("brackets", "[".repeat(1 << 20), "HF003"),
        ("braces", "{".repeat(1 << 20), "HF003"),
        ("dashes", "- ".repeat(1 << 19), "HF003"),
        ("large", "a".repeat((1 << 20) + 1), "HF002"),
        ("deep", deep, "HF0"),
        (
            "wide",
            format!("cycle: a\nsteps:\n{}", (0..60_000).map(|n| format!("  s{n}: x\n")).collect::<String>()),
            "HF0",
        ),
        ("quotes", "\"".repeat(1 << 20), "HF0"),
        ("anchors", "&a ".repeat(1 << 18), "HF0"),
    ] {
        let began = std::time::Instant::now();
        let checked = check("bomb.yaml", &text);
        let took = began.elapsed();
        assert!(checked.diagnostics[0].code.starts_with(code), "{name}: {:?}", checked.diagnostics[0]);
        assert!(
            took < std::time::Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 200 }),
            "{name}: {took:?}"
        );
    }
}

#[test]
fn a_warning_does_not_stop_a_cycle() {
    let text = ORDER.replace("        - { hit: $.body.order.id,", "        - { hit: \"$.headers['X-Order']\",");
    let checked = check("a.yaml", &text);
    assert_eq!(
        checked.diagnostics.iter().map(|one| (one.code, one.severity)).collect::<Vec<_>>(),
        [("HF032", Severity::Warning)]
    );
    assert_eq!(checked.cycles.len(), 1);
}

#[test]
fn a_missing_step_is_reported_once() {
    assert_eq!(codes(&ORDER.replace("next: status\n", "next: statsu\n")), ["HF040:6"]);
    assert_eq!(codes(&ORDER.replace("to: status", "to: nowhere")), ["HF051:21"]);
}
