//! What a definition compiles to, and what is said of one that does not.

use holdfast_definitions::{Next, OnError, Severity, StepKind, check, mermaid};

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

fn cycle_of(steps: &str) -> String {
    format!("cycle: a\nsteps:\n  placed:\n    webhook:\n    next: one\n{steps}")
}

/// The one step `one`, without its indentation.
fn one(step: &str) -> String {
    let step: String = step.lines().map(|line| format!("    {line}\n")).collect();
    cycle_of(&format!("  one:\n{step}"))
}

fn kind_of(text: &str) -> std::sync::Arc<holdfast_definitions::Cycle> {
    let checked = check("a.yaml", text);
    assert_eq!(checked.diagnostics, [], "{text}");
    checked.cycles[0].clone()
}

#[test]
fn a_call_has_its_defaults() {
    let cycle = kind_of(&one("http: { url: https://a.example, body: 1 }"));
    let StepKind::Http(http) = &cycle.steps[1].kind else { panic!() };
    assert_eq!((http.method.as_str(), http.timeout.as_secs(), http.retry.attempts), ("POST", 30, 3));
    assert_eq!(http.expect, [(200, 299)]);
    let cycle = kind_of(&one("http: { url: https://a.example, retry: { backoff: 1h }, expect: [404, 2xx] }"));
    let StepKind::Http(http) = &cycle.steps[1].kind else { panic!() };
    assert_eq!((http.method.as_str(), http.retry.max_delay), ("GET", http.retry.backoff));
    assert_eq!(http.expect, [(404, 404), (200, 299)]);
}

#[test]
fn a_url_is_checked_as_far_as_it_is_written() {
    for url in [
        "shop.example",
        "ftp://a.example",
        "https://",
        "https://u@a.example",
        "https://a.example:0",
        "https://a.example:65536",
        "https://a b.example",
        "https://u:${$.placed.body.p}@a.example",
        "/orders",
    ] {
        assert_eq!(codes(&one(&format!("http: {{ url: \"{url}\" }}"))), ["HF091:7"], "{url}");
    }
    for url in [
        "http://a",
        "HTTPS://a.example:8443/x?y=z#f",
        "http://[::1]:80/",
        "http://[::1]",
        "https://${$.placed.body.host}:${$.placed.body.port}/a@b",
        "${$.placed.body.url}",
    ] {
        assert_eq!(codes(&one(&format!("http: {{ url: \"{url}\" }}"))), [] as [&str; 0], "{url}");
    }
}

#[test]
fn ranges_are_kept_at_both_ends() {
    for (setting, ends) in [
        ("retry: { attempts: X }", ["1", "20", "0", "21"]),
        ("retry: { backoff: X }", ["100ms", "1h", "99ms", "1h1ms"]),
        ("retry: { backoff: 100ms, max_delay: X }", ["100ms", "24h", "99ms", "24h1ms"]),
        ("timeout: X", ["1s", "5m", "999ms", "5m1ms"]),
        ("expect: X", ["200", "599", "199", "600"]),
    ] {
        for (at, end) in ends.into_iter().enumerate() {
            let text = one(&format!("http: {{ url: https://a.example, {} }}", setting.replace('X', end)));
            assert_eq!(check("a.yaml", &text).cycles.len(), usize::from(at < 2), "{setting} {end}");
        }
    }
    for (delay, good) in [("1s", true), ("31d", true), ("999ms", false), ("31d1ms", false), ("soon", false)] {
        assert_eq!(check("a.yaml", &one(&format!("delay: {delay}"))).cycles.len(), usize::from(good), "{delay}");
    }
    assert_eq!(codes(&one("delay: { until: 2026-12-24 }")), ["HF060:7"]);
    assert_eq!(codes(&one("delay: { for: 1s, until: 2026-12-24T08:00:00Z }")), ["HF012:7"]);
    assert_eq!(codes(&one("delay: {}")), ["HF011:7"]);
}

#[test]
fn a_script_knows_the_line_on_which_it_begins() {
    let source = "function step(d) { return 1 }";
    for (text, line) in [
        (format!("script: {source}").replace("{ return 1 }", "{}"), 7),
        (format!("script: \"{source}\""), 7),
        (format!("script: |\n  {source}"), 8),
        (format!("script: | # why\n\n  {source}"), 8),
        (format!("script: >-\n  {source}"), 8),
        (format!("script:\n  \"{source}\""), 8),
        (format!("script:\n  |\n  {source}"), 9),
    ] {
        let cycle = kind_of(&one(&text));
        let StepKind::Script(script) = &cycle.steps[1].kind else { panic!() };
        assert_eq!(script.line, line, "{text}");
    }
    for (text, line) in [("script: ''", 7), ("script: |\n  return 1", 8), ("script: function steps() {}", 7)] {
        assert_eq!(codes(&one(text)), [format!("HF095:{line}")], "{text}");
    }
}

#[test]
fn holdfast_s_own_events_are_not_raised_by_a_step() {
    for event in ["hit.unmatched", "cycle", "Order.late", "order..late", "order late", "${$.placed.body.e}"] {
        assert_eq!(codes(&one(&format!("notify: {{ event: \"{event}\" }}"))), ["HF096:7"], "{event}");
    }
    assert_eq!(codes(&one("notify: { event: cycles.hit }")), [] as [&str; 0]);
}

