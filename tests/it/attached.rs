//! Shared webhooks at a server: over HTTP, from the command line, killed, and at two nodes (contract,
//! section 10).

use std::{collections::BTreeSet, time::Duration};

use holdfast_tests::{Call, Dice, Home, Mode, Node, Store, both_stores, eventually};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};

both_stores![a_shared_webhook_over_http, from_the_command_line, killed_at_any_instant_all_have_it_or_none];

const ATTACHED: &str = "
cycle: billing
steps:
  placed: { webhook: { shared: orders }, next: kept }
  kept: { set: \"${$.placed.body.n}\" }
---
cycle: shipping
steps:
  placed: { webhook: { shared: orders } }
";

async fn create(node: &Node, body: Value) -> String {
    let made = node.post("/api/v1/webhooks", body).await.expect(201).json();
    let identifier = made["identifier"].as_str().expect("an identifier");
    assert!(made["url"].as_str().expect("a URL").ends_with(&format!("/hooks/{identifier}")));
    format!("/hooks/{identifier}")
}

async fn send(node: &Node, call: Call) -> holdfast_tests::Response {
    node.send(call).await.expect("an answer")
}

/// (cycle, status) of each.
fn told(list: &Value) -> Vec<(&str, &str)> {
    let text = |one: &'_ Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let all = list.as_array().unwrap_or_else(|| panic!("an array: {list}"));
    assert!(all.iter().all(|one| !text(one, "cycle").is_empty()));
    all.iter().map(|one| (one["cycle"].as_str().unwrap(), one["status"].as_str().unwrap())).collect()
}

async fn a_shared_webhook_over_http(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.dev().await;
    let settings = "schema: { type: object, required: [n] }\nrate: { hits: 20, per: 1m }\n";
    let hook = create(&node, json!({ "name": "orders", "settings": settings })).await;
    let post = |body: Value| Call::new("POST", &hook).json(body);
    let refused = send(&node, post(json!({ "n": 1 }))).await.expect(406);
    assert_eq!(refused.text(), "Please make sure your webhook is active.");
    node.deploy(ATTACHED).await;

    let answer = send(&node, post(json!({ "n": 1 })).header("idempotency-key", "a")).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(told(&answer.json()), [("billing", "completed"), ("shipping", "completed")]);
    for one in answer.json().as_array().expect("an array") {
        let id = one["id"].as_str().expect("an id");
        assert_eq!(node.transaction(id).await["cycle"], one["cycle"]);
    }
    let again = send(&node, post(json!({ "n": 1 })).header("idempotency-key", "a")).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((again.text(), again.hit()), (answer.text(), answer.hit()));
    // Recognised before it is read.
    let broken = Call::new("POST", &hook).body("application/json", "{").header("webhook-id", "b");
    send(&node, broken).await.expect(400);
    let hit = node.api(&format!("/hits/{}", answer.hit())).await;
    assert_eq!(hit["applications"].as_array().map(Vec::len), Some(2), "{hit}");
    assert_eq!(format!("/hooks/{}", hit["webhook"].as_str().unwrap()), hook);
    assert_eq!(hit["transaction"], hit["applications"][0]["transaction"]);

    // What it asks of a request, it asks before any cycle is looked for.
    send(&node, post(json!({}))).await.expect(422);
    assert_eq!(send(&node, Call::new("GET", &hook)).await.expect(200).text(), "Webhook found.");
    send(&node, Call::new("PUT", &hook)).await.expect(405);
    node.post("/api/v1/webhooks/orders/pause", "{}").await.expect(200);
    send(&node, post(json!({ "n": 2 }))).await.expect(406);
    node.post("/api/v1/webhooks/orders/resume", "{}").await.expect(200);
    send(&node, post(json!({ "n": 2 }))).await.expect(200);
    let mut limited = 0;
    for n in 0..30 {
        limited += u32::from(send(&node, post(json!({ "n": n }))).await.status == 429);
    }
    assert!(limited > 0, "its rate holds");

    // In `dev` the step's name leads to it as well, and its own identifier is nobody's.
    let by_name = Call::new("GET", "/hooks/billing/placed");
    send(&node, by_name).await.expect(200);
    let listed = node.api("/webhooks").await;
    let all = listed["data"].as_array().expect("a list");
    assert!(all.iter().all(|one| format!("/hooks/{}", one["identifier"].as_str().unwrap()) == hook), "{listed}");
    assert!(all.iter().any(|one| one["cycle"].is_null() && one["shared"] == "orders"), "{listed}");
    let wrong = node.post("/api/v1/webhooks", json!({ "name": "x", "settings": "mapping: []" })).await.expect(422);
    assert_eq!(wrong.json()["diagnostics"][0]["code"], "HF010");
    node.post("/api/v1/webhooks", json!({ "name": "orders" })).await.expect(409);
    let gone = node.send(node.call("DELETE", "/api/v1/webhooks/orders")).await.expect("an answer");
    assert_eq!(gone.status, 409, "its cycles run: {}", gone.text());
}

async fn from_the_command_line(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.dev().await;
    let run = async |arguments: &[&str]| {
        let done = node.command(arguments).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (done.status.success(), text(&done.stdout), text(&done.stderr))
    };
    let file = home.definitions().join("../settings.yaml");
    std::fs::write(&file, "dedupe: $.body.id\n").expect("written");
    let (made, url, _) = run(&["webhooks", "create", "orders", "--settings", file.to_str().unwrap()]).await;
    assert!(made && url.contains("/hooks/"), "{url}");
    let (shown, text, _) = run(&["webhooks", "show", "orders", "--json"]).await;
    assert!(shown);
    let shown: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&shown["settings"], &shown["state"]), (&json!("dedupe: $.body.id\n"), &json!("active")));
    let (made, crm, _) = run(&["webhooks", "create", "crm", "--route", "$.body.portal"]).await;
    assert!(made);
    let (claimed, said, _) = run(&["webhooks", "claim", "crm", "42"]).await;
    assert!(claimed && said == "42 is claimed", "{said}");
    let (_, claims, _) = run(&["webhooks", "claims", "crm"]).await;
    assert!(claims.contains("42") && claims.contains("default"), "{claims}");
    node.deploy(&ATTACHED.replace("shared: orders", "shared: crm")).await;
    let path = format!("/hooks/{}", crm.rsplit_once('/').unwrap().1);
    let answer = send(&node, Call::new("POST", &path).json(json!({ "portal": 42 }))).await.expect(200);
    assert_eq!(told(&answer.json()), [("billing", "completed"), ("shipping", "completed")]);
    let (released, _, _) = run(&["webhooks", "release", "crm", "42"]).await;
    assert!(released);
    let answer = send(&node, Call::new("POST", &path).json(json!({ "portal": 42 }))).await.expect(200);
    assert_eq!(answer.json(), json!([]));
    let (refused, _, why) = run(&["webhooks", "claim", "orders", "42"]).await;
    assert!(!refused && why.contains("no route"), "{why}");
    let (paused, said, _) = run(&["webhooks", "pause", "orders"]).await;
    assert!(paused && said == "orders is paused", "{said}");
    assert!(run(&["webhooks", "resume", "orders"]).await.0);
    assert!(run(&["webhooks", "delete", "orders"]).await.0);
    assert!(!run(&["webhooks", "show", "orders"]).await.0);
}

