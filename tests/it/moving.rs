//! An account moves: exported, imported into a fresh server, and only where nothing is in its way
//! (contract, section 10).

use holdfast_tests::{Home, Mode, Node, Store, both_stores};
use serde_json::{Value, json};

use crate::accounts::{about, deploy, hit, key_of, make, path_of, with_key};

both_stores![what_is_exported_goes_on_elsewhere, nothing_is_imported_by_halves];

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
    node.restart_with(&[("HOLDFAST_MASTER_KEY", master_key)]).await;
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
        (broken(&|export| export["sections"]["endpoints"] = json!([])), 400, "endpoints"),
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
