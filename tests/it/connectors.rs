//! Webhooks that subscribe themselves at a partner (contract, section 11).

use holdfast_tests::{Call, Home, Mode, Node, Partner, Response, Store, both_stores, eventually, example};
use serde_json::{Value, json};

both_stores![
    a_subscription_is_confirmed_refreshed_and_ended,
    a_subscription_that_fails_leaves_the_cycle_not_started,
    a_graphql_subscription,
    fifty_at_once_lose_no_state,
    a_call_whose_answer_nobody_wrote_down_is_made_again_with_the_same_key,
    another_parameter_is_another_subscription,
];

const OTHER: &str = "cycle: first\nsteps:\n  one:\n    webhook:\n";

fn text(example_of: &str, partner: &Partner) -> String {
    example(example_of).replace("${env.SHOP_URL}", &partner.url()).replace("${env.TRACKER_URL}", &partner.url())
}

/// Deployed and not started.
async fn deployed(node: &Node, yaml: String) -> Response {
    let call = node.call("POST", "/api/v1/cycles").body("application/yaml", yaml);
    node.send(call).await.expect("an answer")
}

async fn start(node: &Node, cycle: &str) -> Response {
    node.post(&format!("/api/v1/cycles/{cycle}/start"), "{}").await
}

async fn asked(partner: &Partner, line: &str) -> usize {
    partner.asked().iter().filter(|asked| asked.line.starts_with(line)).count()
}

async fn subscriptions(node: &Node) -> Vec<Value> {
    node.api("/subscriptions").await["data"].as_array().expect("a list").clone()
}

fn now_ms(clock: &Value) -> i64 {
    let now = clock["now"].as_str().expect("an instant");
    chrono::DateTime::parse_from_rfc3339(now).expect("RFC 3339").timestamp_millis()
}

async fn a_subscription_is_confirmed_refreshed_and_ended(store: Store) {
    let partner = Partner::start().await;
    let node = Home::new(store, OTHER).await;
    let home = node;
    let node = home.dev().await;
    deployed(&node, text("shop-orders", &partner)).await.expect(200);
    let hook = node.hook("shop-orders", "changed").await;
    let post = async |body: Value| node.send(Call::new("POST", &hook).json(body)).await.expect("an answer");
    let change = |id: u64| json!({ "kind": "paid", "order": { "id": id } });
    // Not subscribed: it is not asked.
    node.get(&format!("{hook}?challenge=abc")).await.expect(200);
    assert_eq!(post(json!({ "changes": [change(1)] })).await.status, 406);
    let refresh = now_ms(&node.api("/clock").await) + 3_600_000;
    partner.usually(move |_| (201, json!({ "id": "s1", "refresh_at": refresh }).to_string()));
    partner.silent(true);
    let (address, path) = (node.address, "/api/v1/cycles/shop-orders/start");
    let starting = tokio::spawn(async move { Call::new("POST", path).json("{}").send(address).await });
    eventually("the partner is asked", async || (!partner.asked().is_empty()).then_some(())).await;
    // While it subscribes the address is confirmed, and events are refused.
    assert_eq!(node.get(&format!("{hook}?challenge=abc")).await.expect(200).text(), "abc");
    assert_eq!(post(json!({ "changes": [change(1)] })).await.status, 406);
    partner.silent(false);
    let started = starting.await.expect("no panic").expect("an answer").expect(200).json();
    assert_eq!(started["subscriptions"][0]["status"], "active");
    let told: Value = serde_json::from_str(&partner.asked()[0].body).expect("JSON");
    assert_eq!(told, json!({ "address": format!("http://{}{hook}", node.address), "topic": "orders" }));
    // Several events of one request, in order; and none.
    post(json!({ "changes": [change(1), change(2), change(3)] })).await.expect(200);
    let filtered = post(json!({ "changes": [] })).await.expect(200).hit();
    assert_eq!(node.api(&format!("/hits/{filtered}")).await["status"], "filtered");
    let all = node.api("/transactions?cycle=shop-orders").await;
    let mut orders = Vec::new();
    for one in all["data"].as_array().expect("a list") {
        let document = &node.transaction(one["id"].as_str().expect("an id")).await["document"];
        orders.push((document["noted"]["order"].clone(), document["noted"]["kind"].clone()));
    }
    orders.reverse();
    assert_eq!(orders, [(json!(1), json!("paid")), (json!(2), json!("paid")), (json!(3), json!("paid"))]);
    // Refreshed in time, and not before.
    node.advance("59m").await;
    assert_eq!(asked(&partner, "POST /subscriptions/s1/refresh").await, 0);
    partner.usually(|_| (200, "{}".to_owned()));
    node.advance("2m").await;
    assert_eq!(asked(&partner, "POST /subscriptions/s1/refresh").await, 1);
    assert_eq!(subscriptions(&node).await[0]["refresh_at"], Value::Null);
    // Ended when the stop is 24 h old.
    node.post("/api/v1/cycles/shop-orders/stop", "{}").await.expect(200);
    node.advance("23h").await;
    assert_eq!(asked(&partner, "DELETE /subscriptions/s1").await, 0);
    node.advance("2h").await;
    assert_eq!(asked(&partner, "DELETE /subscriptions/s1").await, 1);
    assert_eq!(subscriptions(&node).await, [] as [Value; 0]);
}