#[test]
fn an_error_leads_where_it_is_told_to() {
    let text = |on_error: &str, reads: &str| {
        cycle_of(&format!(
            "  one:\n    http: {{ url: https://a.example }}\n    next: two\n    on_error: {on_error}\n  two:\n    set: \"${{{reads}}}\"\n    next: end\n  lost:\n    set: \"${{$.one.error.kind}}\"\n"
        ))
    };
    let none: [&str; 0] = [];
    // The error is there behind it, and only there.
    assert_eq!(codes(&text("lost", "$.one.body")), none);
    assert_eq!(codes(&text("lost", "$.one.error")), ["HF048:11"]);
    let both = |reads: &str| text("two", reads).split("  lost:").next().unwrap().to_owned();
    assert_eq!(codes(&both("$.one.body")), ["HF049:11"]);
    assert_eq!(codes(&both("$.one.error")), none);
    assert_eq!(codes(&both("$.one")), none);
    assert_eq!(codes(&both("$.one.body").replace("on_error: two", "on_error: ignore")), ["HF049:11"]);
    assert_eq!(codes(&both("$.one.error").replace("on_error: two", "on_error: ignore")), none);
    assert_eq!(codes(&both("$.one.error").replace("on_error: two", "on_error: fail")), ["HF099:11"]);
    assert_eq!(codes(&both("$.one.body").replace("on_error: two", "on_error: placed")), ["HF042:3"]);
    assert_eq!(codes(&both("$.one.body").replace("on_error: two", "on_error: ignor")), ["HF040:9"]);

    let cycle = kind_of(&text("lost", "$.one.body"));
    assert!(matches!(cycle.steps[1].on_error, OnError::Go(Next::Step(at)) if cycle.step(at).id == "lost"));
    assert!(mermaid(&cycle).contains("s_one -->|\"error\"| s_lost"), "{}", mermaid(&cycle));
    let cycle = kind_of(&both("$.one.error").replace("on_error: two", "on_error: ignore"));
    assert_eq!(cycle.steps[1].on_error, OnError::Ignore);
    let cycle = kind_of(&one("http: { url: https://a.example }\non_error: end"));
    assert!(mermaid(&cycle).contains("s_one -->|\"error\"| end_"), "{}", mermaid(&cycle));
}

#[test]
fn an_error_s_way_may_answer_the_caller() {
    let steps = "  one:\n    http: { url: https://a.example }\n    on_error: sorry\n  sorry:\n    respond: { status: 502, body: \"${$.one.error.message}\" }\n";
    let cycle = kind_of(&cycle_of(steps));
    let placed = cycle.find("placed").unwrap();
    assert_eq!(cycle.step(placed).may_answer, [placed]);
    // A hold that fails took no hit: who waits is the one before.
    let held = "  one:\n    webhook: { mapping: [{ hit: $.body.id, transaction: $.placed.body.id }] }\n    on_error: sorry\n  sorry:\n    respond: { body: \"${$.one.error.message}\" }\n";
    let cycle = kind_of(&cycle_of(held));
    let StepKind::Respond(respond) = &cycle.steps[2].kind else { panic!() };
    assert_eq!(respond.to, placed);
}

#[test]
fn concurrency_needs_a_limit_or_a_key_of_a_start() {
    let text = |given: &str| format!("{}concurrency: {given}\n", one("set: 1"));
    for (given, expected) in [
        ("{}", "HF011:8"),
        ("{ limit: 0 }", "HF090:8"),
        ("{ limit: 1000001 }", "HF090:8"),
        ("{ key: $.one.id }", "HF100:8"),
        ("{ key: $.nothing.id }", "HF100:8"),
        ("{ key: \"$.placed.body[*]\" }", "HF100:8"),
        ("{ key: $.placed.boddy.id }", "HF064:8"),
    ] {
        assert_eq!(codes(&text(given)), [expected], "{given}");
    }
    let concurrency = kind_of(&text("{ limit: 1000000, key: $.placed.body.id }")).concurrency.clone().unwrap();
    assert_eq!((concurrency.limit, concurrency.key.unwrap().text()), (Some(1_000_000), "$.placed.body.id"));
}

#[test]
fn the_steps_inside_an_each_compile_to_a_cycle_of_their_own() {
    let text = "
cycle: c
vars: { a: 1 }
steps:
  placed: { webhook: , next: ship }
  ship:
    each:
      in: $.placed.body[*]
      parallel: 3
      steps:
        label: { set: 1 }
        book: { set: \"${vars.a}\", next: label }
";
    let checked = check("c.yaml", text);
    assert_eq!(checked.diagnostics, []);
    let cycle = &checked.cycles[0];
    assert!(cycle.find("book").is_none(), "it is no step of the cycle outside");
    let StepKind::Each(each) = &cycle.step(cycle.find("ship").unwrap()).kind else { panic!("an each") };
    assert_eq!((each.parallel, each.partial, each.result.is_none()), (3, false, true));
    assert_eq!(each.body.step(each.first).id, "book");
    assert_eq!(each.body.step(each.first).next, Next::Step(each.body.find("label").unwrap()));
    assert_eq!((each.body.name.as_str(), each.body.vars.len()), ("c", 1));
}

#[test]
fn the_steps_inside_count_among_those_of_the_cycle() {
    let cycle = |count: usize| {
        let inside: String = (0..count).map(|n| format!("        s{n}: {{ set: 1, next: s{} }}\n", n + 1)).collect();
        format!(
            "cycle: c\nsteps:\n  a: {{ webhook: , next: b }}\n  b:\n    each:\n      in: $.a.body\n      \
             steps:\n{inside}        s{count}: {{ set: 1 }}\n"
        )
    };
    assert_eq!(codes(&cycle(997)), [] as [&str; 0]);
    assert_eq!(codes(&cycle(998)), ["HF021:3"]);
}
