//! An account moves: exported, imported into a fresh server, and only where nothing is in its way
//! (contract, section 10).

use holdfast_tests::{Asked, Home, Mode, Node, Partner, Store, both_stores, eventually};
use serde_json::{Value, json};

use crate::accounts::{about, deploy, hit, key_of, make, path_of, with_key};

both_stores![
    what_is_exported_goes_on_elsewhere,
    nothing_is_imported_by_halves,
    endpoints_and_webhooks_and_subscriptions_come_along,
    a_call_that_was_out_is_made_again_elsewhere,
    what_comes_along_is_checked,
];

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ANOTHER: &str = "HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

const CYCLE: &str = r#"
cycle: shop
vars:
  greeting: hello
steps:
  placed:
    webhook:
      verify: { preset: header, header: x-token, secret: "${secrets.TOKEN}" }
    next: count
  count:
    script: |
      function step(document, context) { return { n: store.increment("n") } }
    next: status
  status:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
"#;

async fn start(store: Store, master_key: &str) -> (Home, Node) {
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Serve).await;
    node.kill().await;
    node.restart_with(&[("HOLDFAST_MASTER_KEY", master_key), ("HOLDFAST_ALLOW_NETWORK", "127.0.0.0/8")]).await;
    (home, node)
}

/// An account with one of everything: its webhooks, and its key.
async fn filled(node: &Node) -> (Vec<(String, String)>, Value) {
    make(node, "acme", json!({ "transactions": 50 })).await;
    about(node, "acme", "POST", "/secrets", json!({ "name": "TOKEN", "value": "s3cret" })).await.expect(200);
    let hooks = deploy(node, "acme", CYCLE).await;
    (hooks, key_of(node, "acme", &["read"]).await)
}

async fn place(node: &Node, path: &str) -> u16 {
    let call = holdfast_tests::Call::new("POST", path).header("x-token", "s3cret").json(json!({ "id": 1 }));
    call.send(node.address).await.expect("an answer").status
}