async fn a_subscription_that_fails_leaves_the_cycle_not_started(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, OTHER).await;
    let node = home.dev().await;
    deployed(&node, text("shop-orders", &partner)).await.expect(200);
    partner.usually(|_| (500, "{}".to_owned()));
    let refused = start(&node, "shop-orders").await.expect(502).json();
    assert_eq!(refused["type"], "urn:holdfast:problem:subscription-failed");
    let why = "subscribe: the answer's status is 500";
    assert_eq!(refused["detail"], format!("changed (shop, order_changed): {why}"));
    let cycle = node.api("/cycles/shop-orders").await;
    assert_eq!((&cycle["state"], &cycle["subscriptions"][0]["reason"]), (&json!("draft"), &json!(why)));
    assert_eq!(asked(&partner, "POST /subscriptions").await, 3);
    partner.usually(|_| (201, "{\"id\":\"s1\"}".to_owned()));
    start(&node, "shop-orders").await.expect(200);
    let mut keys: Vec<String> =
        partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
}

async fn a_graphql_subscription(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, OTHER).await;
    let node = home.dev().await;
    deployed(&node, text("tracker-issues", &partner)).await.expect(200);
    partner.usually(|_| (200, json!({ "errors": [{ "message": "no such team" }] }).to_string()));
    let refused = start(&node, "tracker-issues").await.expect(502).json();
    assert!(refused["detail"].as_str().expect("why").ends_with("GraphQL errors: no such team"), "{refused}");
    let made = json!({ "data": { "webhookCreate": { "webhook": { "id": "w7" } } } });
    partner.usually(move |_| (200, made.to_string()));
    start(&node, "tracker-issues").await.expect(200);
    let issue = json!({ "action": "closed", "issue": { "key": "WEB-1" } });
    let id = node.hit("tracker-issues/changed", issue).await.expect(200).transaction();
    assert_eq!(node.transaction(&id).await["document"]["noted"], json!({ "issue": "WEB-1", "action": "closed" }));
    node.post("/api/v1/cycles/tracker-issues/stop", "{}").await.expect(200);
    node.send(node.call("DELETE", "/api/v1/cycles/tracker-issues")).await.expect("an answer").expect(204);
    let last = eventually("it is ended", async || {
        partner.asked().into_iter().find(|asked| asked.body.contains("webhookDelete"))
    });
    let body: Value = serde_json::from_str(&last.await.body).expect("JSON");
    assert_eq!(body["variables"], json!({ "id": "w7" }));
}

