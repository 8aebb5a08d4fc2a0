use super::{check_route, check_shared};

fn codes(text: &str) -> Vec<&'static str> {
    check_shared("settings.yaml", "orders", text).diagnostics.iter().map(|one| one.code).collect()
}

#[test]
fn settings_may_be_nothing() {
    for text in ["", "{}", "# nothing\n"] {
        assert_eq!(codes(text), Vec::<&str>::new(), "{text}");
        assert!(check_shared("", "orders", text).cycle.is_some(), "{text}");
    }
}

#[test]
fn settings_are_those_of_a_webhook_before_a_cycle_is_known() {
    let text = "verify: { preset: github, secret: \"${secrets.HUB}\" }\nrate: { hits: 10, per: 1s }\n\
                dedupe: $.body.id\nschema: { type: object }\n";
    let checked = check_shared("", "orders", text);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let cycle = checked.cycle.expect("compiled");
    assert!(cycle.secrets.contains("HUB"));
    let (_, _, webhook) = cycle.webhooks().next().expect("its step");
    assert!(webhook.verify.is_some() && webhook.rate.is_some() && webhook.dedupe.is_some() && webhook.schema.is_some());
}

#[test]
fn what_a_cycle_says_is_no_setting() {
    for key in ["mapping", "script", "timeout", "early", "on_no_match", "shared"] {
        assert_eq!(codes(&format!("{key}: x\n")), ["HF010"], "{key}");
    }
    assert_eq!(codes("- verify\n"), ["HF012"]);
    assert_eq!(codes("{}\n---\n{}\n"), ["HF012"]);
    assert!(check_shared("", "orders", "mapping: x\n").cycle.is_none());
    let wrong = &check_shared("", "Orders", "").diagnostics;
    assert_eq!(wrong[0].code, "HF016");
}

#[test]
fn a_route_finds_one_value_of_the_request() {
    assert!(check_route("$.body.portalId").is_ok());
    assert!(check_route("$.headers['x-portal']").is_ok());
    for (text, said) in [("$.body[*].id", "several"), ("$.portal", "begin"), ("body.id", "JSONPath"), ("$", "begin")] {
        let wrong = check_route(text).expect_err(text);
        assert!(wrong.contains(said) && wrong.contains(text), "{wrong}");
    }
}