const HITS: u64 = 120;
const SENDERS: u64 = 6;
const KILLS: u32 = 5;

/// Sends until it is answered, to whichever address the server has then.
async fn sent(path: String, n: u64, mut address: watch::Receiver<std::net::SocketAddr>) -> Value {
    loop {
        let to = *address.borrow_and_update();
        let call = Call::new("POST", &path).json(json!({ "n": n })).header("idempotency-key", &format!("hit-{n}"));
        match call.send(to).await {
            Ok(answer) if answer.status == 200 => return answer.json(),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn killed_at_any_instant_all_have_it_or_none(store: Store) {
    let mut dice = Dice::thrown("killed with shared hits");
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Dev).await;
    let path = create(&node, json!({ "name": "orders" })).await;
    node.deploy(ATTACHED).await;
    let (tell, address) = watch::channel(node.address);
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (path, address) = (path.clone(), address.clone());
        senders.spawn(async move {
            let mut lists = Vec::new();
            for n in (sender..HITS).step_by(SENDERS as usize) {
                lists.push(sent(path.clone(), n, address.clone()).await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            lists
        });
    }
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(50 + dice.below(250))).await;
        node.kill().await;
        node.restart().await;
        tell.send_replace(node.address);
    }
    let lists: Vec<Value> = senders.join_all().await.into_iter().flatten().collect();
    assert_eq!(lists.len() as u64, HITS);
    assert!(lists.iter().all(|list| told(list).len() == 2));
    let told: BTreeSet<String> = lists
        .iter()
        .flat_map(|list| list.as_array().unwrap())
        .map(|one| one["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(told.len() as u64, 2 * HITS);
    for cycle in ["billing", "shipping"] {
        let page = node.api(&format!("/transactions?cycle={cycle}&limit=1000")).await;
        let all = page["data"].as_array().expect("a list");
        assert_eq!(all.len() as u64, HITS, "each hit is there once in {cycle}");
        assert!(all.iter().all(|one| told.contains(one["id"].as_str().unwrap())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_changes_the_other_knows() {
    let home = Home::new(Store::Postgres, "").await;
    let first = home.start(Mode::Serve).await;
    let mut second = home.start(Mode::Serve).await;
    second.use_key_of(&first);
    let orders = create(&first, json!({ "name": "orders" })).await;
    let crm = create(&first, json!({ "name": "crm", "route": "$.body.portal" })).await;
    // A request that finds nothing looks once more.
    send(&second, Call::new("POST", &orders).json(json!({ "n": 1 }))).await.expect(406);
    second.deploy(ATTACHED).await;
    let answer = send(&first, Call::new("POST", &orders).json(json!({ "n": 1 }))).await.expect(200);
    assert_eq!(told(&answer.json()).len(), 2);
    second.post("/api/v1/cycles/billing/stop", "{}").await.expect(200);
    let answer = send(&first, Call::new("POST", &orders).json(json!({ "n": 2 }))).await.expect(200);
    assert_eq!(told(&answer.json()), [("billing", "queued"), ("shipping", "completed")], "no older state is believed");
    second.post("/api/v1/webhooks/orders/pause", "{}").await.expect(200);
    eventually("the other node refuses", async || {
        let answer = send(&first, Call::new("POST", &orders).json(json!({ "n": 3 }))).await;
        (answer.status == 406).then_some(())
    })
    .await;
    // A claim holds at once, on every node: it is looked up with each hit.
    first.deploy("cycle: contacts\nsteps:\n  changed: { webhook: { shared: crm } }\n").await;
    for n in 0..20 {
        let (at, other) = if n % 2 == 0 { (&first, &second) } else { (&second, &first) };
        at.post("/api/v1/webhooks/crm/claims", json!({ "value": n })).await.expect(200);
        let answer = send(other, Call::new("POST", &crm).json(json!({ "portal": n }))).await.expect(200);
        assert_eq!(told(&answer.json()), [("contacts", "completed")]);
    }
}