fn counting(partner: &Partner, topic: &str) -> String {
    format!(
        "connector: count
events:
  counted:
    subscribe:
      http: {{ method: POST, url: {0}/subscriptions, body: {{ topic: \"${{$.parameters.topic}}\" }} }}
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
    webhook: {{ connector: count, event: counted, parameters: {{ topic: {topic} }} }}
",
        partner.url()
    )
}

async fn fifty_at_once_lose_no_state(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, OTHER).await;
    let node = home.start(Mode::Dev).await;
    node.deploy(&counting(&partner, "a")).await;
    let hook = node.hook("counted", "one").await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        callers.spawn(Call::new("POST", &hook).json("{}").send(node.address));
    }
    let mut counts: Vec<u64> = Vec::new();
    while let Some(answer) = callers.join_next().await {
        let answer = answer.expect("no panic").expect("an answer").expect(202);
        counts.push(answer.text().parse().expect("a count"));
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=50).collect::<Vec<_>>());
    let all = node.api("/transactions?cycle=counted&limit=1000").await;
    assert_eq!(all["data"].as_array().expect("a list").len(), 50);
}

async fn a_call_whose_answer_nobody_wrote_down_is_made_again_with_the_same_key(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, OTHER).await;
    let mut node = home.start(Mode::Dev).await;
    deployed(&node, counting(&partner, "a")).await.expect(200);
    partner.silent(true);
    let address = node.address;
    let starting = tokio::spawn(Call::new("POST", "/api/v1/cycles/counted/start").json("{}").send(address));
    eventually("the partner is asked", async || (!partner.asked().is_empty()).then_some(())).await;
    node.kill().await;
    assert!(starting.await.expect("no panic").is_err());
    partner.silent(false);
    node.restart().await;
    // What the dead process was at is taken over.
    eventually("it is made", async || {
        let all = subscriptions(&node).await;
        (all.len() == 1 && all[0]["status"] == "active").then_some(())
    })
    .await;
    start(&node, "counted").await.expect(200);
    let keys: Vec<String> = partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1] && keys[0].ends_with(".subscribe"), "{keys:?}");
}

async fn another_parameter_is_another_subscription(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, OTHER).await;
    let node = home.start(Mode::Dev).await;
    node.deploy(&counting(&partner, "a")).await;
    let first = subscriptions(&node).await[0]["id"].clone();
    deployed(&node, counting(&partner, "b")).await.expect(200);
    eventually("the old one is ended, the new one made", async || {
        let all = subscriptions(&node).await;
        (all.len() == 1 && all[0]["status"] == "active" && all[0]["id"] != first).then_some(())
    })
    .await;
    assert_eq!(asked(&partner, "POST /subscriptions").await, 2);
    assert_eq!(asked(&partner, "DELETE /subscriptions").await, 1);
    assert_eq!(subscriptions(&node).await[0]["parameters"], json!({ "topic": "b" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_is_made_by_another_node_where_the_first_died() {
    let partner = Partner::start().await;
    let home = Home::new(Store::Postgres, OTHER).await;
    let mut first = home.start(Mode::Dev).await;
    let yaml = counting(&partner, "a").replace(
        "      state: { count: 0 }\n",
        "      state: { count: 0 }\n      nextRefreshTimestamp: 3s\n    refresh:\n      script: 'function refresh() { return { state: { count: 10 } } }'\n",
    );
    first.deploy(&yaml).await;
    let second = home.start(Mode::Dev).await;
    first.kill().await;
    eventually("it is refreshed", async || {
        let all = subscriptions(&second).await;
        (all[0]["status"] == "active" && all[0]["refresh_at"].is_null()).then_some(())
    })
    .await;
    let hook = second.hook("counted", "one").await;
    let answer = second.send(Call::new("POST", &hook).json("{}")).await.expect("an answer").expect(202);
    assert_eq!(answer.text(), "11");
}
