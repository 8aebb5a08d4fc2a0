//! Accounts: made, limited, listed and removed; and keys that are one account's, or everybody's
//! (contract, section 10).

use std::time::Duration;

use holdfast_tests::{Call, Home, Mode, Node, Response, Store, both_stores, eventually, eventually_within};
use serde_json::{Value, json};

both_stores![
    an_account_is_made_limited_listed_and_removed,
    an_account_with_a_cycle_is_not_removed,
    a_removed_account_leaves_nothing_and_its_name_is_free_again,
    a_key_of_all_accounts_names_one,
    a_key_of_one_account_reaches_no_other,
    the_command_line_does_it_all,
    what_falls_due_in_an_account_that_rests_is_done_in_time,
];

const SHOP: &str = "
cycle: shop
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
";

pub async fn serve(store: Store) -> (Home, Node) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    (home, node)
}

/// A request about an account, with the node's key for all of them.
pub async fn about(node: &Node, account: &str, method: &str, path: &str, body: Value) -> Response {
    let call = node.call(method, &format!("/api/v1{path}")).header("holdfast-account", account);
    let call = if body.is_null() { call } else { call.json(body) };
    node.send(call).await.expect("an answer")
}

pub async fn make(node: &Node, account: &str, limits: Value) {
    node.post("/api/v1/accounts", json!({ "name": account, "limits": limits })).await.expect(201);
}

/// A text deployed and started in an account; the paths of its webhooks by `cycle/step`.
pub async fn deploy(node: &Node, account: &str, yaml: &str) -> Vec<(String, String)> {
    let call = node.call("POST", "/api/v1/cycles").header("holdfast-account", account);
    node.send(call.body("application/yaml", yaml.to_owned())).await.expect("an answer").expect(200);
    let cycles = about(node, account, "GET", "/cycles", Value::Null).await.expect(200).json();
    for cycle in cycles["data"].as_array().expect("a list") {
        let path = format!("/cycles/{}/start", cycle["name"].as_str().expect("a name"));
        about(node, account, "POST", &path, json!({})).await.expect(200);
    }
    let webhooks = about(node, account, "GET", "/webhooks", Value::Null).await.expect(200).json();
    let path = |hook: &Value| {
        let text = |name: &str| hook[name].as_str().expect("a text").to_owned();
        (format!("{}/{}", text("cycle"), text("step")), format!("/hooks/{}", text("identifier")))
    };
    let webhooks = webhooks["data"].as_array().expect("a list").iter();
    // A shared one is of no cycle.
    webhooks.filter(|hook| hook["cycle"].is_string()).map(path).collect()
}

pub fn path_of(webhooks: &[(String, String)], step: &str) -> String {
    webhooks.iter().find(|(name, _)| name == step).expect("a webhook").1.clone()
}

pub async fn hit(node: &Node, path: &str, body: Value) -> Response {
    Call::new("POST", path).json(body).send(node.address).await.expect("an answer")
}

/// A key of an account.
pub async fn key_of(node: &Node, account: &str, scopes: &[&str]) -> Value {
    let made = about(node, account, "POST", "/keys", json!({ "name": "made", "scopes": scopes })).await;
    made.expect(201).json()
}

pub async fn with_key(node: &Node, key: &Value, method: &str, path: &str, body: Value) -> Response {
    let secret = key["key"].as_str().expect("a secret");
    let call = Call::new(method, &format!("/api/v1{path}")).header("x-api-key", secret);
    let call = if body.is_null() { call } else { call.json(body) };
    call.send(node.address).await.expect("an answer")
}