async fn what_is_exported_goes_on_elsewhere(store: Store) {
    let (_home, node) = start(store, MASTER_KEY).await;
    let (hooks, key) = filled(&node).await;
    let placed = path_of(&hooks, "shop/placed");
    assert_eq!(place(&node, &placed).await, 200);
    // Its caller is answered before the script is done, and what a script keeps is exported once it is.
    eventually("it is held", async || {
        let held = about(&node, "acme", "GET", "/transactions?status=held&cycle=shop", Value::Null).await.expect(200);
        (held.json()["data"].as_array()?.len() == 1).then_some(())
    })
    .await;
    let file = node.data().join("acme.json");
    let output = node.command(&["accounts", "export", "acme"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains("s3cret") && !text.contains(key["key"].as_str().expect("a secret")), "{text}");
    std::fs::write(&file, &text).expect("a file");

    let (_elsewhere, other) = start(store, MASTER_KEY).await;
    let output = other.command(&["accounts", "import", file.to_str().expect("a path")]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The same addresses, the same key, the same secret, and the cycle runs.
    assert_eq!(place(&other, &placed).await, 200);
    let cycle = with_key(&other, &key, "GET", "/cycles/shop", Value::Null).await.expect(200).json();
    assert_eq!((&cycle["state"], &cycle["version"]), (&json!("running"), &json!(1)));
    assert_eq!(other.api("/accounts/acme").await["limits"]["transactions"], 50);
    hit(&other, &placed, json!({ "id": 1 })).await.expect(401);
    let again: Value = serde_json::from_str(&text).expect("JSON");
    let kept = json!([{ "key": "n", "value": "1" }]);
    assert_eq!(again["sections"]["cycles"][0]["store"], kept);
    let listed = about(&other, "acme", "GET", "/transactions", Value::Null).await.expect(200).json();
    assert_eq!(listed["data"].as_array().expect("a list").len(), 1, "transactions do not come along");
    // Imported and exported again, it is the same, but for what has happened since.
    let exported = other.api("/accounts/acme/export").await;
    for section in ["limits", "secrets", "keys"] {
        assert_eq!(exported["sections"][section], again["sections"][section], "{section}");
    }
    let webhooks = |export: &Value| -> Vec<String> {
        let all = export["sections"]["cycles"][0]["webhooks"].as_array().expect("webhooks");
        let mut all: Vec<String> = all.iter().map(|hook| format!("{} {}", hook["step"], hook["identifier"])).collect();
        all.sort();
        all
    };
    assert_eq!(webhooks(&exported), webhooks(&again));
    // A new version keeps the identifiers and has the next number.
    let changed = CYCLE.replace("mapping:", "early: 5m\n      mapping:");
    assert_eq!(path_of(&deploy(&other, "acme", &changed).await, "shop/placed"), placed);
    let cycle = with_key(&other, &key, "GET", "/cycles/shop", Value::Null).await.expect(200).json();
    assert_eq!(cycle["version"], 2);
}

async fn nothing_is_imported_by_halves(store: Store) {
    let (_home, node) = start(store, MASTER_KEY).await;
    filled(&node).await;
    let export = node.api("/accounts/acme/export").await;
    let import = async |node: &Node, export: &Value| {
        let answer = node.post("/api/v1/accounts/import", export.clone()).await;
        (answer.status, answer.text())
    };
    // Where it came from, everything is in its way.
    let (status, said) = import(&node, &export).await;
    assert_eq!(status, 409, "{said}");
    let mut renamed = export.clone();
    renamed["name"] = json!("twin");
    let (status, said) = import(&node, &renamed).await;
    assert_eq!(status, 409, "its secrets are sealed for acme: {said}");

    let (_elsewhere, other) = start(store, ANOTHER).await;
    let (status, said) = import(&other, &export).await;
    assert!(status == 409 && said.contains("master key"), "{said}");
    let (_elsewhere, other) = start(store, MASTER_KEY).await;
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut broken = export.clone();
        change(&mut broken);
        broken
    };
    for (text, status, word) in [
        (broken(&|export| export["holdfast_account"] = json!(2)), 400, "form 2"),
        (broken(&|export| export["sections"]["messages"] = json!([])), 400, "messages"),
        (broken(&|export| export["more"] = json!(1)), 400, "more"),
        (broken(&|export| export["name"] = json!("A")), 400, "lower-case"),
        (broken(&|export| export["sections"]["secrets"] = json!([])), 400, "TOKEN"),
        (broken(&|export| export["sections"]["cycles"][0]["source"] = json!("cycle: shop")), 422, "errors"),
        (broken(&|export| export["sections"]["cycles"][0]["name"] = json!("other")), 400, "other"),
        (broken(&|export| export["sections"]["cycles"][0]["webhooks"] = json!([])), 400, "webhooks"),
        (broken(&|export| export["sections"]["keys"][0]["scopes"] = json!("all")), 400, "scopes"),
        (json!([]), 400, "no export"),
    ] {
        let (got, said) = import(&other, &text).await;
        assert!(got == status && said.contains(word), "{word}: {got} {said}");
        other.get("/api/v1/accounts/acme").await.expect(404);
    }
    // Into an account that is there and empty; a second time it is not.
    make(&other, "acme", json!({})).await;
    assert_eq!(import(&other, &export).await.0, 201);
    let (status, said) = import(&other, &export).await;
    assert_eq!(status, 409, "{said}");
}

/// Attached to a shared webhook; and one that subscribes itself.
fn attached(partner: &Partner) -> String {
    format!(
        "connector: count
events:
  counted:
    subscribe:
      http: {{ method: POST, url: {0}/subscriptions }}
      state: {{ count: 0 }}
    handle:
      script: |
        function handle(context) {{
          const count = context.state.count + 1
          return {{ events: [{{ record: count }}], response: {{ status: 202, data: count }}, state: {{ count }} }}
        }}
    unsubscribe:
      http: {{ method: DELETE, url: {0}/subscriptions }}
---
cycle: counted
steps:
  one:
    webhook: {{ connector: count, event: counted }}
---
cycle: billing
steps:
  placed: {{ webhook: {{ shared: orders }}, next: kept }}
  kept: {{ set: \"${{$.placed.body.n}}\" }}
---
cycle: portals
steps:
  seen: {{ webhook: {{ shared: portal }} }}
",
        partner.url()
    )
}

/// An account with an endpoint, shared webhooks with claims, and a subscription: the paths of its webhooks.
async fn connected(node: &Node, partner: &Partner) -> Vec<(String, String)> {
    partner.usually(|_| (200, "{}".to_owned()));
    make(node, "acme", json!({})).await;
    make(node, "other", json!({})).await;
    let endpoint = json!({ "url": format!("{}/told", partner.url()), "events": ["cycle.stopped"] });
    let endpoint = about(node, "acme", "POST", "/endpoints", endpoint).await.expect(201).json();
    assert_eq!(endpoint["state"], "active", "{endpoint}");
    for new in [json!({ "name": "orders" }), json!({ "name": "portal", "route": "$.body.portal" })] {
        about(node, "acme", "POST", "/webhooks", new).await.expect(201);
    }
    for (account, value) in [("acme", json!(42)), ("other", json!("theirs"))] {
        about(node, account, "POST", "/webhooks/portal/claims", json!({ "value": value })).await.expect(200);
    }
    let mut paths = deploy(node, "acme", &attached(partner)).await;
    for name in ["orders", "portal"] {
        let webhook = about(node, "acme", "GET", &format!("/webhooks/{name}"), Value::Null).await.expect(200).json();
        paths.push((name.to_owned(), format!("/hooks/{}", webhook["identifier"].as_str().expect("a text"))));
    }
    paths
}

async fn endpoints_and_webhooks_and_subscriptions_come_along(store: Store) {
    let partner = Partner::start().await;
    let (_home, mut node) = start(store, MASTER_KEY).await;
    let paths = connected(&node, &partner).await;
    let counted = path_of(&paths, "counted/one");
    assert_eq!(hit(&node, &counted, json!({})).await.expect(202).text(), "1");
    let export = node.api("/accounts/acme/export").await;
    node.kill().await;
    let before = partner.asked().len();

    let (_elsewhere, other) = start(store, MASTER_KEY).await;
    let answer = other.post("/api/v1/accounts/import", export.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let exported = other.api("/accounts/acme/export").await;
    for (name, section) in export["sections"].as_object().expect("sections") {
        assert_eq!(exported["sections"][name], *section, "{name}");
        let is_empty = section.as_array().is_some_and(Vec::is_empty);
        assert_eq!(is_empty, name == "secrets" || name == "keys", "{name}: {section}");
    }
    // The shared webhooks lead to the cycles that are attached, by the claims where there is a route.
    for (name, body, cycle) in
        [("orders", json!({ "n": 7 }), "billing"), ("portal", json!({ "portal": 42 }), "portals")]
    {
        hit(&other, &path_of(&paths, name), body).await.expect(200);
        let path = format!("/transactions?cycle={cycle}");
        let listed = about(&other, "acme", "GET", &path, Value::Null).await.expect(200).json();
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{cycle}: {listed}");
    }
    let taken = about(&other, "acme", "POST", "/webhooks/portal/claims", json!({ "value": "theirs" })).await;
    assert_eq!(taken.status, 409, "it is another account's, which is still to come");
    // The subscription goes on where it was, and nobody subscribed again.
    assert_eq!(hit(&other, &counted, json!({})).await.expect(202).text(), "2");
    // The endpoint is told, without another validation.
    about(&other, "acme", "POST", "/cycles/billing/stop", json!({})).await.expect(200);
    eventually("the endpoint is told", async || {
        partner.asked().iter().skip(before).any(|asked| asked.body.contains("cycle.stopped")).then_some(())
    })
    .await;
    let asked: Vec<String> = partner.asked().iter().skip(before).map(|asked| asked.line.clone()).collect();
    assert!(asked.iter().all(|line| line.starts_with("POST /told")) && asked.len() == 1, "{asked:?}");
    // The connector is there for what is deployed next.
    let more = "cycle: more\nsteps:\n  one:\n    webhook: { connector: count, event: counted }\n";
    deploy(&other, "acme", more).await;
    let subscriptions = about(&other, "acme", "GET", "/subscriptions", Value::Null).await.expect(200).json();
    assert_eq!(subscriptions["data"].as_array().map(Vec::len), Some(2), "{subscriptions}");
}

async fn a_call_that_was_out_is_made_again_elsewhere(store: Store) {
    let partner = Partner::start().await;
    let (_home, mut node) = start(store, MASTER_KEY).await;
    connected(&node, &partner).await;
    let mut export = node.api("/accounts/acme/export").await;
    node.kill().await;
    let subscribed = |asked: &Asked| asked.line.starts_with("POST /subscriptions");
    let first = partner.asked().into_iter().find(subscribed).expect("it subscribed");
    // As it stood while the partner was asked.
    let subscription = &mut export["sections"]["subscriptions"][0];
    for (name, value) in [("status", json!("subscribing")), ("calling", json!(true)), ("made_at", Value::Null)] {
        subscription[name] = value;
    }
    let (_elsewhere, other) = start(store, MASTER_KEY).await;
    let answer = other.post("/api/v1/accounts/import", export).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    eventually("it is made", async || {
        let all = about(&other, "acme", "GET", "/subscriptions", Value::Null).await.expect(200).json();
        (all["data"][0]["status"] == "active").then_some(())
    })
    .await;
    let keys: Vec<_> = partner
        .asked()
        .iter()
        .filter(|asked| subscribed(asked))
        .map(|asked| asked.header("idempotency-key").to_owned())
        .collect();
    assert_eq!(keys, [first.header("idempotency-key"); 2]);
}

async fn what_comes_along_is_checked(store: Store) {
    let partner = Partner::start().await;
    let (_home, node) = start(store, MASTER_KEY).await;
    connected(&node, &partner).await;
    let export = node.api("/accounts/acme/export").await;
    let (_elsewhere, other) = start(store, MASTER_KEY).await;
    type Way = (&'static str, fn(&mut Value), u16, &'static str);
    let ways: &[Way] = &[
        ("endpoints", |all| all[0]["settings"]["url"] = json!("ftp://a.example"), 400, "https://"),
        ("endpoints", |all| all[0]["settings"]["more"] = json!(1), 400, "unknown field more"),
        ("endpoints", |all| all[0]["state"] = json!("asleep"), 400, "asleep"),
        ("endpoints", |all| all[0]["validated_at"] = Value::Null, 400, "never validated"),
        ("endpoints", |all| all[0]["sealed"] = json!("AAAA"), 409, "endpoint/"),
        ("endpoints", |all| *all = json!([all[0], all[0]]), 400, "twice"),
        ("shared_webhooks", |all| *all = json!([]), 400, "orders"),
        ("shared_webhooks", |all| all[1]["route"] = json!("body"), 400, "portal"),
        ("shared_webhooks", |all| all[1]["route"] = Value::Null, 400, "no route"),
        ("shared_webhooks", |all| all[0]["settings"] = json!("nothing: 1"), 422, "errors"),
        ("shared_webhooks", |all| all[1]["claims"][0]["value"] = json!("[]"), 400, "can't be claimed"),
        ("shared_webhooks", |all| all[1]["claims"][0] = all[1]["claims"][1].clone(), 400, "more often"),
        ("connectors", |all| all[0]["source"] = json!("connector: count"), 422, "errors"),
        ("connectors", |all| all[0]["name"] = json!("else"), 400, "else"),
        ("subscriptions", |all| all[0]["status"] = json!("asleep"), 400, "asleep"),
        ("subscriptions", |all| all[0]["step"] = json!("two"), 400, "step two"),
        ("subscriptions", |all| all[0]["event"] = json!("lost"), 400, "no event lost"),
        ("subscriptions", |all| all[0]["state"] = json!("{"), 400, "state"),
    ];
    for (section, change, status, word) in ways {
        let mut broken = export.clone();
        change(&mut broken["sections"][*section]);
        let answer = other.post("/api/v1/accounts/import", broken).await;
        let (got, said) = (answer.status, answer.text());
        assert!(got == *status && said.contains(word), "{section}, {word}: {got} {said}");
        other.get("/api/v1/accounts/acme").await.expect(404);
    }
    // An account that has anything of it is not filled.
    make(&other, "acme", json!({})).await;
    about(&other, "acme", "POST", "/webhooks", json!({ "name": "own" })).await.expect(201);
    let answer = other.post("/api/v1/accounts/import", export).await;
    assert!(answer.status == 409 && answer.text().contains("shared webhooks"), "{}", answer.text());
}