async fn an_account_is_made_limited_listed_and_removed(store: Store) {
    let (_home, mut node) = serve(store).await;
    make(&node, "acme", json!({ "hits_per_second": 5 })).await;
    let limits = json!({ "hits_per_second": 5, "transactions": null, "stored_bytes": null });
    assert_eq!(node.api("/accounts/acme").await["limits"], limits);
    let again = node.post("/api/v1/accounts", json!({ "name": "acme" })).await.expect(409);
    assert!(again.text().contains("there already"), "{}", again.text());

    let names = |list: &Value| -> Vec<String> {
        let all = list["data"].as_array().expect("a list");
        all.iter().map(|account| account["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&node.api("/accounts").await), ["acme", "default"]);
    let changed = node.call("PUT", "/api/v1/accounts/acme").json(json!({ "limits": { "transactions": 7 } }));
    node.send(changed).await.expect("an answer").expect(200);
    let limits = json!({ "hits_per_second": null, "transactions": 7, "stored_bytes": null });
    assert_eq!(node.api("/accounts/acme").await["limits"], limits);

    for (body, said) in [
        (json!({ "name": "Acme" }), "lower-case"),
        (json!({ "name": "*" }), "lower-case"),
        (json!({ "name": "" }), "lower-case"),
        (json!({ "name": "a".repeat(64) }), "lower-case"),
        (json!({ "name": "b", "limits": { "hits_per_second": 0 } }), "limits.hits_per_second is 0"),
        (json!({ "name": "b", "limits": { "hits": 1 } }), "unknown field"),
    ] {
        let refused = node.post("/api/v1/accounts", body.clone()).await.expect(400);
        assert!(refused.text().contains(said), "{body}: {}", refused.text());
    }

    // As after a crash: what is on disk is what there is.
    node.kill().await;
    node.restart().await;
    assert_eq!(node.api("/accounts/acme").await["limits"]["transactions"], 7);
    node.send(node.call("DELETE", "/api/v1/accounts/acme")).await.expect("an answer").expect(204);
    node.get("/api/v1/accounts/acme").await.expect(404);
    assert_eq!(names(&node.api("/accounts").await), ["default"]);
    node.send(node.call("DELETE", "/api/v1/accounts/acme")).await.expect("an answer").expect(404);
    node.send(node.call("DELETE", "/api/v1/accounts/default")).await.expect("an answer").expect(409);
}

async fn an_account_with_a_cycle_is_not_removed(store: Store) {
    let (_home, node) = serve(store).await;
    make(&node, "acme", json!({})).await;
    deploy(&node, "acme", SHOP).await;
    let refused = node.send(node.call("DELETE", "/api/v1/accounts/acme")).await.expect("an answer").expect(409);
    assert!(refused.text().contains("shop"), "{}", refused.text());
    about(&node, "acme", "POST", "/cycles/shop/stop", json!({})).await.expect(200);
    node.send(node.call("DELETE", "/api/v1/accounts/acme")).await.expect("an answer").expect(409);
    about(&node, "acme", "DELETE", "/cycles/shop", Value::Null).await.expect(204);
    node.send(node.call("DELETE", "/api/v1/accounts/acme")).await.expect("an answer").expect(204);
}

async fn a_removed_account_leaves_nothing_and_its_name_is_free_again(store: Store) {
    let home = Home::new(store, "").await;
    let mut first = home.start(Mode::Serve).await;
    let key = first.key().expect("a key").to_owned();
    make(&first, "acme", json!({})).await;
    let hooks = deploy(&first, "acme", SHOP).await;
    let mut transactions = Vec::new();
    for id in 0..3 {
        let started = hit(&first, &path_of(&hooks, "shop/placed"), json!({ "id": id })).await.expect(200);
        transactions.push(started.transaction());
        hit(&first, &path_of(&hooks, "shop/status"), json!({ "id": id })).await.expect(200);
    }
    let own = key_of(&first, "acme", &["admin"]).await;
    with_key(&first, &own, "GET", "/cycles", Value::Null).await.expect(200);
    about(&first, "acme", "POST", "/cycles/shop/stop", json!({})).await.expect(200);
    about(&first, "acme", "DELETE", "/cycles/shop", Value::Null).await.expect(204);
    first.send(first.call("DELETE", "/api/v1/accounts/acme")).await.expect("an answer").expect(204);
    with_key(&first, &own, "GET", "/cycles", Value::Null).await.expect(401);
    about(&first, "acme", "GET", "/transactions", Value::Null).await.expect(404);
    let taken = first.post("/api/v1/accounts", json!({ "name": "acme" })).await.expect(409);
    assert!(taken.text().contains("is being removed"), "{}", taken.text());

    // The node dies before anything is gone; the next one removes it, when its clock is moved.
    first.kill().await;
    drop(first);
    let node = home.dev().await;
    node.advance("1s").await;
    let call = Call::new("POST", "/api/v1/accounts").header("x-api-key", &key).json(json!({ "name": "acme" }));
    node.send(call).await.expect("an answer").expect(201);
    let ask = |path: String| Call::new("GET", &path).header("x-api-key", &key).header("holdfast-account", "acme");
    for list in ["cycles", "transactions", "hits", "secrets", "webhooks"] {
        let seen = node.send(ask(format!("/api/v1/{list}"))).await.expect("an answer").expect(200);
        assert_eq!(seen.json()["data"], json!([]), "{list}");
    }
    for id in transactions {
        node.send(ask(format!("/api/v1/transactions/{id}"))).await.expect("an answer").expect(404);
    }
    with_key(&node, &own, "GET", "/cycles", Value::Null).await.expect(401);
}

async fn a_key_of_all_accounts_names_one(store: Store) {
    let (_home, node) = serve(store).await;
    make(&node, "acme", json!({})).await;
    deploy(&node, "acme", SHOP).await;
    assert_eq!(node.api("/cycles").await["data"], json!([]), "it means default where it names none");
    let cycles = about(&node, "acme", "GET", "/cycles", Value::Null).await.expect(200).json();
    assert_eq!(cycles["data"][0]["account"], "acme");
    about(&node, "nobody", "GET", "/cycles", Value::Null).await.expect(404);
    about(&node, "*", "GET", "/cycles", Value::Null).await.expect(404);
    let twice = node.call("GET", "/api/v1/cycles").header("holdfast-account", "acme");
    node.send(twice.header("holdfast-account", "default")).await.expect("an answer").expect(400);
}

async fn a_key_of_one_account_reaches_no_other(store: Store) {
    let (_home, node) = serve(store).await;
    make(&node, "acme", json!({})).await;
    make(&node, "other", json!({})).await;
    let key = key_of(&node, "acme", &["admin"]).await;
    assert_eq!(key["account"], "acme");
    for account in ["acme", "other", "default", "nobody"] {
        let secret = key["key"].as_str().expect("a secret");
        let call = Call::new("GET", "/api/v1/cycles").header("x-api-key", secret).header("holdfast-account", account);
        let status = call.send(node.address).await.expect("an answer").status;
        assert_eq!(status, if account == "acme" { 200 } else { 404 }, "{account}");
    }
    // Nothing that is everybody's: not the accounts, not the keys for all of them, not their secrets.
    for (method, path) in [("GET", "/accounts"), ("GET", "/accounts/acme"), ("DELETE", "/accounts/other")] {
        with_key(&node, &key, method, path, Value::Null).await.expect(403);
    }
    with_key(&node, &key, "POST", "/accounts", json!({ "name": "mine" })).await.expect(403);
    with_key(&node, &key, "PUT", "/accounts/acme", json!({ "limits": {} })).await.expect(403);
    with_key(&node, &key, "POST", "/reseal", json!({})).await.expect(403);
    let more = json!({ "name": "more", "scopes": ["read"], "account": "*" });
    with_key(&node, &key, "POST", "/keys", more).await.expect(403);
    let others = json!({ "name": "more", "scopes": ["read"], "account": "other" });
    with_key(&node, &key, "POST", "/keys", others).await.expect(404);
    let seen = with_key(&node, &key, "GET", "/keys", Value::Null).await.expect(200).json();
    let seen: Vec<&Value> = seen["data"].as_array().expect("a list").iter().map(|key| &key["id"]).collect();
    assert_eq!(seen, [&key["id"]]);
    let all = node.api("/keys").await;
    let admin = all["data"].as_array().expect("a list").iter().find(|key| key["account"].is_null());
    let path = format!("/keys/{}", admin.expect("the first key")["id"].as_str().expect("an id"));
    with_key(&node, &key, "DELETE", &path, Value::Null).await.expect(404);
    node.api("/cycles").await;
}

async fn the_command_line_does_it_all(store: Store) {
    let (_home, node) = serve(store).await;
    let run = async |arguments: &[&str]| {
        let output = node.command(arguments).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    run(&["accounts", "create", "acme", "--hits-per-second", "50"]).await;
    run(&["accounts", "limit", "acme", "--transactions", "9"]).await;
    let shown: Value = serde_json::from_str(&run(&["accounts", "show", "acme"]).await).expect("JSON");
    assert_eq!(shown["limits"], json!({ "hits_per_second": 50, "transactions": 9, "stored_bytes": null }));
    run(&["accounts", "limit", "acme", "--hits-per-second", "none"]).await;
    let listed: Value = serde_json::from_str(&run(&["accounts", "list", "--json"]).await).expect("JSON");
    assert_eq!(listed["data"][0]["limits"]["hits_per_second"], Value::Null);
    assert!(run(&["accounts"]).await.contains("acme"));
    run(&["keys", "create", "ci", "--scope", "read", "--account", "acme"]).await;
    let keys: Value = serde_json::from_str(&run(&["keys", "--account", "acme", "--json"]).await).expect("JSON");
    let own = keys["data"].as_array().expect("a list").iter().filter(|key| key["account"] == "acme").count();
    assert_eq!(own, 1);
    run(&["accounts", "delete", "acme"]).await;
    eventually("it is gone", async || {
        let output = node.command(&["accounts", "show", "acme"]).await;
        (!output.status.success()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_changes_the_other_holds_to_within_a_second() {
    let home = Home::new(Store::Postgres, "").await;
    let first = home.start(Mode::Serve).await;
    let mut second = home.start(Mode::Serve).await;
    second.use_key_of(&first);
    make(&first, "acme", json!({})).await;
    // An account and a key that the other node has never heard of.
    let key = key_of(&first, "acme", &["admin"]).await;
    with_key(&second, &key, "GET", "/cycles", Value::Null).await.expect(200);
    let began = path_of(&deploy(&first, "acme", SHOP).await, "shop/placed");
    hit(&second, &began, json!({ "id": 1 })).await.expect(200);
    // Revoked: not a second later, but from now on.
    let id = key["id"].as_str().expect("an id");
    about(&first, "acme", "DELETE", &format!("/keys/{id}"), Value::Null).await.expect(204);
    with_key(&second, &key, "GET", "/cycles", Value::Null).await.expect(401);
    // A limit: the other node looks four times a second.
    let call = first.call("PUT", "/api/v1/accounts/acme").json(json!({ "limits": { "transactions": 1 } }));
    first.send(call).await.expect("an answer").expect(200);
    let within = std::time::Duration::from_secs(1);
    holdfast_tests::eventually_within(within, "the limit holds", async || {
        (hit(&second, &began, json!({ "id": 2 })).await.status == 429).then_some(())
    })
    .await;
    // Removed on one, it is gone on the other.
    let other = key_of(&first, "acme", &["admin"]).await;
    about(&first, "acme", "POST", "/cycles/shop/stop", json!({})).await.expect(200);
    about(&first, "acme", "DELETE", "/cycles/shop", Value::Null).await.expect(204);
    first.send(first.call("DELETE", "/api/v1/accounts/acme")).await.expect("an answer").expect(204);
    holdfast_tests::eventually_within(within, "its key is refused", async || {
        (with_key(&second, &other, "GET", "/cycles", Value::Null).await.status == 401).then_some(())
    })
    .await;
}

const LATE: &str = "
cycle: late
steps:
  placed:
    webhook:
    next: wait
  wait:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
      expires: { after: 3s, next: over }
  over:
    set: 1
";

/// Accounts of which nothing is due are not looked at: one that has had no commit for a while is looked at
/// again when its time comes.
async fn what_falls_due_in_an_account_that_rests_is_done_in_time(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    make(&node, "acme", json!({})).await;
    let hooks = deploy(&node, "acme", LATE).await;
    hit(&node, &path_of(&hooks, "late/placed"), json!({ "id": 1 })).await.expect(200);
    eventually_within(Duration::from_secs(12), "the hold runs into its end", async || {
        let all = about(&node, "acme", "GET", "/transactions", Value::Null).await.expect(200).json();
        (all["data"][0]["status"] == "completed").then_some(())
    })
    .await;
}
